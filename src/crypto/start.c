#include "crypto/known.h"
#include "crypto/openssl.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct hf_openssl hf_openssl;

hf_err hf_openssl_error(hf_err e)
{
    ERR_clear_error();
    return e;
}

/* ---- memory ---- */

/*
 * OpenSSL must never see NULL from these for a size above 0: measured, it then reports success with wrong
 * signatures and wrong shared secrets. The arena ends the process by itself; so does the ordinary heap here.
 */
static hf_arena *heap;
static hf_arena *large; /* for blocks of LARGE_BYTES and more; NULL: the heap has them too */

#define LARGE_BYTES (1u << 20)
#define EXIT_NO_MEMORY 71 /* as the arena does */

static void *never_null(void *p)
{
    static const char why[] = "out of memory in the cryptographic library\n";
    if (p != NULL)
        return p;
    ssize_t ignored = write(STDERR_FILENO, why, sizeof why - 1);
    (void)ignored; /* there is nowhere left to say it */
    _exit(EXIT_NO_MEMORY);
}

void hf_crypto_large_blocks(hf_arena *arena)
{
    large = arena;
}

static hf_arena *arena_for(size_t n)
{
    return large != NULL && n >= LARGE_BYTES ? large : heap;
}

static hf_arena *arena_of(const void *p)
{
    return large != NULL && p != NULL && hf_arena_owns(large, p) ? large : heap;
}

static void *mem_alloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    if (n == 0)
        return NULL;
    return heap != NULL ? hf_arena_alloc(arena_for(n), n) : never_null(malloc(n));
}

static void mem_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    if (heap != NULL)
        hf_arena_free(arena_of(p), p);
    else
        free(p);
}

static void *mem_realloc(void *p, size_t n, const char *file, int line)
{
    if (n == 0) {
        mem_free(p, file, line);
        return NULL;
    }
    return heap != NULL ? hf_arena_realloc(arena_of(p), p, n) : never_null(realloc(p, n));
}

/* ---- what is fetched once ---- */

static bool fetch_hash(hf_hash h)
{
    const char *name = hf_openssl_hash_name(h);
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)name, 0),
        OSSL_PARAM_construct_end(),
    };
    hf_openssl.digest[h] = EVP_MD_fetch(NULL, name, NULL);
    hf_openssl.hmac[h] = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL; /* it does not look */
    EVP_MAC_free(mac); /* the context keeps its own reference */
    return hf_openssl.digest[h] != NULL && hf_openssl.hmac[h] != NULL &&
           EVP_MAC_CTX_set_params(hf_openssl.hmac[h], params) == 1;
}

static bool fetch_all(void)
{
    hf_openssl.hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    hf_openssl.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    hf_openssl.ed25519 = EVP_SIGNATURE_fetch(NULL, "ED25519", NULL);
    hf_openssl.kwp = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
    hf_openssl.ml_dsa = EVP_SIGNATURE_fetch(NULL, "ML-DSA-65", NULL);
    return hf_openssl.hkdf != NULL && hf_openssl.gcm != NULL && hf_openssl.ed25519 != NULL && hf_openssl.kwp != NULL &&
           hf_openssl.ml_dsa != NULL && fetch_hash(HF_HASH_SHA256) && fetch_hash(HF_HASH_SHA384) &&
           fetch_hash(HF_HASH_SHA512);
}

/* ---- each kind of operation once, so that nothing is set up lazily once the process is locked down ---- */

static void scratch_wipe(uint8_t (*p)[HF_KEM_CIPHERTEXT_MAX_BYTES])
{
    hf_wipe(*p, sizeof *p);
}

static hf_err warm_up_symmetric(const hf_key *key)
{
    HF_AUTO(scratch_wipe) uint8_t buf[HF_KEM_CIPHERTEXT_MAX_BYTES];
    uint8_t plain[16];
    const uint8_t nonce[HF_GCM_NONCE_BYTES] = { 0 };
    hf_view text = { nonce, sizeof nonce };
    HF_TRY(hf_digest(HF_HASH_SHA256, &text, 1, buf));
    HF_TRY(hf_hmac(HF_HASH_SHA384, text, &text, 1, buf));
    HF_TRY(hf_hkdf(HF_HASH_SHA512, text, text, text, buf, 64));
    HF_TRY(hf_key_seal(key, nonce, &text, 1, text, buf));
    return hf_key_open(key, nonce, &text, 1, (hf_view) { buf, sizeof nonce + HF_GCM_TAG_BYTES }, plain);
}

static hf_err warm_up_kem(const hf_key *key)
{
    HF_AUTO(scratch_wipe) uint8_t ct[HF_KEM_CIPHERTEXT_MAX_BYTES];
    uint8_t ours[HF_KEM_SECRET_BYTES];
    uint8_t theirs[HF_KEM_SECRET_BYTES];
    size_t len = 0;
    HF_TRY(hf_key_encapsulate(key, ct, sizeof ct, &len, ours));
    HF_TRY(hf_key_decapsulate(key, (hf_view) { ct, len }, theirs));
    return hf_ct_equal(ours, theirs, sizeof ours) ? HF_OK : HF_ERR_SELFTEST;
}

