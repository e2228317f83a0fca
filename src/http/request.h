/* One request as the handler sees it. */
#ifndef HF_HTTP_REQUEST_H
#define HF_HTTP_REQUEST_H

#include "base/buf.h"

typedef enum hf_http_method {
    HF_HTTP_GET,
    HF_HTTP_HEAD,
    HF_HTTP_POST,
    HF_HTTP_PUT,
    HF_HTTP_PATCH,
    HF_HTTP_DELETE,
    HF_HTTP_OPTIONS,
    HF_HTTP_OTHER
} hf_http_method;

/* Limits of a head, both answered by 431. */
#define HF_HTTP_HEAD_MAX 16384 /* raw bytes of the request line and all headers */
#define HF_HTTP_HEADERS_MAX 64

typedef struct hf_http_header {
    hf_view name; /* as sent; names are compared without case */
    hf_view value; /* without white space at its ends */
} hf_http_header;

/* Which connection an answer belongs to; never reused within a server's life. */
typedef struct hf_http_ref {
    uint32_t slot;
    uint32_t generation;
} hf_http_ref;

/* Everything is borrowed from the connection and ends with the answer. */
typedef struct hf_http_request {
    hf_http_ref ref;
    hf_http_method method;
    hf_view path;  /* percent-decoded, starts with '/', printable ASCII without '%' */
    hf_view query; /* raw, without '?' */
    uint8_t *body; /* writable, with HF_HTTP_BODY_PADDING zero bytes behind it; NULL when empty */
    size_t body_len;
    bool has_body; /* the request announced one, possibly empty */
    uint8_t address[16]; /* of the peer; IPv4 as ::ffff:a.b.c.d; a user on a local socket */
    bool has_cert; /* the client showed a certificate, which was verified */
    uint8_t cert_hash[32]; /* its SHA-256 */
    const hf_http_header *headers;
    size_t n_headers;
    /*
     * Not 0: the request was refused with this status and only an error text is wanted; path may then be empty. The
     * connection ends after it.
     */
    uint16_t refused;
    const char *refused_why; /* static sentence */
} hf_http_request;

#define HF_HTTP_BODY_PADDING 8

/* The first header of that name, NULL when there is none. */
const hf_http_header *hf_http_find(const hf_http_request *r, const char *name);
bool hf_http_name_is(hf_view name, const char *expected); /* without case */

/* One name=value of a query or of an application/x-www-form-urlencoded body, percent-decoded; a '+' is a space. */
typedef struct hf_http_parameter {
    hf_view name;
    hf_view value;
} hf_http_parameter;

/*
 * Takes the next parameter off *query. Name and value are decoded into scratch, which must have room for the whole
 * query and lend them; they may hold bytes above 0x7e, not checked to be UTF-8. *ret_got is false at the end.
 * HF_ERR_MALFORMED for a bad escape, a control character or an empty name.
 */
hf_err hf_http_query_next(hf_view *query, hf_writer *scratch, hf_http_parameter *ret, bool *ret_got) HF_MUST_USE;

/* Decodes %XX. HF_ERR_MALFORMED for a bad escape, a control character or a byte above 0x7e. */
hf_err hf_http_percent_decode(hf_view in, hf_writer *out) HF_MUST_USE;

/* True when an Accept header admits type/subtype; an absent header admits everything. */
bool hf_http_accepts(const hf_http_request *r, const char *type, const char *subtype);
/* True when Content-Type is type/subtype, parameters aside. */
bool hf_http_content_is(const hf_http_request *r, const char *media_type);

#endif
