#include "crypto/openssl.h"
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/params.h>

#define P256_RAW_BYTES 64
#define P256_DER_MIN_BYTES 8  /* two integers of one byte */
#define P256_DER_MAX_BYTES 72 /* two integers of 33 bytes */
#define ED25519_BYTES 64

/* ---- which combinations exist ---- */

static hf_err resolve_scheme(const hf_key *key, hf_scheme asked, hf_scheme *ret)
{
    if (key->alg == HF_ALG_ED25519 && (asked == HF_SCHEME_DEFAULT || asked == HF_SCHEME_ED25519)) {
        *ret = HF_SCHEME_ED25519;
        return HF_OK;
    }
    if (key->alg == HF_ALG_EC_P256 && asked != HF_SCHEME_ED25519) {
        *ret = asked == HF_SCHEME_ECDSA_RAW ? HF_SCHEME_ECDSA_RAW : HF_SCHEME_ECDSA_DER;
        return asked <= HF_SCHEME_ECDSA_RAW ? HF_OK : HF_ERR_UNSUPPORTED;
    }
    return HF_ERR_UNSUPPORTED;
}

/* The digest that ECDSA works on, into store when it must be computed. */
static hf_err resolve_digest(hf_hash hash, bool prehashed, hf_view input, uint8_t store[static HF_HASH_MAX_BYTES],
                             hf_view *ret)
{
    hf_hash h = hash == HF_HASH_NONE ? HF_HASH_SHA256 : hash;
    size_t len = hf_hash_bytes(h);
    HF_CHECK(len > 0, HF_ERR_UNSUPPORTED);
    if (prehashed) {
        HF_CHECK(input.len == len, HF_ERR_BOUNDS);
        *ret = input;
        return HF_OK;
    }
    HF_TRY(hf_digest(h, &input, 1, store));
    *ret = (hf_view) { store, len };
    return HF_OK;
}

static hf_err check_ed25519_input(hf_hash hash, bool prehashed)
{
    return hash == HF_HASH_NONE && !prehashed ? HF_OK : HF_ERR_UNSUPPORTED;
}

/* ---- raw form: r || s, big endian, fixed width (IEEE P1363) ---- */

static void ecdsa_sig_freep(ECDSA_SIG **p)
{
    ECDSA_SIG_free(*p);
}

static hf_err raw_from_der(hf_view der, uint8_t raw[static P256_RAW_BYTES])
{
    const unsigned char *at = der.ptr;
    HF_AUTO(ecdsa_sig_freep) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    if (sig == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) != 32)
        return hf_openssl_error(HF_ERR_INTERNAL);
    return HF_OK;
}

static hf_err der_from_raw(const uint8_t raw[static P256_RAW_BYTES], uint8_t der[static P256_DER_MAX_BYTES],
                           size_t *ret_len)
{
    HF_AUTO(ecdsa_sig_freep) ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL);
    BIGNUM *s = BN_bin2bn(raw + 32, 32, NULL);
    if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    int len = i2d_ECDSA_SIG(sig, NULL);
    HF_CHECK(len > 0 && len <= P256_DER_MAX_BYTES, hf_openssl_error(HF_ERR_INTERNAL));
    unsigned char *at = der;
    *ret_len = (size_t)i2d_ECDSA_SIG(sig, &at);
    return HF_OK;
}

/* ---- signing ---- */

/*
 * Signs with a prepared context. The length is checked because OpenSSL has been seen to report success with a
 * length of 2^32 - 1 after trouble inside; copying that many bytes out would give away memory.
 */