static hf_err warm_up_signature(const hf_key *key)
{
    uint8_t sig[HF_ML_DSA_65_SIGNATURE_BYTES];
    hf_view text = hf_view_str("warm-up");
    size_t len = 0;
    HF_TRY(hf_key_sign(key, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, text, sig, sizeof sig, &len));
    return hf_key_verify(key, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, text, (hf_view) { sig, len });
}

static hf_err warm_up_public(const hf_key *key)
{
    uint8_t spki[HF_SPKI_MAX_BYTES];
    size_t len = 0;
    HF_AUTO(hf_key_freep) hf_key *public = NULL;
    HF_TRY(hf_key_public_der(key, spki, sizeof spki, &len));
    return hf_key_load_any_public((hf_view) { spki, len }, &public);
}

static void material_wipe(uint8_t (*m)[HF_KEY_MATERIAL_MAX])
{
    hf_wipe(*m, sizeof *m);
}

static hf_err warm_up_use(const hf_key *key)
{
    hf_alg a = hf_key_alg(key);
    if (a == HF_ALG_AES_256_GCM)
        return warm_up_symmetric(key);
    if (hf_alg_symmetric(a))
        return warm_up_signature(key);
    HF_TRY(warm_up_public(key));
    return a == HF_ALG_ML_KEM_768 ? warm_up_kem(key) : warm_up_signature(key);
}

static hf_err warm_up(hf_alg a)
{
    HF_AUTO(material_wipe) uint8_t material[HF_KEY_MATERIAL_MAX];
    HF_AUTO(hf_key_freep) hf_key *key = NULL;
    size_t len = 0;
    HF_TRY(hf_key_draw(a, material, &len));
    HF_TRY(hf_key_load_bytes(a, (hf_view) { material, len }, &key));
    return warm_up_use(key);
}

/* Making an RSA key takes too long for a start, so a known one is used. What RSA alone needs for import comes along. */
static hf_err warm_up_rsa(void)
{
    HF_AUTO(hf_key_freep) hf_key *key = NULL;
    const uint8_t kek[HF_KEK_BYTES] = { 1 };
    uint8_t wrapped[HF_KEK_BYTES + 8], plain[sizeof wrapped], opened[HF_OAEP_MAX_BYTES];
    const uint8_t zero[256] = { 0 };
    size_t len = 0;
    HF_TRY(hf_key_load_bytes(HF_ALG_RSA_2048, hf_known_rsa_2048, &key));
    HF_TRY(warm_up_use(key));
    HF_TRY(hf_kwp_into(kek, true, (hf_view) { kek, sizeof kek }, wrapped, sizeof wrapped, &len));
    HF_TRY(hf_kwp_into(kek, false, (hf_view) { wrapped, len }, plain, sizeof plain, &len));
    hf_err e = hf_oaep_open_into(key, (hf_view) { zero, sizeof zero }, opened, &len); /* holds nothing: a refusal */
    return e == HF_ERR_BAD_CIPHERTEXT ? HF_OK : HF_ERR_SELFTEST;
}

hf_err hf_crypto_start(hf_arena *arena)
{
    static const hf_alg algs[] = { HF_ALG_AES_256_GCM, HF_ALG_EC_P256,   HF_ALG_EC_P384,    HF_ALG_ED25519,
                                   HF_ALG_ML_KEM_768,  HF_ALG_ML_DSA_65, HF_ALG_HMAC_SHA256 };
    static atomic_bool called;
    /* OpenSSL refuses other memory functions only after its own were used, so a second start is for us to refuse */
    HF_CHECK(!atomic_exchange(&called, true), HF_ERR_INTERNAL);
    HF_CHECK(CRYPTO_set_mem_functions(mem_alloc, mem_realloc, mem_free) == 1, HF_ERR_INTERNAL);
    heap = arena; /* nothing has been allocated yet */
    /* no configuration file: it could load providers and engines; no exit handlers: they would free what threads use */
    HF_CHECK(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) == 1, HF_ERR_INTERNAL);
    HF_CHECK(fetch_all(), hf_openssl_error(HF_ERR_INTERNAL));
    for (size_t i = 0; i < HF_COUNT(algs); i++)
        HF_TRY(warm_up(algs[i]));
    HF_TRY(warm_up_rsa());
    /* the first conversion of a time reads the zone's file: do it now, a locked-down process cannot */
    struct tm tm;
    time_t now = 0;
    tzset();
    return gmtime_r(&now, &tm) != NULL ? HF_OK : HF_ERR_INTERNAL;
}
