#include "jose/alg.h"

#include "base/text.h"

/* Lengths: RFC 7518 sections 3.2 to 3.4, RFC 8032. */
static const struct hf_jose_alg algorithms[] = {
    { HF_ALG_EC_P256, "ES256", HF_SCHEME_ECDSA_RAW, HF_HASH_SHA256, 64 },
    { HF_ALG_ED25519, "EdDSA", HF_SCHEME_ED25519, HF_HASH_NONE, 64 },
    { HF_ALG_RSA_2048, "RS256", HF_SCHEME_RSA_PKCS1, HF_HASH_SHA256, 256 },
    { HF_ALG_RSA_3072, "RS256", HF_SCHEME_RSA_PKCS1, HF_HASH_SHA256, 384 },
    { HF_ALG_HMAC_SHA256, "HS256", HF_SCHEME_HMAC, HF_HASH_SHA256, 32 },
};

const struct hf_jose_alg *hf_jose_alg_of(hf_alg a)
{
    for (size_t i = 0; i < HF_COUNT(algorithms); i++) {
        if (algorithms[i].alg == a)
            return &algorithms[i];
    }
    return NULL;
}

const char *hf_jose_alg_name(hf_alg a)
{
    const struct hf_jose_alg *row = hf_jose_alg_of(a);

    return row == NULL ? NULL : row->name;
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
