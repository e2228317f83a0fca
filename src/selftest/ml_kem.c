#include "crypto/given.h"
#include "selftest/runners.h"

#include <string.h>

/* ML-KEM-768 of C2SP Wycheproof and NIST ACVP. */

static bool is_parameter_set(yyjson_val *group)
{
    return st_is(group, "parameterSet", "ML-KEM-768");
}

/* ---- the three operations against given answers ---- */

static bool encapsulates_to(const hf_key *key, hf_view m, hf_view want_ct, hf_view want_secret)
{
    uint8_t ct[HF_KEM_CIPHERTEXT_MAX_BYTES], k[HF_KEM_SECRET_BYTES];
    size_t len = 0;
    return hf_kem_encapsulate_with(key, m, ct, sizeof ct, &len, k) == HF_OK && st_same(hf_view_of(ct, len), want_ct) &&
           st_same(hf_view_of(k, sizeof k), want_secret);
}

static struct st_result decapsulates_to(const hf_key *key, hf_view ct, hf_view want)
{
    uint8_t k[HF_KEM_SECRET_BYTES];
    if (hf_key_decapsulate(key, ct, k) != HF_OK)
        return st_result_of(ST_REFUSED, ST_NO_REASON);
    return st_compared(st_same(hf_view_of(k, sizeof k), want));
}

static bool expands_to(const hf_key *key, hf_view ek, hf_view dk)
{
    uint8_t expanded[HF_EXPANDED_MAX_BYTES];
    size_t len = 0;
    return (ek.len == 0 || st_public_is(key, ek)) &&
           (dk.len == 0 || (hf_key_expanded(key, expanded, &len) == HF_OK && st_same(hf_view_of(expanded, len), dk)));
}

/* ---- C2SP Wycheproof ---- */

struct st_result st_ml_kem_keygen(struct st_group *g, yyjson_val *test)
{
    if (!is_parameter_set(g->json))
        return st_not_run(ST_SKIP_PARAMETERS);
    hf_view seed = st_hex(g, test, "seed"), ek = st_hex(g, test, "ek"), dk = st_hex(g, test, "dk");
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    hf_key *key = st_load_material(HF_ALG_ML_KEM_768, seed);
    struct st_result r = key == NULL ? st_result_of(ST_REFUSED, ST_NO_REASON) : st_compared(expands_to(key, ek, dk));
    hf_key_free(key);
    return r;
}

struct st_result st_ml_kem_decaps(struct st_group *g, yyjson_val *test)
{
    if (!is_parameter_set(g->json))
        return st_not_run(ST_SKIP_PARAMETERS);
    hf_view seed = st_hex(g, test, "seed"), ek = st_hex(g, test, "ek"), ct = st_hex(g, test, "c");
    hf_view want = st_hex(g, test, "K");
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    hf_key *key = st_load_material(HF_ALG_ML_KEM_768, seed);
    struct st_result r = key == NULL                                   ? st_result_of(ST_REFUSED, ST_NO_REASON)
                         : !expands_to(key, ek, (hf_view) { NULL, 0 }) ? st_compared(false)
                                                                       : decapsulates_to(key, ct, want);
    hf_key_free(key);
    return r;
}

struct st_result st_ml_kem_encaps(struct st_group *g, yyjson_val *test)
{
    if (!is_parameter_set(g->json))
        return st_not_run(ST_SKIP_PARAMETERS);
    hf_view ek = st_hex(g, test, "ek"), m = st_hex(g, test, "m"), ct = st_hex(g, test, "c"), k = st_hex(g, test, "K");
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    hf_key *key = st_load_raw_public(g, HF_ALG_ML_KEM_768, ek);
    if (key == NULL)
        return st_result_of(ST_REFUSED, ST_NO_REASON);
    bool invalid = st_is(test, "result", "invalid"); /* the key: it should not have been loaded */
    struct st_result r =
        invalid ? st_result_of(ST_ACCEPTED, ST_NO_REASON) : st_compared(encapsulates_to(key, m, ct, k));
    hf_key_free(key);
    return r;
}

