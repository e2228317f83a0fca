/*
 * What `encrypt` answers:   "HF1" | u8 algorithm | u32 key version | ciphertext | tag[16]
 *
 * For aes-256-gcm (algorithm 1) the first 8 bytes stand before the caller's associated data in the AAD:
 *   AESGCM(key).decrypt(nonce, blob[8:], blob[:8] + associated_data)     in Python's `cryptography`.
 * The nonce (12 bytes) is given beside it.
 */
#ifndef HF_RECORDS_CIPHERTEXT_H
#define HF_RECORDS_CIPHERTEXT_H

#include "base/names.h"

#define HF_CIPHERTEXT_PREFIX_BYTES 8
#define HF_CIPHERTEXT_TAG_BYTES 16
#define HF_CIPHERTEXT_OVERHEAD (HF_CIPHERTEXT_PREFIX_BYTES + HF_CIPHERTEXT_TAG_BYTES)

/* alg: aes-256-gcm only so far; version from 1. HF_ERR_INVALID else. */
hf_err hf_ciphertext_prefix(hf_alg alg, uint32_t version, uint8_t dst[static HF_CIPHERTEXT_PREFIX_BYTES]) HF_MUST_USE;

struct hf_ciphertext {
    hf_alg alg;
    uint32_t version;
    hf_view prefix; /* the first part of the AAD */
    hf_view sealed; /* ciphertext and tag */
};
/* Borrows from bytes. HF_ERR_BAD_CIPHERTEXT for anything that encrypt cannot have made. */
hf_err hf_ciphertext_parse(hf_view bytes, struct hf_ciphertext *ret) HF_MUST_USE;

#endif
