#include "crypto/given.h"
#include "selftest/runners.h"

#include <string.h>

/* ML-DSA-65 of C2SP Wycheproof and NIST ACVP. */

#define NAME "ML-DSA-65"

static bool is_parameter_set(const char *name)
{
    return strcmp(name, NAME) == 0;
}

/* ---- C2SP Wycheproof ---- */

struct st_result st_ml_dsa_verify(struct st_group *g, yyjson_val *test)
{
    if (!is_parameter_set(st_text(g->root, "algorithm")))
        return st_not_run(ST_SKIP_PARAMETERS);
    hf_view pk = st_hex(g, g->json, "publicKey"), msg = st_hex(g, test, "msg"), sig = st_hex(g, test, "sig");
    hf_view context = st_hex(g, test, "ctx");
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    hf_key *key = st_load_raw_public(g, HF_ALG_ML_DSA_65, pk);
    hf_err e = key == NULL ? HF_ERR_BAD_KEY
                           : hf_key_verify_context(key, HF_SCHEME_ML_DSA, HF_HASH_NONE, false, context, msg, sig);
    hf_key_free(key);
    return st_decided(e, ST_NO_REASON);
}

/* From the seed, as the service stores keys, or from the expanded key, which only these tests load. */
static hf_key *signing_key(struct st_group *g)
{
    hf_view seed = st_hex(g, g->json, "privateSeed"), expanded = st_hex(g, g->json, "privateKey");
    hf_key *key = NULL;
    if (seed.len > 0)
        return st_load_material(HF_ALG_ML_DSA_65, seed);
    return hf_key_load_expanded(HF_ALG_ML_DSA_65, expanded, &key) == HF_OK ? key : NULL;
}

/* The service's own verification takes what was signed, in both ways that it has. */
static bool service_verifies(const hf_key *key, const struct hf_ml_dsa_given *how, hf_view msg, hf_view mu, hf_view sig)
{
    const hf_view none = { NULL, 0 };
    if (!how->mu && hf_key_verify_context(key, HF_SCHEME_ML_DSA, HF_HASH_NONE, false, how->context, msg, sig) != HF_OK)
        return false;
    return mu.len == 0 || hf_key_verify_context(key, HF_SCHEME_ML_DSA, HF_HASH_NONE, true, none, mu, sig) == HF_OK;
}

/* Signs with the randomness of the vector (none: deterministic). Tests of the internal interface give only mu. */
struct st_result st_ml_dsa_sign(struct st_group *g, yyjson_val *test)
{
    uint8_t sig[HF_ML_DSA_65_SIGNATURE_BYTES];
    if (!is_parameter_set(st_text(g->root, "algorithm")))
        return st_not_run(ST_SKIP_PARAMETERS);
    hf_view msg = st_hex(g, test, "msg"), mu = st_hex(g, test, "mu"), want = st_hex(g, test, "sig");
    struct hf_ml_dsa_given how = { .context = st_hex(g, test, "ctx"),
                                   .rnd = st_hex(g, test, "rnd"),
                                   .mu = !st_has(test, "msg") };
    hf_key *key = signing_key(g);
    if (g->malformed) {
        hf_key_free(key);
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    }
    struct st_result r = st_result_of(ST_REFUSED, ST_NO_REASON);
    if (key != NULL && hf_ml_dsa_sign_given(key, &how, how.mu ? mu : msg, sig) == HF_OK) {
        hf_view got = hf_view_of(sig, sizeof sig);
        r = st_compared(st_same(got, want) && service_verifies(key, &how, msg, mu, got));
    }
    hf_key_free(key);
    return r;
}

/* ---- NIST ACVP ---- */

/* A member of the test, or of its group. */
static hf_view either(struct st_group *g, yyjson_val *test, const char *name)
{
    return st_has(test, name) ? st_hex(g, test, name) : st_hex(g, g->json, name);
}

static yyjson_val *setting(struct st_group *g, yyjson_val *test, const char *name)
{
    yyjson_val *v = yyjson_obj_get(test, name);
    return v != NULL ? v : yyjson_obj_get(g->json, name);
}

