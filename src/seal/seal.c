#include "seal/seal.h"

#include "crypto/crypto.h"

static const hf_seal_backend *const backends[] = {
    &hf_seal_file,
    &hf_seal_passphrase,
};

const hf_seal_backend *hf_seal_at(size_t i)
{
    return i < HF_COUNT(backends) ? backends[i] : NULL;
}

const hf_seal_backend *hf_seal_find(hf_view name)
{
    for (size_t i = 0; i < HF_COUNT(backends); i++)
        if (hf_view_eq_str(name, backends[i]->name))
            return backends[i];
    return NULL;
}

hf_err hf_seal_work_memory(size_t bytes, bool strict, const char **ret_why)
{
    hf_arena_spec spec = { bytes, strict ? HF_BACKING_MEMFD_SECRET : HF_BACKING_MALLOC };
    hf_arena *arena = NULL;

    *ret_why = "";
    if (bytes == 0)
        return HF_OK;
    HF_TRY(hf_arena_create(&spec, &arena, ret_why));
    hf_crypto_large_blocks(arena);
    return HF_OK;
}
