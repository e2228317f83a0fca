#include "selftest/runners.h"

#include <string.h>

/* RSA of C2SP Wycheproof. */

static bool exponent_is_small(struct st_group *g)
{
    yyjson_val *key = yyjson_obj_get(g->json, "publicKey");
    if (key == NULL)
        key = yyjson_obj_get(g->json, "privateKey");
    hf_view e = st_hex(g, key, "publicExponent");
    size_t i = 0;
    while (i < e.len && e.ptr[i] == 0)
        i++;
    return e.len > 0 && e.len - i < 3; /* below 65536 */
}

static st_why key_policy(struct st_group *g)
{
    yyjson_val *private = yyjson_obj_get(g->json, "privateKey");
    if (st_has(private, "otherPrimeInfos"))
        return ST_POLICY_RSA_PRIMES;
    return exponent_is_small(g) ? ST_POLICY_RSA_EXPONENT : ST_NO_REASON;
}

/* What a group asks for that is not offered, or ST_NO_REASON. */
static st_why not_offered(struct st_group *g)
{
    if (st_rsa_alg(g->json) == HF_ALG_NONE)
        return ST_SKIP_KEY_SIZE;
    return st_hash(st_text(g->json, "sha")) == HF_HASH_NONE ? ST_SKIP_HASH : ST_NO_REASON;
}

static hf_err verify(const hf_key *key, hf_scheme scheme, struct st_group *g, yyjson_val *test)
{
    hf_view msg = st_hex(g, test, "msg"), sig = st_hex(g, test, "sig");
    return key == NULL ? HF_ERR_BAD_KEY : hf_key_verify(key, scheme, st_hash(st_text(g->json, "sha")), false, msg, sig);
}

static struct st_result verify_der(struct st_group *g, yyjson_val *test, hf_scheme scheme, st_why policy)
{
    const hf_key *key = st_public_key(g, st_rsa_alg(g->json));
    hf_err e = verify(key, scheme, g, test);
    return g->malformed ? st_not_run(ST_SKIP_MALFORMED_TEST) : st_decided(e, policy);
}

struct st_result st_rsa_pkcs1(struct st_group *g, yyjson_val *test)
{
    st_why skip = not_offered(g);
    if (skip != ST_NO_REASON)
        return st_not_run(skip);
    return verify_der(g, test, HF_SCHEME_RSA_PKCS1, key_policy(g));
}

static st_why pss_policy(struct st_group *g)
{
    if (!st_is(g->json, "mgf", "MGF1") || st_hash(st_text(g->json, "mgfSha")) != st_hash(st_text(g->json, "sha")))
        return ST_POLICY_PSS_MGF;
    if (st_number(g->json, "sLen") != (int64_t)hf_hash_bytes(st_hash(st_text(g->json, "sha"))))
        return ST_POLICY_PSS_SALT;
    return key_policy(g);
}

/*
 * Our salt length and MGF1 hash cannot be chosen. A test that is invalid only because its group pins others, and holds
 * under ours, is no question that can be asked here.
 */
static struct st_result unless_pinned(struct st_result r, st_why policy, yyjson_val *test)
{
    bool pinned = policy == ST_POLICY_PSS_SALT || policy == ST_POLICY_PSS_MGF;
    return pinned && r.did == ST_ACCEPTED && st_is(test, "result", "invalid") ? st_not_run(ST_SKIP_PINNED) : r;
}

struct st_result st_rsa_pss(struct st_group *g, yyjson_val *test)
{
    st_why skip = not_offered(g), policy = pss_policy(g);
    if (skip != ST_NO_REASON)
        return st_not_run(skip);
    return unless_pinned(verify_der(g, test, HF_SCHEME_RSA_PSS, policy), policy, test);
}

/*
 * The key says id-RSASSA-PSS with parameters, which is refused. So that the signature is still looked at, its numbers
 * are loaded as an ordinary RSA key: there the vector's verdict must hold.
 */
