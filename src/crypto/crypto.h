/*
 * Everything that touches keys through OpenSSL, in our types. No OpenSSL type appears here, so nothing
 * above this layer includes OpenSSL for keys. Every function that handles key bytes takes and gives them
 * as hf_secret (locked, wiped) except where a caller-owned buffer is named.
 *
 * Threads: after hf_crypto_start every function may be called from any thread; one hf_key may be used by
 * several threads at once.
 */
#ifndef HF_CRYPTO_CRYPTO_H
#define HF_CRYPTO_CRYPTO_H

#include "base/buf.h"
#include "base/names.h"
#include <holdfast/secret.h>

/*
 * Puts every OpenSSL allocation into the arena (NULL: ordinary malloc, for programs that hold no key),
 * starts OpenSSL without its configuration file, fetches what is used and runs each kind of operation once.
 * Must be the first call that reaches OpenSSL in the process, and the only one of its kind; HF_ERR_INTERNAL when it is
 * not. After an error the process can only end. Without an arena too, OpenSSL never sees a failed allocation: the
 * process ends with exit code 71, because OpenSSL may report success with wrong results after one.
 */
hf_err hf_crypto_start(hf_arena *arena) HF_MUST_USE;

/*
 * Power-up known answers for every algorithm that this library offers. On failure HF_ERR_SELFTEST and
 * *reterr_name names the test (static text).
 */
hf_err hf_crypto_selftest(const char **reterr_name) HF_MUST_USE;
/* The same for what only some programs use, so only they run it: HPKE; Argon2id (with 32 KiB). */
hf_err hf_crypto_selftest_hpke(const char **reterr_name) HF_MUST_USE;
hf_err hf_crypto_selftest_argon2(const char **reterr_name) HF_MUST_USE;

/*
 * From now on blocks of 1 MiB and more come from this arena: the memory of Argon2id, which is much larger than all keys
 * together and may have to lie in a weaker backing than theirs. Before other threads; needs hf_crypto_start with an arena.
 */
void hf_crypto_large_blocks(hf_arena *arena);

/* The same one by one, for a report: tell gets every test's name and outcome, and false from it ends the run. */
typedef bool hf_crypto_selftest_fn(void *arg, const char *name, bool passed);
void hf_crypto_selftest_each(hf_crypto_selftest_fn *tell, void *arg);

/* ---- random ---- */

/* From the kernel's getrandom: nonces, ids and keys. A short read or an error is HF_ERR_SYSTEM and wipes dst. */
hf_err hf_random(void *dst, size_t len) HF_MUST_USE;

/* ---- digests and MACs ---- */

#define HF_HASH_MAX_BYTES 64
size_t hf_hash_bytes(hf_hash h); /* 0 for HF_HASH_NONE */

/* Digest of the parts in order. dst has hf_hash_bytes(h) bytes. */
hf_err hf_digest(hf_hash h, const hf_view *parts, size_t n, uint8_t *dst) HF_MUST_USE;
/* HMAC (FIPS 198-1) of the parts in order. */
hf_err hf_hmac(hf_hash h, hf_view key, const hf_view *parts, size_t n, uint8_t *dst) HF_MUST_USE;
/* HKDF (RFC 5869), extract and expand. HF_ERR_BOUNDS for a length of 0 or above 255 hashes. */
hf_err hf_hkdf(hf_hash h, hf_view key, hf_view salt, hf_view info, uint8_t *dst, size_t len) HF_MUST_USE;

/* ---- AEAD: AES-256-GCM (SP 800-38D), 96-bit nonce, 128-bit tag, nothing else ---- */

#define HF_GCM_KEY_BYTES 32
#define HF_GCM_NONCE_BYTES 12
#define HF_GCM_TAG_BYTES 16

/* dst gets plain.len bytes of ciphertext followed by the tag. AAD is the parts in order. dst may not overlap plain. */
hf_err hf_gcm_seal(const uint8_t key[static HF_GCM_KEY_BYTES], const uint8_t nonce[static HF_GCM_NONCE_BYTES],
                   const hf_view *aad, size_t n_aad, hf_view plain, uint8_t *dst) HF_MUST_USE;
/*
 * sealed = ciphertext and tag; dst gets sealed.len - 16 bytes. HF_ERR_BAD_CIPHERTEXT when the tag is wrong or missing:
 * dst is then wiped. Both directions: HF_ERR_TOO_LARGE above 1 GiB.
 */
hf_err hf_gcm_open(const uint8_t key[static HF_GCM_KEY_BYTES], const uint8_t nonce[static HF_GCM_NONCE_BYTES],
                   const hf_view *aad, size_t n_aad, hf_view sealed, uint8_t *dst) HF_MUST_USE;

/* ---- key objects ---- */

