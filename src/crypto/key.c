#include "crypto/openssl.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/params.h>
#include <string.h>

void hf_pkey_freep(EVP_PKEY **p)
{
    EVP_PKEY_free(*p);
    *p = NULL;
}

void hf_pkey_ctx_freep(EVP_PKEY_CTX **p)
{
    EVP_PKEY_CTX_free(*p);
    *p = NULL;
}

size_t hf_key_material_bytes(hf_alg a)
{
    switch (a) {
    case HF_ALG_AES_256_GCM:
        return HF_GCM_KEY_BYTES;
    case HF_ALG_EC_P256:
    case HF_ALG_ED25519:
        return 32;
    case HF_ALG_ML_KEM_768:
        return 64;
    case HF_ALG_NONE:
        return 0;
    }
    return 0;
}

hf_alg hf_key_alg(const hf_key *key)
{
    return key->alg;
}

/*
 * Measured with OpenSSL 3.5.7 on x86-64 after first use with one thread, with headroom for a second one; the
 * test "cost" compares it with the arena.
 */
size_t hf_key_cost(hf_alg a)
{
    switch (a) {
    case HF_ALG_AES_256_GCM:
        return 3072;
    case HF_ALG_EC_P256:
        return 5120;
    case HF_ALG_ED25519:
        return 3072;
    case HF_ALG_ML_KEM_768:
        return 16384;
    case HF_ALG_NONE:
        return 0;
    }
    return 0;
}

/* ---- life ---- */

static void pool_empty(hf_pool *pool, hf_alg a)
{
    void *item;
    while ((item = hf_pool_take(pool)) != NULL) {
        if (a == HF_ALG_AES_256_GCM)
            EVP_CIPHER_CTX_free(item);
        else
            EVP_PKEY_CTX_free(item);
    }
}

void hf_key_free(hf_key *key)
{
    if (key == NULL)
        return;
    pool_empty(&key->private_ops, key->alg);
    pool_empty(&key->public_ops, key->alg);
    EVP_PKEY_free(key->pkey);
    OPENSSL_clear_free(key, sizeof *key);
}

void hf_key_freep(hf_key **key)
{
    hf_key_free(*key);
    *key = NULL;
}

/* ---- contexts ---- */

static bool begin_private_op(hf_alg a, EVP_PKEY_CTX *ctx)
{
    switch (a) {
    case HF_ALG_EC_P256:
        return EVP_PKEY_sign_init(ctx) == 1;
    case HF_ALG_ED25519:
        return EVP_PKEY_sign_message_init(ctx, hf_openssl.ed25519, NULL) == 1;
    case HF_ALG_ML_KEM_768:
        return EVP_PKEY_decapsulate_init(ctx, NULL) == 1;
    case HF_ALG_AES_256_GCM:
    case HF_ALG_NONE:
        return false;
    }
    return false;
}

static bool begin_public_op(hf_alg a, EVP_PKEY_CTX *ctx)
{
    switch (a) {
    case HF_ALG_EC_P256:
        return EVP_PKEY_verify_init(ctx) == 1;
    case HF_ALG_ED25519:
        return EVP_PKEY_verify_message_init(ctx, hf_openssl.ed25519, NULL) == 1;
    case HF_ALG_ML_KEM_768:
        return EVP_PKEY_encapsulate_init(ctx, NULL) == 1;
    case HF_ALG_AES_256_GCM:
    case HF_ALG_NONE:
        return false;
    }
    return false;
}

