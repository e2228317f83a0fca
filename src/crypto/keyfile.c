#include "crypto/keyfile.h"

#include "crypto/openssl.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <string.h>

#define MATERIAL_BYTES 32 /* the EC scalar and the Ed25519 seed alike */

static const char begin_line[] = "-----BEGIN PRIVATE KEY-----\n";
static const char end_line[] = "-----END PRIVATE KEY-----";

static const struct {
    hf_alg alg;
    const char *type;
} types[] = {
    { HF_ALG_EC_P256, "EC" },
    { HF_ALG_ED25519, "ED25519" },
};

static void decoder_freep(OSSL_DECODER_CTX **p)
{
    OSSL_DECODER_CTX_free(*p);
}

static void encoder_freep(OSSL_ENCODER_CTX **p)
{
    OSSL_ENCODER_CTX_free(*p);
}

static void bn_clear_freep(BIGNUM **p)
{
    BN_clear_free(*p);
}

/*
 * The block begins at the first byte and ends at the last (but for a line feed), so nothing is skipped and a
 * second block cannot hide.
 */
static bool is_one_block(hf_view pem)
{
    size_t begin = strlen(begin_line), end = strlen(end_line);
    size_t len = pem.len;

    if (len != 0 && pem.ptr[len - 1] == '\n')
        len--;
    if (len < begin + end || !hf_view_eq_str(hf_view_of(pem.ptr, begin), begin_line))
        return false;
    return hf_view_eq_str(hf_view_of(pem.ptr + len - end, end), end_line) &&
           memmem(pem.ptr + begin, len - begin - end, "-----", 5) == NULL;
}

/* Exact type and structure: other decoders, passphrase prompts among them, are never tried. */
static EVP_PKEY *pkey_decode(hf_view pem, const char *type)
{
    EVP_PKEY *pkey = NULL;
    HF_AUTO(decoder_freep)
    OSSL_DECODER_CTX *ctx =
        OSSL_DECODER_CTX_new_for_pkey(&pkey, "PEM", "PrivateKeyInfo", type, EVP_PKEY_KEYPAIR, NULL, NULL);
    const unsigned char *at = pem.ptr;
    size_t left = pem.len;

    if (ctx == NULL || OSSL_DECODER_from_data(ctx, &at, &left) != 1) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return pkey;
}

/* P-256 by name; the same curve spelled out as explicit parameters is refused. */
static bool is_named_p256(const EVP_PKEY *pkey)
{
    char group[32];
    int explicit_params = 1;

    return EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) == 1 && strcmp(group, "prime256v1") == 0 &&
           EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_params) == 1 &&
           explicit_params == 0;
}

static bool material_of(const EVP_PKEY *pkey, hf_alg alg, uint8_t dst[static MATERIAL_BYTES])
{
    HF_AUTO(bn_clear_freep) BIGNUM *scalar = NULL;
    size_t len = MATERIAL_BYTES;

    if (alg == HF_ALG_ED25519)
        return EVP_PKEY_get_raw_private_key(pkey, dst, &len) == 1 && len == MATERIAL_BYTES;
    return is_named_p256(pkey) && EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) == 1 &&
           BN_bn2binpad(scalar, dst, MATERIAL_BYTES) == MATERIAL_BYTES;
}

/*
 * Goes by the raw material, so that the checks of hf_key_load_private apply; the file's own public key is then
 * only compared.
 */
static hf_err key_rebuild(const EVP_PKEY *pkey, hf_alg alg, hf_key **ret)
{
    HF_AUTO(hf_secret_freep) hf_secret *material = NULL;
    HF_AUTO(hf_key_freep) hf_key *key = NULL;

    HF_TRY(hf_secret_new(MATERIAL_BYTES, &material));
    HF_CHECK(material_of(pkey, alg, hf_secret_bytes(material)), HF_ERR_BAD_KEY);
    HF_TRY(hf_key_load_private(alg, material, &key));
    HF_CHECK(EVP_PKEY_eq(pkey, key->pkey) == 1, HF_ERR_BAD_KEY);
    *ret = key;
    key = NULL;
    return HF_OK;
}

hf_err hf_key_load_pem_private(hf_view pem, hf_key **ret)
{
    HF_CHECK(pem.len <= HF_KEYFILE_MAX_BYTES, HF_ERR_TOO_LARGE);
    HF_CHECK(is_one_block(pem), HF_ERR_BAD_KEY);
    for (size_t i = 0; i < HF_COUNT(types); i++) {
        HF_AUTO(hf_pkey_freep) EVP_PKEY *pkey = pkey_decode(pem, types[i].type);
        if (pkey != NULL)
            return hf_openssl_error(key_rebuild(pkey, types[i].alg, ret));
    }
    return hf_openssl_error(HF_ERR_BAD_KEY);
}

hf_err hf_key_private_pem(const hf_key *key, hf_secret **ret_pem)
{
    unsigned char *text = NULL;
    size_t len = 0;
    hf_err e;

    HF_CHECK(key->has_private && (key->alg == HF_ALG_EC_P256 || key->alg == HF_ALG_ED25519), HF_ERR_UNSUPPORTED);
    HF_AUTO(encoder_freep)
    OSSL_ENCODER_CTX *ctx = OSSL_ENCODER_CTX_new_for_pkey(key->pkey, EVP_PKEY_KEYPAIR, "PEM", "PrivateKeyInfo", NULL);
    if (ctx == NULL || OSSL_ENCODER_to_data(ctx, &text, &len) != 1)
        return hf_openssl_error(HF_ERR_INTERNAL);
    e = hf_secret_copy(text, len, ret_pem);
    OPENSSL_clear_free(text, len);
    return e;
}
