/*
 * Set hash: MSet-XOR-Hash (Clarke, Devadas, van Dijk, Gassend, Suh, ASIACRYPT 2003) over HMAC-SHA-256:
 *
 *   sum    = XOR over rows of HMAC(K, 1 || kind || id || version || mac)
 *   stored = (r, count, HMAC(K, 0 || r) XOR sum)      with a fresh random r at each sealing
 *
 * Core keeps (sum, count) in memory and updates it in O(1) per change; only the masked form leaves.
 */
#ifndef HF_RECORDS_SET_HASH_H
#define HF_RECORDS_SET_HASH_H

#include "records/root_keys.h"
#include "records/row.h"

#define HF_SET_HASH_BYTES 32

/* The accumulator. All zeros is the empty set. */
struct hf_set_hash {
    uint8_t sum[HF_SET_HASH_BYTES];
    uint64_t count;
};

/*
 * What a change adds and takes away. Changes of different rows add up in any order, so that several may be made beside
 * each other and stored together. All zeros is no change.
 */
struct hf_set_change {
    uint8_t sum[HF_SET_HASH_BYTES];
    uint64_t added, removed;
};

/* The masked form that the manifest carries. */
struct hf_set_hash_sealed {
    uint8_t r[HF_SET_HASH_BYTES];
    uint64_t count;
    uint8_t hash[HF_SET_HASH_BYTES];
};

void hf_set_hash_init(struct hf_set_hash *set);
/* On an error the accumulator is as before. */
hf_err hf_set_hash_add(const hf_root_keys *keys, struct hf_set_hash *set, const struct hf_row_ref *row) HF_MUST_USE;
/* On an error the change is as before. */
hf_err hf_set_change_add(const hf_root_keys *keys, struct hf_set_change *ch, const struct hf_row_ref *row) HF_MUST_USE;
/* The row must be a member of the set: nothing can check that here. */
hf_err hf_set_change_remove(const hf_root_keys *keys, struct hf_set_change *ch, const struct hf_row_ref *row)
    HF_MUST_USE;
/* HF_ERR_INTERNAL when more would go than there is: the set is as before. */
hf_err hf_set_hash_apply(struct hf_set_hash *set, const struct hf_set_change *ch) HF_MUST_USE;
hf_err hf_set_hash_seal(const hf_root_keys *keys, const struct hf_set_hash *set, struct hf_set_hash_sealed *ret)
    HF_MUST_USE;
/* HF_OK when the sealed form commits to this very set, HF_ERR_INTEGRITY else. */
hf_err hf_set_hash_equal(const hf_root_keys *keys, const struct hf_set_hash *set,
                         const struct hf_set_hash_sealed *sealed) HF_MUST_USE;

#endif
