#include "jose/jws.h"

#include "base/text.h"
#include "jose/json.h"
#include <string.h>

#define HEADER_MAX_BYTES 512

/* The three parts, still encoded. */
struct parts {
    hf_view header;
    hf_view payload;
    hf_view signature;
    hf_view signed_bytes; /* header "." payload */
};

/* Views into the header's document. */
struct header {
    hf_view alg;
    hf_view kid; /* empty when absent */
};

static hf_err refuse(const char **reterr_why, const char *why)
{
    *reterr_why = why;
    return HF_ERR_BAD_TOKEN;
}

static hf_err parts_split(hf_view token, struct parts *ret, const char **reterr_why)
{
    const uint8_t *first, *second;

    if (token.len == 0 || token.len > HF_JWS_MAX_BYTES)
        return refuse(reterr_why, "the token is empty or longer than 8192 characters");
    first = memchr(token.ptr, '.', token.len);
    second = memrchr(token.ptr, '.', token.len);
    if (first == NULL || first == second)
        return refuse(reterr_why, "the token does not have three parts");
    /* A further dot lies in the middle part and fails its decoding. */
    ret->header = hf_view_of(token.ptr, (size_t)(first - token.ptr));
    ret->payload = hf_view_of(first + 1, (size_t)(second - first - 1));
    ret->signature = hf_view_of(second + 1, token.len - (size_t)(second + 1 - token.ptr));
    ret->signed_bytes = hf_view_of(token.ptr, (size_t)(second - token.ptr));
    if (ret->header.len == 0 || ret->payload.len == 0 || ret->signature.len == 0)
        return refuse(reterr_why, "a part of the token is empty");
    return HF_OK;
}

static bool type_known(hf_view typ)
{
    return hf_view_eq_str(typ, "JWT") || hf_view_eq_str(typ, "at+jwt");
}

static hf_err header_member(yyjson_val *key, struct header *h, const char **reterr_why)
{
    hf_view name = hf_json_name(key);
    bool is_alg = hf_view_eq_str(name, "alg"), is_kid = hf_view_eq_str(name, "kid");
    hf_view text;

    if (!is_alg && !is_kid && !hf_view_eq_str(name, "typ"))
        return refuse(reterr_why, "the header has a member other than alg, typ and kid");
    if (hf_json_text(yyjson_obj_iter_get_val(key), &text) != HF_OK)
        return refuse(reterr_why, "the header has a member that is not a string");
    if (is_alg)
        h->alg = text;
    else if (!is_kid)
        return type_known(text) ? HF_OK : refuse(reterr_why, "typ is not JWT or at+jwt");
    else if (!hf_jose_visible(text, HF_KID_MAX_BYTES))
        return refuse(reterr_why, "kid is not 1 to 64 visible characters");
    else
        h->kid = text;
    return HF_OK;
}

static hf_err header_read(yyjson_val *root, struct header *ret, const char **reterr_why)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(root);

    if (!yyjson_is_obj(root))
        return refuse(reterr_why, "the header is not a JSON object");
    for (yyjson_val *k = yyjson_obj_iter_next(&it); k != NULL; k = yyjson_obj_iter_next(&it))
        HF_TRY(header_member(k, ret, reterr_why));
    if (ret->alg.len == 0)
        return refuse(reterr_why, "alg is missing");
    return HF_OK;
}

/* kid only ever selects; the key's own algorithm must then be the one that the token claims. */
static hf_err key_select(const struct hf_jose_keyset *ks, const struct header *h, const struct hf_jose_key **ret,
                         const char **reterr_why)
{
    const struct hf_jose_key *k;

    if (hf_jose_alg_parse(h->alg) == HF_ALG_NONE)
        return refuse(reterr_why, "alg is not offered");
    if (h->kid.len == 0 && ks->n != 1)
        return refuse(reterr_why, "kid is missing, and the keyset does not have exactly one key");
    k = h->kid.len == 0 ? &ks->keys[0] : hf_jose_keyset_find(ks, h->kid);
    if (k == NULL)
        return refuse(reterr_why, "kid names no key of the keyset");
    if (!hf_view_eq_str(h->alg, hf_jose_alg_name(k->alg)))
        return refuse(reterr_why, "alg is not the algorithm of the key");
    *ret = k;
    return HF_OK;
}

