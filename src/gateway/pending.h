/* Requests that wait for core. A slot is named by number and generation, so that an answer too late finds nothing. */
#ifndef HF_GATEWAY_PENDING_H
#define HF_GATEWAY_PENDING_H

#include "base/time.h"
#include "gateway/request_log.h"
#include "http/server.h"

struct route;
struct batch;

typedef struct pending {
    hf_http_server *server;
    hf_http_ref ref;
    const struct route *route;
    hf_mono deadline;
    uint32_t generation;
    uint8_t format; /* what the route noted for its answer */
    bool used;
    char request_id[65];
    request_note note;
    struct batch *batch; /* NULL: the answer goes to the client itself; else the fields of an addressee are not set */
    uint16_t item;
} pending;

typedef struct pending_table pending_table;

hf_err pending_new(size_t slots, pending_table **ret) HF_MUST_USE;
void pending_free(pending_table *t);
/* NULL when all slots are taken. *ret_id goes to core and comes back. */
pending *pending_take(pending_table *t, uint64_t *ret_id);
/* NULL when that id waits no more. */
pending *pending_find(pending_table *t, uint64_t id);
void pending_give(pending_table *t, pending *p);
/* The next waiting one from *at on, advanced; NULL at the end. */
pending *pending_next(pending_table *t, size_t *at);
size_t pending_count(const pending_table *t);

#endif
