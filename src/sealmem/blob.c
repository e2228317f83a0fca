/* Sealing and opening: format u8 | nonce 12 | ciphertext | tag 16. */
#include "sealmem/internal.h"

#define TEXT_AT (1 + HF_COFFER_NONCE_BYTES)

/* SP 800-38D, 8.2.1: a fixed field of 32 bits, random for each coffer, and a counter, which no other call has. */
static hf_err next_nonce(const hf_coffer *c, hf_seat *s, uint8_t dst[static HF_COFFER_NONCE_BYTES])
{
    HF_CHECK(s->sealed < HF_SEAT_SEALS_MAX, HF_ERR_QUOTA);
    hf_writer w = hf_writer_on(dst, HF_COFFER_NONCE_BYTES);
    hf_put_bytes(&w, c->nonce_prefix, sizeof(c->nonce_prefix));
    hf_put_u64(&w, (uint64_t)s->number << 56 | s->sealed);
    s->sealed++;
    return HF_OK;
}

static hf_err seal_here(const hf_coffer *c, hf_seat *s, const hf_sealed_id *id, hf_view plain, uint8_t *blob)
{
    hf_writer aad = hf_writer_on(s->aad, sizeof(s->aad));
    uint8_t nonce[HF_COFFER_NONCE_BYTES];
    HF_TRY(hf_sealed_aad(id, &aad));
    HF_TRY(next_nonce(c, s, nonce));
    HF_TRY(hf_split_join(c->left, c->right, s->work));
    HF_TRY(hf_cipher_seal(s->ctx, c->wipes, (const uint8_t *)s->work->key, nonce, hf_writer_view(&aad), plain,
                          blob + TEXT_AT));
    hf_writer head = hf_writer_on(blob, TEXT_AT);
    hf_put_u8(&head, HF_COFFER_FORMAT);
    hf_put_bytes(&head, nonce, sizeof(nonce));
    return HF_OK;
}

hf_err hf_coffer_seal(hf_coffer *c, const hf_sealed_id *id, const void *plain, size_t len, void *dst, size_t cap,
                      size_t *ret_len)
{
    size_t size = hf_sealed_size(len);
    HF_CHECK(size != 0 && cap >= size, HF_ERR_BOUNDS);
    hf_seat *s = NULL;
    HF_TRY(hf_seat_take(c, &s));
    hf_err e = seal_here(c, s, id, hf_view_of(plain, len), dst);
    hf_seat_leave(c, s);
    HF_TRY(e);
    *ret_len = size;
    return HF_OK;
}

hf_err hf_coffer_seal_secret(hf_coffer *c, const hf_sealed_id *id, hf_secret **taken, void *dst, size_t cap,
                             size_t *ret_len)
{
    HF_TRY(hf_coffer_seal(c, id, hf_secret_read(*taken), hf_secret_len(*taken), dst, cap, ret_len));
    hf_secret_freep(taken);
    return HF_OK;
}

static hf_err open_here(const hf_coffer *c, hf_seat *s, const hf_sealed_id *id, hf_view blob, uint8_t *dst)
{
    hf_writer aad = hf_writer_on(s->aad, sizeof(s->aad));
    HF_TRY(hf_sealed_aad(id, &aad));
    HF_TRY(hf_split_join(c->left, c->right, s->work));
    hf_view sealed = hf_view_of(blob.ptr + TEXT_AT, blob.len - TEXT_AT);
    return hf_cipher_open(s->ctx, c->wipes, (const uint8_t *)s->work->key, blob.ptr + 1, hf_writer_view(&aad), sealed,
                          dst);
}

hf_err hf_coffer_open_into(hf_coffer *c, const hf_sealed_id *id, const void *blob, size_t blob_len, void *dst,
                           size_t cap, size_t *ret_len)
{
    hf_view b = hf_view_of(blob, blob_len);
    size_t len = hf_sealed_plain_size(blob_len);
    HF_CHECK(len != 0, HF_ERR_BAD_CIPHERTEXT);
    HF_CHECK(cap >= len, HF_ERR_BOUNDS);
    hf_seat *s = NULL;
    HF_TRY(hf_seat_take(c, &s));
    hf_err e = b.ptr[0] == HF_COFFER_FORMAT ? open_here(c, s, id, b, dst) : HF_ERR_BAD_CIPHERTEXT;
    hf_seat_leave(c, s);
    if (e != HF_OK) {
        hf_wipe(dst, len);
        return e;
    }
    *ret_len = len;
    return HF_OK;
}

hf_err hf_coffer_open(hf_coffer *c, const hf_sealed_id *id, const void *blob, size_t blob_len, hf_secret **ret)
{
    size_t len = hf_sealed_plain_size(blob_len);
    HF_CHECK(len != 0, HF_ERR_BAD_CIPHERTEXT);
    HF_AUTO(hf_secret_freep) hf_secret *s = NULL;
    HF_CHECK(c->fork_id == hf_fork_id(), HF_ERR_FORKED);
    HF_TRY(hf_secret_new(len, &s));
    HF_TRY(hf_coffer_open_into(c, id, blob, blob_len, hf_secret_bytes(s), len, &len));
    *ret = s;
    s = NULL; /* handed over */
    return HF_OK;
}
