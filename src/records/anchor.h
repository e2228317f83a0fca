/*
 * The anchor: a commitment kept outside the data folder, so that older data is noticed.
 *
 *   u8 format | u8 type='A' | u64 manifest_generation | u64 audit_seq | audit_head[32] | u32 epoch | i64 written_ns |
 *   mac[48]
 */
#ifndef HF_RECORDS_ANCHOR_H
#define HF_RECORDS_ANCHOR_H

#include "base/time.h"
#include "records/root_keys.h"
#include "records/row.h"

#define HF_ANCHOR_BYTES (1 + 1 + 8 + 8 + 32 + 4 + 8 + HF_RECORD_MAC_BYTES)

struct hf_anchor {
    uint64_t manifest_generation;
    uint64_t audit_seq;
    uint8_t audit_head[32];
    uint32_t epoch;
    hf_wall written;
};

hf_err hf_anchor_encode(const hf_root_keys *keys, const struct hf_anchor *a, uint8_t dst[static HF_ANCHOR_BYTES])
    HF_MUST_USE;
/* HF_ERR_INTEGRITY, or HF_ERR_UNSUPPORTED for a newer format. */
hf_err hf_anchor_decode(const hf_root_keys *keys, hf_view bytes, struct hf_anchor *ret) HF_MUST_USE;

#endif
