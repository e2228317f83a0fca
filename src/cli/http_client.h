/*
 * One HTTPS connection to the HSM, kept for the whole run (libcurl): TLS 1.3, the server's certificate and name always
 * verified, no proxy, no redirects, answers bounded. Or plain HTTP over its local socket.
 */
#ifndef HF_CLI_HTTP_CLIENT_H
#define HF_CLI_HTTP_CLIENT_H

#include "cli/cli.h"
#include "cli/wiped.h"

#define HTTP_ANSWER_MAX_BYTES (4u << 20)

typedef struct http_request {
    const char *method;
    const char *path; /* with its query */
    hf_view token;    /* empty: no Authorization */
    hf_view body;     /* JSON; empty: none */
    const char *idempotency_key; /* of a change; NULL: none */
} http_request;

typedef struct http_answer {
    long status;
    bytes body;
    bool is_problem;        /* application/problem+json */
    uint32_t retry_after_s; /* 0: not said */
    uint32_t key_version;   /* of the header Key-Version; 0: not said */
} http_answer;

/*
 * Errors, told: HF_ERR_PEER_GONE when no answer came or the server could not be trusted, HF_ERR_TIMEOUT, HF_ERR_INVALID
 * for an address that is none, HF_ERR_SYSTEM, HF_ERR_INTERNAL for an answer that is too large.
 */
hf_err http_send(cli *c, const http_request *q, http_answer *ret) HF_MUST_USE;

void http_answer_free(http_answer *a); /* also for HF_AUTO */
void http_close(cli *c);

#endif
