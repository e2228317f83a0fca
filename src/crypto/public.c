#include "crypto/der.h"
#include "crypto/openssl.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <string.h>

/*
 * Public keys as SubjectPublicKeyInfo. Every algorithm but RSA has exactly one right encoding, a fixed prefix and
 * the raw key, so comparing the prefix is the whole parser: explicit curve parameters, long lengths, NULL
 * parameters, unused bits, other object identifiers and trailing bytes cannot get any further. RSA's numbers have no
 * fixed length: its DER is read strictly.
 */

/* RFC 5480: id-ecPublicKey, secp256r1, uncompressed point. The compressed form is refused: one key, one encoding. */
static const uint8_t p256_prefix[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                       0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };
/* The same with secp384r1. */
static const uint8_t p384_prefix[] = { 0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                       0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00 };
/* RFC 8410: id-Ed25519, no parameters. */
static const uint8_t ed25519_prefix[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };
/* RFC 9935: id-alg-ml-kem-768, no parameters. */
static const uint8_t ml_kem_768_prefix[] = { 0x30, 0x82, 0x04, 0xb2, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
                                             0x01, 0x65, 0x03, 0x04, 0x04, 0x02, 0x03, 0x82, 0x04, 0xa1, 0x00 };
/* RFC 9881: id-ml-dsa-65, no parameters. */
static const uint8_t ml_dsa_65_prefix[] = { 0x30, 0x82, 0x07, 0xb2, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
                                            0x01, 0x65, 0x03, 0x04, 0x03, 0x12, 0x03, 0x82, 0x07, 0xa1, 0x00 };

static const struct hf_spki_form forms[] = {
    { HF_ALG_EC_P256, "EC", "P-256", { p256_prefix, sizeof p256_prefix }, 65 },
    { HF_ALG_EC_P384, "EC", "P-384", { p384_prefix, sizeof p384_prefix }, 97 },
    { HF_ALG_ED25519, "ED25519", NULL, { ed25519_prefix, sizeof ed25519_prefix }, 32 },
    { HF_ALG_ML_KEM_768, "ML-KEM-768", NULL, { ml_kem_768_prefix, sizeof ml_kem_768_prefix }, 1184 },
    { HF_ALG_ML_DSA_65, "ML-DSA-65", NULL, { ml_dsa_65_prefix, sizeof ml_dsa_65_prefix }, 1952 },
};

const struct hf_spki_form *hf_spki_form_of(hf_alg a)
{
    for (size_t i = 0; i < HF_COUNT(forms); i++) {
        if (forms[i].alg == a)
            return &forms[i];
    }
    return NULL;
}

static const struct hf_spki_form *form_of_spki(hf_view spki)
{
    for (size_t i = 0; i < HF_COUNT(forms); i++) {
        hf_view prefix = forms[i].prefix;
        if (spki.len == prefix.len + forms[i].raw_len && hf_view_eq((hf_view) { spki.ptr, prefix.len }, prefix))
            return &forms[i];
    }
    return NULL;
}

/* ---- Ed25519: with a key of low order, one signature holds for every message ---- */

/*
 * y coordinates of the eight points whose order divides 8 (RFC 7748 section 5.1.1 cofactor 8), little endian,
 * sign bit clear; both signs of x share a row. Encodings with y >= p are refused as a class below, so the
 * alternative encodings of 0 and 1 need no rows.
 */
static const uint8_t low_order_y[][32] = {
    { 0 },        /* order 4 */
    { 1 },        /* order 1 */
    { 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
      0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 }, /* order 8 */
    { 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
      0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a }, /* order 8 */
    { 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f }, /* order 2 */
};

/* y >= p = 2^255 - 19: RFC 8032 section 5.1.3 step 1 refuses it, OpenSSL does not. */
static bool ed25519_y_is_reduced(const uint8_t y[static 32])
{
    if (y[31] != 0x7f || y[0] < 0xed)
        return true;
    for (size_t i = 1; i < 31; i++) {
        if (y[i] != 0xff)
            return true;
    }
    return false;
}

static bool ed25519_point_is_acceptable(const uint8_t raw[static 32])
{
    uint8_t y[32];
    memcpy(y, raw, sizeof y);
    y[31] &= 0x7f;
    for (size_t i = 0; i < HF_COUNT(low_order_y); i++) {
        if (hf_view_eq((hf_view) { y, sizeof y }, (hf_view) { low_order_y[i], sizeof y }))
            return false;
    }
    return ed25519_y_is_reduced(y);
}

/* ---- loading ---- */

static EVP_PKEY *pkey_from_params(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *pkey = NULL;
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return pkey;
}

static EVP_PKEY *pkey_from_raw(const struct hf_spki_form *form, hf_view raw)
{
    OSSL_PARAM params[3];
    size_t n = 0;
    if (form->group != NULL)
        params[n++] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)form->group, 0);
    params[n++] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)raw.ptr, raw.len);
    params[n] = OSSL_PARAM_construct_end();
    return pkey_from_params(form->type, params);
}

/* OpenSSL's numbers are native: least significant byte first on the machines that we build for. */
#define RSA_NUMBER_MAX_BYTES 384
static OSSL_PARAM rsa_number(const char *name, hf_view v, uint8_t store[static RSA_NUMBER_MAX_BYTES])
{
    for (size_t i = 0; i < v.len; i++)
        store[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? v.len - 1 - i : i] = v.ptr[i];
    return OSSL_PARAM_construct_BN(name, store, v.len);
}

