/*
 * OpenSSL calls that fail, or that report success with a wrong length as they were measured to do after trouble inside.
 * This program's own definitions come before the shared library's, so the calls of src/crypto land here first.
 */
#include "common.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

static const char *broken = "";  /* the call that goes wrong */
static bool lies;                /* it returns 1 and an absurd length instead of 0 */
static unsigned hits;

static bool goes_wrong(const char *name)
{
    bool now = strcmp(broken, name) == 0;
    hits += now;
    return now;
}

#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

int EVP_PKEY_sign(EVP_PKEY_CTX *ctx, unsigned char *sig, size_t *len, const unsigned char *in, size_t n)
{
    if (!goes_wrong("sign"))
        return REAL(EVP_PKEY_sign)(ctx, sig, len, in, n);
    *len = lies ? UINT32_MAX : *len;
    return lies ? 1 : 0;
}

int EVP_PKEY_encapsulate(EVP_PKEY_CTX *ctx, unsigned char *ct, size_t *ct_len, unsigned char *s, size_t *s_len)
{
    int done = REAL(EVP_PKEY_encapsulate)(ctx, ct, ct_len, s, s_len);
    if (!goes_wrong("encapsulate"))
        return done;
    *s_len = lies ? 16 : *s_len;
    return lies ? 1 : 0;
}

int EVP_PKEY_decapsulate(EVP_PKEY_CTX *ctx, unsigned char *s, size_t *s_len, const unsigned char *ct, size_t ct_len)
{
    int done = REAL(EVP_PKEY_decapsulate)(ctx, s, s_len, ct, ct_len);
    if (!goes_wrong("decapsulate"))
        return done;
    *s_len = lies ? UINT32_MAX : *s_len;
    return lies ? 1 : 0;
}

int EVP_CipherUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *n, const unsigned char *in, int len)
{
    int done = REAL(EVP_CipherUpdate)(ctx, out, n, in, len);
    if (out == NULL || !goes_wrong("update"))
        return done;
    *n = lies ? len - 1 : *n;
    return lies ? 1 : 0;
}

int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *ctx, int type, int arg, void *p)
{
    return goes_wrong("tag") ? 0 : REAL(EVP_CIPHER_CTX_ctrl)(ctx, type, arg, p);
}

int EVP_CipherInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *c, const unsigned char *key, const unsigned char *iv,
                       int enc, const OSSL_PARAM params[])
{
    return goes_wrong("nonce") ? 0 : REAL(EVP_CipherInit_ex2)(ctx, c, key, iv, enc, params);
}

int EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *md, unsigned *len)
{
    int done = REAL(EVP_DigestFinal_ex)(ctx, md, len);
    if (!goes_wrong("digest"))
        return done;
    *len = lies ? 20 : *len;
    return lies ? 1 : 0;
}

int EVP_MAC_final(EVP_MAC_CTX *ctx, unsigned char *out, size_t *len, size_t cap)
{
    int done = REAL(EVP_MAC_final)(ctx, out, len, cap);
    if (!goes_wrong("mac"))
        return done;
    *len = lies ? 20 : *len;
    return lies ? 1 : 0;
}

int EVP_KDF_derive(EVP_KDF_CTX *ctx, unsigned char *out, size_t len, const OSSL_PARAM params[])
{
    int done = REAL(EVP_KDF_derive)(ctx, out, len, params);
    return goes_wrong("kdf") ? 0 : done;
}

int EVP_PKEY_pairwise_check(EVP_PKEY_CTX *ctx)
{
    return goes_wrong("pairwise") ? 0 : REAL(EVP_PKEY_pairwise_check)(ctx);
}

int EVP_PKEY_verify(EVP_PKEY_CTX *ctx, const unsigned char *sig, size_t len, const unsigned char *in, size_t n)
{
    return goes_wrong("verify") ? (lies ? -1 : 0) : REAL(EVP_PKEY_verify)(ctx, sig, len, in, n);
}

int EVP_PKEY_encrypt(EVP_PKEY_CTX *ctx, unsigned char *out, size_t *len, const unsigned char *in, size_t n)
{
    int done = REAL(EVP_PKEY_encrypt)(ctx, out, len, in, n);
    if (!goes_wrong("encrypt"))
        return done;
    *len = lies ? UINT32_MAX : *len;
    return lies ? 1 : 0;
}

