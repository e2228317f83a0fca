/*
 * AES-256-GCM through EVP. The first round keys of AES-256 are the key, and a context keeps them until it gets others:
 * so every use ends with another key, all zero, which overwrites round keys, hash key and the last key stream. That is
 * the cheapest way that EVP has (measured: 75 ns; EVP_CIPHER_CTX_reset and a new start 90; a new context 104) and the
 * only one that allocates nothing.
 */
#include "sealmem/internal.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <stdlib.h>

static const uint8_t no_key[HF_COFFER_KEY_BYTES];

hf_err hf_cipher_fetch(EVP_CIPHER **ret)
{
    ERR_set_mark();
    EVP_CIPHER *gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    ERR_pop_to_mark(); /* what the program has in its queue stays, and nothing is added */
    HF_CHECK(gcm != NULL, HF_ERR_UNSUPPORTED);
    if (EVP_CIPHER_get_key_length(gcm) != HF_COFFER_KEY_BYTES ||
        EVP_CIPHER_get_iv_length(gcm) != HF_COFFER_NONCE_BYTES) {
        EVP_CIPHER_free(gcm);
        return HF_ERR_UNSUPPORTED;
    }
    *ret = gcm;
    return HF_OK;
}

/* ---- contexts ---- */

/*
 * EVP lets malloc choose where a context lies, and OpenSSL's AES-GCM is up to a quarter slower where that is not the
 * start of a cache line (measured: 468 ns for seal and open at a multiple of 64, 505 at 16 and 48, 578 at 32). So more
 * contexts are made than are needed, apart by a piece that shifts them against cache lines, and those stay that take a
 * key in the least time.
 */
#define TRIES (4 * HF_COFFER_SEATS)
#define SPACER_BYTES 40 /* with malloc's own eight 48: no multiple of 32 */
#define SAMPLES 8
#define KEYS 8 /* a sample; some 0.6 us */

typedef struct candidate {
    EVP_CIPHER_CTX *ctx;
    void *spacer;
    int64_t ns;
} candidate;

static EVP_CIPHER_CTX *ctx_new(EVP_CIPHER *gcm)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx != NULL && EVP_CipherInit_ex2(ctx, gcm, no_key, NULL, 1, NULL) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static bool make_all(EVP_CIPHER *gcm, candidate *c)
{
    for (size_t i = 0; i < TRIES; i++) {
        c[i].spacer = calloc(1, SPACER_BYTES);
        c[i].ctx = ctx_new(gcm);
        c[i].ns = INT64_MAX;
        if (c[i].spacer == NULL || c[i].ctx == NULL)
            return false;
    }
    return true;
}

/* The least of samples that lie apart, because a processor that is busy elsewhere disturbs several in a row. */
static void time_all(candidate *c)
{
    for (size_t sample = 0; sample < SAMPLES * TRIES; sample++) {
        candidate *now = &c[sample % TRIES];
        int64_t start = hf_coffer_clock_ns(CLOCK_MONOTONIC);
        for (int k = 0; k < KEYS; k++)
            (void)EVP_CipherInit_ex2(now->ctx, NULL, no_key, NULL, 1, NULL);
        int64_t ns = hf_coffer_clock_ns(CLOCK_MONOTONIC) - start;
        now->ns = ns < now->ns ? ns : now->ns;
    }
}

static EVP_CIPHER_CTX *take_best(candidate *c)
{
    size_t best = 0;
    for (size_t i = 1; i < TRIES; i++) {
        if (c[best].ctx == NULL || (c[i].ctx != NULL && c[i].ns < c[best].ns))
            best = i;
    }
    EVP_CIPHER_CTX *ctx = c[best].ctx;
    c[best].ctx = NULL;
    return ctx;
}

