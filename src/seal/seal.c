#include "seal/seal.h"

static const hf_seal_backend *const backends[] = {
    &hf_seal_file,
};

const hf_seal_backend *hf_seal_find(hf_view name)
{
    for (size_t i = 0; i < HF_COUNT(backends); i++)
        if (hf_view_eq_str(name, backends[i]->name))
            return backends[i];
    return NULL;
}
