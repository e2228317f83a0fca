/*
 * What a route is: one row of the table in routes.c, with a function that turns a request into a message to core
 * and one that turns core's answer into the response. Both live in the file named after the operation
 * (route_sign.c).
 */
#ifndef HF_GATEWAY_ROUTE_H
#define HF_GATEWAY_ROUTE_H

#include "gateway/gateway.h"

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
    hf_view id;        /* the `:id` of the path */
    yyjson_val *body;  /* an object; NULL without a body */
    hf_writer scratch; /* memory for decoded fields */
    uint8_t format;    /* carried over to the answer */
    refusal refusal;
} call;

typedef struct reply {
    lane *lane;
    hf_view body;   /* of core's message */
    json_out *out;  /* the response */
    hf_writer *headers;
    uint16_t status;
    const char *content_type;
    uint8_t format;
} reply;

typedef enum body_rule {
    BODY_NONE,     /* an empty object is taken too */
    BODY_REQUIRED, /* an object */
    BODY_KEYSET    /* ask() reads the bytes themselves */
} body_rule;

typedef struct route {
    hf_http_method method;
    const char *path; /* ":id" stands for one segment */
    uint16_t message; /* what core is asked; its row says which answer and how long it may take */
    uint16_t status;  /* of success */
    bool anonymous;   /* no token is needed */
    uint8_t format;   /* what the answer starts with in its `format` */
    bool any_type;    /* the response is not always JSON: ask() looks at Accept itself */
    body_rule body;
    hf_err (*ask)(call *c, hf_writer *w);
    hf_err (*tell)(reply *r);
    /* May be NULL. Answers without core when it can. */
    bool (*local)(reply *r);
    /* May be NULL: a problem document then. Answers when core fails or does not answer. */
    void (*fail)(reply *r, hf_err why);
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
/* payload_b64 or digest_b64, exactly one. */
hf_err field_payload(call *c, hf_view *ret, bool *ret_prehashed) HF_MUST_USE;
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

/* Notes a refusal; gives an error so that callers can return it. */
hf_err call_refuse(call *c, uint16_t status, const char *code, const char *format, ...) HF_PRINTF(4, 5);
hf_err call_unusable(call *c, const char *format, ...) HF_PRINTF(2, 3); /* 422 */
hf_err call_unknown_algorithm(call *c); /* 422; names those that are known */

/* ---- show.c: objects that several answers hold ---- */
void show_key(json_out *o, const struct hf_key_info *k);
void show_destruction(json_out *o, uint8_t destruction);
hf_err show_pem(json_out *o, hf_view spki) HF_MUST_USE; /* a public key as a text value */
hf_err tell_key(reply *r) HF_MUST_USE; /* an answer KEY_DETAIL */
hf_err tell_done(reply *r, const char *name) HF_MUST_USE; /* an answer DONE as member `name`; NULL: an empty object */

#endif
