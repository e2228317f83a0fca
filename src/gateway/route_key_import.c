/*
 * POST /api/v1/keys/:id/import: a key that comes from elsewhere, under the name :id. Either a public key alone, in one of
 * three forms, or a key that is wrapped to an import key of this HSM.
 */
#include "gateway/routes.h"

#include "keysetfmt/keysetfmt.h"

enum { FORM_PUBLIC = 1, FORM_WRAPPED = 2 }; /* as core numbers them */

#define JWK_MEMBER_CAP 2048
#define WRAPPED_MAX 16384
#define PEM_MAX 16384 /* with the text around the block */
#define KEY_OPS_MAX 16

/* ---- JWK ---- */

static hf_err jwk_text(call *c, yyjson_val *jwk, const char *name, hf_view *ret)
{
    yyjson_val *v = yyjson_obj_get(jwk, name);

    if (v == NULL)
        return HF_OK;
    if (!yyjson_is_str(v))
        return call_unusable(c, "'%s' of the JWK must be text", name);
    *ret = hf_view_of(yyjson_get_str(v), yyjson_get_len(v));
    return HF_OK;
}

/* A private key in the clear has no business here, not even for a moment more than it takes to say so. */
static hf_err refuse_private(call *c, yyjson_val *jwk)
{
    static const char *const secret[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv" };

    for (size_t i = 0; i < HF_COUNT(secret); i++)
        if (yyjson_obj_get(jwk, secret[i]) != NULL)
            return call_unusable(c,
                                 "the JWK has '%s', which is secret; a private or secret key is imported wrapped, see "
                                 "'wrapped_key_b64'",
                                 secret[i]);
    return HF_OK;
}

/*
 * RFC 7517 sections 4.2 and 4.3: what its holder says that the key is for. Every key that has a JWK here is one of
 * signatures, and its public half verifies.
 */
static hf_err check_purpose(call *c, yyjson_val *jwk)
{
    yyjson_val *use = yyjson_obj_get(jwk, "use"), *ops = yyjson_obj_get(jwk, "key_ops");
    bool verifies = false;

    if (use != NULL && !yyjson_equals_str(use, "sig"))
        return call_unusable(c, "the JWK's 'use' must be \"sig\": keys of this kind are for signatures here");
    if (ops == NULL)
        return HF_OK;
    if (!yyjson_is_arr(ops) || yyjson_arr_size(ops) > KEY_OPS_MAX)
        return call_unusable(c, "'key_ops' of the JWK must be a list of at most %d words", KEY_OPS_MAX);
    for (size_t i = 0; i < yyjson_arr_size(ops); i++) {
        yyjson_val *op = yyjson_arr_get(ops, i);
        if (!yyjson_is_str(op))
            return call_unusable(c, "'key_ops' of the JWK must be a list of words");
        for (size_t before = 0; before < i; before++)
            if (yyjson_equals(op, yyjson_arr_get(ops, before)))
                return call_unusable(c, "'key_ops' of the JWK holds a word twice");
        verifies = verifies || yyjson_equals_str(op, "verify");
    }
    if (!verifies)
        return call_unusable(c, "'key_ops' of the JWK must have \"verify\": that is what a public key does here");
    return HF_OK;
}

static hf_err jwk_values(call *c, yyjson_val *jwk, hf_jwk *key)
{
    for (size_t i = 0; i < HF_JWK_MEMBERS && key->name[i] != NULL; i++) {
        hf_view text = { 0 };
        hf_writer w = field_room(c, JWK_MEMBER_CAP);
        HF_TRY(jwk_text(c, jwk, key->name[i], &text));
        if (text.len == 0 || hf_b64url_decode(text, w.ptr, w.cap, &w.len) != HF_OK)
            return call_unusable(c, "'%s' of the JWK must be base64url without padding", key->name[i]);
        key->value[i] = field_keep(c, &w);
    }
    return HF_OK;
}

static hf_err read_jwk(call *c, hf_view *ret)
{
    yyjson_val *jwk = yyjson_obj_get(c->body, "jwk");
    hf_view kty = { 0 }, crv = { 0 }, alg = { 0 };
    const char *why = NULL;
    hf_jwk key;

    if (!yyjson_is_obj(jwk))
        return call_unusable(c, "'jwk' must be an object");
    HF_TRY(refuse_private(c, jwk));
    HF_TRY(jwk_text(c, jwk, "kty", &kty));
    HF_TRY(jwk_text(c, jwk, "crv", &crv));
    HF_TRY(jwk_text(c, jwk, "alg", &alg));
    if (hf_jwk_kind(kty, crv, alg, &key, &why) != HF_OK)
        return call_unusable(c, "%s", why);
    HF_TRY(check_purpose(c, jwk));
    HF_TRY(jwk_values(c, jwk, &key));
    hf_writer w = field_room(c, HF_JWK_SPKI_CAP);
    if (hf_jwk_to_spki(&key, &w, &why) != HF_OK)
        return call_unusable(c, "%s", why == NULL ? "the JWK is too large" : why);
    *ret = field_keep(c, &w);
    return HF_OK;
}

/* ---- the other forms ---- */

static hf_err read_pem(call *c, hf_view *ret)
{
    hf_view pem = { 0 };
    hf_writer w = field_room(c, HF_JWK_SPKI_CAP);

    HF_TRY(field_lines(c, "public_key", PEM_MAX, &pem));
    if (hf_spki_pem_find(pem, w.ptr, w.cap, &w.len) != HF_OK)
        return call_unusable(c,
                             "'public_key' must hold one PEM block, a PUBLIC KEY as 'openssl pkey -pubout' writes it");
    *ret = field_keep(c, &w);
    return HF_OK;
}

static hf_err read_public(call *c, struct hf_key_import *m)
{
    if (field_present(c, "public_key"))
        HF_TRY(read_pem(c, &m->public));
    else if (field_present(c, "jwk"))
        HF_TRY(read_jwk(c, &m->public));
    else
        HF_TRY(field_b64(c, "public_key_der_b64", HF_JWK_SPKI_CAP, &m->public));
    if (field_present(c, "wrapping_key") || field_present(c, "wrapping_version"))
        return call_unusable(c, "'wrapping_key' and 'wrapping_version' go with 'wrapped_key_b64' only");
    hf_alg is = hf_spki_alg(m->public);
    if (is == HF_ALG_NONE)
        return call_unusable(c, "the public key is no SubjectPublicKeyInfo in DER of an algorithm that is known here");
    if (m->algorithm != HF_ALG_NONE && m->algorithm != is)
        return call_unusable(c, "the public key is of %s, not of the 'algorithm' that is named", hf_alg_name(is));
    m->algorithm = (uint16_t)is;
    m->form = FORM_PUBLIC;
    return HF_OK;
}

static hf_err read_wrapped(call *c, struct hf_key_import *m)
{
    HF_TRY(field_required(c, "algorithm")); /* nobody but core can see what is inside */
    HF_TRY(field_required(c, "wrapping_key"));
    HF_TRY(field_text(c, "wrapping_key", 64, &m->wrapping_key));
    HF_TRY(field_version(c, "wrapping_version", &m->wrapping_version));
    HF_TRY(field_b64(c, "wrapped_key_b64", WRAPPED_MAX, &m->wrapped));
    m->form = FORM_WRAPPED;
    return HF_OK;
}

hf_err route_key_import_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "algorithm",          "usage",           "policy_tags",
                                           "description",        "public_key",      "jwk",
                                           "public_key_der_b64", "wrapped_key_b64", "wrapping_key",
                                           "wrapping_version" };
    struct hf_key_import m = { .head = c->head, .name = c->id };
    int sources = field_present(c, "public_key") + field_present(c, "jwk") + field_present(c, "public_key_der_b64") +
                  field_present(c, "wrapped_key_b64");

    if (!hf_name_ok(c->id))
        return call_unusable(c, "an imported key needs a name; a UUID cannot be one");
    HF_TRY(field_only(c, members, HF_COUNT(members)));
    if (sources != 1)
        return call_unusable(c, "one of 'public_key', 'public_key_der_b64', 'jwk' and 'wrapped_key_b64' is needed");
    HF_TRY(field_algorithm(c, &m.algorithm));
    HF_TRY(field_usage(c, &m.usage));
    HF_TRY(field_text(c, "description", FIELD_DESCRIPTION_MAX, &m.description));
    HF_TRY(field_tags(c, &m.tags));
    HF_TRY(field_present(c, "wrapped_key_b64") ? read_wrapped(c, &m) : read_public(c, &m));
    return hf_key_import_encode(&m, w);
}

hf_err route_key_import_tell(reply *r)
{
    return tell_key(r);
}