struct st_result st_acvp_ml_dsa_keygen(struct st_group *g, yyjson_val *test)
{
    uint8_t sk[HF_EXPANDED_MAX_BYTES];
    size_t len = 0;
    if (!is_parameter_set(st_text(g->json, "parameterSet")))
        return st_not_run(ST_SKIP_PARAMETERS);
    if (!st_has(test, "pk"))
        return st_not_run(ST_SKIP_NO_EXPECTATION);
    hf_view seed = st_hex(g, test, "seed"), pk = st_hex(g, test, "pk"), want = st_hex(g, test, "sk");
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    hf_key *key = st_load_material(HF_ALG_ML_DSA_65, seed);
    bool same = key != NULL && st_public_is(key, pk) && hf_key_expanded(key, sk, &len) == HF_OK &&
                (want.len == 0 || st_same(hf_view_of(sk, len), want));
    hf_key_free(key);
    return st_compared(same);
}

/* Files of the first revision do not say which interface: they are of the internal one. HashML-DSA is not offered. */
static st_why interface_of(struct st_group *g, yyjson_val *test, struct hf_ml_dsa_given *how)
{
    const char *name = yyjson_get_str(setting(g, test, "signatureInterface"));
    const char *prehash = yyjson_get_str(setting(g, test, "preHash"));
    how->internal = name == NULL || strcmp(name, "internal") == 0;
    how->mu = yyjson_get_bool(setting(g, test, "externalMu"));
    how->context = either(g, test, "context");
    return prehash != NULL && strcmp(prehash, "preHash") == 0 ? ST_SKIP_ALGORITHM : ST_NO_REASON;
}

struct st_result st_acvp_ml_dsa_siggen(struct st_group *g, yyjson_val *test)
{
    uint8_t sig[HF_ML_DSA_65_SIGNATURE_BYTES];
    struct hf_ml_dsa_given how = { 0 };
    hf_key *key = NULL;
    if (!is_parameter_set(st_text(g->json, "parameterSet")))
        return st_not_run(ST_SKIP_PARAMETERS);
    st_why skip = st_has(test, "signature") ? interface_of(g, test, &how) : ST_SKIP_NO_EXPECTATION;
    if (skip != ST_NO_REASON)
        return st_not_run(skip);
    hf_view sk = either(g, test, "sk"), input = either(g, test, how.mu ? "mu" : "message");
    hf_view want = st_hex(g, test, "signature");
    if (!yyjson_get_bool(setting(g, test, "deterministic")))
        how.rnd = st_hex(g, test, "rnd");
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    hf_err e = hf_key_load_expanded(HF_ALG_ML_DSA_65, sk, &key);
    bool same = e == HF_OK && hf_ml_dsa_sign_given(key, &how, input, sig) == HF_OK &&
                st_same(hf_view_of(sig, sizeof sig), want);
    hf_key_free(key);
    return st_compared(same);
}

struct st_result st_acvp_ml_dsa_sigver(struct st_group *g, yyjson_val *test)
{
    struct hf_ml_dsa_given how = { 0 };
    if (!is_parameter_set(st_text(g->json, "parameterSet")))
        return st_not_run(ST_SKIP_PARAMETERS);
    st_why skip = st_has(test, "testPassed") ? interface_of(g, test, &how) : ST_SKIP_NO_EXPECTATION;
    if (skip != ST_NO_REASON)
        return st_not_run(skip);
    hf_view pk = either(g, test, "pk"), input = either(g, test, how.mu ? "mu" : "message");
    hf_view sig = st_hex(g, test, "signature");
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    hf_key *key = st_load_raw_public(g, HF_ALG_ML_DSA_65, pk);
    hf_err e = key == NULL ? HF_ERR_BAD_KEY : hf_ml_dsa_verify_given(key, &how, input, sig);
    hf_key_free(key);
    return st_decided(e, ST_NO_REASON);
}
