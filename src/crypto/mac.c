#include "crypto/openssl.h"

static void mac_ctx_freep(EVP_MAC_CTX **p)
{
    EVP_MAC_CTX_free(*p);
}

/* key NULL: the key of last time. That is what a NULL pointer means to OpenSSL, so an empty key needs one too. */
static bool mac_begin(EVP_MAC_CTX *ctx, const hf_view *key)
{
    if (key == NULL)
        return EVP_MAC_init(ctx, NULL, 0, NULL) == 1;
    return EVP_MAC_init(ctx, key->len > 0 ? key->ptr : (const uint8_t *)"", key->len, NULL) == 1;
}

static bool mac_parts(EVP_MAC_CTX *ctx, const hf_view *parts, size_t n, uint8_t *out, size_t *ret_len)
{
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > 0 && EVP_MAC_update(ctx, parts[i].ptr, parts[i].len) != 1)
            return false;
    }
    return EVP_MAC_final(ctx, out, ret_len, HF_HASH_MAX_BYTES) == 1;
}

hf_err hf_hmac(hf_hash h, hf_view key, const hf_view *parts, size_t n, uint8_t *dst)
{
    HF_CHECK(hf_hash_bytes(h) > 0, HF_ERR_UNSUPPORTED);
    HF_CHECK(hf_openssl.hmac[h] != NULL, HF_ERR_INTERNAL);
    HF_AUTO(mac_ctx_freep) EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(hf_openssl.hmac[h]);
    uint8_t out[HF_HASH_MAX_BYTES];
    size_t len = 0;
    if (ctx == NULL || !mac_begin(ctx, &key) || !mac_parts(ctx, parts, n, out, &len) || len != hf_hash_bytes(h)) {
        hf_wipe(out, sizeof out);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    hf_writer w = hf_writer_on(dst, len);
    hf_put_bytes(&w, out, len);
    hf_wipe(out, sizeof out);
    return HF_OK;
}

/* The pool makes a key usable by several threads; its content does not change what the key is. */
hf_err hf_key_mac(const hf_key *key, hf_view input, uint8_t *dst)
{
    hf_pool *pool = &((hf_key *)(uintptr_t)key)->private_ops;
    hf_hash h = hf_key_hmac_hash(key->alg);
    hf_view secret = { key->secret, hf_hash_bytes(h) };
    EVP_MAC_CTX *ctx = hf_pool_take(pool);
    bool keyed = ctx != NULL; /* a prepared one starts over with its own key */
    uint8_t out[HF_HASH_MAX_BYTES];
    size_t len = 0;
    if (!keyed)
        ctx = EVP_MAC_CTX_dup(hf_openssl.hmac[h]);
    bool ok = ctx != NULL && mac_begin(ctx, keyed ? NULL : &secret) && mac_parts(ctx, &input, 1, out, &len);
    if (!ok || len != hf_hash_bytes(h)) {
        EVP_MAC_CTX_free(ctx);
        hf_wipe(out, sizeof out);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    if (!hf_pool_give(pool, ctx))
        EVP_MAC_CTX_free(ctx);
    hf_writer w = hf_writer_on(dst, len);
    hf_put_bytes(&w, out, len);
    hf_wipe(out, sizeof out);
    return HF_OK;
}
