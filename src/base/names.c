#include "base/names.h"

typedef struct name_row {
    const char *word;
    uint32_t value;
} name_row;

/* Each table is searched both ways; the first row of a value is the word that is shown. */
/* clang-format off */
static const name_row algorithms[] = {
    { "aes-256-gcm", HF_ALG_AES_256_GCM },
    { "ec-p256", HF_ALG_EC_P256 },
    { "ed25519", HF_ALG_ED25519 },
    { "ml-kem-768", HF_ALG_ML_KEM_768 },
    { "ec-p384", HF_ALG_EC_P384 },
    { "rsa-2048", HF_ALG_RSA_2048 },
    { "rsa-3072", HF_ALG_RSA_3072 },
    { "ml-dsa-65", HF_ALG_ML_DSA_65 },
    { "hmac-sha256", HF_ALG_HMAC_SHA256 },
    { "hmac-sha384", HF_ALG_HMAC_SHA384 },
    { "hmac-sha512", HF_ALG_HMAC_SHA512 },
};
static const name_row usages[] = {
    { "sign", HF_USE_SIGN },           { "verify", HF_USE_VERIFY },
    { "encrypt", HF_USE_ENCRYPT },     { "decrypt", HF_USE_DECRYPT },
    { "encapsulate", HF_USE_ENCAPSULATE }, { "decapsulate", HF_USE_DECAPSULATE },
    { "import", HF_USE_IMPORT },
};
static const name_row hashes[] = {
    { "sha256", HF_HASH_SHA256 },
    { "sha384", HF_HASH_SHA384 },
    { "sha512", HF_HASH_SHA512 },
};
static const name_row schemes[] = {
    { "ecdsa-der", HF_SCHEME_ECDSA_DER },
    { "ecdsa-raw", HF_SCHEME_ECDSA_RAW },
    { "ed25519", HF_SCHEME_ED25519 },
    { "rsa-pss", HF_SCHEME_RSA_PSS },
    { "rsa-pkcs1", HF_SCHEME_RSA_PKCS1 },
    { "ml-dsa", HF_SCHEME_ML_DSA },
    { "hmac", HF_SCHEME_HMAC },
};
static const name_row states[] = {
    { "staged", HF_STATE_STAGED },
    { "active", HF_STATE_ACTIVE },
    { "revoked", HF_STATE_REVOKED },
    { "purge-scheduled", HF_STATE_PURGE_SCHEDULED },
    { "destroyed", HF_STATE_DESTROYED },
};
static const name_row roles[] = {
    { "administrator", HF_ROLE_ADMINISTRATOR }, { "operator", HF_ROLE_OPERATOR }, { "auditor", HF_ROLE_AUDITOR },
    { "service", HF_ROLE_SERVICE },             { "admin", HF_ROLE_ADMINISTRATOR },
};
/* clang-format on */

static uint32_t value_of(const name_row *rows, size_t n, hf_view word)
{
    for (size_t i = 0; i < n; i++)
        if (hf_view_eq_str(word, rows[i].word))
            return rows[i].value;
    return 0;
}

static const char *word_of(const name_row *rows, size_t n, uint32_t value)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].value == value)
            return rows[i].word;
    return NULL;
}

const char *hf_alg_name(hf_alg a)
{
    return word_of(algorithms, HF_COUNT(algorithms), a);
}

hf_alg hf_alg_parse(hf_view name)
{
    return (hf_alg)value_of(algorithms, HF_COUNT(algorithms), name);
}

uint32_t hf_alg_usages(hf_alg a)
{
    switch (a) {
    case HF_ALG_AES_256_GCM:
        return HF_USE_ENCRYPT | HF_USE_DECRYPT;
    case HF_ALG_EC_P256:
    case HF_ALG_EC_P384:
    case HF_ALG_ED25519:
    case HF_ALG_ML_DSA_65:
    case HF_ALG_HMAC_SHA256:
    case HF_ALG_HMAC_SHA384:
    case HF_ALG_HMAC_SHA512:
        return HF_USE_SIGN | HF_USE_VERIFY;
    case HF_ALG_RSA_2048:
    case HF_ALG_RSA_3072:
        return HF_USE_SIGN | HF_USE_VERIFY | HF_USE_IMPORT;
    case HF_ALG_ML_KEM_768:
        return HF_USE_ENCAPSULATE | HF_USE_DECAPSULATE | HF_USE_IMPORT;
    case HF_ALG_NONE:
        break;
    }
    return 0;
}

uint32_t hf_alg_usages_default(hf_alg a)
{
    return hf_alg_usages(a) & ~(uint32_t)HF_USE_IMPORT;
}

bool hf_alg_symmetric(hf_alg a)
{
    return a == HF_ALG_AES_256_GCM || a == HF_ALG_HMAC_SHA256 || a == HF_ALG_HMAC_SHA384 || a == HF_ALG_HMAC_SHA512;
}

bool hf_alg_slow(hf_alg a)
{
    return a == HF_ALG_RSA_2048 || a == HF_ALG_RSA_3072;
}

const char *hf_origin_name(hf_origin o)
{
    static const char *const words[] = {
        [HF_ORIGIN_GENERATED] = "generated", [HF_ORIGIN_IMPORTED] = "imported", [HF_ORIGIN_PUBLIC] = "public"
    };

    return (unsigned)o < HF_COUNT(words) ? words[o] : NULL;
}

uint32_t hf_usage_parse(hf_view name)
{
    return value_of(usages, HF_COUNT(usages), name);
}

const char *hf_usage_name(uint32_t bit)
{
    return word_of(usages, HF_COUNT(usages), bit);
}

hf_err hf_hash_parse(hf_view name, hf_hash *ret)
{
    uint32_t v = value_of(hashes, HF_COUNT(hashes), name);

    HF_CHECK(v != 0 || name.len == 0, HF_ERR_UNSUPPORTED);
    *ret = (hf_hash)v;
    return HF_OK;
}

hf_err hf_scheme_parse(hf_view name, hf_scheme *ret)
{
    uint32_t v = value_of(schemes, HF_COUNT(schemes), name);

    HF_CHECK(v != 0 || name.len == 0, HF_ERR_UNSUPPORTED);
    *ret = (hf_scheme)v;
    return HF_OK;
}

const char *hf_key_state_name(hf_key_state s)
{
    return word_of(states, HF_COUNT(states), s);
}

hf_key_state hf_key_state_parse(hf_view name)
{
    return (hf_key_state)value_of(states, HF_COUNT(states), name);
}

uint32_t hf_role_parse(hf_view name)
{
    return value_of(roles, HF_COUNT(roles), name);
}

const char *hf_role_name(uint32_t bit)
{
    return word_of(roles, HF_COUNT(roles), bit);
}
