#include "crypto/openssl.h"
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

static void kdf_ctx_freep(EVP_KDF_CTX **p)
{
    EVP_KDF_CTX_free(*p);
}

/* OpenSSL reads params through non-const pointers but does not write to these. */
static OSSL_PARAM octets(const char *name, hf_view v)
{
    return OSSL_PARAM_construct_octet_string(name, v.len > 0 ? (void *)(uintptr_t)v.ptr : (void *)(uintptr_t)"", v.len);
}

hf_err hf_hkdf(hf_hash h, hf_view key, hf_view salt, hf_view info, uint8_t *dst, size_t len)
{
    HF_CHECK(hf_hash_bytes(h) > 0, HF_ERR_UNSUPPORTED);
    HF_CHECK(len > 0 && len <= 255 * hf_hash_bytes(h), HF_ERR_BOUNDS); /* RFC 5869 section 2.3 */
    HF_AUTO(kdf_ctx_freep) EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(hf_openssl.hkdf);
    int mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)hf_openssl_hash_name(h), 0),
        octets(OSSL_KDF_PARAM_KEY, key),
        octets(OSSL_KDF_PARAM_SALT, salt),
        octets(OSSL_KDF_PARAM_INFO, info),
        OSSL_PARAM_construct_end(),
    };
    if (ctx == NULL || EVP_KDF_derive(ctx, dst, len, params) != 1) {
        hf_wipe(dst, len);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    return HF_OK;
}
