/*
 * The KEY record: everything about a key but its material, in one mutable authenticated row.
 *
 *   u8 format=2 | u8 kind=1 | id[16] | u64 generation | u16 algorithm | u32 usage | i64 created_ns | u8 origin
 *   | text16 name | text16 created_by | text16 description | bytes16 tags | bytes16 policy | bytes16 attributes
 *   | u32 n | n * { u32 version | u8 state | i64 created_ns | i64 revoked_ns | i64 destroyed_ns | u32 destroy_epoch
 *                   | u64 nonce_lease | mac[48] }
 *   | HMAC-SHA-384[48] over all of it
 *
 * Format 1 has no origin: every key was made here. It is read, and written again as format 2 with the key's next
 * change.
 */
#ifndef HF_RECORDS_KEY_RECORD_H
#define HF_RECORDS_KEY_RECORD_H

#include "base/names.h"
#include "base/time.h"
#include "records/root_keys.h"
#include "records/row.h"

#define HF_KEY_NAME_MAX 64
#define HF_KEY_ACTOR_MAX 128
#define HF_KEY_DESCRIPTION_MAX 1024
#define HF_KEY_TAGS_MAX 4096
#define HF_KEY_POLICY_MAX 8192
#define HF_KEY_ATTRIBUTES_MAX 8192
#define HF_KEY_VERSIONS_MAX 1024
/* Largest encoded record. */
#define HF_KEY_RECORD_MAX_BYTES 122880

struct hf_key_version {
    uint32_t version; /* from 1 */
    hf_key_state state;
    hf_wall created;
    hf_wall revoked;   /* 0 while staged or active */
    hf_wall destroyed; /* 0 unless destroyed */
    uint32_t destroy_epoch; /* epoch whose key wrapped it when it was destroyed; complete once that epoch is erased */
    uint64_t nonce_lease; /* encryptions counted up to here: high-water mark of the leased blocks */
    uint8_t mac[HF_RECORD_MAC_BYTES]; /* outer MAC of its VERSION row; zeros when destroyed */
};

/*
 * Large (about 115 KB): keep it static or on the heap. The views borrow: from the blob after a decode, from
 * the caller when encoding.
 */
struct hf_key_record {
    uint8_t id[HF_ROW_ID_BYTES];
    uint64_t generation; /* +1 at each change; from 1 */
    hf_alg alg;
    uint32_t usage; /* bits within hf_alg_usages(alg), at least one; import never with another one */
    hf_wall created;
    hf_origin origin; /* of its first material; a rotation makes the next version here */
    hf_view name;
    hf_view created_by;
    hf_view description;
    hf_view tags; /* opaque to this module */
    hf_view policy; /* empty for now */
    hf_view attributes; /* see records/attributes.h */
    uint32_t n_versions; /* at least 1 */
    struct hf_key_version versions[HF_KEY_VERSIONS_MAX]; /* strictly ascending */
};

/*
 * The validity predicate: bounds, enumerations, names, versions ascending, at most one active, times that fit
 * the states, and a MAC exactly where material exists.
 */
bool hf_key_record_valid(const struct hf_key_record *rec);

/*
 * Does: encodes a valid record and authenticates it. Gives: the length and, in ret_mac, the outer MAC for index and set
 * hash.
 * Errors: HF_ERR_INVALID when the record is not valid, HF_ERR_BOUNDS when cap is too small.
 */
hf_err hf_key_record_encode(const hf_root_keys *keys, const struct hf_key_record *rec, uint8_t *dst, size_t cap,
                            size_t *ret_len, uint8_t ret_mac[static HF_RECORD_MAC_BYTES]) HF_MUST_USE;

/*
 * Does: verifies the MAC first, then reads and checks everything. expect_id: the row it came from; expect_mac: what
 * core's index holds, NULL at start-up before there is an index. ret's views borrow from blob.
 * Errors: HF_ERR_INTEGRITY for every disagreement; HF_ERR_UNSUPPORTED for a newer format.
 */
hf_err hf_key_record_decode(const hf_root_keys *keys, hf_view blob, const uint8_t expect_id[static HF_ROW_ID_BYTES],
                            const uint8_t *expect_mac, struct hf_key_record *ret) HF_MUST_USE;

/*
 * The same for a blob that decode believed before and that was in the caller's own memory since: no MAC is computed, so
 * that a list of a thousand keys costs no thousand HMACs. HF_ERR_INTEGRITY when it cannot be read.
 */
hf_err hf_key_record_read(hf_view blob, struct hf_key_record *ret) HF_MUST_USE;

/* The usages that a key of this origin can have: a public key alone verifies or encapsulates. */
uint32_t hf_key_usages_possible(hf_alg alg, hf_origin origin);

/* The version with this number, or NULL. */
struct hf_key_version *hf_key_record_find(struct hf_key_record *rec, uint32_t version);
/* The one active version, or NULL. */
struct hf_key_version *hf_key_record_active(struct hf_key_record *rec);

/*
 * Does: the record's part of a rotation, in one step: the active version becomes revoked at `now`, a new version
 * (highest + 1) becomes active with that VERSION row's MAC, the generation advances.
 * Errors: HF_ERR_QUOTA at HF_KEY_VERSIONS_MAX; HF_ERR_WRONG_STATE when there are versions but none is active. rec is
 * unchanged then.
 */
hf_err hf_key_record_rotate(struct hf_key_record *rec, hf_wall now,
                            const uint8_t version_mac[static HF_RECORD_MAC_BYTES], uint32_t *ret_version) HF_MUST_USE;
/* The number that the next rotation will use (1 for an empty record), to build the VERSION row beforehand. */
uint32_t hf_key_record_next_version(const struct hf_key_record *rec);
/*
 * Marks a version revoked; HF_ERR_NOT_FOUND, or HF_ERR_WRONG_STATE unless it is staged or active. Advances the
 * generation.
 */
hf_err hf_key_record_revoke(struct hf_key_record *rec, uint32_t version, hf_wall now) HF_MUST_USE;
/*
 * Marks a version destroyed under an epoch and forgets its MAC; HF_ERR_NOT_FOUND, or HF_ERR_WRONG_STATE when it already
 * is. Advances the generation.
 */
hf_err hf_key_record_destroy(struct hf_key_record *rec, uint32_t version, hf_wall now, uint32_t epoch) HF_MUST_USE;

#endif