static EVP_PKEY *pkey_from_rsa(hf_view n, hf_view e)
{
    uint8_t n_store[RSA_NUMBER_MAX_BYTES], e_store[RSA_NUMBER_MAX_BYTES];
    OSSL_PARAM params[] = {
        rsa_number(OSSL_PKEY_PARAM_RSA_N, n, n_store),
        rsa_number(OSSL_PKEY_PARAM_RSA_E, e, e_store),
        OSSL_PARAM_construct_end(),
    };
    return pkey_from_params("RSA", params);
}

static bool public_is_sound(const hf_key *key, hf_view spki)
{
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    /* RSA: OpenSSL's test whether the modulus is composite takes as long as ten signatures; rsa.c has checked the rest */
    if (ctx == NULL || (hf_rsa_bytes(key->alg) == 0 && EVP_PKEY_public_check(ctx) != 1))
        return false;
    uint8_t again[HF_SPKI_MAX_BYTES];
    size_t len = 0;
    return hf_key_public_der(key, again, sizeof again, &len) == HF_OK && hf_view_eq((hf_view) { again, len }, spki);
}

/* Takes pkey over, also on failure. */
static hf_err key_of(hf_alg a, EVP_PKEY *pkey, hf_view spki, hf_key **ret)
{
    HF_AUTO(hf_key_freep) hf_key *key = OPENSSL_zalloc(sizeof *key);
    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return HF_ERR_INTERNAL;
    }
    key->alg = a;
    key->pkey = pkey;
    HF_CHECK(pkey != NULL && public_is_sound(key, spki), hf_openssl_error(HF_ERR_BAD_KEY));
    *ret = key;
    key = NULL;
    return HF_OK;
}

/* rsaEncryption with NULL parameters (RFC 3279 section 2.3.1), and nothing else. */
static const uint8_t rsa_algorithm[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                         0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };

static hf_alg rsa_of_spki(hf_view spki, hf_view *ret_n, hf_view *ret_e)
{
    hf_view body, bits;
    if (!hf_der_take_last(&spki, HF_DER_SEQUENCE, &body) || body.len < sizeof rsa_algorithm ||
        !hf_view_eq(hf_view_of(body.ptr, sizeof rsa_algorithm), hf_view_of(rsa_algorithm, sizeof rsa_algorithm)))
        return HF_ALG_NONE;
    body = hf_view_of(body.ptr + sizeof rsa_algorithm, body.len - sizeof rsa_algorithm);
    if (!hf_der_take_bits(&body, &bits) || body.len != 0)
        return HF_ALG_NONE;
    return hf_rsa_read_public(bits, ret_n, ret_e);
}

/* want HF_ALG_NONE: whatever it is. */
static hf_err load(hf_alg want, hf_view spki, hf_key **ret)
{
    hf_view n, e;
    const struct hf_spki_form *form = form_of_spki(spki);
    hf_alg a = form != NULL ? form->alg : rsa_of_spki(spki, &n, &e);
    HF_CHECK(a != HF_ALG_NONE && (want == HF_ALG_NONE || want == a), HF_ERR_BAD_KEY);
    if (form == NULL)
        return key_of(a, pkey_from_rsa(n, e), spki, ret);
    hf_view raw = { spki.ptr + form->prefix.len, form->raw_len };
    HF_CHECK(a != HF_ALG_ED25519 || ed25519_point_is_acceptable(raw.ptr), HF_ERR_BAD_KEY);
    return key_of(a, pkey_from_raw(form, raw), spki, ret);
}

hf_err hf_key_load_public(hf_alg a, hf_view spki, hf_key **ret)
{
    HF_CHECK(hf_spki_form_of(a) != NULL || hf_rsa_bytes(a) > 0, HF_ERR_UNSUPPORTED);
    return load(a, spki, ret);
}

hf_err hf_key_load_any_public(hf_view spki, hf_key **ret)
{
    return load(HF_ALG_NONE, spki, ret);
}

hf_err hf_key_public_der(const hf_key *key, uint8_t *dst, size_t cap, size_t *ret_len)
{
    HF_CHECK(key->pkey != NULL, HF_ERR_UNSUPPORTED);
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key->pkey, &der);
    HF_CHECK(len > 0, hf_openssl_error(HF_ERR_INTERNAL));
    hf_writer w = hf_writer_on(dst, cap);
    hf_put_bytes(&w, der, (size_t)len);
    OPENSSL_free(der);
    HF_CHECK(!w.failed, HF_ERR_BOUNDS);
    *ret_len = (size_t)len;
    return HF_OK;
}

hf_err hf_key_public_raw(const hf_key *key, uint8_t dst[static HF_SPKI_MAX_BYTES], hf_view *ret)
{
    const struct hf_spki_form *form = hf_spki_form_of(key->alg);
    hf_view spki, body, bits;
    size_t len = 0;
    HF_TRY(hf_key_public_der(key, dst, HF_SPKI_MAX_BYTES, &len));
    if (form != NULL) {
        HF_CHECK(len == form->prefix.len + form->raw_len, HF_ERR_INTERNAL);
        *ret = hf_view_of(dst + form->prefix.len, form->raw_len);
        return HF_OK;
    }
    spki = hf_view_of(dst, len);
    HF_CHECK(hf_der_take_last(&spki, HF_DER_SEQUENCE, &body) && body.len > sizeof rsa_algorithm, HF_ERR_INTERNAL);
    body = hf_view_of(body.ptr + sizeof rsa_algorithm, body.len - sizeof rsa_algorithm);
    HF_CHECK(hf_der_take_bits(&body, &bits), HF_ERR_INTERNAL);
    *ret = bits;
    return HF_OK;
}
