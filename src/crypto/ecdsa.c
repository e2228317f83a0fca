#include "crypto/openssl.h"
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/params.h>

/* The two forms of ECDSA signatures: DER (RFC 3279 section 2.2.3) and r || s, big endian, fixed width (IEEE P1363). */

static void ecdsa_sig_freep(ECDSA_SIG **p)
{
    ECDSA_SIG_free(*p);
}

hf_err hf_ecdsa_raw_from_der(hf_view der, size_t n, uint8_t dst[static HF_ECDSA_RAW_MAX_BYTES])
{
    const unsigned char *at = der.ptr;
    int width = (int)n;
    HF_AUTO(ecdsa_sig_freep) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    if (sig == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(sig), dst, width) != width ||
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), dst + n, width) != width)
        return hf_openssl_error(HF_ERR_INTERNAL);
    return HF_OK;
}

hf_err hf_ecdsa_der_from_raw(const uint8_t *raw, size_t n, uint8_t dst[static HF_ECDSA_DER_MAX_BYTES], size_t *ret_len)
{
    HF_AUTO(ecdsa_sig_freep) ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)n, NULL);
    BIGNUM *s = BN_bin2bn(raw + n, (int)n, NULL);
    if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    int len = i2d_ECDSA_SIG(sig, NULL);
    HF_CHECK(len > 0 && len <= HF_ECDSA_DER_MAX_BYTES, hf_openssl_error(HF_ERR_INTERNAL));
    unsigned char *at = dst;
    *ret_len = (size_t)i2d_ECDSA_SIG(sig, &at);
    return HF_OK;
}

/* ---- RFC 6979, for known answers ---- */

static bool set_deterministic(EVP_PKEY_CTX *ctx, size_t digest_len)
{
    unsigned type = 1; /* RFC 6979 */
    const char *name = digest_len == 32   ? hf_openssl_hash_name(HF_HASH_SHA256)
                       : digest_len == 48 ? hf_openssl_hash_name(HF_HASH_SHA384)
                                          : hf_openssl_hash_name(HF_HASH_SHA512);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_uint(OSSL_SIGNATURE_PARAM_NONCE_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, (char *)(uintptr_t)name, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_PKEY_CTX_set_params(ctx, params) == 1;
}

hf_err hf_ecdsa_sign_deterministic(const hf_key *key, hf_view digest, uint8_t *dst, size_t cap, size_t *ret_len)
{
    size_t n = hf_ec_bytes(key->alg), len = HF_ECDSA_DER_MAX_BYTES;
    HF_CHECK(n > 0 && key->has_private, HF_ERR_UNSUPPORTED);
    HF_CHECK(cap >= 2 * n, HF_ERR_BOUNDS);
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    uint8_t der[HF_ECDSA_DER_MAX_BYTES], raw[HF_ECDSA_RAW_MAX_BYTES];
    if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 || !set_deterministic(ctx, digest.len) ||
        EVP_PKEY_sign(ctx, der, &len, digest.ptr, digest.len) != 1 || len > sizeof der)
        return hf_openssl_error(HF_ERR_INTERNAL);
    HF_TRY(hf_ecdsa_raw_from_der((hf_view) { der, len }, n, raw));
    hf_writer w = hf_writer_on(dst, cap);
    hf_put_bytes(&w, raw, 2 * n);
    *ret_len = w.len;
    return HF_OK;
}
