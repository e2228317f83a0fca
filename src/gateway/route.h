/*
 * What a route is: one row of the table in routes.c, with a function that turns a request into a message to core
 * and one that turns core's answer into the response. Both live in the file named after the operation
 * (route_sign.c).
 */
#ifndef HF_GATEWAY_ROUTE_H
#define HF_GATEWAY_ROUTE_H

#include "gateway/gateway.h"
#include "jwk/jwk.h"

#define ROUTE_DETAIL_CAP 256

/* Why a request is refused before core sees it. */
typedef struct refusal {
    uint16_t status; /* 0: not refused */
    const char *code;
    char detail[ROUTE_DETAIL_CAP];
} refusal;

typedef struct call {
    lane *lane;
    const hf_http_request *http;
    struct hf_head head;
    hf_view id;        /* the `:id` or `:bytes` of the path; empty in an item of a batch without a key */
    yyjson_val *body;  /* an object; NULL without a body */
    hf_writer scratch; /* memory for decoded fields */
    uint8_t format;    /* carried over to the answer */
    bool item;         /* one of a batch: its object also has `operation` and `key` */
    refusal refusal;
} call;

typedef struct reply {
    lane *lane;
    hf_view body;   /* of core's message */
    json_out *out;  /* the response */
    hf_writer *headers;
    uint16_t status;
    const char *content_type;
    const char *cache; /* what Cache-Control says; NULL: no-store */
    const char *why;   /* with HF_ERR_UNSUPPORTED: a sentence; NULL: the error's own */
    uint8_t format;
} reply;

typedef enum body_rule {
    BODY_NONE,     /* an empty object is taken too */
    BODY_REQUIRED, /* an object */
    BODY_PATCH,    /* an object; its type may also be application/merge-patch+json (RFC 7396) */
    BODY_FORM,     /* an object, or application/x-www-form-urlencoded: then ask() reads the bytes itself */
    BODY_KEYSET    /* ask() reads the bytes themselves */
} body_rule;

struct addressee;

typedef struct route {
    hf_http_method method;
    const char *path; /* ":id" stands for a key's name or UUID, ":bytes" for a number */
    uint16_t message; /* what core is asked; its row says which answer and how long it may take; 0 with `many` */
    uint16_t status;  /* of success */
    bool anonymous;   /* no token is needed */
    bool token_optional; /* core says whether one is needed: it knows the state */
    uint8_t format;   /* what the answer starts with in its `format` */
    bool any_type;    /* the response is not always JSON: ask() looks at Accept itself */
    body_rule body;
    /* Asked instead on the listener for metrics, where no token is needed; 0: the row is not there. Its answer is the same. */
    uint16_t metrics_message;
    bool if_match; /* heeds If-Match: format is 1 with one, and a conflict is then 412 (RFC 9110 section 13.1.1) */
    hf_err (*ask)(call *c, hf_writer *w);
    hf_err (*tell)(reply *r);
    /* May be NULL. Answers without core when it can. */
    bool (*local)(reply *r);
    /* May be NULL: a problem document then. Answers when core fails or does not answer. */
    void (*fail)(reply *r, hf_err why);
    /* In place of ask and tell: several messages, one answer, maybe at once: call_forget before it. With HF_OK it follows. */
    hf_err (*many)(call *c, const struct addressee *from);
} route;

extern const route routes[];
extern const size_t route_count;

/*
 * Finds the row for a method and a path; *ret_id is the `:id` segment. HF_ERR_NOT_FOUND, or HF_ERR_UNSUPPORTED when
 * the path exists with other methods, which are then written to allow ("GET, POST").
 */
hf_err route_find(hf_http_method method, hf_view path, const route **ret, hf_view *ret_id, hf_writer *reterr_allow)
    HF_MUST_USE;

/* ---- fields.c: reading a request. Every failure fills c->refusal and gives an error. ---- */

