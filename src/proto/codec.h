/*
 * The codec that all messages share, and the row that says who may send a message and what follows from it.
 * Everything is big endian; variable fields carry a u32 length. A body must be consumed to its last byte.
 */
#ifndef HF_PROTO_CODEC_H
#define HF_PROTO_CODEC_H

#include "base/buf.h"
#include <holdfast/secret.h>

typedef enum hf_field_kind {
    HF_FIELD_U8,
    HF_FIELD_U16,
    HF_FIELD_U32,
    HF_FIELD_U64,
    HF_FIELD_I64,
    HF_FIELD_BOOL,
    HF_FIELD_TEXT,  /* UTF-8 without control characters */
    HF_FIELD_BYTES,
    HF_FIELD_FIXED, /* exactly `bound` bytes */
    HF_FIELD_SECRET /* 1 to `bound` bytes, into locked memory */
} hf_field_kind;

typedef struct hf_field {
    hf_field_kind kind;
    size_t offset; /* of the member in the message's struct */
    size_t bound;  /* bytes */
} hf_field;

/* Who may send a message; a channel's peer has exactly one of these for life. */
typedef enum hf_peer_role {
    HF_PEER_SUPERVISOR = 1,
    HF_PEER_CORE = 2,
    HF_PEER_GATEWAY = 3,
    HF_PEER_STORE = 4,
    HF_PEER_VERIFIER = 5,
    HF_PEER_UNSEAL = 6,
    HF_PEER_CONFIG = 7
} hf_peer_role;

enum {
    HF_FROM_SUPERVISOR = 1u << HF_PEER_SUPERVISOR,
    HF_FROM_CORE = 1u << HF_PEER_CORE,
    HF_FROM_GATEWAY = 1u << HF_PEER_GATEWAY,
    HF_FROM_STORE = 1u << HF_PEER_STORE,
    HF_FROM_VERIFIER = 1u << HF_PEER_VERIFIER,
    HF_FROM_UNSEAL = 1u << HF_PEER_UNSEAL,
    HF_FROM_CONFIG = 1u << HF_PEER_CONFIG
};

/* How an operation is audited (docs/ARCHITECTURE.md, audit classes). */
typedef enum hf_audit_need { HF_AUDITED_NOT, HF_AUDITED_JOURNAL, HF_AUDITED_DURABLE } hf_audit_need;
typedef enum hf_cost_class { HF_COST_SMALL, HF_COST_SLOW } hf_cost_class;
typedef enum hf_message_states { HF_IN_ANY, HF_IN_OPEN } hf_message_states;

typedef struct hf_message_row {
    uint16_t type;
    const char *name;
    uint32_t senders; /* HF_FROM_* */
    hf_message_states states;
    size_t max_bytes; /* of the body */
    hf_audit_need audit;
    hf_cost_class cost;
    uint32_t deadline_ms;
    const char *action; /* the right that is asked, a word of policy/rbac.h; NULL: none */
    uint16_t reply;
    const hf_field *fields; /* of its struct, for hf_fields_decode */
    size_t n_fields;
    size_t size;   /* of its struct */
    bool has_head; /* its struct begins with struct hf_head */
} hf_message_row;

extern const hf_message_row hf_message_rows[];
extern const size_t hf_message_row_count;

/* The row of a type; NULL when there is none. */
const hf_message_row *hf_message_row_of(uint16_t type);
/* Largest body of a type, 0 when the type does not exist: the bound that channels check first. */
size_t hf_message_max_body(uint16_t type);
/* True when that peer may send that type at all. */
bool hf_message_allowed(uint16_t type, hf_peer_role from);

/* The two halves that generated functions call. Encoding fails with HF_ERR_BOUNDS when a field breaks its own bound or the writer is full. */
hf_err hf_fields_encode(const hf_field *fields, size_t n, const void *m, hf_writer *w) HF_MUST_USE;
/*
 * Views in ret borrow from body. Secrets are copied into locked memory and wiped from body, which must be writable memory
 * then; on failure those already made are freed. ret is zeroed first.
 */
hf_err hf_fields_decode(const hf_field *fields, size_t n, hf_view body, void *ret, size_t size) HF_MUST_USE;

/* Records inside a list: u32 length, then fields. */
hf_err hf_record_encode(const hf_field *fields, size_t n, const void *m, hf_writer *w) HF_MUST_USE;
bool hf_record_next(const hf_field *fields, size_t n, hf_reader *list, void *ret, size_t size);

#endif
