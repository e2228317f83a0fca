/*
 * Argon2id. OpenSSL takes its memory in one block, which hf_crypto_start's allocator takes from where hf_crypto_large_blocks
 * said. Lanes are computed one after the other: no thread is made here.
 */
#include "crypto/hpke.h"

#include "crypto/openssl.h"
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

/* RFC 9106 section 3.1, and what the length of a request for memory may not exceed on any machine. */
#define SALT_MIN_BYTES 8
#define TAG_MIN_BYTES 4
#define TAG_MAX_BYTES 1024
#define MEMORY_MAX_KIB (4u << 20)
#define BLOCKS_MIN_PER_LANE 8

static void kdf_freep(EVP_KDF **p)
{
    EVP_KDF_free(*p);
}

static void ctx_freep(EVP_KDF_CTX **p)
{
    EVP_KDF_CTX_free(*p);
}

/* OpenSSL reads params through non-const pointers but does not write to these. */
static OSSL_PARAM octets(const char *name, hf_view v)
{
    return OSSL_PARAM_construct_octet_string(name, v.len > 0 ? (void *)(uintptr_t)v.ptr : (void *)(uintptr_t)"", v.len);
}

hf_err hf_argon2id_with(const struct hf_argon2_input *in, uint8_t *dst, size_t len)
{
    uint32_t memory = in->memory_kib, passes = in->passes, lanes = in->lanes, threads = 1, early_clean = 1;

    HF_CHECK(in->salt.len >= SALT_MIN_BYTES && len >= TAG_MIN_BYTES && len <= TAG_MAX_BYTES, HF_ERR_BOUNDS);
    HF_CHECK(passes >= 1 && lanes >= 1 && lanes <= 255 && memory <= MEMORY_MAX_KIB, HF_ERR_BOUNDS);
    HF_CHECK(memory >= BLOCKS_MIN_PER_LANE * lanes, HF_ERR_BOUNDS);
    OSSL_PARAM params[] = {
        octets(OSSL_KDF_PARAM_PASSWORD, in->passphrase),
        octets(OSSL_KDF_PARAM_SALT, in->salt),
        octets(OSSL_KDF_PARAM_SECRET, in->secret),
        octets(OSSL_KDF_PARAM_ARGON2_AD, in->associated),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ITER, &passes),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_THREADS, &threads),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ARGON2_LANES, &lanes),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ARGON2_MEMCOST, &memory),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_EARLY_CLEAN, &early_clean),
        OSSL_PARAM_construct_end(),
    };
    HF_AUTO(kdf_freep) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "ARGON2ID", NULL);
    HF_AUTO(ctx_freep) EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    if (ctx == NULL || EVP_KDF_derive(ctx, dst, len, params) != 1) {
        hf_wipe(dst, len);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    return HF_OK;
}

hf_err hf_argon2id(const hf_secret *passphrase, hf_view salt, uint32_t memory_kib, uint32_t passes, uint32_t lanes,
                   uint8_t *dst, size_t len)
{
    struct hf_argon2_input in = {
        .passphrase = { hf_secret_read(passphrase), hf_secret_len(passphrase) },
        .salt = salt,
        .memory_kib = memory_kib,
        .passes = passes,
        .lanes = lanes,
    };

    return hf_argon2id_with(&in, dst, len);
}
