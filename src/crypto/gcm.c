#include "crypto/openssl.h"
#include <limits.h>

/* EVP counts in int; nothing near this size is ever sealed in one piece. */
#define GCM_MAX_BYTES (1u << 30)

static void cipher_ctx_freep(EVP_CIPHER_CTX **p)
{
    EVP_CIPHER_CTX_free(*p);
}

/* A context with the expanded key and no nonce yet. */
static EVP_CIPHER_CTX *gcm_new(const uint8_t *key)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL || hf_openssl.gcm == NULL || EVP_EncryptInit_ex2(ctx, hf_openssl.gcm, key, NULL, NULL) != 1 ||
        EVP_CIPHER_CTX_get_iv_length(ctx) != HF_GCM_NONCE_BYTES) {
        EVP_CIPHER_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static bool gcm_feed(EVP_CIPHER_CTX *ctx, hf_view in, uint8_t *dst)
{
    int n = 0;
    if (in.len == 0) /* its pointer may be NULL, which means other things to OpenSSL */
        return true;
    return EVP_CipherUpdate(ctx, dst, &n, in.ptr, (int)in.len) == 1 && n == (int)in.len;
}

static bool gcm_begin(EVP_CIPHER_CTX *ctx, bool encrypt, const uint8_t *nonce, const hf_view *aad, size_t n_aad)
{
    if (EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, encrypt ? 1 : 0, NULL) != 1)
        return false;
    for (size_t i = 0; i < n_aad; i++) {
        if (!gcm_feed(ctx, aad[i], NULL))
            return false;
    }
    return true;
}

static bool gcm_lengths_ok(const hf_view *aad, size_t n_aad, hf_view text)
{
    for (size_t i = 0; i < n_aad; i++) {
        if (aad[i].len > GCM_MAX_BYTES)
            return false;
    }
    return text.len <= GCM_MAX_BYTES;
}

static hf_err gcm_seal(EVP_CIPHER_CTX *ctx, const uint8_t *nonce, const hf_view *aad, size_t n_aad, hf_view plain,
                       uint8_t *dst)
{
    int n = 0;
    uint8_t none[HF_GCM_TAG_BYTES];
    if (!gcm_begin(ctx, true, nonce, aad, n_aad) || !gcm_feed(ctx, plain, dst) ||
        EVP_EncryptFinal_ex(ctx, none, &n) != 1 || n != 0 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, HF_GCM_TAG_BYTES, dst + plain.len) != 1) {
        hf_wipe(dst, plain.len + HF_GCM_TAG_BYTES);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    return HF_OK;
}

static hf_err gcm_open(EVP_CIPHER_CTX *ctx, const uint8_t *nonce, const hf_view *aad, size_t n_aad, hf_view sealed,
                       uint8_t *dst)
{
    int n = 0;
    uint8_t none[HF_GCM_TAG_BYTES];
    hf_view text = { sealed.ptr, sealed.len - HF_GCM_TAG_BYTES };
    void *tag = (void *)(uintptr_t)(sealed.ptr + text.len); /* only read */
    if (!gcm_begin(ctx, false, nonce, aad, n_aad) || !gcm_feed(ctx, text, dst) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, HF_GCM_TAG_BYTES, tag) != 1 ||
        EVP_DecryptFinal_ex(ctx, none, &n) != 1 || n != 0) {
        hf_wipe(dst, text.len);
        return hf_openssl_error(HF_ERR_BAD_CIPHERTEXT);
    }
    return HF_OK;
}

hf_err hf_gcm_seal(const uint8_t key[static HF_GCM_KEY_BYTES], const uint8_t nonce[static HF_GCM_NONCE_BYTES],
                   const hf_view *aad, size_t n_aad, hf_view plain, uint8_t *dst)
{
    HF_CHECK(gcm_lengths_ok(aad, n_aad, plain), HF_ERR_TOO_LARGE);
    HF_AUTO(cipher_ctx_freep) EVP_CIPHER_CTX *ctx = gcm_new(key);
    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    return gcm_seal(ctx, nonce, aad, n_aad, plain, dst);
}

hf_err hf_gcm_open(const uint8_t key[static HF_GCM_KEY_BYTES], const uint8_t nonce[static HF_GCM_NONCE_BYTES],
                   const hf_view *aad, size_t n_aad, hf_view sealed, uint8_t *dst)
{
    HF_CHECK(gcm_lengths_ok(aad, n_aad, sealed), HF_ERR_TOO_LARGE);
    HF_CHECK(sealed.len >= HF_GCM_TAG_BYTES, HF_ERR_BAD_CIPHERTEXT);
    HF_AUTO(cipher_ctx_freep) EVP_CIPHER_CTX *ctx = gcm_new(key);
    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    return gcm_open(ctx, nonce, aad, n_aad, sealed, dst);
}

/* The pool makes a key usable by several threads; its content does not change what the key is. */
static hf_pool *key_pool(const hf_key *key)
{
    return &((hf_key *)(uintptr_t)key)->private_ops;
}

static EVP_CIPHER_CTX *key_ctx_take(const hf_key *key)
{
    EVP_CIPHER_CTX *ctx = hf_pool_take(key_pool(key));
    return ctx != NULL ? ctx : gcm_new(key->secret);
}

static void key_ctx_give(const hf_key *key, EVP_CIPHER_CTX *ctx)
{
    if (!hf_pool_give(key_pool(key), ctx))
        EVP_CIPHER_CTX_free(ctx);
}

hf_err hf_key_seal(const hf_key *key, const uint8_t nonce[static HF_GCM_NONCE_BYTES], const hf_view *aad, size_t n_aad,
                   hf_view plain, uint8_t *dst)
{
    HF_CHECK(key->alg == HF_ALG_AES_256_GCM, HF_ERR_UNSUPPORTED);
    HF_CHECK(gcm_lengths_ok(aad, n_aad, plain), HF_ERR_TOO_LARGE);
    EVP_CIPHER_CTX *ctx = key_ctx_take(key);
    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    hf_err e = gcm_seal(ctx, nonce, aad, n_aad, plain, dst);
    key_ctx_give(key, ctx); /* every use starts with its own nonce, so a failed one leaves nothing behind */
    return e;
}

hf_err hf_key_open(const hf_key *key, const uint8_t nonce[static HF_GCM_NONCE_BYTES], const hf_view *aad, size_t n_aad,
                   hf_view sealed, uint8_t *dst)
{
    HF_CHECK(key->alg == HF_ALG_AES_256_GCM, HF_ERR_UNSUPPORTED);
    HF_CHECK(gcm_lengths_ok(aad, n_aad, sealed), HF_ERR_TOO_LARGE);
    HF_CHECK(sealed.len >= HF_GCM_TAG_BYTES, HF_ERR_BAD_CIPHERTEXT);
    EVP_CIPHER_CTX *ctx = key_ctx_take(key);
    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    hf_err e = gcm_open(ctx, nonce, aad, n_aad, sealed, dst);
    key_ctx_give(key, ctx);
    return e;
}
