#include "crypto/openssl.h"
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#define ED25519_BYTES 64
#define ML_DSA_MU_BYTES 64
#define ML_DSA_CONTEXT_MAX_BYTES 255
#define ECDSA_DER_MIN_BYTES 8 /* two integers of one byte */
#define SIGNATURE_ROOM HF_ML_DSA_65_SIGNATURE_BYTES /* of the largest one that is made here */

/* ---- which combinations exist ---- */

/* What one call asks for, with every default filled in. */
struct job {
    hf_scheme scheme;
    hf_hash hash;
    bool prehashed;
    hf_view context;
};

static hf_err resolve_plain(struct job *j, hf_scheme only)
{
    HF_CHECK(j->scheme == HF_SCHEME_DEFAULT || j->scheme == only, HF_ERR_UNSUPPORTED);
    HF_CHECK(j->hash == HF_HASH_NONE && j->context.len == 0 && !j->prehashed, HF_ERR_UNSUPPORTED);
    j->scheme = only;
    return HF_OK;
}

/* Schemes that sign a digest: the first is the default. */
static hf_err resolve_digest(struct job *j, hf_scheme first, hf_scheme second, hf_hash default_hash)
{
    if (j->scheme == HF_SCHEME_DEFAULT)
        j->scheme = first;
    if (j->hash == HF_HASH_NONE)
        j->hash = default_hash;
    HF_CHECK(j->scheme == first || j->scheme == second, HF_ERR_UNSUPPORTED);
    HF_CHECK(hf_hash_bytes(j->hash) > 0 && j->context.len == 0, HF_ERR_UNSUPPORTED);
    return HF_OK;
}

/* The external mu is made with the context, so there is no room for a second one. */
static hf_err resolve_ml_dsa(struct job *j)
{
    HF_CHECK(j->scheme == HF_SCHEME_DEFAULT || j->scheme == HF_SCHEME_ML_DSA, HF_ERR_UNSUPPORTED);
    HF_CHECK(j->hash == HF_HASH_NONE && !(j->prehashed && j->context.len > 0), HF_ERR_UNSUPPORTED);
    HF_CHECK(j->context.len <= ML_DSA_CONTEXT_MAX_BYTES, HF_ERR_BOUNDS);
    j->scheme = HF_SCHEME_ML_DSA;
    return HF_OK;
}

static hf_err resolve_hmac(hf_alg a, struct job *j)
{
    HF_CHECK(j->hash == HF_HASH_NONE || j->hash == hf_key_hmac_hash(a), HF_ERR_UNSUPPORTED);
    j->hash = HF_HASH_NONE;
    return resolve_plain(j, HF_SCHEME_HMAC);
}

static hf_err resolve(hf_alg a, struct job *j)
{
    switch (a) {
    case HF_ALG_EC_P256:
        return resolve_digest(j, HF_SCHEME_ECDSA_DER, HF_SCHEME_ECDSA_RAW, HF_HASH_SHA256);
    case HF_ALG_EC_P384:
        return resolve_digest(j, HF_SCHEME_ECDSA_DER, HF_SCHEME_ECDSA_RAW, HF_HASH_SHA384);
    case HF_ALG_RSA_2048:
    case HF_ALG_RSA_3072:
        return resolve_digest(j, HF_SCHEME_RSA_PSS, HF_SCHEME_RSA_PKCS1, HF_HASH_SHA256);
    case HF_ALG_ED25519:
        return resolve_plain(j, HF_SCHEME_ED25519);
    case HF_ALG_ML_DSA_65:
        return resolve_ml_dsa(j);
    case HF_ALG_HMAC_SHA256:
    case HF_ALG_HMAC_SHA384:
    case HF_ALG_HMAC_SHA512:
        return resolve_hmac(a, j);
    case HF_ALG_AES_256_GCM:
    case HF_ALG_ML_KEM_768:
    case HF_ALG_NONE:
        return HF_ERR_UNSUPPORTED;
    }
    return HF_ERR_UNSUPPORTED;
}

/* What OpenSSL gets to see: the message, or its digest, into store when it must be computed. */
static hf_err signed_input(const struct job *j, hf_view input, uint8_t store[static HF_HASH_MAX_BYTES], hf_view *ret)
{
    size_t digest_len = j->scheme == HF_SCHEME_ML_DSA ? ML_DSA_MU_BYTES : hf_hash_bytes(j->hash);
    HF_CHECK(!j->prehashed || input.len == digest_len, HF_ERR_BOUNDS);
    *ret = input;
    if (j->prehashed || j->hash == HF_HASH_NONE)
        return HF_OK;
    HF_TRY(hf_digest(j->hash, &input, 1, store));
    *ret = (hf_view) { store, digest_len };
    return HF_OK;
}

