#include "records/version_record.h"

#include "crypto/crypto.h"
#include "records/sealed.h"
#include <string.h>

#define WRAP_SEALED_BYTES (HF_DEK_BYTES + HF_GCM_TAG_BYTES)

hf_err hf_dek_new(hf_secret **ret)
{
    return hf_secret_random(HF_DEK_BYTES, ret);
}

static bool is_key(const hf_secret *key)
{
    return key != NULL && hf_secret_len(key) == HF_GCM_KEY_BYTES;
}

/* Appends a fresh nonce and gives where it lies: it belongs to the AAD like every byte before it. */
static hf_err put_nonce(hf_writer *w, uint8_t nonce[static HF_GCM_NONCE_BYTES])
{
    HF_TRY(hf_random(nonce, HF_GCM_NONCE_BYTES));
    hf_put_bytes(w, nonce, HF_GCM_NONCE_BYTES);
    return w->failed ? HF_ERR_BOUNDS : HF_OK;
}

/* Appends secret sealed under key. */
static hf_err put_sealed(hf_writer *w, const hf_secret *key, const uint8_t nonce[static HF_GCM_NONCE_BYTES],
                         hf_view aad, const hf_secret *secret)
{
    const size_t len = hf_secret_len(secret) + HF_GCM_TAG_BYTES;
    HF_CHECK(!w->failed && len <= w->cap - w->len, HF_ERR_BOUNDS);
    HF_TRY(hf_gcm_seal(hf_secret_read(key), nonce, &aad, 1, hf_view_of(hf_secret_read(secret), hf_secret_len(secret)),
                       w->ptr + w->len));
    w->len += len;
    return HF_OK;
}

static hf_err open_sealed(const hf_secret *key, const uint8_t *nonce, hf_view aad, hf_view sealed, hf_secret **ret)
{
    HF_AUTO(hf_secret_freep) hf_secret *plain = NULL;
    HF_CHECK(sealed.len > HF_GCM_TAG_BYTES, HF_ERR_INTEGRITY);
    HF_TRY(hf_secret_new(sealed.len - HF_GCM_TAG_BYTES, &plain));
    const hf_err e = hf_gcm_open(hf_secret_read(key), nonce, &aad, 1, sealed, hf_secret_bytes(plain));
    HF_CHECK(e != HF_ERR_BAD_CIPHERTEXT, HF_ERR_INTEGRITY);
    HF_TRY(e);
    *ret = plain;
    plain = NULL;
    return HF_OK;
}

hf_err hf_version_seal(const hf_root_keys *keys, const struct hf_version_head *head, const hf_secret *dek,
                       const hf_secret *material, uint8_t *dst, size_t cap, size_t *ret_len,
                       uint8_t ret_mac[static HF_RECORD_MAC_BYTES])
{
    uint8_t nonce[HF_GCM_NONCE_BYTES];
    HF_CHECK(head->version != 0 && hf_alg_name(head->alg) != NULL, HF_ERR_INVALID);
    HF_CHECK(is_key(dek) && hf_secret_len(material) <= HF_MATERIAL_MAX_BYTES, HF_ERR_BOUNDS);

    hf_writer w = hf_writer_on(dst, cap);
    hf_blob_begin(&w, HF_ROW_VERSION);
    hf_put_bytes(&w, head->id, sizeof(head->id));
    hf_put_u32(&w, head->version);
    hf_put_u16(&w, (uint16_t)head->alg);
    hf_put_u64(&w, (uint64_t)head->created.ns);
    HF_TRY(put_nonce(&w, nonce));
    const hf_view aad = hf_writer_view(&w);
    hf_put_u16(&w, (uint16_t)(hf_secret_len(material) + HF_GCM_TAG_BYTES));
    HF_TRY(put_sealed(&w, dek, nonce, aad, material));
    HF_TRY(hf_blob_end(&w, hf_root_key(keys, HF_PURPOSE_RECORD_MAC), ret_mac));
    *ret_len = w.len;
    return HF_OK;
}

hf_err hf_version_open(const hf_root_keys *keys, hf_view blob, const struct hf_version_head *expect,
                       const uint8_t expect_mac[static HF_RECORD_MAC_BYTES], const hf_secret *dek,
                       hf_secret **ret_material)
{
    hf_reader r;
    uint8_t id[HF_ROW_ID_BYTES];
    HF_CHECK(is_key(dek), HF_ERR_BOUNDS);
    HF_CHECK(blob.len <= HF_VERSION_MAX_BYTES, HF_ERR_INTEGRITY);
    HF_TRY(hf_blob_open(blob, HF_ROW_VERSION, hf_root_key(keys, HF_PURPOSE_RECORD_MAC), expect_mac, &r));
    hf_get_bytes(&r, id, sizeof(id));
    const uint32_t version = hf_get_u32(&r);
    const uint16_t alg = hf_get_u16(&r);
    (void)hf_get_u64(&r); /* time of creation: authenticated, not compared */
    const hf_view nonce = hf_get_view(&r, HF_GCM_NONCE_BYTES);
    HF_CHECK(!r.failed, HF_ERR_INTEGRITY);
    const hf_view aad = hf_view_of(blob.ptr, (size_t)(nonce.ptr + nonce.len - blob.ptr));
    const hf_view sealed = hf_get_view16(&r);
    HF_CHECK(hf_reader_done(&r) == HF_OK, HF_ERR_INTEGRITY);

    HF_CHECK(hf_ct_equal(id, expect->id, sizeof(id)), HF_ERR_INTEGRITY);
    HF_CHECK(version == expect->version && alg == (uint16_t)expect->alg, HF_ERR_INTEGRITY);
    return open_sealed(dek, nonce.ptr, aad, sealed, ret_material);
}