static hf_err key_find(hf_view encoded, const struct hf_jose_keyset *ks, const struct hf_jose_key **ret,
                       const char **reterr_why)
{
    static const hf_json_limits limits = { .depth = 4, .members = 16 };
    uint8_t pool[HF_JWS_POOL_BYTES(HEADER_MAX_BYTES)];
    uint8_t text[HEADER_MAX_BYTES];
    struct header h = { 0 };
    yyjson_alc alloc;
    yyjson_doc *doc;
    size_t len;

    if (hf_b64url_decode(encoded, text, sizeof text, &len) != HF_OK)
        return refuse(reterr_why, "the header is not base64url or too long");
    HF_CHECK(yyjson_alc_pool_init(&alloc, pool, sizeof pool), HF_ERR_INTERNAL);
    if (hf_json_read(hf_view_of(text, len), &limits, &alloc, &doc, reterr_why) != HF_OK)
        return HF_ERR_BAD_TOKEN;
    HF_TRY(header_read(yyjson_doc_get_root(doc), &h, reterr_why));
    return key_select(ks, &h, ret, reterr_why);
}

static hf_err mac_check(const struct parts *p, const hf_secret *secret, hf_view mac)
{
    uint8_t want[HF_HASH_MAX_BYTES];

    HF_TRY(
        hf_hmac(HF_HASH_SHA256, hf_view_of(hf_secret_read(secret), hf_secret_len(secret)), &p->signed_bytes, 1, want));
    return hf_ct_equal(want, mac.ptr, mac.len) ? HF_OK : HF_ERR_BAD_SIGNATURE;
}

static hf_err signature_check(const struct parts *p, const struct hf_jose_key *k, const char **reterr_why)
{
    const struct hf_jose_alg *how = hf_jose_alg_of(k->alg);
    uint8_t bytes[HF_JOSE_SIGNATURE_MAX_BYTES];
    hf_view signature;
    size_t len;
    hf_err e;

    if (hf_b64url_decode(p->signature, bytes, sizeof bytes, &len) != HF_OK || len != how->signature_bytes)
        return refuse(reterr_why, "the signature is not base64url, or not as long as its algorithm makes it");
    signature = hf_view_of(bytes, len);
    if (k->secret != NULL)
        e = mac_check(p, k->secret, signature);
    else
        e = hf_key_verify(k->key, how->scheme, how->hash, false, p->signed_bytes, signature);
    return e == HF_OK ? HF_OK : refuse(reterr_why, "the signature is not valid");
}

hf_err hf_jws_open(hf_view token, const struct hf_jose_keyset *ks, uint8_t payload[static HF_JWS_PAYLOAD_MAX_BYTES],
                   struct hf_jws *ret, const char **reterr_why)
{
    const struct hf_jose_key *key = NULL;
    struct parts p;
    size_t len;

    HF_TRY(parts_split(token, &p, reterr_why));
    HF_TRY(key_find(p.header, ks, &key, reterr_why));
    HF_TRY(signature_check(&p, key, reterr_why));
    if (hf_b64url_decode(p.payload, payload, HF_JWS_PAYLOAD_MAX_BYTES, &len) != HF_OK)
        return refuse(reterr_why, "the payload is not base64url");
    *ret = (struct hf_jws) { .key = key, .payload = hf_view_of(payload, len) };
    return HF_OK;
}

static hf_err key_may_say(const struct hf_jose_key *k, const struct hf_claims *c, const char **reterr_why)
{
    if (strcmp(k->actor, "*") != 0 && strcmp(k->actor, c->subject) != 0)
        return refuse(reterr_why, "sub is not the actor that the key speaks for");
    if ((c->roles & ~k->roles) != 0)
        return refuse(reterr_why, "roles has one that the key may not give");
    return HF_OK;
}

hf_err hf_jws_verify(hf_view token, const struct hf_jose_keyset *ks, const struct hf_jose_rules *rules,
                     struct hf_claims *ret, const char **reterr_why)
{
    uint8_t payload[HF_JWS_PAYLOAD_MAX_BYTES];
    struct hf_claims claims;
    struct hf_jws jws;

    HF_TRY(hf_jws_open(token, ks, payload, &jws, reterr_why));
    HF_TRY(hf_claims_read(jws.payload, rules, &claims, reterr_why));
    HF_TRY(key_may_say(jws.key, &claims, reterr_why));
    memcpy(claims.kid, jws.key->kid, sizeof claims.kid);
    *ret = claims;
    return HF_OK;
}