int EVP_PKEY_decrypt(EVP_PKEY_CTX *ctx, unsigned char *out, size_t *len, const unsigned char *in, size_t n)
{
    int done = REAL(EVP_PKEY_decrypt)(ctx, out, len, in, n);
    if (!goes_wrong("decrypt"))
        return done;
    *len = lies ? UINT32_MAX : *len;
    return lies ? 1 : 0;
}

int EVP_PKEY_CTX_set_params(EVP_PKEY_CTX *ctx, const OSSL_PARAM *params)
{
    return goes_wrong("params") ? 0 : REAL(EVP_PKEY_CTX_set_params)(ctx, params);
}

static void break_call(const char *name, bool lie)
{
    broken = name;
    lies = lie;
    hits = 0;
}

static void mended(void)
{
    assert_true(hits > 0); /* the fault was really met */
    broken = "";
}

static void is_all(const uint8_t *p, size_t n, uint8_t value)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(p[i], value);
}

/* Wiped, or never written. */
static void holds_nothing(const uint8_t *p, size_t n)
{
    is_all(p, n, p[0] == 0x5a ? 0x5a : 0);
}

static void a_bad_signature_call_gives_no_output(void **state)
{
    (void)state;
    const hf_alg algs[] = { HF_ALG_EC_P256,  HF_ALG_EC_P384,  HF_ALG_ED25519,
                            HF_ALG_RSA_2048, HF_ALG_RSA_3072, HF_ALG_ML_DSA_65 };
    for (size_t i = 0; i < HF_COUNT(algs) * 2; i++) {
        hf_key *k = test_key(algs[i / 2]);
        uint8_t sig[4000];
        size_t len = 77;
        memset(sig, 0x5a, sizeof sig);
        break_call("sign", i % 2 == 1);
        assert_int_equal(
            hf_key_sign(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, hf_view_str("x"), sig, sizeof sig, &len),
            HF_ERR_INTERNAL);
        mended();
        is_all(sig, sizeof sig, 0x5a);
        assert_int_equal(len, 77);
        assert_int_equal(
            hf_key_sign(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, hf_view_str("x"), sig, sizeof sig, &len), HF_OK);
        hf_key_free(k);
    }
}

static void a_bad_kem_call_gives_no_secret(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_ML_KEM_768);
    for (int lie = 0; lie < 2; lie++) {
        uint8_t ct[1088], secret[HF_KEM_SECRET_BYTES];
        size_t len = 77;
        break_call("encapsulate", lie == 1);
        assert_int_equal(hf_key_encapsulate(k, ct, sizeof ct, &len, secret), HF_ERR_INTERNAL);
        mended();
        is_all(ct, sizeof ct, 0);
        is_all(secret, sizeof secret, 0);
        assert_int_equal(len, 77);
        assert_int_equal(hf_key_encapsulate(k, ct, sizeof ct, &len, secret), HF_OK);
        break_call("decapsulate", lie == 1);
        assert_int_equal(hf_key_decapsulate(k, (hf_view) { ct, len }, secret), HF_ERR_INTERNAL);
        mended();
        is_all(secret, sizeof secret, 0);
    }
    hf_key_free(k);
}

