#include "crypto/openssl.h"
#include <openssl/crypto.h>

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
    case HF_ALG_HMAC_SHA256:
    case HF_ALG_HMAC_SHA384:
    case HF_ALG_HMAC_SHA512:
        return 2560;
    case HF_ALG_AES_256_GCM:
    case HF_ALG_ED25519:
        return 3072;
    case HF_ALG_EC_P256:
    case HF_ALG_EC_P384:
        return 5120;
    case HF_ALG_RSA_2048:
        return 12288;
    case HF_ALG_RSA_3072:
    case HF_ALG_ML_KEM_768:
        return 16384;
    case HF_ALG_ML_DSA_65:
        return 49152;
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
        else if (hf_key_hmac_hash(a) != HF_HASH_NONE)
            EVP_MAC_CTX_free(item);
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

hf_err hf_key_load_bytes(hf_alg a, hf_view material, hf_key **ret)
{
    HF_CHECK(hf_key_material_bytes(a) > 0 || hf_rsa_bytes(a) > 0, HF_ERR_UNSUPPORTED);
    HF_CHECK(hf_rsa_bytes(a) > 0 || material.len == hf_key_material_bytes(a), HF_ERR_BAD_KEY);
    HF_AUTO(hf_key_freep) hf_key *key = OPENSSL_zalloc(sizeof *key);
    HF_CHECK(key != NULL, HF_ERR_INTERNAL);
    key->alg = a;
    key->has_private = true;
    if (hf_alg_symmetric(a)) {
        hf_writer w = hf_writer_on(key->secret, sizeof key->secret);
        hf_put_view(&w, material); /* it fits: the length was compared above */
    } else {
        key->pkey = hf_pkey_from_material(a, material);
        HF_CHECK(key->pkey != NULL, hf_openssl_error(HF_ERR_BAD_KEY));
    }
    *ret = key;
    key = NULL;
    return HF_OK;
}

hf_err hf_key_load_private(hf_alg a, const hf_secret *material, hf_key **ret)
{
    return hf_key_load_bytes(a, (hf_view) { hf_secret_read(material), hf_secret_len(material) }, ret);
}

/* ---- contexts ---- */

static bool begin_private_op(hf_alg a, EVP_PKEY_CTX *ctx)
{
    switch (a) {
    case HF_ALG_EC_P256:
    case HF_ALG_EC_P384:
    case HF_ALG_RSA_2048:
    case HF_ALG_RSA_3072:
        return EVP_PKEY_sign_init(ctx) == 1;
    case HF_ALG_ED25519:
        return EVP_PKEY_sign_message_init(ctx, hf_openssl.ed25519, NULL) == 1;
    case HF_ALG_ML_DSA_65:
        return EVP_PKEY_sign_message_init(ctx, hf_openssl.ml_dsa, NULL) == 1;
    case HF_ALG_ML_KEM_768:
        return EVP_PKEY_decapsulate_init(ctx, NULL) == 1;
    case HF_ALG_AES_256_GCM:
    case HF_ALG_HMAC_SHA256:
    case HF_ALG_HMAC_SHA384:
    case HF_ALG_HMAC_SHA512:
    case HF_ALG_NONE:
        return false;
    }
    return false;
}

static bool begin_public_op(hf_alg a, EVP_PKEY_CTX *ctx)
{
    switch (a) {
    case HF_ALG_EC_P256:
    case HF_ALG_EC_P384:
    case HF_ALG_RSA_2048:
    case HF_ALG_RSA_3072:
        return EVP_PKEY_verify_init(ctx) == 1;
    case HF_ALG_ED25519:
        return EVP_PKEY_verify_message_init(ctx, hf_openssl.ed25519, NULL) == 1;
    case HF_ALG_ML_DSA_65:
        return EVP_PKEY_verify_message_init(ctx, hf_openssl.ml_dsa, NULL) == 1;
    case HF_ALG_ML_KEM_768:
        return EVP_PKEY_encapsulate_init(ctx, NULL) == 1;
    case HF_ALG_AES_256_GCM:
    case HF_ALG_HMAC_SHA256:
    case HF_ALG_HMAC_SHA384:
    case HF_ALG_HMAC_SHA512:
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