/* The service stores seeds; expanded keys are loaded for these tests alone. */
struct st_result st_ml_kem_expanded(struct st_group *g, yyjson_val *test)
{
    hf_key *key = NULL;
    if (!is_parameter_set(g->json))
        return st_not_run(ST_SKIP_PARAMETERS);
    hf_view dk = st_hex(g, test, "dk"), ct = st_hex(g, test, "c"), want = st_hex(g, test, "K");
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    if (hf_key_load_expanded(HF_ALG_ML_KEM_768, dk, &key) != HF_OK)
        return st_result_of(ST_REFUSED, ST_NO_REASON);
    struct st_result r = decapsulates_to(key, ct, want);
    hf_key_free(key);
    return r;
}

/* ---- NIST ACVP ---- */

struct st_result st_acvp_ml_kem_keygen(struct st_group *g, yyjson_val *test)
{
    uint8_t d_z[64];
    hf_writer w = hf_writer_on(d_z, sizeof d_z);
    if (!is_parameter_set(g->json))
        return st_not_run(ST_SKIP_PARAMETERS);
    if (!st_has(test, "ek"))
        return st_not_run(ST_SKIP_NO_EXPECTATION);
    hf_put_view(&w, st_hex(g, test, "d"));
    hf_put_view(&w, st_hex(g, test, "z"));
    hf_view ek = st_hex(g, test, "ek"), dk = st_hex(g, test, "dk");
    if (g->malformed || w.failed || w.len != sizeof d_z)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    hf_key *key = st_load_material(HF_ALG_ML_KEM_768, hf_writer_view(&w));
    bool same = key != NULL && expands_to(key, ek, dk);
    hf_key_free(key);
    return st_compared(same);
}

static hf_view either(struct st_group *g, yyjson_val *test, const char *name)
{
    return st_has(test, name) ? st_hex(g, test, name) : st_hex(g, g->json, name);
}

static struct st_result acvp_encapsulate(struct st_group *g, yyjson_val *test)
{
    hf_view ek = either(g, test, "ek"), m = st_hex(g, test, "m"), ct = st_hex(g, test, "c"), k = st_hex(g, test, "k");
    if (!st_has(test, "c"))
        return st_not_run(ST_SKIP_NO_EXPECTATION);
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    hf_key *key = st_load_raw_public(g, HF_ALG_ML_KEM_768, ek);
    bool same = key != NULL && encapsulates_to(key, m, ct, k);
    hf_key_free(key);
    return st_compared(same);
}

static struct st_result acvp_decapsulate(struct st_group *g, yyjson_val *test)
{
    hf_key *key = NULL;
    hf_view dk = either(g, test, "dk"), ct = st_hex(g, test, "c"), k = st_hex(g, test, "k");
    if (!st_has(test, "k"))
        return st_not_run(ST_SKIP_NO_EXPECTATION);
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    hf_err e = hf_key_load_expanded(HF_ALG_ML_KEM_768, dk, &key);
    struct st_result r = e == HF_OK ? decapsulates_to(key, ct, k) : st_compared(false);
    hf_key_free(key);
    return r;
}

/* Newer files ask whether a key would be taken at all. */
static struct st_result acvp_key_check(struct st_group *g, yyjson_val *test, bool private)
{
    hf_key *key = NULL;
    if (!st_has(test, "testPassed"))
        return st_not_run(ST_SKIP_NO_EXPECTATION);
    hf_view bytes = either(g, test, private ? "dk" : "ek");
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    if (!private)
        key = st_load_raw_public(g, HF_ALG_ML_KEM_768, bytes);
    else if (hf_key_load_expanded(HF_ALG_ML_KEM_768, bytes, &key) != HF_OK)
        key = NULL;
    struct st_result r = st_decided(key != NULL ? HF_OK : HF_ERR_BAD_KEY, ST_NO_REASON);
    hf_key_free(key);
    return r;
}

struct st_result st_acvp_ml_kem_encapdecap(struct st_group *g, yyjson_val *test)
{
    const char *function = st_text(g->json, "function");
    if (!is_parameter_set(g->json))
        return st_not_run(ST_SKIP_PARAMETERS);
    if (strcmp(function, "encapsulation") == 0)
        return acvp_encapsulate(g, test);
    if (strcmp(function, "decapsulation") == 0)
        return acvp_decapsulate(g, test);
    if (strcmp(function, "encapsulationKeyCheck") == 0 || strcmp(function, "decapsulationKeyCheck") == 0)
        return acvp_key_check(g, test, function[0] == 'd');
    return st_not_run(ST_SKIP_TYPE);
}