/* Bytes of a signature; for ECDSA in DER the largest. */
static size_t signature_bytes(hf_alg a, hf_scheme scheme)
{
    if (hf_rsa_bytes(a) > 0)
        return hf_rsa_bytes(a);
    if (hf_ec_bytes(a) > 0) /* each integer may need a zero in front, and two bytes before it; three for the list */
        return scheme == HF_SCHEME_ECDSA_RAW ? 2 * hf_ec_bytes(a) : 2 * (hf_ec_bytes(a) + 3) + 2;
    return a == HF_ALG_ED25519 ? ED25519_BYTES : HF_ML_DSA_65_SIGNATURE_BYTES;
}

/* ---- parameters of a prepared context ---- */

/*
 * A context keeps what was set last, and its tag (OpenSSL's application data) says what that is; 0 is how it began.
 * RSA: scheme and hash. ML-DSA: 1 when it may hold another context string or expect mu.
 */
static bool set_rsa(EVP_PKEY_CTX *ctx, const struct job *j)
{
    uintptr_t tag = (uintptr_t)j->scheme << 8 | (uintptr_t)j->hash;
    int salt = (int)hf_hash_bytes(j->hash);
    char *hash = (char *)(uintptr_t)hf_openssl_hash_name(j->hash);
    char pss[] = OSSL_PKEY_RSA_PAD_MODE_PSS, pkcs1[] = OSSL_PKEY_RSA_PAD_MODE_PKCSV15;
    bool is_pss = j->scheme == HF_SCHEME_RSA_PSS;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, hash, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, is_pss ? pss : pkcs1, 0),
        is_pss ? OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, hash, 0)
               : OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &salt),
        OSSL_PARAM_construct_end(),
    };
    if ((uintptr_t)EVP_PKEY_CTX_get_app_data(ctx) == tag)
        return true;
    if (EVP_PKEY_CTX_set_params(ctx, params) != 1)
        return false;
    EVP_PKEY_CTX_set_app_data(ctx, (void *)tag);
    return true;
}

static bool set_ml_dsa(EVP_PKEY_CTX *ctx, const struct job *j)
{
    int mu = j->prehashed;
    uintptr_t tag = j->prehashed || j->context.len > 0;
    void *text = j->context.len > 0 ? (void *)(uintptr_t)j->context.ptr : (void *)(uintptr_t)"";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_CONTEXT_STRING, text, j->context.len),
        OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_MU, &mu),
        OSSL_PARAM_construct_end(),
    };
    if (tag == 0 && EVP_PKEY_CTX_get_app_data(ctx) == NULL)
        return true;
    if (EVP_PKEY_CTX_set_params(ctx, params) != 1)
        return false;
    EVP_PKEY_CTX_set_app_data(ctx, (void *)tag);
    return true;
}