hf_err hf_cipher_contexts(EVP_CIPHER *gcm, EVP_CIPHER_CTX *dst[static HF_COFFER_SEATS])
{
    candidate c[TRIES] = { 0 };
    bool made = make_all(gcm, c);
    if (made)
        time_all(c);
    for (size_t i = 0; i < HF_COFFER_SEATS && made; i++)
        dst[i] = take_best(c);
    for (size_t i = 0; i < TRIES; i++) {
        EVP_CIPHER_CTX_free(c[i].ctx);
        free(c[i].spacer);
    }
    return made ? HF_OK : HF_ERR_SYSTEM;
}

/* ---- use ---- */

/* The tag as a parameter: where it is, or where it goes. */
static void tag_param(uint8_t *tag, OSSL_PARAM dst[static 2])
{
    dst[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, HF_COFFER_TAG_BYTES);
    dst[1] = OSSL_PARAM_construct_end();
}

static bool feed(EVP_CIPHER_CTX *ctx, hf_view in, uint8_t *out)
{
    int n = 0;
    return EVP_CipherUpdate(ctx, out, &n, in.ptr, (int)in.len) == 1 && n == (int)in.len;
}

static bool finish(EVP_CIPHER_CTX *ctx)
{
    int n = 0;
    uint8_t none[HF_COFFER_TAG_BYTES];
    return EVP_CipherFinal_ex(ctx, none, &n) == 1 && n == 0;
}

/*
 * Another thread in hf_wipe_all may make zeros of the key while EVP reads it, or of the context where OpenSSL's heap is
 * an arena: so this is asked when the key was read, before it is used, and once more before the result counts.
 */
static bool whole(uint64_t wipes)
{
    return hf_wipe_count() == wipes;
}

hf_err hf_cipher_seal(EVP_CIPHER_CTX *ctx, uint64_t wipes, const uint8_t *key, const uint8_t *nonce, hf_view aad,
                      hf_view plain, uint8_t *out)
{
    OSSL_PARAM tag[2];
    tag_param(out + plain.len, tag);
    if (EVP_CipherInit_ex2(ctx, NULL, key, nonce, 1, NULL) != 1 || !whole(wipes) || !feed(ctx, aad, NULL) ||
        !feed(ctx, plain, out) || !finish(ctx) || EVP_CIPHER_CTX_get_params(ctx, tag) != 1 || !whole(wipes)) {
        hf_wipe(out, plain.len + HF_COFFER_TAG_BYTES);
        return whole(wipes) ? HF_ERR_INTERNAL : HF_ERR_WRONG_STATE;
    }
    return HF_OK;
}

hf_err hf_cipher_open(EVP_CIPHER_CTX *ctx, uint64_t wipes, const uint8_t *key, const uint8_t *nonce, hf_view aad,
                      hf_view sealed, uint8_t *out)
{
    hf_view text = { sealed.ptr, sealed.len - HF_COFFER_TAG_BYTES };
    OSSL_PARAM tag[2];
    tag_param((uint8_t *)(uintptr_t)(sealed.ptr + text.len), tag); /* only read */
    if (EVP_CipherInit_ex2(ctx, NULL, key, nonce, 0, tag) != 1 || !whole(wipes) || !feed(ctx, aad, NULL) ||
        !feed(ctx, text, out) || !finish(ctx) || !whole(wipes)) {
        hf_wipe(out, text.len);
        return whole(wipes) ? HF_ERR_BAD_CIPHERTEXT : HF_ERR_WRONG_STATE;
    }
    return HF_OK;
}

void hf_cipher_forget(EVP_CIPHER_CTX *ctx, EVP_CIPHER *gcm)
{
    if (EVP_CipherInit_ex2(ctx, NULL, no_key, NULL, 1, NULL) == 1)
        return;
    /* Gives the memory back, wiped. When there is none anew, the context stays empty and every later use fails. */
    EVP_CIPHER_CTX_reset(ctx);
    (void)EVP_CipherInit_ex2(ctx, gcm, no_key, NULL, 1, NULL);
}