static void a_bad_cipher_call_gives_no_text(void **state)
{
    (void)state;
    const char *const calls[] = { "nonce", "update", "tag" };
    const uint8_t key[HF_GCM_KEY_BYTES] = { 1 }, nonce[HF_GCM_NONCE_BYTES] = { 2 };
    hf_key *k = NULL;
    assert_int_equal(test_load(HF_ALG_AES_256_GCM, key, sizeof key, &k), HF_OK);
    for (size_t i = 0; i < HF_COUNT(calls) * 2; i++) {
        bool lie = i % 2 == 1 && strcmp(calls[i / 2], "update") == 0;
        uint8_t good[20 + HF_GCM_TAG_BYTES], sealed[20 + HF_GCM_TAG_BYTES], plain[20];
        hf_view text = { (const uint8_t *)"twenty bytes of text", 20 };
        assert_int_equal(hf_gcm_seal(key, nonce, NULL, 0, text, good), HF_OK);
        memset(sealed, 0x5a, sizeof sealed);
        memset(plain, 0x5a, sizeof plain);
        break_call(calls[i / 2], lie);
        assert_int_equal(hf_gcm_seal(key, nonce, NULL, 0, text, sealed), HF_ERR_INTERNAL);
        holds_nothing(sealed, sizeof sealed);
        memset(sealed, 0x5a, sizeof sealed);
        assert_int_equal(hf_key_seal(k, nonce, NULL, 0, text, sealed), HF_ERR_INTERNAL);
        holds_nothing(sealed, sizeof sealed);
        assert_int_not_equal(hf_key_open(k, nonce, NULL, 0, (hf_view) { good, sizeof good }, plain), HF_OK);
        holds_nothing(plain, sizeof plain);
        mended();
        assert_int_equal(hf_key_open(k, nonce, NULL, 0, (hf_view) { good, sizeof good }, plain), HF_OK);
        assert_memory_equal(plain, text.ptr, text.len);
    }
    hf_key_free(k);
}

static void bad_digest_mac_and_kdf_calls_give_nothing(void **state)
{
    (void)state;
    hf_view x = hf_view_str("x");
    for (int lie = 0; lie < 2; lie++) {
        uint8_t out[32];
        memset(out, 0x5a, sizeof out);
        break_call("digest", lie == 1);
        assert_int_equal(hf_digest(HF_HASH_SHA256, &x, 1, out), HF_ERR_INTERNAL);
        mended();
        break_call("mac", lie == 1);
        assert_int_equal(hf_hmac(HF_HASH_SHA256, x, &x, 1, out), HF_ERR_INTERNAL);
        mended();
        is_all(out, sizeof out, 0x5a);
        break_call("kdf", false);
        assert_int_equal(hf_hkdf(HF_HASH_SHA256, x, x, x, out, sizeof out), HF_ERR_INTERNAL);
        mended();
        is_all(out, sizeof out, 0);
    }
}

/* A setting that cannot be made must not leave the one of the last use in force. */
static void a_setting_that_fails_gives_no_signature(void **state)
{
    (void)state;
    hf_key *rsa = test_key(HF_ALG_RSA_2048), *ml = test_key(HF_ALG_ML_DSA_65);
    uint8_t sig[4000];
    size_t len = 0;
    hf_view x = hf_view_str("x"), ctx = hf_view_str("context");
    assert_int_equal(hf_key_sign(rsa, HF_SCHEME_RSA_PKCS1, HF_HASH_NONE, false, x, sig, sizeof sig, &len), HF_OK);
    assert_int_equal(hf_key_sign(ml, HF_SCHEME_ML_DSA, HF_HASH_NONE, false, x, sig, sizeof sig, &len), HF_OK);
    break_call("params", false);
    assert_int_equal(hf_key_sign(rsa, HF_SCHEME_RSA_PSS, HF_HASH_NONE, false, x, sig, sizeof sig, &len),
                     HF_ERR_INTERNAL);
    mended();
    break_call("params", false);
    assert_int_equal(hf_key_sign_context(ml, HF_SCHEME_ML_DSA, HF_HASH_NONE, false, ctx, x, sig, sizeof sig, &len),
                     HF_ERR_INTERNAL);
    mended();
    assert_int_equal(hf_key_sign(rsa, HF_SCHEME_RSA_PSS, HF_HASH_NONE, false, x, sig, sizeof sig, &len), HF_OK);
    assert_int_equal(hf_key_verify(rsa, HF_SCHEME_RSA_PSS, HF_HASH_NONE, false, x, (hf_view) { sig, len }), HF_OK);
    hf_key_free(rsa);
    hf_key_free(ml);
}

/* Only 1 is a yes: 0 and below it are not. */
static void a_bad_verify_call_verifies_nothing(void **state)
{
    (void)state;
    const hf_alg algs[] = { HF_ALG_EC_P384, HF_ALG_RSA_2048, HF_ALG_ML_DSA_65 };
    for (size_t i = 0; i < HF_COUNT(algs) * 2; i++) {
        hf_key *k = test_key(algs[i / 2]);
        uint8_t sig[4000];
        size_t len = 0;
        hf_view x = hf_view_str("x");
        assert_int_equal(hf_key_sign(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, x, sig, sizeof sig, &len), HF_OK);
        break_call("verify", i % 2 == 1);
        assert_int_equal(hf_key_verify(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, x, (hf_view) { sig, len }),
                         HF_ERR_BAD_SIGNATURE);
        mended();
        hf_key_free(k);
    }
}

