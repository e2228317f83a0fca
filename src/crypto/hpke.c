/*
 * HPKE through OpenSSL's OSSL_HPKE functions. A context is used for one message: sender and receiver both start at
 * sequence number 0, and no context outlives its call.
 */
#include "crypto/hpke.h"

#include "crypto/openssl.h"
#include <openssl/hpke.h>

struct hf_hpke_key {
    EVP_PKEY *pkey;
};

static OSSL_HPKE_SUITE suite_of(uint16_t aead)
{
    return (OSSL_HPKE_SUITE) { OSSL_HPKE_KEM_ID_X25519, OSSL_HPKE_KDF_ID_HKDF_SHA256, aead };
}

static void ctx_freep(OSSL_HPKE_CTX **p)
{
    OSSL_HPKE_CTX_free(*p);
}

void hf_hpke_key_free(hf_hpke_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    OPENSSL_free(key);
}

static void key_freep(hf_hpke_key **p)
{
    hf_hpke_key_free(*p);
}

/* ikm empty: a random key. */
static hf_err key_make(hf_view ikm, hf_hpke_key **ret, uint8_t ret_public[static HF_HPKE_PUBLIC_BYTES])
{
    uint8_t public[HF_HPKE_PUBLIC_BYTES];
    size_t len = sizeof public;
    HF_AUTO(key_freep) hf_hpke_key *key = OPENSSL_zalloc(sizeof *key);

    HF_CHECK(key != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    if (OSSL_HPKE_keygen(suite_of(HF_HPKE_AES_256_GCM), public, &len, &key->pkey, ikm.len > 0 ? ikm.ptr : NULL, ikm.len,
                         NULL, NULL) != 1 ||
        len != sizeof public)
        return hf_openssl_error(HF_ERR_INTERNAL);
    hf_writer w = hf_writer_on(ret_public, HF_HPKE_PUBLIC_BYTES);
    hf_put_bytes(&w, public, sizeof public);
    *ret = key;
    key = NULL; /* the caller's now */
    return HF_OK;
}

hf_err hf_hpke_key_new(hf_hpke_key **ret, uint8_t ret_public[static HF_HPKE_PUBLIC_BYTES])
{
    return key_make((hf_view) { NULL, 0 }, ret, ret_public);
}

hf_err hf_hpke_key_derive(hf_view ikm, hf_hpke_key **ret, uint8_t ret_public[static HF_HPKE_PUBLIC_BYTES])
{
    HF_CHECK(ikm.len >= 32, HF_ERR_BOUNDS);
    return key_make(ikm, ret, ret_public);
}

hf_err hf_hpke_seal_with(const struct hf_hpke_input *in, const uint8_t public_key[static HF_HPKE_PUBLIC_BYTES],
                         hf_view plain, uint8_t ret_enc[static HF_HPKE_ENC_BYTES], uint8_t *dst)
{
    uint8_t enc[HF_HPKE_ENC_BYTES];
    size_t enc_len = sizeof enc;
    size_t len = plain.len + HF_HPKE_TAG_BYTES;
    HF_AUTO(ctx_freep)
    OSSL_HPKE_CTX *ctx = OSSL_HPKE_CTX_new(OSSL_HPKE_MODE_BASE, suite_of(in->aead), OSSL_HPKE_ROLE_SENDER, NULL, NULL);

    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    if (in->ikm_e.len > 0 && OSSL_HPKE_CTX_set1_ikme(ctx, in->ikm_e.ptr, in->ikm_e.len) != 1)
        return hf_openssl_error(HF_ERR_INTERNAL);
    /* Fails for a public key of low order too: the shared secret would be zero (RFC 9180 section 7.1.4). */
    if (OSSL_HPKE_encap(ctx, enc, &enc_len, public_key, HF_HPKE_PUBLIC_BYTES, in->info.ptr, in->info.len) != 1 ||
        enc_len != sizeof enc)
        return hf_openssl_error(HF_ERR_BAD_KEY);
    if (OSSL_HPKE_seal(ctx, dst, &len, in->aad.ptr, in->aad.len, plain.ptr, plain.len) != 1 ||
        len != plain.len + HF_HPKE_TAG_BYTES) {
        hf_wipe(dst, plain.len + HF_HPKE_TAG_BYTES);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    hf_writer w = hf_writer_on(ret_enc, HF_HPKE_ENC_BYTES);
    hf_put_bytes(&w, enc, sizeof enc);
    return HF_OK;
}

hf_err hf_hpke_open_with(const struct hf_hpke_input *in, const hf_hpke_key *key, hf_view enc, hf_view sealed,
                         uint8_t *dst)
{
    HF_CHECK(enc.len == HF_HPKE_ENC_BYTES && sealed.len > HF_HPKE_TAG_BYTES, HF_ERR_BAD_CIPHERTEXT);
    size_t want = sealed.len - HF_HPKE_TAG_BYTES;
    size_t len = want;
    HF_AUTO(ctx_freep)
    OSSL_HPKE_CTX *ctx =
        OSSL_HPKE_CTX_new(OSSL_HPKE_MODE_BASE, suite_of(in->aead), OSSL_HPKE_ROLE_RECEIVER, NULL, NULL);

    HF_CHECK(ctx != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    if (OSSL_HPKE_decap(ctx, enc.ptr, enc.len, key->pkey, in->info.ptr, in->info.len) != 1 ||
        OSSL_HPKE_open(ctx, dst, &len, in->aad.ptr, in->aad.len, sealed.ptr, sealed.len) != 1 || len != want) {
        hf_wipe(dst, want);
        return hf_openssl_error(HF_ERR_BAD_CIPHERTEXT);
    }
    return HF_OK;
}

hf_err hf_hpke_seal(const uint8_t public_key[static HF_HPKE_PUBLIC_BYTES], hf_view info, hf_view aad,
                    const hf_secret *plain, uint8_t ret_enc[static HF_HPKE_ENC_BYTES], uint8_t *dst, size_t cap,
                    size_t *ret_len)
{
    struct hf_hpke_input in = { .aead = HF_HPKE_AES_256_GCM, .info = info, .aad = aad };
    hf_view text = { hf_secret_read(plain), hf_secret_len(plain) };

    HF_CHECK(cap >= text.len + HF_HPKE_TAG_BYTES, HF_ERR_BOUNDS);
    HF_TRY(hf_hpke_seal_with(&in, public_key, text, ret_enc, dst));
    *ret_len = text.len + HF_HPKE_TAG_BYTES;
    return HF_OK;
}

hf_err hf_hpke_open(const hf_hpke_key *key, hf_view enc, hf_view info, hf_view aad, hf_view sealed, hf_secret **ret)
{
    struct hf_hpke_input in = { .aead = HF_HPKE_AES_256_GCM, .info = info, .aad = aad };
    HF_AUTO(hf_secret_freep) hf_secret *plain = NULL;

    HF_CHECK(sealed.len > HF_HPKE_TAG_BYTES, HF_ERR_BAD_CIPHERTEXT);
    if (hf_secret_new(sealed.len - HF_HPKE_TAG_BYTES, &plain) != HF_OK)
        return HF_ERR_BAD_CIPHERTEXT;
    HF_TRY(hf_hpke_open_with(&in, key, enc, sealed, hf_secret_bytes(plain)));
    *ret = plain;
    plain = NULL;
    return HF_OK;
}