/* Refuses members that are not in the list. */
hf_err field_only(call *c, const char *const *names, size_t n) HF_MUST_USE;
bool field_present(const call *c, const char *name);
/* Absent members leave an empty view or zero. */
hf_err field_text(call *c, const char *name, size_t max, hf_view *ret) HF_MUST_USE;
hf_err field_b64(call *c, const char *name, size_t max, hf_view *ret) HF_MUST_USE;
hf_err field_uint(call *c, const char *name, uint64_t max, uint64_t *ret) HF_MUST_USE;
hf_err field_required(call *c, const char *name) HF_MUST_USE;
/* As field_text, with line ends and tabs. */
hf_err field_lines(call *c, const char *name, size_t max, hf_view *ret) HF_MUST_USE;
hf_err field_version(call *c, const char *name, uint32_t *ret) HF_MUST_USE;
/* `algorithm`, `usage` and `policy_tags` of a key to be; absent: HF_ALG_NONE, 0, an empty list. */
hf_err field_algorithm(call *c, uint16_t *ret) HF_MUST_USE;
hf_err field_usage(call *c, uint32_t *ret) HF_MUST_USE;
hf_err field_tags(call *c, hf_view *ret) HF_MUST_USE;
#define FIELD_DESCRIPTION_MAX 1024
/* Bytes for something that is written and then kept, at most cap; field_keep takes what was written. */
hf_writer field_room(call *c, size_t cap);
hf_view field_keep(call *c, const hf_writer *w);
/* payload_b64 or digest_b64, exactly one. */
hf_err field_payload(call *c, hf_view *ret, bool *ret_prehashed) HF_MUST_USE;
/* The members of decrypt and rewrap, and no others: ciphertext_b64, nonce_b64, associated_data_b64. */
hf_err field_sealed(call *c, hf_view *ret_ciphertext, hf_view *ret_nonce, hf_view *ret_associated) HF_MUST_USE;
hf_err field_scheme(call *c, uint8_t *ret_scheme, uint8_t *ret_hash) HF_MUST_USE;

typedef struct query_field {
    const char *name;
    hf_view value; /* set when present */
    bool present;
} query_field;
/* Fills the rows; unknown names are refused. */
hf_err query_read(call *c, query_field *rows, size_t n) HF_MUST_USE;
/* min to max; `otherwise` when absent. */
hf_err query_uint(call *c, const query_field *row, uint64_t min, uint64_t max, uint64_t otherwise, uint64_t *ret)
    HF_MUST_USE;

/* The Idempotency-Key header into the head: [A-Za-z0-9._-]{1,64}, bare or as an sf-string. */
hf_err header_idempotency(call *c) HF_MUST_USE;
/* If-Match: one ETag as an answer carries it, or "*" and no header: 0. Refused with 412 when it can be no key's. */
hf_err header_if_match(call *c, uint64_t *ret_generation) HF_MUST_USE;

/* Notes a refusal; gives an error so that callers can return it. */
hf_err call_refuse(call *c, uint16_t status, const char *code, const char *format, ...) HF_PRINTF(4, 5);
hf_err call_unusable(call *c, const char *format, ...) HF_PRINTF(2, 3); /* 422 */
hf_err call_unknown_algorithm(call *c); /* 422; names those that are known */

/* ---- dispatch.c ---- */

/* Wipes what the request said, which an answer frees: c->http and c->body are gone afterwards. */
void call_forget(call *c);

/* ---- show.c: objects that several answers hold ---- */
void show_key(json_out *o, const struct hf_key_info *k);
void show_destruction(json_out *o, uint8_t destruction);
hf_err show_pem(json_out *o, hf_view spki) HF_MUST_USE; /* a public key as a text value */
void show_jwk_kind(json_out *o, const hf_jwk *key); /* its members, into an open object */
hf_err tell_key(reply *r) HF_MUST_USE; /* an answer KEY_DETAIL; its generation is the ETag */
hf_err tell_done(reply *r, const char *name) HF_MUST_USE; /* an answer DONE as member `name`; NULL: an empty object */

#endif
