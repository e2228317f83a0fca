/* One line a request, for operators: what was asked of which route, how it ended, how long it took. */
#ifndef HF_GATEWAY_REQUEST_LOG_H
#define HF_GATEWAY_REQUEST_LOG_H

#include "base/time.h"
#include "http/request.h"

struct lane;
struct route;

/* What is known of a request when it comes in. */
typedef struct request_note {
    hf_mono started;
    const struct route *route; /* NULL: there is none for its path and method */
    hf_http_method method;
    uint8_t address[16];
} request_note;

/* As the option gateway.log_requests numbers them. */
typedef enum request_log_kind { REQUEST_LOG_NONE = 1, REQUEST_LOG_FAILURES = 2, REQUEST_LOG_ALL = 3 } request_log_kind;

/* How many lines about failures a lane writes in a second; the next second's first line says how many were left out. */
#define REQUEST_LOG_RATE 100

typedef struct request_log_state {
    int64_t second;
    uint32_t lines;
    uint64_t skipped;
} request_log_state;

/*
 * Counts the answer for /metrics, and logs it where the configuration says so.
 * code: a stable word, "ok" for success. What a client chose does not get in, but for the request id, whose characters
 * are known to be harmless: the path is the route's pattern.
 */
void request_log(struct lane *l, const request_note *note, const char *request_id, uint16_t status, const char *code);

/* True when a line at that second may be written. */
bool request_log_room(request_log_state *s, int64_t second, uint64_t *ret_skipped);

#endif
