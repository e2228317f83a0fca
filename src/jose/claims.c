#include "jose/claims.h"

#include "base/text.h"
#include "jose/json.h"
#include "jose/jws.h"

#define AUDIENCES_MAX 16

/* One token while it is read. */
struct reading {
    const struct hf_jose_rules *rules;
    struct hf_claims claims;
    bool issuer_ok;
    bool has_audience;
    bool audience_ok;
    const char *why;
};

static hf_err refuse(struct reading *r, const char *why)
{
    r->why = why;
    return HF_ERR_BAD_TOKEN;
}

static hf_err issuer_read(struct reading *r, yyjson_val *v)
{
    hf_view text;

    if (hf_json_text(v, &text) != HF_OK)
        return refuse(r, "iss is not a string");
    r->issuer_ok = hf_view_eq(text, r->rules->issuer);
    return HF_OK;
}

/* One string or a list of them; one that names us is enough. */
static hf_err audience_read(struct reading *r, yyjson_val *v)
{
    bool is_list = yyjson_is_arr(v);
    size_t n = is_list ? yyjson_arr_size(v) : 1;
    hf_view text;

    if (n == 0 || n > AUDIENCES_MAX)
        return refuse(r, "aud has no element or too many");
    for (size_t i = 0; i < n; i++) {
        if (hf_json_text(is_list ? yyjson_arr_get(v, i) : v, &text) != HF_OK)
            return refuse(r, "aud is not a string or a list of strings");
        r->audience_ok = r->audience_ok || (r->rules->audience.len != 0 && hf_view_eq(text, r->rules->audience));
    }
    r->has_audience = true;
    return HF_OK;
}

static hf_err subject_read(struct reading *r, yyjson_val *v)
{
    hf_view text;

    if (hf_json_text(v, &text) != HF_OK || !hf_jose_actor_ok(text))
        return refuse(r, "sub is not 1 to 64 bytes of text without control characters");
    return hf_view_to_str(text, r->claims.subject, sizeof r->claims.subject);
}

static hf_err jti_read(struct reading *r, yyjson_val *v)
{
    hf_view text;

    if (hf_json_text(v, &text) != HF_OK || !hf_jose_visible(text, HF_JTI_MAX_BYTES))
        return refuse(r, "jti is not 1 to 128 visible characters");
    return hf_view_to_str(text, r->claims.jti, sizeof r->claims.jti);
}

static hf_err roles_read(struct reading *r, yyjson_val *v)
{
    size_t n = yyjson_arr_size(v);
    hf_view text;

    if (!yyjson_is_arr(v) || n == 0 || n > AUDIENCES_MAX)
        return refuse(r, "roles is not a list of roles");
    for (size_t i = 0; i < n; i++) {
        uint32_t bit = hf_json_text(yyjson_arr_get(v, i), &text) == HF_OK ? hf_role_parse(text) : 0;
        if (bit == 0)
            return refuse(r, "roles has one that does not exist");
        r->claims.roles |= bit;
    }
    return HF_OK;
}

static hf_err time_read(struct reading *r, yyjson_val *v, int64_t *ret_s)
{
    int64_t s;

    if (hf_json_uint(v, &s) != HF_OK || s < 1 || s > HF_CLAIM_TIME_MAX_S)
        return refuse(r, "a time is not a whole number of seconds between 1970 and 2242");
    *ret_s = s;
    return HF_OK;
}

static hf_err issued_read(struct reading *r, yyjson_val *v)
{
    return time_read(r, v, &r->claims.issued_s);
}

static hf_err not_before_read(struct reading *r, yyjson_val *v)
{
    return time_read(r, v, &r->claims.not_before_s);
}

static hf_err expires_read(struct reading *r, yyjson_val *v)
{
    return time_read(r, v, &r->claims.expires_s);
}

/* Exactly {"x5t#S256": hash}: a binding of another kind would be dropped silently otherwise. */
static hf_err confirmation_read(struct reading *r, yyjson_val *v)
{
    hf_view text;
    size_t len;

    if (yyjson_obj_size(v) != 1 || hf_json_text(yyjson_obj_get(v, "x5t#S256"), &text) != HF_OK)
        return refuse(r, "cnf is not a certificate hash (x5t#S256)");
    if (hf_b64url_decode(text, r->claims.cert_hash, sizeof r->claims.cert_hash, &len) != HF_OK ||
        len != HF_CERT_HASH_BYTES)
        return refuse(r, "cnf has a certificate hash that is not 32 bytes of base64url");
    r->claims.has_cert = true;
    return HF_OK;
}

