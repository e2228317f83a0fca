#include "crypto/openssl.h"
#include <openssl/core_names.h>
#include <openssl/params.h>

#define ML_KEM_768_CIPHERTEXT_BYTES 1088

size_t hf_kem_ciphertext_bytes(hf_alg a)
{
    return a == HF_ALG_ML_KEM_768 ? ML_KEM_768_CIPHERTEXT_BYTES : 0;
}

/* Fills ct and secret, or wipes both. */
static bool encapsulate(EVP_PKEY_CTX *ctx, size_t want, uint8_t *ct, uint8_t *secret)
{
    size_t ct_len = want;
    size_t secret_len = HF_KEM_SECRET_BYTES;
    if (EVP_PKEY_encapsulate(ctx, ct, &ct_len, secret, &secret_len) == 1 && ct_len == want &&
        secret_len == HF_KEM_SECRET_BYTES)
        return true;
    hf_wipe(ct, want);
    hf_wipe(secret, HF_KEM_SECRET_BYTES);
    return false;
}

hf_err hf_key_encapsulate(const hf_key *key, uint8_t *dst_ct, size_t cap, size_t *ret_ct_len,
                          uint8_t dst_secret[static HF_KEM_SECRET_BYTES])
{
    size_t want = hf_kem_ciphertext_bytes(key->alg);
    HF_CHECK(want > 0, HF_ERR_UNSUPPORTED);
    HF_CHECK(cap >= want, HF_ERR_BOUNDS);
    hf_key *shared = (hf_key *)(uintptr_t)key;
    EVP_PKEY_CTX *ctx = hf_key_ctx_take(shared, false);
    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    if (!encapsulate(ctx, want, dst_ct, dst_secret)) {
        EVP_PKEY_CTX_free(ctx);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    hf_key_ctx_give(shared, false, ctx);
    *ret_ct_len = want;
    return HF_OK;
}

hf_err hf_kem_encapsulate_with(const hf_key *key, hf_view m, uint8_t *dst_ct, size_t cap, size_t *ret_ct_len,
                               uint8_t dst_secret[static HF_KEM_SECRET_BYTES])
{
    size_t want = hf_kem_ciphertext_bytes(key->alg);
    HF_CHECK(want > 0, HF_ERR_UNSUPPORTED);
    HF_CHECK(cap >= want, HF_ERR_BOUNDS);
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KEM_PARAM_IKME, (void *)(uintptr_t)m.ptr, m.len),
        OSSL_PARAM_construct_end(),
    };
    if (ctx == NULL || EVP_PKEY_encapsulate_init(ctx, params) != 1 || !encapsulate(ctx, want, dst_ct, dst_secret))
        return hf_openssl_error(HF_ERR_INTERNAL);
    *ret_ct_len = want;
    return HF_OK;
}

hf_err hf_key_decapsulate(const hf_key *key, hf_view ct, uint8_t dst_secret[static HF_KEM_SECRET_BYTES])
{
    HF_CHECK(hf_kem_ciphertext_bytes(key->alg) > 0 && key->has_private, HF_ERR_UNSUPPORTED);
    HF_CHECK(ct.len == hf_kem_ciphertext_bytes(key->alg), HF_ERR_BAD_CIPHERTEXT);
    hf_key *shared = (hf_key *)(uintptr_t)key;
    EVP_PKEY_CTX *ctx = hf_key_ctx_take(shared, true);
    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    size_t len = HF_KEM_SECRET_BYTES;
    if (EVP_PKEY_decapsulate(ctx, dst_secret, &len, ct.ptr, ct.len) != 1 || len != HF_KEM_SECRET_BYTES) {
        hf_wipe(dst_secret, HF_KEM_SECRET_BYTES);
        EVP_PKEY_CTX_free(ctx);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    hf_key_ctx_give(shared, true, ctx);
    return HF_OK;
}
