/* Opening into a guarded buffer, where the plaintext can rest without rights. */
#include "sealmem/internal.h"

static hf_err open_scope(hf_coffer *c, const hf_sealed_id *id, hf_view blob, hf_buffer *b)
{
    void *dst = NULL;
    size_t len = hf_buffer_size(b);
    HF_TRY(hf_buffer_open(b, HF_ACCESS_READ_WRITE, &dst));
    hf_err e = hf_coffer_open_into(c, id, blob.ptr, blob.len, dst, len, &len);
    hf_buffer_close(b);
    return e;
}

hf_err hf_coffer_open_guarded(hf_coffer *c, const hf_sealed_id *id, const void *blob, size_t blob_len,
                              hf_access at_rest, hf_buffer **ret, const char **reterr_why)
{
    const hf_buffer_spec spec = { .bytes = hf_sealed_plain_size(blob_len), .weakest = c->backing, .at_rest = at_rest };
    hf_buffer *b = NULL;
    *reterr_why = "";
    HF_CHECK(spec.bytes != 0, HF_ERR_BAD_CIPHERTEXT);
    HF_CHECK(c->fork_id == hf_fork_id(), HF_ERR_FORKED);
    HF_TRY(hf_buffer_new(&spec, &b, reterr_why));
    hf_err e = open_scope(c, id, hf_view_of(blob, blob_len), b);
    if (e != HF_OK) {
        hf_buffer_free(b);
        return e;
    }
    *ret = b;
    return HF_OK;
}
