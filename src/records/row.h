/*
 * What the store keeps: rows (kind, id, version) -> bytes. The store reads none of it; every blob says
 * in its own authenticated bytes which row it belongs to, so that rows cannot be exchanged.
 *
 * All integers are big endian. The first byte of a blob is its format, the second its kind.
 */
#ifndef HF_RECORDS_ROW_H
#define HF_RECORDS_ROW_H

#include "base/buf.h"

/* Stored: never reuse a number. */
typedef enum hf_row_kind {
    HF_ROW_KEY = 1,       /* (id, 0): mutable; all about a key but its material */
    HF_ROW_VERSION = 2,   /* (id, version): immutable; private material sealed under its data key */
    HF_ROW_WRAP = 3,      /* (id, version): the data key sealed under the epoch key */
    HF_ROW_SEGMENT = 4,   /* (zeros, last seq): audit segment */
    HF_ROW_MANIFEST = 5,  /* (zeros, 0): commitment to the whole state */
    HF_ROW_TAIL = 6,      /* (zeros, last seq): audit entries that are not in a segment yet */
    HF_ROW_REVOCATION = 7, /* (first 16 bytes of SHA-256(jti), 0): a revoked token */
    HF_ROW_ANSWER = 8      /* (hf_answer_id, 0): the answer to a request that had an Idempotency-Key */
} hf_row_kind;

#define HF_ROW_ID_BYTES 16
/* The outer MAC that ends each record: HMAC-SHA-384. */
#define HF_RECORD_MAC_BYTES 48
/*
 * Format numbers, one a kind. A release writes the newest it knows and reads that and the one before: KEY has format 2
 * since a key's origin stands in it; every other blob is still in its first form.
 */
#define HF_RECORD_FORMAT 1
#define HF_KEY_RECORD_FORMAT 2

/* One authenticated row: an element of the set hash. */
struct hf_row_ref {
    uint8_t kind; /* hf_row_kind */
    uint8_t id[HF_ROW_ID_BYTES];
    uint64_t version;
    uint8_t mac[HF_RECORD_MAC_BYTES];
};

/* Copies the outer MAC out of a KEY, VERSION, WRAP or REVOCATION blob, unverified. HF_ERR_MALFORMED when too short. */
hf_err hf_record_mac_of(hf_view blob, uint8_t ret_mac[static HF_RECORD_MAC_BYTES]) HF_MUST_USE;

#endif
