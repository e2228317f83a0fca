/*
 * Operations with randomness that the caller gives, so that their answers are known. For known-answer tests only:
 * the power-up tests of src/crypto and the program that runs published vectors include this file, nothing else may.
 */
#ifndef HF_CRYPTO_GIVEN_H
#define HF_CRYPTO_GIVEN_H

#include "crypto/crypto.h"

/* ML-KEM encapsulation with given randomness m (FIPS 203 algorithm 17). */
hf_err hf_kem_encapsulate_with(const hf_key *key, hf_view m, uint8_t *dst_ct, size_t cap, size_t *ret_ct_len,
                               uint8_t dst_secret[static HF_KEM_SECRET_BYTES]) HF_MUST_USE;
/* ECDSA with the nonce of RFC 6979; dst gets r || s. The digest tells the hash by its length. */
hf_err hf_ecdsa_sign_deterministic(const hf_key *key, hf_view digest, uint8_t *dst, size_t cap, size_t *ret_len)
    HF_MUST_USE;

/* How ML-DSA signs or verifies when it is not the service's way. All zero: pure, empty context, deterministic. */
struct hf_ml_dsa_given {
    hf_view context;
    hf_view rnd;   /* 32 bytes; empty: zeros, the deterministic variant (FIPS 204 section 3.4) */
    bool internal; /* ML-DSA.Sign_internal on the input as it is (FIPS 204 algorithm 7) */
    bool mu;       /* the input is the 64-byte mu */
};
#define HF_ML_DSA_65_SIGNATURE_BYTES 3309
hf_err hf_ml_dsa_sign_given(const hf_key *key, const struct hf_ml_dsa_given *how, hf_view input,
                            uint8_t dst[static HF_ML_DSA_65_SIGNATURE_BYTES]) HF_MUST_USE;
hf_err hf_ml_dsa_verify_given(const hf_key *key, const struct hf_ml_dsa_given *how, hf_view input, hf_view signature)
    HF_MUST_USE;

/* The expanded private key of ML-DSA (sk, FIPS 204 algorithm 24) and ML-KEM (dk, FIPS 203 algorithm 16). */
#define HF_EXPANDED_MAX_BYTES 4032
hf_err hf_key_expanded(const hf_key *key, uint8_t dst[static HF_EXPANDED_MAX_BYTES], size_t *ret_len) HF_MUST_USE;
/* Loads one without its seed; the service never does. HF_ERR_BAD_KEY when its hash or public half is wrong. */
hf_err hf_key_load_expanded(hf_alg a, hf_view expanded, hf_key **ret) HF_MUST_USE;

/* The test that factors of an imported RSA key must pass; the number is big endian and not negative. */
bool hf_is_prime(hf_view number);

#endif
