/*
 * Bytes to requests: llhttp in its strict mode plus the checks it leaves to its user. No I/O, no clock.
 *
 * Refused here, beyond what llhttp refuses (RFC 9112 unless said otherwise): any version but HTTP/1.1 (505); no Host,
 * two Hosts, or an unusable one; targets that are not in origin form; bad or control-character escapes in the path;
 * Content-Length together with Transfer-Encoding, two of either, any coding but `chunked`; chunk extensions; a body on
 * GET or HEAD; two of a header that may stand once; unknown expectations (417); heads above HF_HTTP_HEAD_MAX bytes or
 * HF_HTTP_HEADERS_MAX lines (431); bodies above body_max, and chunked ones whose framing is more than 64 KiB (413).
 */
#ifndef HF_HTTP_PARSE_H
#define HF_HTTP_PARSE_H

#include "http/request.h"
#include <llhttp.h>

/* What all parsers of one server share. Zero it, then set body_limit. */
typedef struct hf_http_pool {
    struct hf_http_head *free_heads;
    size_t n_free_heads;
    size_t body_limit; /* bytes of all bodies that are held at once; above it requests get 503 */
    size_t body_used;
} hf_http_pool;
void hf_http_pool_drain(hf_http_pool *pool);

/* Members are private to parse.c, but for those with a comment. */
typedef struct hf_http_parser {
    llhttp_t ll;
    hf_http_pool *pool;
    struct hf_http_head *head;
    uint8_t *body;
    size_t body_len, body_cap;
    size_t body_raw, trailer_len;
    size_t body_max;
    bool in_value;
    bool head_done;       /* the head of the current request is complete and acceptable */
    bool has_body;
    bool wants_continue;  /* the client waits for 100 (Continue); the caller clears it when sent */
    bool keep_alive;      /* valid once a request is complete */
    bool complete;
    uint16_t status;      /* of the refusal; 0: none */
    const char *why;      /* static */
} hf_http_parser;

typedef enum hf_http_progress {
    HF_HTTP_NEED_MORE, /* all input was taken */
    HF_HTTP_COMPLETE,  /* a request is there; *in is what follows it */
    HF_HTTP_REFUSED    /* the connection cannot go on; status and why are set */
} hf_http_progress;

void hf_http_parser_init(hf_http_parser *p, hf_http_pool *pool, size_t body_max);
/* Advances *in over what was taken. After COMPLETE call hf_http_parser_next before feeding again. */
hf_http_progress hf_http_parser_feed(hf_http_parser *p, hf_view *in);
/* The request that is complete or refused; address and ref are left alone. Borrowed until hf_http_parser_next. */
void hf_http_parser_request(hf_http_parser *p, hf_http_request *ret);
/* True before the first byte of a request. */
bool hf_http_parser_idle(const hf_http_parser *p);
/* Gives the memory of the current request back, wiped. Also the way to let go of a parser. */
void hf_http_parser_next(hf_http_parser *p);

#endif
