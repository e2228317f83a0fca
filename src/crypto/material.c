#include "crypto/openssl.h"
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/params.h>

/* Private keys from the bytes that records seal, and the checks that make them keys. */

size_t hf_key_material_bytes(hf_alg a)
{
    switch (a) {
    case HF_ALG_AES_256_GCM:
        return HF_GCM_KEY_BYTES;
    case HF_ALG_EC_P256:
    case HF_ALG_EC_P384:
        return hf_ec_bytes(a);
    case HF_ALG_ED25519:
    case HF_ALG_ML_DSA_65:
        return 32;
    case HF_ALG_ML_KEM_768:
        return 64;
    case HF_ALG_HMAC_SHA256:
    case HF_ALG_HMAC_SHA384:
    case HF_ALG_HMAC_SHA512:
        return hf_hash_bytes(hf_key_hmac_hash(a));
    case HF_ALG_RSA_2048:
    case HF_ALG_RSA_3072:
    case HF_ALG_NONE:
        return 0;
    }
    return 0;
}

hf_hash hf_key_hmac_hash(hf_alg a)
{
    return a == HF_ALG_HMAC_SHA256   ? HF_HASH_SHA256
           : a == HF_ALG_HMAC_SHA384 ? HF_HASH_SHA384
           : a == HF_ALG_HMAC_SHA512 ? HF_HASH_SHA512
                                     : HF_HASH_NONE;
}

size_t hf_ec_bytes(hf_alg a)
{
    return a == HF_ALG_EC_P256 ? 32 : a == HF_ALG_EC_P384 ? 48 : 0;
}

static void decoder_freep(OSSL_DECODER_CTX **p)
{
    OSSL_DECODER_CTX_free(*p);
}

EVP_PKEY *hf_pkey_decode(hf_view der, const char *type, const char *structure)
{
    EVP_PKEY *pkey = NULL;
    HF_AUTO(decoder_freep)
    OSSL_DECODER_CTX *ctx = OSSL_DECODER_CTX_new_for_pkey(&pkey, "DER", structure, type, EVP_PKEY_KEYPAIR, NULL, NULL);
    const unsigned char *at = der.ptr;
    size_t left = der.len;
    if (ctx == NULL || OSSL_DECODER_from_data(ctx, &at, &left) != 1 || left != 0) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return pkey;
}

/*
 * ECPrivateKey (RFC 5915) around a scalar, without the public point: OpenSSL then computes the point. With fromdata
 * alone it would leave the point out.
 */
static const uint8_t p256_before[] = { 0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20 };
static const uint8_t p256_after[] = { 0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const uint8_t p384_before[] = { 0x30, 0x3e, 0x02, 0x01, 0x01, 0x04, 0x30 };
static const uint8_t p384_after[] = { 0xa0, 0x07, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 };
#define EC_PRIVATE_DER_MAX_BYTES 64

static void ec_der_wipe(uint8_t (*der)[EC_PRIVATE_DER_MAX_BYTES])
{
    hf_wipe(*der, sizeof *der);
}

static EVP_PKEY *ec_from_scalar(hf_alg a, hf_view scalar)
{
    HF_AUTO(ec_der_wipe) uint8_t der[EC_PRIVATE_DER_MAX_BYTES];
    hf_writer w = hf_writer_on(der, sizeof der);
    bool p256 = a == HF_ALG_EC_P256;
    hf_put_view(&w, p256 ? hf_view_of(p256_before, sizeof p256_before) : hf_view_of(p384_before, sizeof p384_before));
    hf_put_view(&w, scalar);
    hf_put_view(&w, p256 ? hf_view_of(p256_after, sizeof p256_after) : hf_view_of(p384_after, sizeof p384_after));
    return w.failed ? NULL : hf_pkey_decode(hf_writer_view(&w), "EC", "type-specific");
}

static EVP_PKEY *pkey_from_seed(const char *type, const char *name, hf_view seed)
{
    EVP_PKEY *pkey = NULL;
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)seed.ptr, seed.len),
        OSSL_PARAM_construct_end(),
    };
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return pkey;
}

