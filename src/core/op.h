/*
 * One operation: what dispatch hands to an op_ file, and what the op hands back.
 *
 * Dispatch has judged limits, token, role, key, state and usage before `act` runs, and audits and answers after it.
 */
#ifndef HF_CORE_OP_H
#define HF_CORE_OP_H

#include "core/core.h"

/* Room for any client request's struct. */
typedef union any_request {
    struct hf_head head;
    struct hf_status status;
    struct hf_capabilities capabilities;
    struct hf_key_create key_create;
    struct hf_key_list key_list;
    struct hf_key_show key_show;
    struct hf_key_versions key_versions;
    struct hf_key_public key_public;
    struct hf_key_rotate key_rotate;
    struct hf_key_revoke key_revoke;
    struct hf_key_destroy key_destroy;
    struct hf_sign sign;
    struct hf_verify verify;
    struct hf_encrypt encrypt;
    struct hf_decrypt decrypt;
    struct hf_encapsulate encapsulate;
    struct hf_decapsulate decapsulate;
    struct hf_audit_recent audit_recent;
    struct hf_audit_events audit_events;
    struct hf_audit_head audit_head;
    struct hf_audit_export audit_export;
    struct hf_keyset_show keyset_show;
    struct hf_keyset_apply keyset_apply;
    struct hf_epoch_rotate epoch_rotate;
    struct hf_seal seal;
    struct hf_unseal unseal;
    struct hf_token_revoke token_revoke;
    struct hf_metrics metrics;
    struct hf_metrics_local metrics_local;
    struct hf_key_update key_update;
    struct hf_key_import key_import;
    struct hf_mac mac;
    struct hf_random random;
    struct hf_rewrap rewrap;
    struct hf_session_open session_open;
    struct hf_session_end session_end;
    struct hf_jwks jwks;
    struct hf_introspect introspect;
    struct hf_unseal_key unseal_key;
} any_request;

typedef struct op {
    core *core;
    lane *lane;
    request *request;
    const hf_message_row *row;
    any_request in;
    actor who;
    hf_wall now;
    key_entry *entry;    /* of ops with a key */
    uint32_t version;    /* the key version that is used */
    cached_key *loaded;  /* of ops that use material; held until the answer */
    /* Out: the answer and what the audit says beside actor, action, key and result. */
    hf_writer reply;
    hf_view payload[3];
    size_t n_payload;
    uint8_t payload_mac[16]; /* of the first n_hashed of them: made while the lock was given away */
    size_t n_hashed;
    journal_macs *macs;
    uint8_t audit_id[16];
    hf_view audit_detail;
    char note[64];       /* room for audit_detail */
    char detail[256];    /* sentence for a failure; empty: the error's own text */
    uint32_t retry_after_s; /* of a failure; 0: as the error says */
    change *change;      /* to be committed; the answer follows the store */
    bool waits;          /* parked; it runs again from its first step */
    bool repeated;       /* the answer is that of an earlier request with the same Idempotency-Key */
    bool answered_later; /* handed over to somebody who answers and audits */
} op;

/* How dispatch prepares an operation. */
typedef struct op_row {
    uint16_t type;
    bool open_to_all;     /* no token */
    bool (*open_when)(const core *c); /* no token while this says so; NULL: never */
    size_t key_at;        /* offset of the key's name in the struct; NO_KEY */
    size_t version_at;    /* offset of a wanted version; NO_FIELD: the active one */
    uint32_t usage;       /* bit that the key must have; 0: none, any state */
    bool loads;           /* needs the key's material in the cache */
    hf_err (*act)(op *o); /* locked */
} op_row;

#define NO_FIELD ((size_t)-1)

extern const op_row op_rows[];
extern const size_t op_row_count;

/*
 * Around a key operation: gives the lock away and takes it back. A payload that is known by then is hashed for the audit
 * in between.
 */
void op_begin_work(op *o);
void op_end_work(op *o);
/* Sets the failure sentence and gives e back. */
hf_err op_fails(op *o, hf_err e, const char *format, ...) HF_PRINTF(3, 4);
/* The material of o->version into o->loaded, or o->waits. */
hf_err op_load(op *o) HF_MUST_USE;
/* key_info of an entry into a list. */
hf_err op_put_key_info(core *c, const key_entry *e, hf_writer *w) HF_MUST_USE;
/* A KEY_DETAIL body of a record. */
hf_err op_reply_record(core *c, const struct hf_key_record *rec, hf_writer *w) HF_MUST_USE;
/* Parks until the transaction slot is free; false when it is free now. */
hf_err op_wait_for_slot(op *o, bool *ret_waits) HF_MUST_USE;
/* Begins o->change, alone in its transaction, or parks until the slot is free. */
hf_err op_change_start(op *o, bool *ret_waits) HF_MUST_USE;
/* Begins o->change of o->entry, or of a new key with this name, or parks until no other change is in its way. */
hf_err op_key_change_start(op *o, hf_view new_name, bool *ret_waits) HF_MUST_USE;
/* May a change of o->entry be made now? Else parks. */
hf_err op_wait_for_key(op *o, bool *ret_waits) HF_MUST_USE;
/*
 * A key version: its rows are added to the change. material and key (which the change takes) come from outside or from the
 * slow worker; NULL: made here and now. Gives the MAC for the KEY record.
 */
