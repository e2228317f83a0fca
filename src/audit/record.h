/*
 * One audit record: what happened, in at most 256 bytes.
 *
 *   u8 format | u64 seq | i64 time_ns | u8 class | u16 action | u16 result | u16 roles | key_id[16] | u32 key_version
 *   | address[16] | payload_mac[16] | u32 count | u8 cut | text8 actor | text8 request_id | text8 detail
 *
 * Texts that are too long are shortened visibly: `cut` has a bit for each, an actor ends in '~' and 16 hex digits of
 * SHA-256(actor), others in "...".
 */
#ifndef HF_AUDIT_RECORD_H
#define HF_AUDIT_RECORD_H

#include "base/buf.h"
#include "base/time.h"
#include "crypto/crypto.h"

#define HF_AUDIT_FORMAT 1
#define HF_AUDIT_RECORD_MAX_BYTES 256
#define HF_AUDIT_ACTOR_MAX 64
#define HF_AUDIT_REQUEST_ID_MAX 64

typedef enum hf_audit_class { HF_AUDIT_JOURNAL = 1, HF_AUDIT_DURABLE = 2 } hf_audit_class; /* stored */

enum {
    HF_AUDIT_CUT_ACTOR = 1u << 0,
    HF_AUDIT_CUT_REQUEST_ID = 1u << 1,
    HF_AUDIT_CUT_DETAIL = 1u << 2,
    HF_AUDIT_CUT_ALL = 7u
};

struct hf_audit_record {
    uint64_t seq;  /* from 1; hf_audit_append sets it */
    hf_wall time;
    hf_audit_class klass;
    uint16_t action;       /* message id of src/proto */
    uint16_t result;       /* stable code: hf_audit_result_of */
    uint16_t roles;        /* role bits the actor acted with */
    uint8_t key_id[16];    /* zeros when no key */
    uint32_t key_version;  /* 0 when none */
    uint8_t address[16];   /* IPv6 or v4-mapped; a prefix in aggregates; zeros when local */
    uint8_t payload_mac[16]; /* hf_audit_payload_mac; zeros when no payload */
    uint32_t count;        /* 1, or how many an aggregate stands for */
    uint8_t cut;           /* HF_AUDIT_CUT_*: set by the encoder */
    hf_view actor;         /* UTF-8 without control characters */
    hf_view request_id;
    hf_view detail;        /* the last to fit: shortened to the room that is left */
};

/* All before the texts, without the three length bytes of the texts. */
#define HF_AUDIT_FIXED_BYTES (1 + 8 + 8 + 1 + 2 + 2 + 2 + 16 + 4 + 16 + 16 + 4 + 1)

/* The validity predicate: known class, seq and count not zero, clean texts. */
bool hf_audit_record_valid(const struct hf_audit_record *rec);

/*
 * Does: encodes, shortening texts as said above. Gives the length, at most HF_AUDIT_RECORD_MAX_BYTES.
 * Errors: HF_ERR_INVALID for a bad class, seq 0, count 0 or text that is not clean UTF-8.
 */
hf_err hf_audit_record_encode(const struct hf_audit_record *rec, uint8_t dst[static HF_AUDIT_RECORD_MAX_BYTES],
                              size_t *ret_len) HF_MUST_USE;
/* Texts borrow from bytes. HF_ERR_MALFORMED, or HF_ERR_UNSUPPORTED for a newer format. */
hf_err hf_audit_record_decode(hf_view bytes, struct hf_audit_record *ret) HF_MUST_USE;

/*
 * Result codes: stored, so they are stable while hf_err values are not. 0 is "ok"; HF_AUDIT_RESULT_UNKNOWN for what is
 * not listed.
 */
#define HF_AUDIT_RESULT_UNKNOWN 0xFFFFu
uint16_t hf_audit_result_of(hf_err e);
/* The stable word ("ok", "denied", ...); "unknown" for a code that this build does not know. Static. */
const char *hf_audit_result_name(uint16_t code);

/*
 * Truncated HMAC-SHA-256 of the parts in order: tells equal payloads apart for who holds the key, and says nothing to
 * others.
 */
hf_err hf_audit_payload_mac(hf_view payload_key, const hf_view *parts, size_t n, uint8_t dst[static 16]) HF_MUST_USE;
/* Of one part, with the key loaded (HF_ALG_HMAC_SHA256). */
hf_err hf_audit_payload_mac_with(const hf_key *payload_key, hf_view payload, uint8_t dst[static 16]) HF_MUST_USE;

#endif