static EVP_PKEY *pkey_read(hf_alg a, hf_view m)
{
    switch (a) {
    case HF_ALG_EC_P256:
    case HF_ALG_EC_P384:
        return ec_from_scalar(a, m);
    case HF_ALG_ED25519:
        return EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, m.ptr, m.len);
    case HF_ALG_ML_KEM_768:
        return pkey_from_seed("ML-KEM-768", OSSL_PKEY_PARAM_ML_KEM_SEED, m);
    case HF_ALG_ML_DSA_65:
        return pkey_from_seed("ML-DSA-65", OSSL_PKEY_PARAM_ML_DSA_SEED, m);
    case HF_ALG_RSA_2048:
    case HF_ALG_RSA_3072:
        return hf_rsa_private_is_sound(a, m, false) ? hf_pkey_decode(m, "RSA", "type-specific") : NULL;
    case HF_ALG_AES_256_GCM:
    case HF_ALG_HMAC_SHA256:
    case HF_ALG_HMAC_SHA384:
    case HF_ALG_HMAC_SHA512:
    case HF_ALG_NONE:
        return NULL;
    }
    return NULL;
}

/*
 * Range of the private part, the public part, and that they belong together. RSA has had its own checks: OpenSSL's
 * test the primes anew each time, which takes as long as a hundred signatures.
 */
static bool pkey_is_sound(EVP_PKEY *pkey, hf_alg a)
{
    if (hf_rsa_bytes(a) > 0)
        return true;
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (ctx == NULL)
        return false;
    if (hf_ec_bytes(a) > 0 && (EVP_PKEY_private_check(ctx) != 1 || EVP_PKEY_public_check(ctx) != 1))
        return false;
    return EVP_PKEY_pairwise_check(ctx) == 1;
}

EVP_PKEY *hf_pkey_from_material(hf_alg a, hf_view material)
{
    EVP_PKEY *pkey = pkey_read(a, material);
    if (pkey != NULL && pkey_is_sound(pkey, a))
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

/* ---- generation ---- */

static hf_err ec_draw(hf_alg a, uint8_t dst[static HF_KEY_MATERIAL_MAX])
{
    HF_AUTO(hf_pkey_freep)
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", a == HF_ALG_EC_P256 ? "P-256" : "P-384");
    BIGNUM *scalar = NULL;
    int n = -1, want = (int)hf_ec_bytes(a);
    if (pkey != NULL && EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) == 1)
        n = BN_bn2binpad(scalar, dst, want);
    BN_clear_free(scalar);
    return n == want ? HF_OK : hf_openssl_error(HF_ERR_INTERNAL);
}

hf_err hf_key_draw(hf_alg a, uint8_t dst[static HF_KEY_MATERIAL_MAX], size_t *ret_len)
{
    HF_CHECK(hf_key_material_bytes(a) > 0, HF_ERR_UNSUPPORTED);
    if (hf_ec_bytes(a) > 0)
        HF_TRY(ec_draw(a, dst));
    else
        HF_TRY(hf_random(dst, hf_key_material_bytes(a)));
    *ret_len = hf_key_material_bytes(a);
    return HF_OK;
}

static void material_wipe(uint8_t (*m)[HF_KEY_MATERIAL_MAX])
{
    hf_wipe(*m, sizeof *m);
}

hf_err hf_key_generate(hf_alg a, hf_secret **ret_material)
{
    HF_AUTO(material_wipe) uint8_t material[HF_KEY_MATERIAL_MAX];
    HF_AUTO(hf_key_freep) hf_key *key = NULL;
    size_t len = 0;
    if (hf_rsa_bytes(a) > 0)
        return hf_rsa_generate(a, ret_material);
    HF_TRY(hf_key_draw(a, material, &len));
    /* what leaves here has been loaded and checked once, as FIPS 140-3 wants of every new key pair */
    hf_err e = hf_key_load_bytes(a, (hf_view) { material, len }, &key);
    HF_CHECK(e == HF_OK, HF_ERR_INTERNAL);
    return hf_secret_copy(material, len, ret_material);
}