struct version_material {
    const hf_secret *material;
    hf_key **key;
};
hf_err op_new_version(op *o, change *ch, const uint8_t id[static 16], hf_alg alg, uint32_t version,
                      const struct version_material *given, uint8_t ret_mac[static HF_RECORD_MAC_BYTES]) HF_MUST_USE;
/*
 * The change's new KEY record: encodes, adds it to ops and set hash (with the old one out), keeps the blob for apply. For
 * o->change also the answer, and the row that keeps it where the request has an Idempotency-Key.
 */
hf_err op_put_record(op *o, change *ch, const struct hf_key_record *rec, const key_entry *old) HF_MUST_USE;
hf_err op_apply_record(core *c, change *ch); /* an `apply`: record and wrap into the index, key into the cache */

/* What create and import share: name, usage, tags as a request may have them. usage 0 is the default. */
struct new_key {
    hf_view name, description, tags;
    hf_alg alg;
    uint32_t usage;
    hf_origin origin;
};
hf_err op_new_key_check(op *o, const struct new_key *in) HF_MUST_USE;
hf_err op_new_key(op *o, const struct new_key *in, const struct version_material *given) HF_MUST_USE;

/* op_encrypt.c: counts one encryption under the active version; parks when a new lease is needed first. */
hf_err op_count_encryption(op *o) HF_MUST_USE;
/* "HF1" | algorithm | version | ciphertext | tag into dst, under `key`, the prefix authenticated before the caller's data. */
hf_err op_seal_with(op *o, const hf_key *key, uint32_t version, hf_view associated_data, hf_view plain,
                    uint8_t nonce[static 12], uint8_t *dst) HF_MUST_USE;

/*
 * slow.c: starts work for the request, which is parked, or refuses. `import` is held until then; wrapped is copied.
 * slow_result gives what came of it when the request runs again; NULL: nothing was started.
 */
struct slow_result {
    hf_err error;
    hf_alg alg;
    hf_secret *material;
    hf_key *key;
};
hf_err slow_generate(op *o, hf_alg alg) HF_MUST_USE;
hf_err slow_import(op *o, hf_alg alg, cached_key *import, hf_view wrapped) HF_MUST_USE;
struct slow_result *slow_result(const request *r);
bool slow_has_answer(const core *c, const uint8_t id[static 16]); /* a request with this Idempotency-Key waits here */

/*
 * answers.c: has this request been answered before? Then the answer is in o->reply and o->repeated is set. Refuses another request
 * with the same key, and one that is still being worked on.
 */
hf_err answers_repeat(op *o) HF_MUST_USE;
hf_err answers_keep(op *o, change *ch) HF_MUST_USE; /* the reply of the change, in its transaction */
hf_err answers_id(const op *o, uint8_t ret_id[static 16]) HF_MUST_USE;

hf_err op_status(op *o);
hf_err op_metrics(op *o);
hf_err op_capabilities(op *o);
hf_err op_key_create(op *o);
hf_err op_key_list(op *o);
hf_err op_key_show(op *o);
hf_err op_key_versions(op *o);
hf_err op_key_public(op *o);
hf_err op_key_rotate(op *o);
hf_err op_key_update(op *o);
hf_err op_key_import(op *o);
hf_err op_key_revoke(op *o);
hf_err op_key_destroy(op *o);
/* op_sign.c: gives e back, or for what the request did wrong a sentence about it. */
hf_err op_signature_refused(op *o, hf_err e, size_t payload_len);
hf_err op_sign(op *o);
hf_err op_verify(op *o);
hf_err op_encrypt(op *o);
hf_err op_decrypt(op *o);
hf_err op_mac(op *o);
hf_err op_random(op *o);
hf_err op_rewrap(op *o);
hf_err op_encapsulate(op *o);
hf_err op_decapsulate(op *o);
hf_err op_audit_recent(op *o);
hf_err op_audit_events(op *o);
hf_err op_audit_head(op *o);
hf_err op_audit_export(op *o);
void audit_rows(core *c, uint64_t id, const struct hf_store_rows *rows); /* op_audit.c: segments came from the store */
hf_err op_keyset_show(op *o);
hf_err op_keyset_apply(op *o);
void keyset_written(core *c, hf_err e); /* op_keyset.c: the supervisor has the file on disk */
hf_err op_epoch_rotate(op *o);
void epoch_written(core *c, hf_err e); /* op_epoch_rotate.c */
void epoch_rows(core *c, uint64_t id, const struct hf_store_rows *rows);
hf_err op_seal(op *o);
hf_err op_unseal(op *o);
hf_err op_unseal_key(op *o);
bool op_unseal_needs_no_token(const core *c);
hf_err op_token_revoke(op *o);
hf_err op_session_open(op *o);
hf_err op_session_end(op *o);
hf_err op_jwks(op *o);
hf_err op_introspect(op *o);

#endif
