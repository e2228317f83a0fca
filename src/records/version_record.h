/*
 * VERSION and WRAP: the material of one key version, in two rows, so that destroying is deleting a wrapping
 * and an epoch rotation rewrites 150 bytes a version and touches no material.
 *
 *   VERSION  u8 format | u8 kind=2 | id[16] | u32 version | u16 algorithm | i64 created_ns | nonce[12] | bytes16 sealed
 *   | mac[48]
 *   WRAP     u8 format | u8 kind=3 | id[16] | u32 version | u32 epoch | nonce[12] | sealed[48] | mac[48]
 *
 * sealed is AES-256-GCM; the AAD is every byte before it (length prefix excluded). The MAC is HMAC-SHA-384 over all
 * bytes before it.
 * Nonces come from hf_random inside: a caller cannot repeat one.
 */
#ifndef HF_RECORDS_VERSION_RECORD_H
#define HF_RECORDS_VERSION_RECORD_H

#include "base/names.h"
#include "base/time.h"
#include "records/root_keys.h"
#include "records/row.h"

#define HF_DEK_BYTES 32
#define HF_MATERIAL_MAX_BYTES 8192
#define HF_VERSION_OVERHEAD_BYTES (1 + 1 + 16 + 4 + 2 + 8 + 12 + 2 + 16 + HF_RECORD_MAC_BYTES)
#define HF_VERSION_MAX_BYTES (HF_VERSION_OVERHEAD_BYTES + HF_MATERIAL_MAX_BYTES)
#define HF_WRAP_BYTES (1 + 1 + 16 + 4 + 4 + 12 + HF_DEK_BYTES + 16 + HF_RECORD_MAC_BYTES)

struct hf_version_head {
    uint8_t id[HF_ROW_ID_BYTES];
    uint32_t version; /* from 1 */
    hf_alg alg;
    hf_wall created; /* not compared when opening */
};

struct hf_wrap_head {
    uint8_t id[HF_ROW_ID_BYTES];
    uint32_t version; /* from 1 */
    uint32_t epoch;   /* from 1 */
};

/* A fresh data key from hf_random. Caller frees. */
hf_err hf_dek_new(hf_secret **ret) HF_MUST_USE;

/*
 * Does: seals material under dek (HF_DEK_BYTES; fresh for this version, never used again).
 * Errors: HF_ERR_INVALID for a bad head, HF_ERR_BOUNDS for sizes.
 */
hf_err hf_version_seal(const hf_root_keys *keys, const struct hf_version_head *head, const hf_secret *dek,
                       const hf_secret *material, uint8_t *dst, size_t cap, size_t *ret_len,
                       uint8_t ret_mac[static HF_RECORD_MAC_BYTES]) HF_MUST_USE;

/*
 * Does: checks the MAC against expect_mac (from the KEY record, never NULL) and against the key, compares id, version
 * and algorithm with `expect`, opens the material. Owns: caller frees *ret_material.
 * Errors: HF_ERR_INTEGRITY for every disagreement, HF_ERR_UNSUPPORTED for a newer format.
 */
hf_err hf_version_open(const hf_root_keys *keys, hf_view blob, const struct hf_version_head *expect,
                       const uint8_t expect_mac[static HF_RECORD_MAC_BYTES], const hf_secret *dek,
                       hf_secret **ret_material) HF_MUST_USE;

/* Does: seals the data key under the epoch key (HF_DEK_BYTES each). dst has HF_WRAP_BYTES. */
hf_err hf_wrap_seal(const hf_root_keys *keys, const struct hf_wrap_head *head, const hf_secret *epoch_key,
                    const hf_secret *dek, uint8_t dst[static HF_WRAP_BYTES],
                    uint8_t ret_mac[static HF_RECORD_MAC_BYTES]) HF_MUST_USE;

/*
 * Does: verifies a WRAP row without opening it, to learn its epoch and MAC (start-up index, epoch rotation).
 * expect_id and expect_version: the row it came from. expect_mac: from the index, NULL before there is one.
 */
hf_err hf_wrap_check(const hf_root_keys *keys, hf_view blob, const uint8_t expect_id[static HF_ROW_ID_BYTES],
                     uint32_t expect_version, const uint8_t *expect_mac, struct hf_wrap_head *ret) HF_MUST_USE;

/* Does: hf_wrap_check, compares the epoch with `expect`, opens the data key. Owns: caller frees *ret_dek. */
hf_err hf_wrap_open(const hf_root_keys *keys, hf_view blob, const struct hf_wrap_head *expect,
                    const uint8_t *expect_mac, const hf_secret *epoch_key, hf_secret **ret_dek) HF_MUST_USE;

#endif
