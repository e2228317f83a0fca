/* The arithmetic of blobs and the encoding of identities: pure, so that it can be proved. */
#include "sealmem/internal.h"

#include <endian.h>

_Static_assert(HF_SEALED_OVERHEAD_BYTES == 1 + HF_COFFER_NONCE_BYTES + HF_COFFER_TAG_BYTES, "format, nonce, tag");

size_t hf_sealed_size(size_t len)
{
    return len >= 1 && len <= HF_SEALED_MAX_BYTES ? len + HF_SEALED_OVERHEAD_BYTES : 0;
}

size_t hf_sealed_plain_size(size_t blob_len)
{
    bool fits = blob_len > HF_SEALED_OVERHEAD_BYTES && blob_len <= HF_SEALED_MAX_BYTES + HF_SEALED_OVERHEAD_BYTES;
    return fits ? blob_len - HF_SEALED_OVERHEAD_BYTES : 0;
}

/* Lengths that do not fit into 16 bits do not fit into any writer of this size either. */
static uint64_t first_word(const hf_sealed_id *id)
{
    return (uint64_t)HF_COFFER_FORMAT << 56 | (uint64_t)id->name_len << 32 | (uint64_t)id->owner_len << 16;
}

hf_err hf_sealed_aad(const hf_sealed_id *id, hf_writer *w)
{
    static const hf_sealed_id nobody = { 0 };
    if (id == NULL)
        id = &nobody;
    const uint64_t head[] = { htobe64(first_word(id)), htobe64(id->version), htobe64(id->expires) };
    hf_put_bytes(w, head, sizeof(head));
    hf_put_bytes(w, id->name, id->name_len);
    hf_put_bytes(w, id->owner, id->owner_len);
    return w->failed ? HF_ERR_BOUNDS : HF_OK;
}
