#include "file/tag.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

static const char entry_info[] = "holdfast file entry 1";

struct hf_tag_work {
    EVP_MAC_CTX *ctx;
};

/* The host program's errors stay in its queue, ours do not get there. */
static hf_err judged(bool ok)
{
    if (ok)
        (void)ERR_clear_last_mark();
    else
        (void)ERR_pop_to_mark();
    return ok ? HF_OK : HF_ERR_INTERNAL;
}

static OSSL_PARAM digest_param(void)
{
    return OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)OSSL_DIGEST_NAME_SHA2_256, 0);
}

/* ---- HMAC ---- */

static bool begin(hf_tag_work *w, const hf_secret *key)
{
    const OSSL_PARAM params[] = { digest_param(), OSSL_PARAM_construct_end() };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);

    if (mac != NULL)
        w->ctx = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac); /* the context keeps its own reference */
    return w->ctx != NULL && EVP_MAC_init(w->ctx, hf_secret_read(key), hf_secret_len(key), params) == 1;
}

hf_err hf_tag_begin(const hf_secret *key, hf_tag_work **ret)
{
    hf_tag_work *w = calloc(1, sizeof(*w));

    HF_CHECK(w != NULL, HF_ERR_SYSTEM);
    (void)ERR_set_mark();
    hf_err err = judged(begin(w, key));
    if (err != HF_OK) {
        hf_tag_freep(&w);
        return err;
    }
    *ret = w;
    return HF_OK;
}

hf_err hf_tag_add(hf_tag_work *w, hf_view part)
{
    if (part.len == 0)
        return HF_OK;
    (void)ERR_set_mark();
    return judged(EVP_MAC_update(w->ctx, part.ptr, part.len) == 1);
}

hf_err hf_tag_end(hf_tag_work *w, hf_tag *ret)
{
    hf_tag tag = { { 0 } };
    size_t len = 0;

    (void)ERR_set_mark();
    HF_TRY(judged(EVP_MAC_final(w->ctx, tag.bytes, &len, sizeof(tag.bytes)) == 1 && len == sizeof(tag.bytes)));
    *ret = tag;
    return HF_OK;
}

/* OpenSSL overwrites the key and the states of the digest that it frees here. */
void hf_tag_freep(hf_tag_work **w)
{
    if (*w != NULL)
        EVP_MAC_CTX_free((*w)->ctx);
    free(*w);
    *w = NULL;
}

hf_err hf_tag_of(const hf_secret *key, hf_view bytes, hf_tag *ret)
{
    hf_tag_work *w = NULL;

    HF_TRY(hf_tag_begin(key, &w));
    hf_err err = hf_tag_add(w, bytes);
    if (err == HF_OK)
        err = hf_tag_end(w, ret);
    hf_tag_freep(&w);
    return err;
}

/* ---- entries ---- */

static bool expand(const hf_secret *key, hf_secret *into)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    const OSSL_PARAM params[] = {
        digest_param(),
        /* only read: the type is older than const */
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)hf_secret_read(key),
                                          hf_secret_len(key)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)entry_info, sizeof(entry_info) - 1),
        OSSL_PARAM_construct_end(),
    };
    bool ok = ctx != NULL && EVP_KDF_derive(ctx, hf_secret_bytes(into), hf_secret_len(into), params) == 1;

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok;
}

hf_err hf_entry_key(const hf_secret *key, hf_secret **ret)
{
    HF_AUTO(hf_secret_freep) hf_secret *made = NULL;

    HF_TRY(hf_secret_new(HF_FILE_KEY_BYTES, &made));
    (void)ERR_set_mark();
    HF_TRY(judged(expand(key, made)));
    *ret = made;
    made = NULL; /* the caller's now */
    return HF_OK;
}

hf_err hf_entry_id(const char *path, uint8_t ret_id[static HF_FILE_ID_BYTES])
{
    uint8_t digest[HF_FILE_ID_BYTES];
    size_t len = 0;

    (void)ERR_set_mark();
    HF_TRY(judged(EVP_Q_digest(NULL, OSSL_DIGEST_NAME_SHA2_256, NULL, path, strlen(path), digest, &len) == 1 &&
                  len == sizeof(digest)));
    hf_writer w = hf_writer_on(ret_id, HF_FILE_ID_BYTES);
    hf_put_bytes(&w, digest, sizeof(digest));
    return HF_OK;
}