/* A loaded key: private or public only. Opaque; its memory is OpenSSL's, so in the arena. */
typedef struct hf_key hf_key;
void hf_key_free(hf_key *key); /* NULL is fine */
hf_alg hf_key_alg(const hf_key *key);
/* Bytes of arena that one loaded key of this algorithm takes, for cache budgets. */
size_t hf_key_cost(hf_alg a);

/*
 * Private key material in the form that records seal: AES and HMAC: the key bytes (HMAC: as long as its hash); EC:
 * big-endian scalar, 32 or 48 bytes; Ed25519: 32-byte seed (RFC 8032); ML-KEM: 64-byte seed d||z (FIPS 203); ML-DSA:
 * 32-byte seed (FIPS 204); RSA: RSAPrivateKey DER (RFC 8017 appendix A.1.2). It has been loaded and checked once
 * before it is given out. Caller frees *ret.
 */
hf_err hf_key_generate(hf_alg a, hf_secret **ret_material) HF_MUST_USE;

/* Loads and fully checks private material. HF_ERR_BAD_KEY when it is not a valid key. Caller frees *ret. */
hf_err hf_key_load_private(hf_alg a, const hf_secret *material, hf_key **ret) HF_MUST_USE;

/*
 * Loads a public key from DER SubjectPublicKeyInfo. Each algorithm has one encoding that is taken: named curve and
 * uncompressed point (RFC 5480), absent parameters (RFC 8410, RFC 9935), shortest lengths, nothing after it. Refused
 * besides: points off the curve, Ed25519 points of low order or with y not below 2^255 - 19 (OpenSSL takes both), ML-KEM
 * coefficients not below q. HF_ERR_BAD_KEY for all of these. An Ed25519 y without an x may load, because OpenSSL looks
 * only when it verifies; no signature holds under such a key. Caller frees *ret.
 */
hf_err hf_key_load_public(hf_alg a, hf_view spki, hf_key **ret) HF_MUST_USE;
/* Like it, with the algorithm taken from the SPKI. */
hf_err hf_key_load_any_public(hf_view spki, hf_key **ret) HF_MUST_USE;

/* DER SubjectPublicKeyInfo into dst. HF_ERR_UNSUPPORTED for symmetric keys. */
#define HF_SPKI_MAX_BYTES 2048
hf_err hf_key_public_der(const hf_key *key, uint8_t *dst, size_t cap, size_t *ret_len) HF_MUST_USE;

/* ---- signatures ---- */

#define HF_SIGNATURE_MAX_BYTES 8192

/*
 * Signs. With prehashed, input is the digest itself and must have the hash's length (HF_ERR_BOUNDS); Ed25519 takes no
 * prehash and no hash. HF_HASH_NONE means the algorithm's default (SHA-256; P-384: SHA-384). HF_ERR_UNSUPPORTED for a
 * combination that does not exist and for a public key; HF_ERR_BOUNDS when cap is too small: dst is untouched then.
 * The length that OpenSSL reports is checked against the scheme's bounds before anything is copied out. A signature is
 * not verified again before it leaves: the faults that were measured to give wrong ones follow a failed allocation, and
 * that ends the process here.
 */
hf_err hf_key_sign(const hf_key *key, hf_scheme scheme, hf_hash hash, bool prehashed, hf_view input, uint8_t *dst,
                   size_t cap, size_t *ret_len) HF_MUST_USE;
/* HF_OK, HF_ERR_BAD_SIGNATURE, or HF_ERR_UNSUPPORTED for a combination that does not exist. */
hf_err hf_key_verify(const hf_key *key, hf_scheme scheme, hf_hash hash, bool prehashed, hf_view input,
                     hf_view signature) HF_MUST_USE;

/*
 * The same with a context string (FIPS 204 section 5.2, at most 255 bytes). HF_ERR_UNSUPPORTED for a context with any
 * algorithm but ML-DSA, and with ML-DSA when prehashed: the external mu holds the context already.
 */
hf_err hf_key_sign_context(const hf_key *key, hf_scheme scheme, hf_hash hash, bool prehashed, hf_view context,
                           hf_view input, uint8_t *dst, size_t cap, size_t *ret_len) HF_MUST_USE;
hf_err hf_key_verify_context(const hf_key *key, hf_scheme scheme, hf_hash hash, bool prehashed, hf_view context,
                             hf_view input, hf_view signature) HF_MUST_USE;

/* ---- AES key objects (with the expanded key kept) ---- */
hf_err hf_key_seal(const hf_key *key, const uint8_t nonce[static HF_GCM_NONCE_BYTES], const hf_view *aad, size_t n_aad,
                   hf_view plain, uint8_t *dst) HF_MUST_USE;
hf_err hf_key_open(const hf_key *key, const uint8_t nonce[static HF_GCM_NONCE_BYTES], const hf_view *aad, size_t n_aad,
                   hf_view sealed, uint8_t *dst) HF_MUST_USE;

