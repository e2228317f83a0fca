/* Responses of the gateway itself: problem documents (RFC 9457) and the headers that go with every answer. */
#ifndef HF_GATEWAY_ANSWER_H
#define HF_GATEWAY_ANSWER_H

#include "gateway/gateway.h"

/* Who is answered. */
typedef struct addressee {
    hf_http_server *server;
    hf_http_ref ref;
    const char *request_id;
    request_note note;
} addressee;

typedef struct answer {
    uint16_t status;
    const char *content_type;
    hf_view headers;   /* further lines, each ended by CRLF */
    const char *cache; /* of Cache-Control; NULL: no-store */
    const char *code;  /* for the log */
} answer;

typedef struct problem {
    uint16_t status;
    const char *code;  /* a stable word */
    const char *title; /* NULL: the reason phrase */
    hf_view detail;
    uint32_t retry_after_s; /* 0: not said */
    hf_view allow;     /* of a 405 */
} problem;

uint16_t status_of(hf_err e);

/* Use the lane's `out`, which is empty before and after. */
void answer_problem(lane *l, const addressee *to, const problem *p);
/* detail empty: the error's own sentence. */
void answer_error(lane *l, const addressee *to, hf_err e, hf_view detail, uint32_t retry_after_s);
/* Sends what is in the lane's `out`, and logs the request. */
void answer_send(lane *l, const addressee *to, const answer *a);

/* Header lines of every answer, with the date of now. */
void answer_headers(hf_wall now, hf_writer *w);

#endif
