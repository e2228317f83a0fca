/*
 * Segments: the form in which the audit is stored and exported. An outsider with the public key verifies them alone.
 *
 *   head    = u8 format | u8 kind=4 | u64 index | u64 first_seq | u64 last_seq | u32 count | prev_head[32] | head[32]
 *             | i64 time_ns | u32 entries length | SHA-256(entries)[32]
 *   segment = head | HMAC-SHA-384(audit-mac, "holdfast audit segment mac v1\0" || head)[48]
 *                  | Ed25519("holdfast audit segment v1\0" || head)[64] | entries
 */
#ifndef HF_AUDIT_SEGMENT_H
#define HF_AUDIT_SEGMENT_H

#include "audit/chain.h"
#include "crypto/crypto.h"

#define HF_SEGMENT_HEAD_BYTES (1 + 1 + 8 + 8 + 8 + 4 + 32 + 32 + 8 + 4 + 32)
#define HF_SEGMENT_MAC_BYTES 48
#define HF_SEGMENT_SIGNATURE_BYTES 64
#define HF_SEGMENT_OVERHEAD (HF_SEGMENT_HEAD_BYTES + HF_SEGMENT_MAC_BYTES + HF_SEGMENT_SIGNATURE_BYTES)
#define HF_SEGMENT_ENTRIES_MAX 65536
#define HF_SEGMENT_MAX_BYTES (HF_SEGMENT_OVERHEAD + HF_SEGMENT_ENTRIES_MAX)

struct hf_segment {
    uint64_t index; /* from 1, without gaps */
    uint64_t first_seq;
    uint64_t last_seq;
    uint32_t count; /* last_seq - first_seq + 1 */
    uint8_t prev_head[HF_AUDIT_HASH_BYTES];
    uint8_t head[HF_AUDIT_HASH_BYTES];
    hf_wall time;
    uint8_t entries_sha256[32];
    hf_view head_bytes; /* what MAC and signature cover; borrowed */
    hf_view mac;
    hf_view signature;
    hf_view entries;
};

/*
 * Does: makes a segment of whole entries that follow `before`; the stored hashes are taken as core wrote them (entries
 * is core's own memory).
 * Errors: HF_ERR_INVALID for entries that are malformed or do not follow in seq, HF_ERR_BOUNDS for sizes. cap:
 * HF_SEGMENT_OVERHEAD + entries.len.
 */
hf_err hf_segment_seal(uint64_t index, const struct hf_audit_chain *before, hf_wall now, hf_view entries,
                       hf_view mac_key, const hf_key *sign_key, uint8_t *dst, size_t cap, size_t *ret_len) HF_MUST_USE;

/*
 * Reads by form: bounds and ordering, no MAC, no signature. Borrows. HF_ERR_MALFORMED, HF_ERR_UNSUPPORTED for a newer
 * format.
 */
hf_err hf_segment_decode(hf_view blob, struct hf_segment *ret) HF_MUST_USE;

/*
 * Verify: the head by its signature (public key only) or MAC, then the entries' digest, then every hash in the chain
 * (and with the MAC key every tag). HF_ERR_BAD_SIGNATURE or HF_ERR_INTEGRITY; *reterr_seq is then the first record that
 * is wrong, 0 when it is the head.
 */
hf_err hf_segment_verify_public(const struct hf_segment *seg, const hf_key *public_key, uint64_t *reterr_seq)
    HF_MUST_USE;
hf_err hf_segment_verify_mac(const struct hf_segment *seg, hf_view mac_key, uint64_t *reterr_seq) HF_MUST_USE;

/* Is the head's MAC right? Cheap: for a start that walks only the newest segment. */
hf_err hf_segment_verify_head_mac(const struct hf_segment *seg, hf_view mac_key) HF_MUST_USE;

/*
 * Does seg follow: index + 1, seq without gap, prev_head equal? HF_ERR_INTEGRITY else. before_index 0 and a zero chain:
 * is it the first?
 */
hf_err hf_segment_follows(uint64_t before_index, const struct hf_audit_chain *before, const struct hf_segment *seg)
    HF_MUST_USE;

#endif
