#include "selftest/runners.h"

#include <string.h>

/* ECDSA and Ed25519 of C2SP Wycheproof and CCTV. */

static hf_alg curve_of(yyjson_val *group)
{
    yyjson_val *key = yyjson_obj_get(group, "publicKey");
    const char *curve = st_text(key != NULL ? key : yyjson_obj_get(group, "key"), "curve");
    return strcmp(curve, "secp256r1") == 0   ? HF_ALG_EC_P256
           : strcmp(curve, "secp384r1") == 0 ? HF_ALG_EC_P384
                                             : HF_ALG_NONE;
}

static struct st_result ecdsa(struct st_group *g, yyjson_val *test, hf_scheme scheme)
{
    hf_alg a = curve_of(g->json);
    hf_hash h = st_hash(st_text(g->json, "sha"));
    if (a == HF_ALG_NONE)
        return st_not_run(ST_SKIP_CURVE);
    if (h == HF_HASH_NONE)
        return st_not_run(ST_SKIP_HASH);
    hf_view msg = st_hex(g, test, "msg"), sig = st_hex(g, test, "sig");
    const hf_key *key = st_public_key(g, a);
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    return st_decided(key == NULL ? HF_ERR_BAD_KEY : hf_key_verify(key, scheme, h, false, msg, sig), ST_NO_REASON);
}

struct st_result st_ecdsa_der(struct st_group *g, yyjson_val *test)
{
    return ecdsa(g, test, HF_SCHEME_ECDSA_DER);
}

struct st_result st_ecdsa_raw(struct st_group *g, yyjson_val *test)
{
    return ecdsa(g, test, HF_SCHEME_ECDSA_RAW);
}

struct st_result st_eddsa(struct st_group *g, yyjson_val *test)
{
    yyjson_val *key_json = yyjson_obj_get(g->json, "publicKey");
    const char *curve = st_text(key_json != NULL ? key_json : yyjson_obj_get(g->json, "key"), "curve");
    if (strcmp(curve, "edwards25519") != 0)
        return st_not_run(ST_SKIP_CURVE);
    hf_view msg = st_hex(g, test, "msg"), sig = st_hex(g, test, "sig");
    const hf_key *key = st_public_key(g, HF_ALG_ED25519);
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    hf_err e = key == NULL ? HF_ERR_BAD_KEY : hf_key_verify(key, HF_SCHEME_ED25519, HF_HASH_NONE, false, msg, sig);
    return st_decided(e, ST_NO_REASON);
}

/*
 * The edge cases on which verifiers differ. Ours: the key is reduced and not of low order, R is compared as bytes, and
 * the equation is the one without cofactor; so a signature holds exactly when it has none of these flags.
 */
bool st_ed25519_is_disputed(yyjson_val *test)
{
    return st_has_flag(test, "low_order_A") || st_has_flag(test, "non_canonical_A") ||
           st_has_flag(test, "non_canonical_R") || st_has_flag(test, "low_order_residue");
}

struct st_result st_ed25519_edge_case(struct st_group *g, yyjson_val *test)
{
    hf_view raw = st_hex(g, test, "key"), sig = st_hex(g, test, "sig"), msg = hf_view_str(st_text(test, "msg"));
    if (g->malformed || raw.len == 0)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    hf_key *key = st_load_raw_public(g, HF_ALG_ED25519, raw);
    hf_err e = key == NULL ? HF_ERR_BAD_KEY : hf_key_verify(key, HF_SCHEME_ED25519, HF_HASH_NONE, false, msg, sig);
    hf_key_free(key);
    return st_decided(e, st_ed25519_is_disputed(test) ? ST_POLICY_ED25519 : ST_NO_REASON);
}
