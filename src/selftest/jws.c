#include "jose/jws.h"
#include "base/text.h"
#include "jwk/jwk.h"
#include "selftest/runners.h"

#include <stdio.h>
#include <string.h>

/*
 * JSON Web Signatures of C2SP Wycheproof, through the reader of bearer tokens: the group's JWK becomes a keyset with one
 * key, as `keyset apply` would have it, and the token is opened with it.
 */

static hf_view base64url(struct st_group *g, yyjson_val *obj, const char *name)
{
    hf_view text = hf_view_str(st_text(obj, name));
    size_t len = 0;
    uint8_t *dst = st_bytes(g, HF_B64_MAX_BYTES(text.len));
    if (dst == NULL || hf_b64url_decode(text, dst, HF_B64_MAX_BYTES(text.len), &len) != HF_OK)
        return (hf_view) { NULL, 0 };
    return hf_view_of(dst, len);
}

/* The group's only key, or NULL: Holdfast takes keys one by one and no JWK Sets. */
static yyjson_val *only_key(yyjson_val *group)
{
    yyjson_val *key = yyjson_obj_get(group, "public");
    if (key == NULL)
        key = yyjson_obj_get(group, "private");
    yyjson_val *list = yyjson_obj_get(key, "keys");
    if (list == NULL)
        return key;
    return yyjson_arr_size(list) == 1 ? yyjson_arr_get_first(list) : NULL;
}

static hf_err load_public(struct st_group *g, yyjson_val *json, struct hf_jose_key *ret)
{
    uint8_t der[HF_JWK_SPKI_CAP];
    hf_writer w = hf_writer_on(der, sizeof der);
    const char *why = "";
    hf_jwk jwk;
    HF_TRY(hf_jwk_kind(hf_view_str(st_text(json, "kty")), hf_view_str(st_text(json, "crv")), (hf_view) { NULL, 0 },
                       &jwk, &why));
    for (size_t i = 0; i < HF_JWK_MEMBERS; i++) {
        if (jwk.name[i] != NULL)
            jwk.value[i] = base64url(g, json, jwk.name[i]);
    }
    HF_TRY(hf_jwk_to_spki(&jwk, &w, &why));
    /* alg belongs to the key: one of another kind is none for it */
    const char *alg = hf_jose_alg_name(jwk.alg);
    HF_CHECK(alg != NULL && st_is(json, "alg", alg), HF_ERR_BAD_KEY);
    ret->alg = jwk.alg;
    return hf_key_load_public(jwk.alg, hf_writer_view(&w), &ret->key);
}

static hf_err load_secret(struct st_group *g, yyjson_val *json, struct hf_jose_key *ret, st_why *ret_policy)
{
    hf_view k = base64url(g, json, "k");
    if (k.len < HF_HS256_MIN_BYTES || k.len > HF_HS256_MAX_BYTES) {
        *ret_policy = ST_POLICY_JWK_SECRET;
        return HF_ERR_BAD_KEY;
    }
    ret->alg = HF_ALG_HMAC_SHA256;
    return hf_secret_copy(k.ptr, k.len, &ret->secret);
}

static hf_err load_key(struct st_group *g, yyjson_val *json, struct hf_jose_key *ret, st_why *ret_policy)
{
    const char *kid = st_has(json, "kid") ? st_text(json, "kid") : "only";
    HF_CHECK(hf_jose_visible(hf_view_str(kid), HF_KID_MAX_BYTES), HF_ERR_BAD_KEY);
    snprintf(ret->kid, sizeof ret->kid, "%s", kid);
    snprintf(ret->actor, sizeof ret->actor, "*");
    ret->roles = HF_ROLE_ALL;
    return st_is(json, "kty", "oct") ? load_secret(g, json, ret, ret_policy) : load_public(g, json, ret);
}

/* ---- what a token of ours never looks like, whoever signed it ---- */