static EVP_PKEY_CTX *context_for(hf_key *key, bool private_op, const struct job *j)
{
    EVP_PKEY_CTX *ctx = hf_key_ctx_take(key, private_op);
    bool ready = ctx != NULL && (hf_rsa_bytes(key->alg) > 0      ? set_rsa(ctx, j)
                                 : j->scheme == HF_SCHEME_ML_DSA ? set_ml_dsa(ctx, j)
                                                                 : true);
    if (ready)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

/* ---- signing ---- */

static hf_err give_out(const uint8_t *sig, size_t len, uint8_t *dst, size_t cap, size_t *ret_len)
{
    hf_writer w = hf_writer_on(dst, cap);
    hf_put_bytes(&w, sig, len);
    HF_CHECK(!w.failed, HF_ERR_BOUNDS);
    *ret_len = len;
    return HF_OK;
}

/*
 * Signs with a prepared context. The length is checked because OpenSSL has been seen to report success with a
 * length of 2^32 - 1 after trouble inside; copying that many bytes out would give away memory.
 */
static hf_err sign_with(const hf_key *key, const struct job *j, hf_view input, uint8_t sig[static SIGNATURE_ROOM],
                        size_t *ret_len)
{
    hf_key *shared = (hf_key *)(uintptr_t)key; /* the pool of contexts does not change what the key is */
    bool der = hf_ec_bytes(key->alg) > 0; /* OpenSSL always gives DER */
    size_t max = signature_bytes(key->alg, HF_SCHEME_ECDSA_DER), min = der ? ECDSA_DER_MIN_BYTES : max, len = max;
    EVP_PKEY_CTX *ctx = context_for(shared, true, j);
    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    const uint8_t *in = input.len > 0 ? input.ptr : (const uint8_t *)"";
    if (EVP_PKEY_sign(ctx, sig, &len, in, input.len) != 1 || len < min || len > max) {
        EVP_PKEY_CTX_free(ctx);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    hf_key_ctx_give(shared, true, ctx);
    *ret_len = len;
    return HF_OK;
}

static hf_err sign_asymmetric(const hf_key *key, const struct job *j, hf_view input, uint8_t *dst, size_t cap,
                              size_t *ret_len)
{
    uint8_t sig[SIGNATURE_ROOM], raw[HF_ECDSA_RAW_MAX_BYTES];
    size_t len = 0, n = hf_ec_bytes(key->alg);
    HF_TRY(sign_with(key, j, input, sig, &len));
    if (j->scheme != HF_SCHEME_ECDSA_RAW)
        return give_out(sig, len, dst, cap, ret_len);
    HF_TRY(hf_ecdsa_raw_from_der((hf_view) { sig, len }, n, raw));
    return give_out(raw, 2 * n, dst, cap, ret_len);
}

static hf_err sign_hmac(const hf_key *key, hf_view input, uint8_t *dst, size_t cap, size_t *ret_len)
{
    uint8_t mac[HF_HASH_MAX_BYTES];
    HF_TRY(hf_key_mac(key, input, mac));
    hf_err e = give_out(mac, hf_key_material_bytes(key->alg), dst, cap, ret_len);
    hf_wipe(mac, sizeof mac);
    return e;
}

hf_err hf_key_sign_context(const hf_key *key, hf_scheme scheme, hf_hash hash, bool prehashed, hf_view context,
                           hf_view input, uint8_t *dst, size_t cap, size_t *ret_len)
{
    struct job j = { scheme, hash, prehashed, context };
    uint8_t store[HF_HASH_MAX_BYTES];
    hf_view in;
    HF_CHECK(key->has_private, HF_ERR_UNSUPPORTED);
    HF_TRY(resolve(key->alg, &j));
    HF_TRY(signed_input(&j, input, store, &in));
    if (j.scheme == HF_SCHEME_HMAC)
        return sign_hmac(key, in, dst, cap, ret_len);
    return sign_asymmetric(key, &j, in, dst, cap, ret_len);
}

hf_err hf_key_sign(const hf_key *key, hf_scheme scheme, hf_hash hash, bool prehashed, hf_view input, uint8_t *dst,
                   size_t cap, size_t *ret_len)
{
    return hf_key_sign_context(key, scheme, hash, prehashed, (hf_view) { NULL, 0 }, input, dst, cap, ret_len);
}

/* ---- verifying ---- */

static hf_err verify_with(const hf_key *key, const struct job *j, hf_view input, hf_view signature)
{
    hf_key *shared = (hf_key *)(uintptr_t)key;
    EVP_PKEY_CTX *ctx = context_for(shared, false, j);
    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    const uint8_t *in = input.len > 0 ? input.ptr : (const uint8_t *)"";
    if (EVP_PKEY_verify(ctx, signature.ptr, signature.len, in, input.len) != 1) {
        EVP_PKEY_CTX_free(ctx);
        return hf_openssl_error(HF_ERR_BAD_SIGNATURE);
    }
    hf_key_ctx_give(shared, false, ctx);
    return HF_OK;
}

/* Halving would take shorter and longer ones: only the curve's own length counts. */
static hf_err verify_ecdsa_raw(const hf_key *key, const struct job *j, hf_view input, hf_view signature)
{
    uint8_t der[HF_ECDSA_DER_MAX_BYTES];
    size_t len = 0, n = hf_ec_bytes(key->alg);
    HF_CHECK(signature.len == 2 * n, HF_ERR_BAD_SIGNATURE);
    HF_TRY(hf_ecdsa_der_from_raw(signature.ptr, n, der, &len));
    return verify_with(key, j, input, (hf_view) { der, len });
}

static hf_err verify_hmac(const hf_key *key, hf_view input, hf_view signature)
{
    uint8_t mac[HF_HASH_MAX_BYTES];
    size_t n = hf_key_material_bytes(key->alg);
    HF_CHECK(signature.len == n, HF_ERR_BAD_SIGNATURE); /* no truncated ones */
    HF_TRY(hf_key_mac(key, input, mac));
    bool same = hf_ct_equal(mac, signature.ptr, n);
    hf_wipe(mac, sizeof mac);
    return same ? HF_OK : HF_ERR_BAD_SIGNATURE;
}

hf_err hf_key_verify_context(const hf_key *key, hf_scheme scheme, hf_hash hash, bool prehashed, hf_view context,
                             hf_view input, hf_view signature)
{
    struct job j = { scheme, hash, prehashed, context };
    uint8_t store[HF_HASH_MAX_BYTES];
    hf_view in;
    HF_TRY(resolve(key->alg, &j));
    HF_TRY(signed_input(&j, input, store, &in));
    if (j.scheme == HF_SCHEME_HMAC)
        return verify_hmac(key, in, signature);
    if (j.scheme == HF_SCHEME_ECDSA_RAW)
        return verify_ecdsa_raw(key, &j, in, signature);
    /* ECDSA: OpenSSL re-encodes what it parsed and compares, so only strict DER passes */
    size_t max = signature_bytes(key->alg, j.scheme), min = j.scheme == HF_SCHEME_ECDSA_DER ? ECDSA_DER_MIN_BYTES : max;
    HF_CHECK(signature.len >= min && signature.len <= max, HF_ERR_BAD_SIGNATURE);
    return verify_with(key, &j, in, signature);
}

hf_err hf_key_verify(const hf_key *key, hf_scheme scheme, hf_hash hash, bool prehashed, hf_view input,
                     hf_view signature)
{
    return hf_key_verify_context(key, scheme, hash, prehashed, (hf_view) { NULL, 0 }, input, signature);
}