EVP_PKEY_CTX *hf_key_ctx_take(hf_key *key, bool private_op)
{
    EVP_PKEY_CTX *ctx = hf_pool_take(private_op ? &key->private_ops : &key->public_ops);
    if (ctx != NULL)
        return ctx;
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (ctx == NULL || !(private_op ? begin_private_op(key->alg, ctx) : begin_public_op(key->alg, ctx))) {
        EVP_PKEY_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

void hf_key_ctx_give(hf_key *key, bool private_op, EVP_PKEY_CTX *ctx)
{
    if (!hf_pool_give(private_op ? &key->private_ops : &key->public_ops, ctx))
        EVP_PKEY_CTX_free(ctx);
}

/* ---- private material ---- */

/*
 * ECPrivateKey (RFC 5915) around a 32-byte scalar, without the public point: OpenSSL then computes the point.
 * With fromdata alone it would leave the point out.
 */
static const uint8_t ec_before[] = { 0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20 };
static const uint8_t ec_after[] = { 0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
#define EC_PRIVATE_DER_BYTES (sizeof ec_before + 32 + sizeof ec_after)

static void ec_der_wipe(uint8_t (*der)[EC_PRIVATE_DER_BYTES])
{
    hf_wipe(*der, sizeof *der);
}

static void decoder_freep(OSSL_DECODER_CTX **p)
{
    OSSL_DECODER_CTX_free(*p);
}

static EVP_PKEY *ec_from_scalar(hf_view scalar)
{
    HF_AUTO(ec_der_wipe) uint8_t der[EC_PRIVATE_DER_BYTES];
    EVP_PKEY *pkey = NULL;
    HF_AUTO(decoder_freep)
    OSSL_DECODER_CTX *ctx =
        OSSL_DECODER_CTX_new_for_pkey(&pkey, "DER", "type-specific", "EC", EVP_PKEY_KEYPAIR, NULL, NULL);
    hf_writer w = hf_writer_on(der, sizeof der);
    hf_put_bytes(&w, ec_before, sizeof ec_before);
    hf_put_bytes(&w, scalar.ptr, 32);
    hf_put_bytes(&w, ec_after, sizeof ec_after);
    const unsigned char *at = der;
    size_t left = sizeof der;
    if (w.failed || ctx == NULL || OSSL_DECODER_from_data(ctx, &at, &left) != 1) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return pkey;
}

static EVP_PKEY *ml_kem_from_seed(hf_view seed)
{
    EVP_PKEY *pkey = NULL;
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "ML-KEM-768", NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_ML_KEM_SEED, (void *)(uintptr_t)seed.ptr, seed.len),
        OSSL_PARAM_construct_end(),
    };
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return pkey;
}

static EVP_PKEY *pkey_from_material(hf_alg a, hf_view m)
{
    switch (a) {
    case HF_ALG_EC_P256:
        return ec_from_scalar(m);
    case HF_ALG_ED25519:
        return EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, m.ptr, m.len);
    case HF_ALG_ML_KEM_768:
        return ml_kem_from_seed(m);
    case HF_ALG_AES_256_GCM:
    case HF_ALG_NONE:
        return NULL;
    }
    return NULL;
}

/* Range of the private part, the public part, and that they belong together. */
static bool pkey_is_sound(EVP_PKEY *pkey, hf_alg a)
{
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (ctx == NULL)
        return false;
    if (a == HF_ALG_EC_P256 && (EVP_PKEY_private_check(ctx) != 1 || EVP_PKEY_public_check(ctx) != 1))
        return false;
    return EVP_PKEY_pairwise_check(ctx) == 1;
}

hf_err hf_key_load_bytes(hf_alg a, hf_view material, hf_key **ret)
{
    HF_CHECK(hf_key_material_bytes(a) > 0, HF_ERR_UNSUPPORTED);
    HF_CHECK(material.len == hf_key_material_bytes(a), HF_ERR_BAD_KEY);
    HF_AUTO(hf_key_freep) hf_key *key = OPENSSL_zalloc(sizeof *key);
    HF_CHECK(key != NULL, HF_ERR_INTERNAL);
    key->alg = a;
    key->has_private = true;
    if (a == HF_ALG_AES_256_GCM) {
        memcpy(key->aes, material.ptr, sizeof key->aes);
    } else {
        key->pkey = pkey_from_material(a, material);
        HF_CHECK(key->pkey != NULL && pkey_is_sound(key->pkey, a), hf_openssl_error(HF_ERR_BAD_KEY));
    }
    *ret = key;
    key = NULL;
    return HF_OK;
}

hf_err hf_key_load_private(hf_alg a, const hf_secret *material, hf_key **ret)
{
    return hf_key_load_bytes(a, (hf_view) { hf_secret_read(material), hf_secret_len(material) }, ret);
}

/* ---- generation ---- */

static hf_err ec_draw(uint8_t dst[static 32])
{
    HF_AUTO(hf_pkey_freep) EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    BIGNUM *scalar = NULL;
    int n = -1;
    if (pkey != NULL && EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) == 1)
        n = BN_bn2binpad(scalar, dst, 32);
    BN_clear_free(scalar);
    return n == 32 ? HF_OK : hf_openssl_error(HF_ERR_INTERNAL);
}

hf_err hf_key_draw(hf_alg a, uint8_t dst[static HF_KEY_MATERIAL_MAX], size_t *ret_len)
{
    HF_CHECK(hf_key_material_bytes(a) > 0, HF_ERR_UNSUPPORTED);
    if (a == HF_ALG_EC_P256)
        HF_TRY(ec_draw(dst));
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
    HF_TRY(hf_key_draw(a, material, &len));
    /* what leaves here has been loaded and checked once, as FIPS 140-3 wants of every new key pair */
    hf_err e = hf_key_load_bytes(a, (hf_view) { material, len }, &key);
    HF_CHECK(e == HF_OK, HF_ERR_INTERNAL);
    return hf_secret_copy(material, len, ret_material);
}