static bool header_is_ours(struct st_group *g, hf_view encoded)
{
    size_t i, n, len = 0;
    yyjson_val *name, *value;
    uint8_t *text = st_bytes(g, HF_B64_MAX_BYTES(encoded.len));
    if (text == NULL || hf_b64url_decode(encoded, text, HF_B64_MAX_BYTES(encoded.len), &len) != HF_OK)
        return false;
    yyjson_doc *doc = yyjson_read((const char *)text, len, YYJSON_READ_NOFLAG);
    yyjson_val *root = yyjson_doc_get_root(doc);
    bool ours = yyjson_is_obj(root);
    if (!ours) {
        yyjson_doc_free(doc);
        return false;
    }
    yyjson_obj_foreach(root, i, n, name, value)
    {
        bool typ =
            yyjson_equals_str(name, "typ") && (yyjson_equals_str(value, "JWT") || yyjson_equals_str(value, "at+jwt"));
        ours = ours && (yyjson_equals_str(name, "alg") || yyjson_equals_str(name, "kid") || typ);
    }
    yyjson_doc_free(doc);
    return ours;
}

/* Base64url with nothing in between, no empty part, of the header only alg, typ and kid: src/jose/jws.h. */
static st_why form_policy(struct st_group *g, yyjson_val *test)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    const char *token = st_text(test, "jws"), *first = strchr(token, '.'), *last = strrchr(token, '.');
    bool ours = strlen(token) <= HF_JWS_MAX_BYTES && token[strspn(token, allowed)] == '\0' && first != NULL &&
                last > first + 1 && header_is_ours(g, hf_view_of(token, (size_t)(first - token)));
    return ours ? ST_NO_REASON : ST_POLICY_JWS_FORM;
}

/* Published without the padding that they are about, so what is left is a token that is right. */
static bool is_defect(yyjson_val *test)
{
    return strncmp(st_text(test, "comment"), "invalidBase64Padding", 20) == 0 &&
           strchr(st_text(test, "jws"), '=') == NULL;
}

/* `use` and `key_ops` are no members of a keyset: whoever applies it decides what its keys are for. */
static bool is_for_something_else(yyjson_val *json)
{
    yyjson_val *op, *ops = yyjson_obj_get(json, "key_ops");
    size_t i, n;
    bool verifies = ops == NULL;
    yyjson_arr_foreach(ops, i, n, op)
    {
        verifies = verifies || yyjson_equals_str(op, "verify");
    }
    return !verifies || (st_has(json, "use") && !st_is(json, "use", "sig"));
}

static hf_err open_token(yyjson_val *test, struct hf_jose_key *key)
{
    static uint8_t payload[HF_JWS_PAYLOAD_MAX_BYTES];
    struct hf_jose_keyset ks = { .generation = 1, .n = 1, .keys = key };
    struct hf_jws opened;
    const char *why = "";
    return hf_jws_open(hf_view_str(st_text(test, "jws")), &ks, payload, &opened, &why);
}

static st_why not_asked(yyjson_val *json, yyjson_val *test)
{
    if (json == NULL)
        return ST_SKIP_JWK_SET;
    if (!st_has(test, "jws") ||
        (st_has(json, "alg") && hf_jose_alg_parse(hf_view_str(st_text(json, "alg"))) == HF_ALG_NONE))
        return ST_SKIP_ALGORITHM;
    if (is_for_something_else(json))
        return ST_SKIP_JWK_USE;
    return is_defect(test) ? ST_SKIP_DEFECT : ST_NO_REASON;
}

struct st_result st_jws(struct st_group *g, yyjson_val *test)
{
    struct hf_jose_key key = { 0 };
    yyjson_val *json = only_key(g->json);
    st_why skip = not_asked(json, test), policy = form_policy(g, test);
    if (skip != ST_NO_REASON)
        return st_not_run(skip);
    if (!yyjson_is_str(yyjson_obj_get(test, "jws"))) /* the JSON serialization */
        return st_result_of(ST_REFUSED, ST_POLICY_JWS_FORM);
    hf_err e = load_key(g, json, &key, &policy);
    if (e == HF_ERR_UNSUPPORTED)
        return st_not_run(ST_SKIP_KEY_SIZE);
    e = e == HF_OK ? open_token(test, &key) : e;
    hf_key_free(key.key);
    hf_secret_free(key.secret);
    return st_decided(e, policy);
}