hf_err hf_wrap_seal(const hf_root_keys *keys, const struct hf_wrap_head *head, const hf_secret *epoch_key,
                    const hf_secret *dek, uint8_t dst[static HF_WRAP_BYTES],
                    uint8_t ret_mac[static HF_RECORD_MAC_BYTES])
{
    uint8_t nonce[HF_GCM_NONCE_BYTES];
    HF_CHECK(head->version != 0 && head->epoch != 0, HF_ERR_INVALID);
    HF_CHECK(is_key(epoch_key) && is_key(dek), HF_ERR_BOUNDS);

    hf_writer w = hf_writer_on(dst, HF_WRAP_BYTES);
    hf_blob_begin(&w, HF_ROW_WRAP);
    hf_put_bytes(&w, head->id, sizeof(head->id));
    hf_put_u32(&w, head->version);
    hf_put_u32(&w, head->epoch);
    HF_TRY(put_nonce(&w, nonce));
    HF_TRY(put_sealed(&w, epoch_key, nonce, hf_writer_view(&w), dek));
    return hf_blob_end(&w, hf_root_key(keys, HF_PURPOSE_RECORD_MAC), ret_mac);
}

/* A verified wrapping, taken apart. */
struct wrap {
    struct hf_wrap_head head;
    hf_view aad;
    const uint8_t *nonce;
    hf_view sealed;
};

static hf_err read_wrap(const hf_root_keys *keys, hf_view blob, const uint8_t *expect_id, uint32_t expect_version,
                        const uint8_t *expect_mac, struct wrap *ret)
{
    hf_reader r;
    struct wrap wrap = { 0 };
    HF_CHECK(blob.len == HF_WRAP_BYTES,
             blob.len > 0 && blob.ptr[0] > HF_RECORD_FORMAT ? HF_ERR_UNSUPPORTED : HF_ERR_INTEGRITY);
    HF_TRY(hf_blob_open(blob, HF_ROW_WRAP, hf_root_key(keys, HF_PURPOSE_RECORD_MAC), expect_mac, &r));
    hf_get_bytes(&r, wrap.head.id, sizeof(wrap.head.id));
    wrap.head.version = hf_get_u32(&r);
    wrap.head.epoch = hf_get_u32(&r);
    wrap.nonce = hf_get_view(&r, HF_GCM_NONCE_BYTES).ptr;
    wrap.sealed = hf_get_view(&r, WRAP_SEALED_BYTES);
    HF_CHECK(hf_reader_done(&r) == HF_OK, HF_ERR_INTEGRITY);
    wrap.aad = hf_view_of(blob.ptr, (size_t)(wrap.sealed.ptr - blob.ptr));

    HF_CHECK(hf_ct_equal(wrap.head.id, expect_id, sizeof(wrap.head.id)), HF_ERR_INTEGRITY);
    HF_CHECK(wrap.head.version == expect_version && wrap.head.epoch != 0, HF_ERR_INTEGRITY);
    *ret = wrap;
    return HF_OK;
}

hf_err hf_wrap_check(const hf_root_keys *keys, hf_view blob, const uint8_t expect_id[static HF_ROW_ID_BYTES],
                     uint32_t expect_version, const uint8_t *expect_mac, struct hf_wrap_head *ret)
{
    struct wrap wrap;
    HF_TRY(read_wrap(keys, blob, expect_id, expect_version, expect_mac, &wrap));
    *ret = wrap.head;
    return HF_OK;
}

hf_err hf_wrap_open(const hf_root_keys *keys, hf_view blob, const struct hf_wrap_head *expect,
                    const uint8_t *expect_mac, const hf_secret *epoch_key, hf_secret **ret_dek)
{
    struct wrap wrap;
    HF_CHECK(is_key(epoch_key), HF_ERR_BOUNDS);
    HF_TRY(read_wrap(keys, blob, expect->id, expect->version, expect_mac, &wrap));
    HF_CHECK(wrap.head.epoch == expect->epoch, HF_ERR_INTEGRITY);
    return open_sealed(epoch_key, wrap.nonce, wrap.aad, wrap.sealed, ret_dek);
}
