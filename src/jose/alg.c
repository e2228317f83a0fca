#include "jose/alg.h"

#include "base/text.h"

static const struct {
    hf_alg alg;
    const char *name;
} algorithms[] = {
    { HF_ALG_EC_P256, "ES256" },
    { HF_ALG_ED25519, "EdDSA" },
};

const char *hf_jose_alg_name(hf_alg a)
{
    for (size_t i = 0; i < HF_COUNT(algorithms); i++) {
        if (algorithms[i].alg == a)
            return algorithms[i].name;
    }
    return NULL;
}

hf_alg hf_jose_alg_parse(hf_view name)
{
    for (size_t i = 0; i < HF_COUNT(algorithms); i++) {
        if (hf_view_eq_str(name, algorithms[i].name))
            return algorithms[i].alg;
    }
    return HF_ALG_NONE;
}

bool hf_jose_visible(hf_view text, size_t max_bytes)
{
    if (text.len == 0 || text.len > max_bytes)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x21 || text.ptr[i] > 0x7e)
            return false;
    }
    return true;
}

bool hf_jose_actor_ok(hf_view text)
{
    return text.len != 0 && text.len <= HF_ACTOR_MAX_BYTES && hf_text_ok(text);
}
