/* The file that `holdfast audit export` writes: for each segment u32 length | segment. */
#ifndef HF_AUDIT_EXPORT_H
#define HF_AUDIT_EXPORT_H

#include "audit/segment.h"

/* Takes the next segment off *file. HF_ERR_NOT_FOUND at the end, HF_ERR_MALFORMED for a length that cannot be. */
hf_err hf_export_next(hf_view *file, hf_view *ret_blob) HF_MUST_USE;
void hf_export_put(hf_writer *w, hf_view blob);

/* What a verification found; the err* fields name the first fault. */
struct hf_export_result {
    uint64_t segments;
    uint64_t records;
    uint64_t first_seq;
    uint64_t last_seq;
    uint8_t head[HF_AUDIT_HASH_BYTES];
    uint64_t err_segment; /* position in the file, from 1; 0 when all is well */
    uint64_t err_seq;     /* 0 when the segment as a whole is wrong */
    const char *err_what; /* static sentence */
};

/*
 * Does: verifies a whole exported file with the public key alone: signatures, digests, chain and sequence within and
 * across segments.
 * The file may start at any segment (first_seq says where). An empty file is HF_ERR_MALFORMED. *ret is filled on
 * success and on HF_ERR_INTEGRITY.
 */
hf_err hf_export_verify(hf_view file, const hf_key *public_key, struct hf_export_result *ret) HF_MUST_USE;

#endif
