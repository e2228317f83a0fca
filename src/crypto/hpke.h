/*
 * Private to src/crypto and its tests: HPKE and Argon2id with inputs that real use draws or leaves out, so that published
 * vectors can be run through the same code.
 */
#ifndef HF_CRYPTO_HPKE_H
#define HF_CRYPTO_HPKE_H

#include "crypto/crypto.h"

/* The AEADs of RFC 9180 section 7.3 that vectors are run with; only HF_HPKE_AES_256_GCM is used. */
#define HF_HPKE_AES_128_GCM 1
#define HF_HPKE_AES_256_GCM 2

/* A recipient's key from its input keying material (RFC 9180 section 7.1.3). Caller frees *ret. */
hf_err hf_hpke_key_derive(hf_view ikm, hf_hpke_key **ret, uint8_t ret_public[static HF_HPKE_PUBLIC_BYTES]) HF_MUST_USE;

struct hf_hpke_input {
    uint16_t aead;
    hf_view ikm_e; /* makes the ephemeral key; empty: a random one */
    hf_view info, aad;
};
/* As hf_hpke_seal and hf_hpke_open. dst has plain.len + HF_HPKE_TAG_BYTES, or sealed.len - HF_HPKE_TAG_BYTES. */
hf_err hf_hpke_seal_with(const struct hf_hpke_input *in, const uint8_t public_key[static HF_HPKE_PUBLIC_BYTES],
                         hf_view plain, uint8_t ret_enc[static HF_HPKE_ENC_BYTES], uint8_t *dst) HF_MUST_USE;
hf_err hf_hpke_open_with(const struct hf_hpke_input *in, const hf_hpke_key *key, hf_view enc, hf_view sealed,
                         uint8_t *dst) HF_MUST_USE;

struct hf_argon2_input {
    hf_view passphrase, salt, secret, associated;
    uint32_t memory_kib, passes, lanes;
};
hf_err hf_argon2id_with(const struct hf_argon2_input *in, uint8_t *dst, size_t len) HF_MUST_USE;

#endif