/* ---- KEM: ML-KEM (FIPS 203) ---- */
#define HF_KEM_SECRET_BYTES 32
#define HF_KEM_CIPHERTEXT_MAX_BYTES 1568
size_t hf_kem_ciphertext_bytes(hf_alg a);
hf_err hf_key_encapsulate(const hf_key *key, uint8_t *dst_ct, size_t cap, size_t *ret_ct_len,
                          uint8_t dst_secret[static HF_KEM_SECRET_BYTES]) HF_MUST_USE;
/*
 * HF_ERR_BAD_CIPHERTEXT for a wrong length; a right-sized one always gives a secret (implicit rejection, FIPS 203
 * algorithm 18). Both: HF_ERR_UNSUPPORTED for keys of other algorithms or without the private half.
 */
hf_err hf_key_decapsulate(const hf_key *key, hf_view ct, uint8_t dst_secret[static HF_KEM_SECRET_BYTES]) HF_MUST_USE;

/* ---- keys that come from outside ---- */

/*
 * Reads one PKCS #8 PrivateKeyInfo (RFC 5958), DER, into the form that records seal, with every check that a key made
 * elsewhere needs: named curve, public half belongs to the private one, RSA primes, d and CRT parts consistent, odd
 * e >= 65537, two primes, exact sizes; ML-DSA and ML-KEM only with their seed (RFC 9881, RFC 9935), and an expanded
 * half that stands beside it must follow from it. Nothing may follow. want HF_ALG_NONE: any that is offered.
 * HF_ERR_BAD_KEY; HF_ERR_UNSUPPORTED for a key of another algorithm. Caller frees *ret_material.
 */
hf_err hf_key_read_pkcs8(hf_alg want, const hf_secret *pkcs8, hf_alg *ret_alg, hf_secret **ret_material) HF_MUST_USE;

/* RSAES-OAEP (RFC 8017 section 7.1), SHA-256 for hash and MGF1, empty label. Keys rsa-2048 and rsa-3072. */
#define HF_OAEP_MAX_BYTES 384
hf_err hf_key_oaep_seal(const hf_key *key, const hf_secret *plain, uint8_t *dst, size_t cap, size_t *ret_len)
    HF_MUST_USE;
/* HF_ERR_BAD_CIPHERTEXT, the same for every cause. Caller frees *ret. */
hf_err hf_key_oaep_open(const hf_key *key, hf_view sealed, hf_secret **ret) HF_MUST_USE;

/* AES-256 key wrap with padding (RFC 5649, SP 800-38F section 6.3). kek: 32 bytes. wrapped: 16 bytes and more, in eights. */
hf_err hf_kwp_wrap(const hf_secret *kek, const hf_secret *plain, uint8_t *dst, size_t cap, size_t *ret_len) HF_MUST_USE;
/* HF_ERR_BAD_CIPHERTEXT, the same for every cause. Caller frees *ret. */
hf_err hf_kwp_unwrap(const hf_secret *kek, hf_view wrapped, hf_secret **ret) HF_MUST_USE;

/* ---- HPKE (RFC 9180), base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; one message per context ---- */
#define HF_HPKE_PUBLIC_BYTES 32
#define HF_HPKE_ENC_BYTES 32
#define HF_HPKE_TAG_BYTES 16
typedef struct hf_hpke_key hf_hpke_key;
hf_err hf_hpke_key_new(hf_hpke_key **ret, uint8_t ret_public[static HF_HPKE_PUBLIC_BYTES]) HF_MUST_USE;
void hf_hpke_key_free(hf_hpke_key *key); /* NULL is fine */
/* dst gets the ciphertext: the plaintext's length and HF_HPKE_TAG_BYTES. */
hf_err hf_hpke_seal(const uint8_t public_key[static HF_HPKE_PUBLIC_BYTES], hf_view info, hf_view aad,
                    const hf_secret *plain, uint8_t ret_enc[static HF_HPKE_ENC_BYTES], uint8_t *dst, size_t cap,
                    size_t *ret_len) HF_MUST_USE;
/* HF_ERR_BAD_CIPHERTEXT, the same for every cause. Caller frees *ret. */
hf_err hf_hpke_open(const hf_hpke_key *key, hf_view enc, hf_view info, hf_view aad, hf_view sealed, hf_secret **ret)
    HF_MUST_USE;

/*
 * ---- Argon2id (RFC 9106, version 0x13). Takes memory_kib of memory: never called in core. ----
 * Salt: 8 bytes or more; len: 4 to 1024; memory_kib: 8 a lane to 4 GiB. HF_ERR_BOUNDS else.
 */
hf_err hf_argon2id(const hf_secret *passphrase, hf_view salt, uint32_t memory_kib, uint32_t passes, uint32_t lanes,
                   uint8_t *dst, size_t len) HF_MUST_USE;

/*
 * Ends a job on this thread: clears what OpenSSL leaves on the stack below the caller (16 KiB) and in the vector and
 * caller-saved registers, where AES round keys would otherwise stay while the thread sleeps. Call it before the thread
 * blocks.
 */
void hf_crypto_end_job(void);

#endif