static hf_err sign_with(const hf_key *key, hf_view input, uint8_t *dst, size_t cap, size_t min, size_t *ret_len)
{
    hf_key *shared = (hf_key *)(uintptr_t)key; /* the pool of contexts does not change what the key is */
    EVP_PKEY_CTX *ctx = hf_key_ctx_take(shared, true);
    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    size_t len = cap;
    const uint8_t *in = input.len > 0 ? input.ptr : (const uint8_t *)"";
    if (EVP_PKEY_sign(ctx, dst, &len, in, input.len) != 1 || len < min || len > cap) {
        EVP_PKEY_CTX_free(ctx);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    hf_key_ctx_give(shared, true, ctx);
    *ret_len = len;
    return HF_OK;
}

static hf_err give_out(const uint8_t *sig, size_t len, uint8_t *dst, size_t cap, size_t *ret_len)
{
    hf_writer w = hf_writer_on(dst, cap);
    hf_put_bytes(&w, sig, len);
    HF_CHECK(!w.failed, HF_ERR_BOUNDS);
    *ret_len = len;
    return HF_OK;
}

static hf_err sign_ecdsa(const hf_key *key, hf_scheme scheme, hf_view digest, uint8_t *dst, size_t cap, size_t *ret_len)
{
    uint8_t der[P256_DER_MAX_BYTES];
    size_t len = 0;
    HF_TRY(sign_with(key, digest, der, sizeof der, P256_DER_MIN_BYTES, &len));
    if (scheme == HF_SCHEME_ECDSA_DER)
        return give_out(der, len, dst, cap, ret_len);
    uint8_t raw[P256_RAW_BYTES];
    HF_TRY(raw_from_der((hf_view) { der, len }, raw));
    return give_out(raw, sizeof raw, dst, cap, ret_len);
}

static hf_err sign_ed25519(const hf_key *key, hf_view input, uint8_t *dst, size_t cap, size_t *ret_len)
{
    uint8_t sig[ED25519_BYTES];
    size_t len = 0;
    HF_TRY(sign_with(key, input, sig, sizeof sig, sizeof sig, &len));
    return give_out(sig, len, dst, cap, ret_len);
}

hf_err hf_key_sign(const hf_key *key, hf_scheme scheme, hf_hash hash, bool prehashed, hf_view input, uint8_t *dst,
                   size_t cap, size_t *ret_len)
{
    HF_CHECK(key->has_private, HF_ERR_UNSUPPORTED);
    HF_TRY(resolve_scheme(key, scheme, &scheme));
    if (scheme == HF_SCHEME_ED25519) {
        HF_TRY(check_ed25519_input(hash, prehashed));
        return sign_ed25519(key, input, dst, cap, ret_len);
    }
    uint8_t store[HF_HASH_MAX_BYTES];
    hf_view digest;
    HF_TRY(resolve_digest(hash, prehashed, input, store, &digest));
    return sign_ecdsa(key, scheme, digest, dst, cap, ret_len);
}

static void set_deterministic(EVP_PKEY_CTX *ctx, bool *ret_ok)
{
    unsigned type = 1; /* RFC 6979 */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_uint(OSSL_SIGNATURE_PARAM_NONCE_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, (char *)(uintptr_t)"SHA2-256", 0),
        OSSL_PARAM_construct_end(),
    };
    *ret_ok = EVP_PKEY_CTX_set_params(ctx, params) == 1;
}

hf_err hf_ecdsa_sign_deterministic(const hf_key *key, hf_view digest, uint8_t dst[static 64])
{
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    uint8_t der[P256_DER_MAX_BYTES];
    size_t len = sizeof der;
    bool ok = false;
    if (ctx != NULL && EVP_PKEY_sign_init(ctx) == 1)
        set_deterministic(ctx, &ok);
    if (!ok || EVP_PKEY_sign(ctx, der, &len, digest.ptr, digest.len) != 1 || len > sizeof der)
        return hf_openssl_error(HF_ERR_INTERNAL);
    return raw_from_der((hf_view) { der, len }, dst);
}

/* ---- verifying ---- */

static hf_err verify_with(const hf_key *key, hf_view input, hf_view signature)
{
    hf_key *shared = (hf_key *)(uintptr_t)key;
    EVP_PKEY_CTX *ctx = hf_key_ctx_take(shared, false);
    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    const uint8_t *in = input.len > 0 ? input.ptr : (const uint8_t *)"";
    if (EVP_PKEY_verify(ctx, signature.ptr, signature.len, in, input.len) != 1) {
        EVP_PKEY_CTX_free(ctx);
        return hf_openssl_error(HF_ERR_BAD_SIGNATURE);
    }
    hf_key_ctx_give(shared, false, ctx);
    return HF_OK;
}

static hf_err verify_ecdsa(const hf_key *key, hf_scheme scheme, hf_view digest, hf_view signature)
{
    if (scheme == HF_SCHEME_ECDSA_RAW) {
        HF_CHECK(signature.len == P256_RAW_BYTES, HF_ERR_BAD_SIGNATURE); /* halving would take shorter ones */
        uint8_t der[P256_DER_MAX_BYTES];
        size_t len = 0;
        HF_TRY(der_from_raw(signature.ptr, der, &len));
        return verify_with(key, digest, (hf_view) { der, len });
    }
    /* OpenSSL re-encodes what it parsed and compares, so only strict DER passes */
    HF_CHECK(signature.len >= P256_DER_MIN_BYTES && signature.len <= P256_DER_MAX_BYTES, HF_ERR_BAD_SIGNATURE);
    return verify_with(key, digest, signature);
}

hf_err hf_key_verify(const hf_key *key, hf_scheme scheme, hf_hash hash, bool prehashed, hf_view input,
                     hf_view signature)
{
    HF_TRY(resolve_scheme(key, scheme, &scheme));
    if (scheme == HF_SCHEME_ED25519) {
        HF_TRY(check_ed25519_input(hash, prehashed));
        HF_CHECK(signature.len == ED25519_BYTES, HF_ERR_BAD_SIGNATURE);
        return verify_with(key, input, signature);
    }
    uint8_t store[HF_HASH_MAX_BYTES];
    hf_view digest;
    HF_TRY(resolve_digest(hash, prehashed, input, store, &digest));
    return verify_ecdsa(key, scheme, digest, signature);
}