static void bad_wrapping_calls_give_nothing(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_RSA_2048);
    hf_secret *plain = NULL, *back = NULL;
    const uint8_t bytes[32] = { 7 };
    assert_int_equal(hf_secret_copy(bytes, sizeof bytes, &plain), HF_OK);
    for (int lie = 0; lie < 2; lie++) {
        uint8_t out[HF_OAEP_MAX_BYTES], good[256], wrapped[40], kept[40];
        size_t len = 77;
        assert_int_equal(hf_key_oaep_seal(k, plain, good, sizeof good, &len), HF_OK);
        len = 77;
        memset(out, 0x5a, sizeof out);
        break_call("encrypt", lie == 1);
        assert_int_equal(hf_key_oaep_seal(k, plain, out, 256, &len), HF_ERR_INTERNAL);
        mended();
        is_all(out, 256, 0);
        assert_int_equal(len, 77);
        break_call("decrypt", lie == 1);
        assert_int_equal(hf_key_oaep_open(k, (hf_view) { good, sizeof good }, &back), HF_ERR_BAD_CIPHERTEXT);
        mended();
        assert_null(back);
        assert_int_equal(hf_kwp_wrap(plain, plain, kept, sizeof kept, &len), HF_OK);
        len = 77;
        memset(wrapped, 0x5a, sizeof wrapped);
        break_call("update", lie == 1);
        assert_int_equal(hf_kwp_wrap(plain, plain, wrapped, sizeof wrapped, &len), HF_ERR_INTERNAL);
        mended();
        is_all(wrapped, sizeof wrapped, 0);
        assert_int_equal(len, 77);
        break_call("update", false);
        assert_int_equal(hf_kwp_unwrap(plain, (hf_view) { kept, sizeof kept }, &back), HF_ERR_BAD_CIPHERTEXT);
        mended();
        assert_null(back);
    }
    hf_secret_free(plain);
    hf_key_free(k);
}

/* RSA pairs are tried before anybody gets them: each half of the trial must be met. */
static void an_rsa_pair_that_does_not_sign_or_verify_is_not_made(void **state)
{
    (void)state;
    static const char *const calls[] = { "sign", "verify" };
    for (size_t i = 0; i < HF_COUNT(calls); i++) {
        hf_secret *material = NULL;
        break_call(calls[i], false);
        assert_int_equal(hf_key_generate(HF_ALG_RSA_2048, &material), HF_ERR_INTERNAL);
        mended();
        assert_null(material);
    }
}

static void a_key_pair_that_fails_its_check_is_not_made(void **state)
{
    (void)state;
    const hf_alg algs[] = { HF_ALG_EC_P256, HF_ALG_EC_P384, HF_ALG_ED25519, HF_ALG_ML_KEM_768, HF_ALG_ML_DSA_65 };
    for (size_t i = 0; i < HF_COUNT(algs); i++) {
        hf_secret *material = NULL;
        break_call("pairwise", false);
        assert_int_equal(hf_key_generate(algs[i], &material), HF_ERR_INTERNAL);
        mended();
        assert_null(material);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_signature_call_gives_no_output),
        cmocka_unit_test(a_bad_kem_call_gives_no_secret),
        cmocka_unit_test(a_bad_cipher_call_gives_no_text),
        cmocka_unit_test(bad_digest_mac_and_kdf_calls_give_nothing),
        cmocka_unit_test(a_key_pair_that_fails_its_check_is_not_made),
        cmocka_unit_test(a_setting_that_fails_gives_no_signature),
        cmocka_unit_test(a_bad_verify_call_verifies_nothing),
        cmocka_unit_test(bad_wrapping_calls_give_nothing),
        cmocka_unit_test(an_rsa_pair_that_does_not_sign_or_verify_is_not_made),
    };
    return cmocka_run_group_tests_name("faults", tests, test_start, NULL);
}
