#include "records/epoch_file.h"

#include "crypto/crypto.h"
#include "records/sealed.h"
#include <string.h>

#define SEALED_BYTES (HF_EPOCH_KEY_BYTES + HF_GCM_TAG_BYTES)
#define AAD_BYTES (1 + 1 + 1 + 4)

hf_err hf_epoch_key_new(hf_secret **ret)
{
    return hf_secret_random(HF_EPOCH_KEY_BYTES, ret);
}

static bool present(const struct hf_epoch_slot *slot)
{
    return slot->epoch != 0 && slot->key != NULL && hf_secret_len(slot->key) == HF_EPOCH_KEY_BYTES;
}

static bool absent(const struct hf_epoch_slot *slot)
{
    return slot->epoch == 0 && slot->key == NULL;
}

static bool follows(uint32_t current, uint32_t next)
{
    return current < UINT32_MAX && next == current + 1;
}

/* Binds a sealed epoch key to its place and number. */
static hf_view slot_aad(uint8_t index, uint32_t epoch, uint8_t dst[static AAD_BYTES])
{
    hf_writer w = hf_writer_on(dst, AAD_BYTES);
    hf_blob_begin(&w, HF_BLOB_EPOCH_FILE);
    hf_put_u8(&w, index);
    hf_put_u32(&w, epoch);
    return hf_writer_view(&w);
}

static hf_err put_slot(hf_writer *w, const hf_root_keys *keys, uint8_t index, const struct hf_epoch_slot *slot)
{
    uint8_t bytes[HF_EPOCH_SLOT_BYTES - 1 - 4] = { 0 }; /* nonce, sealed */
    uint8_t aad_bytes[AAD_BYTES];
    if (present(slot)) {
        const hf_view aad = slot_aad(index, slot->epoch, aad_bytes);
        HF_TRY(hf_random(bytes, HF_GCM_NONCE_BYTES));
        HF_TRY(hf_gcm_seal(hf_root_key(keys, HF_PURPOSE_EPOCH_WRAP).ptr, bytes, &aad, 1,
                           hf_view_of(hf_secret_read(slot->key), HF_EPOCH_KEY_BYTES), bytes + HF_GCM_NONCE_BYTES));
    }
    hf_put_u8(w, present(slot) ? 1 : 0);
    hf_put_u32(w, slot->epoch);
    hf_put_bytes(w, bytes, sizeof(bytes));
    return HF_OK;
}

hf_err hf_epoch_file_encode(const hf_root_keys *keys, const struct hf_epoch_file *file,
                            uint8_t dst[static HF_EPOCH_FILE_BYTES])
{
    HF_CHECK(present(&file->current), HF_ERR_INVALID);
    HF_CHECK(absent(&file->next) || (present(&file->next) && follows(file->current.epoch, file->next.epoch)),
             HF_ERR_INVALID);
    hf_writer w = hf_writer_on(dst, HF_EPOCH_FILE_BYTES);
    hf_blob_begin(&w, HF_BLOB_EPOCH_FILE);
    HF_TRY(put_slot(&w, keys, 0, &file->current));
    HF_TRY(put_slot(&w, keys, 1, &file->next));
    return hf_blob_end(&w, hf_root_key(keys, HF_PURPOSE_EPOCH_MAC), NULL);
}

static hf_err get_slot(hf_reader *r, const hf_root_keys *keys, uint8_t index, struct hf_epoch_slot *slot)
{
    static const uint8_t zeros[HF_EPOCH_SLOT_BYTES];
    uint8_t aad_bytes[AAD_BYTES];
    const hf_view whole = hf_get_view(r, HF_EPOCH_SLOT_BYTES);
    HF_CHECK(!r->failed, HF_ERR_INTEGRITY);
    if (hf_ct_equal(whole.ptr, zeros, sizeof(zeros)))
        return HF_OK;

    hf_reader in = hf_reader_of(whole);
    const uint8_t flag = hf_get_u8(&in);
    slot->epoch = hf_get_u32(&in);
    const hf_view nonce = hf_get_view(&in, HF_GCM_NONCE_BYTES);
    HF_CHECK(flag == 1 && slot->epoch != 0, HF_ERR_INTEGRITY);
    HF_TRY(hf_secret_new(HF_EPOCH_KEY_BYTES, &slot->key));
    const hf_view aad = slot_aad(index, slot->epoch, aad_bytes);
    const hf_err e = hf_gcm_open(hf_root_key(keys, HF_PURPOSE_EPOCH_WRAP).ptr, nonce.ptr, &aad, 1,
                                 hf_get_view(&in, SEALED_BYTES), hf_secret_bytes(slot->key));
    return e == HF_ERR_BAD_CIPHERTEXT ? HF_ERR_INTEGRITY : e;
}

hf_err hf_epoch_file_decode(const hf_root_keys *keys, hf_view bytes, struct hf_epoch_file *ret)
{
    hf_reader r;
    HF_AUTO(hf_epoch_file_clear) struct hf_epoch_file file = { 0 };
    HF_TRY(hf_blob_open(bytes, HF_BLOB_EPOCH_FILE, hf_root_key(keys, HF_PURPOSE_EPOCH_MAC), NULL, &r));
    HF_TRY(get_slot(&r, keys, 0, &file.current));
    HF_TRY(get_slot(&r, keys, 1, &file.next));
    HF_CHECK(hf_reader_done(&r) == HF_OK && present(&file.current), HF_ERR_INTEGRITY);
    HF_CHECK(absent(&file.next) || follows(file.current.epoch, file.next.epoch), HF_ERR_INTEGRITY);
    *ret = file;
    memset(&file, 0, sizeof(file)); /* the keys now belong to *ret */
    return HF_OK;
}

void hf_epoch_file_clear(struct hf_epoch_file *file)
{
    hf_secret_free(file->current.key);
    hf_secret_free(file->next.key);
    memset(file, 0, sizeof(*file));
}

const hf_secret *hf_epoch_file_key(const struct hf_epoch_file *file, uint32_t epoch)
{
    if (epoch == 0)
        return NULL;
    if (file->current.epoch == epoch)
        return file->current.key;
    return file->next.epoch == epoch ? file->next.key : NULL;
}