static hf_err unchecked_binding(struct reading *r, yyjson_val *v)
{
    (void)v;
    return refuse(r, "the token is bound to something that is not checked in this release (fp, rip)");
}

static const struct {
    const char *name;
    hf_err (*read)(struct reading *r, yyjson_val *v);
} readers[] = {
    /* clang-format off */
    { "iss", issuer_read },
    { "aud", audience_read },
    { "sub", subject_read },
    { "jti", jti_read },
    { "roles", roles_read },
    { "iat", issued_read },
    { "nbf", not_before_read },
    { "exp", expires_read },
    { "cnf", confirmation_read },
    { "fp", unchecked_binding },
    { "rip", unchecked_binding },
    /* clang-format on */
};

static hf_err member_read(struct reading *r, yyjson_val *key, yyjson_val *value)
{
    for (size_t i = 0; i < HF_COUNT(readers); i++) {
        if (hf_view_eq_str(hf_json_name(key), readers[i].name))
            return readers[i].read(r, value);
    }
    return HF_OK;
}

static hf_err members_read(struct reading *r, yyjson_val *root)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(root);

    if (!yyjson_is_obj(root))
        return refuse(r, "the payload is not a JSON object");
    for (yyjson_val *k = yyjson_obj_iter_next(&it); k != NULL; k = yyjson_obj_iter_next(&it))
        HF_TRY(member_read(r, k, yyjson_obj_iter_get_val(k)));
    return HF_OK;
}

static hf_err identity_check(struct reading *r)
{
    if (r->claims.subject[0] == '\0')
        return refuse(r, "sub is missing");
    if (r->rules->issuer.len != 0 && !r->issuer_ok)
        return refuse(r, "iss is missing or another issuer");
    if (r->rules->audience.len != 0 && !r->has_audience)
        return refuse(r, "aud is missing");
    if (r->has_audience && !r->audience_ok)
        return refuse(r, "aud does not name this service");
    if (r->rules->require_roles && r->claims.roles == 0)
        return refuse(r, "roles is missing");
    return HF_OK;
}

/*
 * Contradictions are refused without a clock; the rest only when the rules bring one. Sums cannot wrap: times
 * are below 2^33.
 */
static hf_err times_check(struct reading *r)
{
    const struct hf_jose_rules *rules = r->rules;
    const struct hf_claims *c = &r->claims;

    if (c->expires_s == 0)
        return refuse(r, "exp is missing");
    if (c->not_before_s >= c->expires_s || c->issued_s >= c->expires_s)
        return refuse(r, "exp is not after nbf and iat");
    if (!rules->has_now)
        return HF_OK;
    if (c->not_before_s > rules->now_s + rules->leeway_s)
        return refuse(r, "nbf is in the future");
    if (c->issued_s > rules->now_s + rules->leeway_s)
        return refuse(r, "iat is in the future");
    if (c->expires_s + rules->leeway_s <= rules->now_s) {
        r->why = "exp has passed";
        return HF_ERR_TOKEN_EXPIRED;
    }
    return HF_OK;
}

static hf_err payload_read(struct reading *r, hf_view payload)
{
    static const hf_json_limits limits = { .depth = 8, .members = 64 };
    uint8_t pool[HF_JWS_POOL_BYTES(HF_JWS_PAYLOAD_MAX_BYTES)];
    yyjson_alc alloc;
    yyjson_doc *doc;

    if (payload.len > HF_JWS_PAYLOAD_MAX_BYTES)
        return refuse(r, "the payload is too long");
    if (!yyjson_alc_pool_init(&alloc, pool, sizeof pool))
        return HF_ERR_INTERNAL;
    if (hf_json_read(payload, &limits, &alloc, &doc, &r->why) != HF_OK)
        return HF_ERR_BAD_TOKEN;
    HF_TRY(members_read(r, yyjson_doc_get_root(doc)));
    HF_TRY(identity_check(r));
    return times_check(r);
}

hf_err hf_claims_read(hf_view payload, const struct hf_jose_rules *rules, struct hf_claims *ret,
                      const char **reterr_why)
{
    struct reading r = { .rules = rules, .why = "an internal error" };
    hf_err e = payload_read(&r, payload);

    if (e != HF_OK) {
        *reterr_why = r.why;
        return e;
    }
    *ret = r.claims;
    return HF_OK;
}
