/*
 * Private to src/crypto: what the files of this folder share, OpenSSL types included. Nothing outside the
 * folder may include it.
 */
#ifndef HF_CRYPTO_OPENSSL_H
#define HF_CRYPTO_OPENSSL_H

#include "crypto/crypto.h"
#include "crypto/given.h"
#include <openssl/evp.h>
#include <stdatomic.h>

/* Fetched once by hf_crypto_start and only read afterwards, so threads need no lock. Index: hf_hash. */
struct hf_openssl {
    EVP_MD *digest[4];
    EVP_MAC_CTX *hmac[4]; /* without key: duplicated per use, because setting the digest looks it up by name */
    EVP_KDF *hkdf;
    EVP_CIPHER *gcm;
    EVP_CIPHER *kwp;
    EVP_SIGNATURE *ed25519;
    EVP_SIGNATURE *ml_dsa;
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
void *hf_pool_take(hf_pool *pool);            /* NULL when empty */
bool hf_pool_give(hf_pool *pool, void *item); /* false when full: still the caller's */

/* Largest material of the algorithms whose material has one length: all but RSA. */
#define HF_KEY_MATERIAL_MAX 64

struct hf_key {
    hf_alg alg;
    bool has_private;
    uint8_t secret[HF_KEY_MATERIAL_MAX]; /* symmetric keys only: the first hf_key_material_bytes(alg) */
    EVP_PKEY *pkey;                      /* asymmetric keys only */
    hf_pool
        private_ops; /* EVP_PKEY_CTX for sign or decapsulate; EVP_CIPHER_CTX for AES, EVP_MAC_CTX for HMAC: with key */
    hf_pool public_ops; /* EVP_PKEY_CTX for verify or encapsulate */
};
void hf_key_freep(hf_key **key);

/* hf_key_load_private on bytes that the caller owns and wipes. */
hf_err hf_key_load_bytes(hf_alg a, hf_view material, hf_key **ret) HF_MUST_USE;
/* Draws private material into dst; *ret_len gets its length. Not for RSA: HF_ERR_UNSUPPORTED. */
hf_err hf_key_draw(hf_alg a, uint8_t dst[static HF_KEY_MATERIAL_MAX], size_t *ret_len) HF_MUST_USE;
size_t hf_key_material_bytes(hf_alg a); /* 0 when it has no one length (RSA) or the algorithm is unknown */
hf_hash hf_key_hmac_hash(hf_alg a); /* of HMAC keys, else HF_HASH_NONE */
size_t hf_ec_bytes(hf_alg a); /* of a scalar or coordinate: 32, 48; 0 for other algorithms */

/* The private key from material, its parts checked against each other. NULL when it is not a valid key. */
EVP_PKEY *hf_pkey_from_material(hf_alg a, hf_view material);
/* One DER structure of exactly this type and kind; NULL when OpenSSL does not read it as one. */
EVP_PKEY *hf_pkey_decode(hf_view der, const char *type, const char *structure);

/* ---- RSA ---- */
size_t hf_rsa_bytes(hf_alg a); /* of the modulus: 256, 384; 0 for other algorithms */
/* The algorithm of RSAPrivateKey DER (RFC 8017 appendix A.1.2), by the bits of its modulus; HF_ALG_NONE: no such key. */
hf_alg hf_rsa_alg_of_private(hf_view der);
/* Reads RSAPublicKey DER; HF_ALG_NONE when its numbers are not what we take (see rsa.c). Views point into der. */
hf_alg hf_rsa_read_public(hf_view der, hf_view *ret_n, hf_view *ret_e);
/* Strict DER, sizes, and that all numbers belong together; with test_primes that p and q are prime (slow). */
bool hf_rsa_private_is_sound(hf_alg a, hf_view der, bool test_primes);
hf_err hf_rsa_generate(hf_alg a, hf_secret **ret_material) HF_MUST_USE;

/* ---- wrapping, with plaintext in buffers that the caller owns and wipes ---- */
#define HF_KEK_BYTES 32
/* AES-256-KWP. Wrapping: cap at least the padded length and 8. Unwrapping: cap at least in.len. */
hf_err hf_kwp_into(const uint8_t kek[static HF_KEK_BYTES], bool wrap, hf_view in, uint8_t *dst, size_t cap,
                   size_t *ret_len) HF_MUST_USE;
hf_err hf_oaep_open_into(const hf_key *key, hf_view sealed, uint8_t dst[static HF_OAEP_MAX_BYTES], size_t *ret_len)
    HF_MUST_USE;

/* Algorithm, prefix and length of the only SubjectPublicKeyInfo form that is taken; all but RSA. */
struct hf_spki_form {
    hf_alg alg;
    const char *type; /* OpenSSL's key type */
    const char *group; /* its group name, NULL when the type says it all */
    hf_view prefix; /* DER up to the raw public key */
    size_t raw_len; /* bytes of the raw public key, which ends the DER */
};
const struct hf_spki_form *hf_spki_form_of(hf_alg a); /* NULL for RSA, symmetric and unknown ones */
/* The raw public key at the end of the key's SubjectPublicKeyInfo; RSA: RSAPublicKey DER. */
hf_err hf_key_public_raw(const hf_key *key, uint8_t dst[static HF_SPKI_MAX_BYTES], hf_view *ret) HF_MUST_USE;

/* A context for the key's private or public operation, from the pool or new. NULL on failure. */
EVP_PKEY_CTX *hf_key_ctx_take(hf_key *key, bool private_op);
/* Puts it back; a context whose operation failed must be freed instead. */
void hf_key_ctx_give(hf_key *key, bool private_op, EVP_PKEY_CTX *ctx);

/* HMAC with the key's prepared context. dst has the hash's length. */
hf_err hf_key_mac(const hf_key *key, hf_view input, uint8_t *dst) HF_MUST_USE;

/* ECDSA signatures between DER and r || s of n bytes each (IEEE P1363). */
#define HF_ECDSA_RAW_MAX_BYTES 96
#define HF_ECDSA_DER_MAX_BYTES 104 /* two integers of 49 bytes */
hf_err hf_ecdsa_raw_from_der(hf_view der, size_t n, uint8_t dst[static HF_ECDSA_RAW_MAX_BYTES]) HF_MUST_USE;
hf_err hf_ecdsa_der_from_raw(const uint8_t *raw, size_t n, uint8_t dst[static HF_ECDSA_DER_MAX_BYTES], size_t *ret_len)
    HF_MUST_USE;

#endif
