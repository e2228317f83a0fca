#include "crypto/openssl.h"

void hf_md_ctx_freep(EVP_MD_CTX **p)
{
    EVP_MD_CTX_free(*p);
    *p = NULL;
}

size_t hf_hash_bytes(hf_hash h)
{
    switch (h) {
    case HF_HASH_SHA256:
        return 32;
    case HF_HASH_SHA384:
        return 48;
    case HF_HASH_SHA512:
        return 64;
    case HF_HASH_NONE:
        return 0;
    }
    return 0;
}

const char *hf_openssl_hash_name(hf_hash h)
{
    switch (h) {
    case HF_HASH_SHA256:
        return "SHA2-256";
    case HF_HASH_SHA384:
        return "SHA2-384";
    case HF_HASH_SHA512:
        return "SHA2-512";
    case HF_HASH_NONE:
        return NULL;
    }
    return NULL;
}

static bool digest_parts(EVP_MD_CTX *ctx, hf_hash h, const hf_view *parts, size_t n, uint8_t *out, unsigned *ret_len)
{
    if (ctx == NULL || EVP_DigestInit_ex2(ctx, hf_openssl.digest[h], NULL) != 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > 0 && EVP_DigestUpdate(ctx, parts[i].ptr, parts[i].len) != 1)
            return false;
    }
    return EVP_DigestFinal_ex(ctx, out, ret_len) == 1;
}

hf_err hf_digest(hf_hash h, const hf_view *parts, size_t n, uint8_t *dst)
{
    HF_CHECK(hf_hash_bytes(h) > 0, HF_ERR_UNSUPPORTED);
    HF_AUTO(hf_md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t out[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (!digest_parts(ctx, h, parts, n, out, &len) || len != hf_hash_bytes(h)) {
        hf_wipe(out, sizeof out);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    hf_writer w = hf_writer_on(dst, len);
    hf_put_bytes(&w, out, len);
    hf_wipe(out, sizeof out); /* digests of secrets pass here too */
    return HF_OK;
}
