#include "crypto/openssl.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <string.h>

static OSSL_PARAM octets(const char *name, hf_view v)
{
    return OSSL_PARAM_construct_octet_string(name, v.len > 0 ? (void *)(uintptr_t)v.ptr : (void *)(uintptr_t)"", v.len);
}

/* A context for one call. NULL on failure. */
static EVP_PKEY_CTX *ml_dsa_begin(const hf_key *key, const struct hf_ml_dsa_given *how, bool sign)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    int encode = how->internal ? 0 : 1, mu = how->mu, deterministic = how->rnd.len == 0;
    OSSL_PARAM params[6];
    size_t n = 0;
    params[n++] = octets(OSSL_SIGNATURE_PARAM_CONTEXT_STRING, how->context);
    params[n++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_MESSAGE_ENCODING, &encode);
    params[n++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_MU, &mu);
    if (sign)
        params[n++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_DETERMINISTIC, &deterministic);
    if (sign && how->rnd.len > 0)
        params[n++] = octets(OSSL_SIGNATURE_PARAM_TEST_ENTROPY, how->rnd);
    params[n] = OSSL_PARAM_construct_end();
    int done = ctx == NULL ? 0
               : sign      ? EVP_PKEY_sign_message_init(ctx, hf_openssl.ml_dsa, params)
                           : EVP_PKEY_verify_message_init(ctx, hf_openssl.ml_dsa, params);
    if (done == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

hf_err hf_ml_dsa_sign_given(const hf_key *key, const struct hf_ml_dsa_given *how, hf_view input,
                            uint8_t dst[static HF_ML_DSA_65_SIGNATURE_BYTES])
{
    size_t len = HF_ML_DSA_65_SIGNATURE_BYTES;
    const uint8_t *in = input.len > 0 ? input.ptr : (const uint8_t *)"";
    HF_CHECK(key->alg == HF_ALG_ML_DSA_65 && key->has_private, HF_ERR_UNSUPPORTED);
    HF_CHECK(how->rnd.len == 0 || how->rnd.len == 32, HF_ERR_BOUNDS);
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = ml_dsa_begin(key, how, true);
    if (ctx == NULL || EVP_PKEY_sign(ctx, dst, &len, in, input.len) != 1 || len != HF_ML_DSA_65_SIGNATURE_BYTES)
        return hf_openssl_error(HF_ERR_BOUNDS); /* a context that is too long, or a mu of another length */
    return HF_OK;
}

hf_err hf_ml_dsa_verify_given(const hf_key *key, const struct hf_ml_dsa_given *how, hf_view input, hf_view signature)
{
    const uint8_t *in = input.len > 0 ? input.ptr : (const uint8_t *)"";
    HF_CHECK(key->alg == HF_ALG_ML_DSA_65, HF_ERR_UNSUPPORTED);
    HF_CHECK(signature.len == HF_ML_DSA_65_SIGNATURE_BYTES, HF_ERR_BAD_SIGNATURE);
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = ml_dsa_begin(key, how, false);
    if (ctx == NULL || EVP_PKEY_verify(ctx, signature.ptr, signature.len, in, input.len) != 1)
        return hf_openssl_error(HF_ERR_BAD_SIGNATURE);
    return HF_OK;
}

/* ---- expanded private keys ---- */

hf_err hf_key_expanded(const hf_key *key, uint8_t dst[static HF_EXPANDED_MAX_BYTES], size_t *ret_len)
{
    size_t len = 0;
    HF_CHECK((key->alg == HF_ALG_ML_DSA_65 || key->alg == HF_ALG_ML_KEM_768) && key->has_private, HF_ERR_UNSUPPORTED);
    if (EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_PRIV_KEY, dst, HF_EXPANDED_MAX_BYTES, &len) != 1)
        return hf_openssl_error(HF_ERR_INTERNAL);
    *ret_len = len;
    return HF_OK;
}

hf_err hf_key_load_expanded(hf_alg a, hf_view expanded, hf_key **ret)
{
    const char *type = a == HF_ALG_ML_DSA_65 ? "ML-DSA-65" : a == HF_ALG_ML_KEM_768 ? "ML-KEM-768" : NULL;
    OSSL_PARAM params[] = { octets(OSSL_PKEY_PARAM_PRIV_KEY, expanded), OSSL_PARAM_construct_end() };
    HF_CHECK(type != NULL, HF_ERR_UNSUPPORTED);
    HF_AUTO(hf_pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    HF_AUTO(hf_key_freep) hf_key *key = OPENSSL_zalloc(sizeof *key);
    HF_CHECK(ctx != NULL && key != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    key->alg = a;
    key->has_private = true;
    if (EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key->pkey, EVP_PKEY_KEYPAIR, params) != 1)
        return hf_openssl_error(HF_ERR_BAD_KEY);
    *ret = key;
    key = NULL;
    return HF_OK;
}
