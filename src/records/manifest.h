/*
 * The MANIFEST row: one commitment to the whole state, rewritten in each store transaction.
 *
 *   u8 format | u8 kind=5 | u64 generation | u32 epoch | u64 key_count | u64 keyset_generation
 *   | set r[32] | u64 set count | set hash[32] | u64 audit_seq | audit_head[32] | mac[48]
 */
#ifndef HF_RECORDS_MANIFEST_H
#define HF_RECORDS_MANIFEST_H

#include "records/set_hash.h"

#define HF_MANIFEST_BYTES (1 + 1 + 8 + 4 + 8 + 8 + 32 + 8 + 32 + 8 + 32 + HF_RECORD_MAC_BYTES)

struct hf_manifest {
    uint64_t generation; /* +1 at each transaction; from 1 */
    uint32_t epoch;      /* epoch that new wrappings use; from 1 */
    uint64_t key_count;
    uint64_t keyset_generation; /* newest keyset ever accepted: an older one is refused */
    struct hf_set_hash_sealed set; /* over KEY, WRAP and REVOCATION rows */
    uint64_t audit_seq;            /* chain position when this was written */
    uint8_t audit_head[32];
};

hf_err hf_manifest_encode(const hf_root_keys *keys, const struct hf_manifest *m, uint8_t dst[static HF_MANIFEST_BYTES])
    HF_MUST_USE;
/* HF_ERR_INTEGRITY for every disagreement, HF_ERR_UNSUPPORTED for a newer format. */
hf_err hf_manifest_decode(const hf_root_keys *keys, hf_view blob, struct hf_manifest *ret) HF_MUST_USE;

#endif
