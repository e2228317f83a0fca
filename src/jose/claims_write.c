#include "jose/claims.h"

#include "base/text.h"

/* Members are written one after the other; `n` of them stand already. */
struct object {
    hf_writer *w;
    size_t n;
};

static void text_put(hf_writer *w, const char *text)
{
    hf_put_view(w, hf_view_str(text));
}

/* Text without control characters, so these two are all that JSON wants escaped (RFC 8259 section 7). */
static void string_put(hf_writer *w, hf_view text)
{
    if (!hf_text_ok(text))
        w->failed = true;
    hf_put_u8(w, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            hf_put_u8(w, '\\');
        hf_put_u8(w, text.ptr[i]);
    }
    hf_put_u8(w, '"');
}

static void name_put(struct object *o, const char *name)
{
    text_put(o->w, o->n++ == 0 ? "{\"" : ",\"");
    text_put(o->w, name);
    text_put(o->w, "\":");
}

static void string_member(struct object *o, const char *name, hf_view text)
{
    if (text.len == 0)
        return;
    name_put(o, name);
    string_put(o->w, text);
}

static void roles_member(struct object *o, uint32_t roles)
{
    const char *before = "[";

    if (roles == 0)
        return;
    name_put(o, "roles");
    for (uint32_t bit = 1; bit <= HF_ROLE_ALL; bit <<= 1) {
        if ((roles & bit) == 0)
            continue;
        text_put(o->w, before);
        string_put(o->w, hf_view_str(hf_role_name(bit)));
        before = ",";
    }
    hf_put_u8(o->w, ']');
}

static void time_member(struct object *o, const char *name, int64_t seconds)
{
    char digits[20];
    size_t at = sizeof digits;

    if (seconds <= 0)
        return;
    for (; seconds != 0; seconds /= 10)
        digits[--at] = (char)('0' + seconds % 10);
    name_put(o, name);
    hf_put_bytes(o->w, digits + at, sizeof digits - at);
}

static void cert_member(struct object *o, const struct hf_claims *c)
{
    char text[HF_B64_LEN(HF_CERT_HASH_BYTES)];

    if (!c->has_cert)
        return;
    name_put(o, "cnf");
    text_put(o->w, "{\"x5t#S256\":\"");
    hf_put_bytes(o->w, text, hf_b64url_encode(hf_view_of(c->cert_hash, sizeof c->cert_hash), text));
    text_put(o->w, "\"}");
}

hf_err hf_claims_write(const struct hf_claims *c, hf_view issuer, hf_view audience, hf_writer *w)
{
    struct object o = { .w = w };

    HF_CHECK((c->roles & ~(uint32_t)HF_ROLE_ALL) == 0, HF_ERR_INVALID);
    string_member(&o, "iss", issuer);
    string_member(&o, "sub", hf_view_str(c->subject));
    string_member(&o, "aud", audience);
    roles_member(&o, c->roles);
    time_member(&o, "iat", c->issued_s);
    time_member(&o, "nbf", c->not_before_s);
    time_member(&o, "exp", c->expires_s);
    string_member(&o, "jti", hf_view_str(c->jti));
    cert_member(&o, c);
    text_put(w, o.n == 0 ? "{}" : "}");
    return w->failed ? HF_ERR_BOUNDS : HF_OK;
}
