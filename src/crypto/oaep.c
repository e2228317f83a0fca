#include "crypto/openssl.h"
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

/* RSAES-OAEP (RFC 8017 section 7.1) with SHA-256 for the label's hash and MGF1, empty label. */

#define OAEP_OVERHEAD_BYTES 66 /* two hashes and two bytes */

static EVP_PKEY_CTX *oaep_begin(const hf_key *key, bool seal)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    char mode[] = OSSL_PKEY_RSA_PAD_MODE_OAEP, hash[] = "SHA2-256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, mode, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, hash, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, hash, 0),
        OSSL_PARAM_construct_end(),
    };
    int done = ctx == NULL ? 0 : seal ? EVP_PKEY_encrypt_init_ex(ctx, params) : EVP_PKEY_decrypt_init_ex(ctx, params);
    if (done == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

hf_err hf_key_oaep_seal(const hf_key *key, const hf_secret *plain, uint8_t *dst, size_t cap, size_t *ret_len)
{
    size_t want = hf_rsa_bytes(key->alg), len = cap;
    HF_CHECK(want > 0, HF_ERR_UNSUPPORTED);
    HF_CHECK(cap >= want && hf_secret_len(plain) <= want - OAEP_OVERHEAD_BYTES, HF_ERR_BOUNDS);
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = oaep_begin(key, true);
    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    if (EVP_PKEY_encrypt(ctx, dst, &len, hf_secret_read(plain), hf_secret_len(plain)) != 1 || len != want) {
        hf_wipe(dst, want);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    *ret_len = len;
    return HF_OK;
}

hf_err hf_oaep_open_into(const hf_key *key, hf_view sealed, uint8_t dst[static HF_OAEP_MAX_BYTES], size_t *ret_len)
{
    size_t want = hf_rsa_bytes(key->alg), len = want;
    HF_CHECK(want > 0 && key->has_private, HF_ERR_UNSUPPORTED);
    HF_CHECK(sealed.len == want, HF_ERR_BAD_CIPHERTEXT); /* OpenSSL takes shorter ones as numbers */
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = oaep_begin(key, false);
    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    if (EVP_PKEY_decrypt(ctx, dst, &len, sealed.ptr, sealed.len) != 1 || len == 0 || len > want - OAEP_OVERHEAD_BYTES) {
        hf_wipe(dst, want);
        return hf_openssl_error(HF_ERR_BAD_CIPHERTEXT);
    }
    *ret_len = len;
    return HF_OK;
}

hf_err hf_key_oaep_open(const hf_key *key, hf_view sealed, hf_secret **ret)
{
    HF_AUTO(hf_secret_freep) hf_secret *buf = NULL;
    size_t len = 0;
    HF_TRY(hf_secret_new(HF_OAEP_MAX_BYTES, &buf));
    HF_TRY(hf_oaep_open_into(key, sealed, hf_secret_bytes(buf), &len));
    return hf_secret_copy(hf_secret_read(buf), len, ret);
}
