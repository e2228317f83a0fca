#include "crypto/openssl.h"

static void mac_ctx_freep(EVP_MAC_CTX **p)
{
    EVP_MAC_CTX_free(*p);
}

static bool mac_parts(EVP_MAC_CTX *ctx, hf_view key, const hf_view *parts, size_t n, uint8_t *out, size_t *ret_len)
{
    /* a NULL key would mean "the key of last time": an empty key needs a pointer too */
    const uint8_t *key_ptr = key.len > 0 ? key.ptr : (const uint8_t *)"";
    if (ctx == NULL || EVP_MAC_init(ctx, key_ptr, key.len, NULL) != 1)
        return false;
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
    if (!mac_parts(ctx, key, parts, n, out, &len) || len != hf_hash_bytes(h)) {
        hf_wipe(out, sizeof out);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    hf_writer w = hf_writer_on(dst, len);
    hf_put_bytes(&w, out, len);
    hf_wipe(out, sizeof out);
    return HF_OK;
}