struct st_result st_rsa_pss_parameters(struct st_group *g, yyjson_val *test)
{
    st_why skip = not_offered(g), policy = pss_policy(g);
    hf_alg a = st_rsa_alg(g->json);
    hf_key *as_given = NULL, *plain = NULL;
    struct st_result r;
    if (skip != ST_NO_REASON)
        return st_not_run(skip);
    hf_view der = st_hex(g, g->json, "publicKeyDer"), numbers = st_hex(g, g->json, "publicKeyAsn");
    hf_err loaded = hf_key_load_public(a, der, &as_given);
    hf_key_free(as_given);
    if (loaded == HF_OK) /* the refusal that is documented did not happen */
        return st_result_of(ST_ACCEPTED, ST_POLICY_PSS_KEY);
    hf_err e = hf_key_load_public(a, st_rsa_spki(g, numbers), &plain);
    e = e == HF_OK ? verify(plain, HF_SCHEME_RSA_PSS, g, test) : e;
    hf_key_free(plain);
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    r = unless_pinned(st_decided(e, policy), policy, test);
    if (r.did == ST_ACCEPTED && policy == ST_NO_REASON && !st_is(test, "result", "invalid"))
        return st_result_of(ST_REFUSED, ST_POLICY_PSS_KEY);
    return r;
}

/* ---- with private keys, imported as users' are ---- */

struct st_result st_rsa_pkcs1_generate(struct st_group *g, yyjson_val *test)
{
    st_why skip = not_offered(g), policy = key_policy(g);
    uint8_t sig[HF_SIGNATURE_MAX_BYTES];
    size_t len = 0;
    if (skip != ST_NO_REASON)
        return st_not_run(skip);
    hf_view msg = st_hex(g, test, "msg"), want = st_hex(g, test, "sig");
    const hf_key *key = st_private_key(g, st_rsa_alg(g->json));
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    if (key == NULL)
        return st_result_of(ST_REFUSED, policy);
    hf_hash h = st_hash(st_text(g->json, "sha"));
    hf_err e = hf_key_sign(key, HF_SCHEME_RSA_PKCS1, h, false, msg, sig, sizeof sig, &len);
    if (e != HF_OK)
        return st_result_of(ST_REFUSED, policy);
    return st_result_of(st_same(hf_view_of(sig, len), want) ? ST_ACCEPTED : ST_DIFFERENT, policy);
}

static st_why oaep_not_offered(struct st_group *g)
{
    if (st_rsa_alg(g->json) == HF_ALG_NONE)
        return ST_SKIP_KEY_SIZE;
    bool ours = st_is(g->json, "mgf", "MGF1") && st_hash(st_text(g->json, "sha")) == HF_HASH_SHA256 &&
                st_hash(st_text(g->json, "mgfSha")) == HF_HASH_SHA256;
    return ours ? ST_NO_REASON : ST_SKIP_HASH;
}

struct st_result st_rsa_oaep(struct st_group *g, yyjson_val *test)
{
    HF_AUTO(hf_secret_freep) hf_secret *opened = NULL;
    st_why skip = oaep_not_offered(g), policy = key_policy(g);
    if (skip != ST_NO_REASON)
        return st_not_run(skip);
    hf_view msg = st_hex(g, test, "msg"), ct = st_hex(g, test, "ct"), label = st_hex(g, test, "label");
    const hf_key *key = st_private_key(g, st_rsa_alg(g->json));
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    if (policy == ST_NO_REASON && label.len > 0)
        policy = ST_POLICY_OAEP_LABEL;
    else if (policy == ST_NO_REASON && msg.len == 0 && !st_is(test, "result", "invalid"))
        policy = ST_POLICY_EMPTY_SECRET;
    if (key == NULL || hf_key_oaep_open(key, ct, &opened) != HF_OK)
        return st_result_of(ST_REFUSED, policy);
    /* whatever an invalid ciphertext gives, it should have been refused */
    bool same = st_same(hf_view_of(hf_secret_read(opened), hf_secret_len(opened)), msg);
    return st_result_of(same || st_is(test, "result", "invalid") ? ST_ACCEPTED : ST_DIFFERENT, policy);
}
