/*
 * Private to src/crypto: what the files of this folder share, OpenSSL types included. Nothing outside the
 * folder may include it.
 */
#ifndef HF_CRYPTO_OPENSSL_H
#define HF_CRYPTO_OPENSSL_H

#include "crypto/crypto.h"
#include <openssl/evp.h>
#include <stdatomic.h>

/* Fetched once by hf_crypto_start and only read afterwards, so threads need no lock. Index: hf_hash. */
struct hf_openssl {
    EVP_MD *digest[4];
    EVP_MAC_CTX *hmac[4]; /* without key: duplicated per use, because setting the digest looks it up by name */
    EVP_KDF *hkdf;
    EVP_CIPHER *gcm;
    EVP_SIGNATURE *ed25519;
};
extern struct hf_openssl hf_openssl;

const char *hf_openssl_hash_name(hf_hash h); /* OpenSSL's word for it; NULL for HF_HASH_NONE and unknown ones */

/* Empties this thread's OpenSSL error queue and gives e back, so that no failure leaves traces to the next caller. */
hf_err hf_openssl_error(hf_err e);

void hf_md_ctx_freep(EVP_MD_CTX **p);
void hf_pkey_freep(EVP_PKEY **p);
void hf_pkey_ctx_freep(EVP_PKEY_CTX **p);

/*
 * Prepared contexts of one key and one kind of operation. A thread takes one for itself and gives it back;
 * none there: the caller makes one; no room: the caller frees it. So the pool never blocks and holds at most
 * as many contexts as threads ever used the key at once.
 */
#define HF_POOL_SLOTS 4
typedef struct hf_pool {
    _Atomic(void *) slot[HF_POOL_SLOTS];
} hf_pool;
void *hf_pool_take(hf_pool *pool); /* NULL when empty */
bool hf_pool_give(hf_pool *pool, void *item); /* false when full: still the caller's */

struct hf_key {
    hf_alg alg;
    bool has_private;
    uint8_t aes[HF_GCM_KEY_BYTES]; /* symmetric keys only */
    EVP_PKEY *pkey; /* asymmetric keys only */
    hf_pool private_ops; /* EVP_PKEY_CTX for sign or decapsulate; EVP_CIPHER_CTX with the expanded key for AES */
    hf_pool public_ops; /* EVP_PKEY_CTX for verify or encapsulate */
};
void hf_key_freep(hf_key **key);

/* hf_key_load_private on bytes that the caller owns and wipes. */
hf_err hf_key_load_bytes(hf_alg a, hf_view material, hf_key **ret) HF_MUST_USE;
/* Draws private material into dst; *ret_len gets its length. */
#define HF_KEY_MATERIAL_MAX 64
hf_err hf_key_draw(hf_alg a, uint8_t dst[static HF_KEY_MATERIAL_MAX], size_t *ret_len) HF_MUST_USE;
size_t hf_key_material_bytes(hf_alg a); /* 0 when unknown */

/* Algorithm, prefix and length of the only SubjectPublicKeyInfo form that is taken. */
struct hf_spki_form {
    hf_alg alg;
    const char *type; /* OpenSSL's key type */
    const char *group; /* its group name, NULL when the type says it all */
    hf_view prefix; /* DER up to the raw public key */
    size_t raw_len; /* bytes of the raw public key, which ends the DER */
};
const struct hf_spki_form *hf_spki_form_of(hf_alg a); /* NULL for symmetric and unknown ones */

/* A context for the key's private or public operation, from the pool or new. NULL on failure. */
EVP_PKEY_CTX *hf_key_ctx_take(hf_key *key, bool private_op);
/* Puts it back; a context whose operation failed must be freed instead. */
void hf_key_ctx_give(hf_key *key, bool private_op, EVP_PKEY_CTX *ctx);

/* ML-KEM encapsulation with given randomness m (FIPS 203 algorithm 17). For known answers only, never for use. */
hf_err hf_kem_encapsulate_with(const hf_key *key, hf_view m, uint8_t *dst_ct, size_t cap, size_t *ret_ct_len,
                               uint8_t dst_secret[static HF_KEM_SECRET_BYTES]) HF_MUST_USE;
/* ECDSA with the nonce of RFC 6979, so that the answer is known. For known answers only. */
hf_err hf_ecdsa_sign_deterministic(const hf_key *key, hf_view digest, uint8_t dst[static 64]) HF_MUST_USE;

#endif
