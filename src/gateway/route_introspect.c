/*
 * POST /api/v1/introspect: what a token says and whether it counts now (RFC 7662). Who asks shows a token of its own as
 * any client does; the token in question is in the body, as the RFC's form or as JSON.
 */
#include "gateway/routes.h"

#include <string.h>

#define TOKEN_MAX 8192

/* Other parameters are ignored (section 2.1), token_type_hint among them: all our tokens are of one type. */
static hf_err read_form(call *c, hf_view *ret)
{
    hf_view form = hf_view_of(c->http->body, c->http->body_len);
    hf_http_parameter p;
    bool got = false, found = false;

    for (;;) {
        if (hf_http_query_next(&form, &c->scratch, &p, &got) != HF_OK)
            return call_refuse(c, 400, "malformed", "the form is not well-formed");
        if (!got)
            break;
        if (!hf_view_eq_str(p.name, "token"))
            continue;
        if (found)
            return call_refuse(c, 400, "malformed", "the parameter 'token' stands twice");
        found = true;
        *ret = p.value;
    }
    return found ? HF_OK : call_refuse(c, 400, "malformed", "the parameter 'token' is needed");
}

static hf_err read_json(call *c, hf_view *ret)
{
    static const char *const members[] = { "token", "token_type_hint" };
    hf_view hint;

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    HF_TRY(field_required(c, "token"));
    HF_TRY(field_text(c, "token_type_hint", 64, &hint));
    return field_text(c, "token", TOKEN_MAX, ret);
}

hf_err route_introspect_ask(call *c, hf_writer *w)
{
    struct hf_introspect m = { .head = c->head };

    HF_TRY(c->body == NULL ? read_form(c, &m.subject_token) : read_json(c, &m.subject_token));
    if (m.subject_token.len > TOKEN_MAX)
        return call_unusable(c, "'token' may have at most %d bytes", TOKEN_MAX);
    return hf_introspect_encode(&m, w);
}

static void show_time(json_out *o, const char *name, int64_t seconds)
{
    if (seconds <= 0)
        return;
    json_key(o, name);
    json_uint(o, (uint64_t)seconds);
}

static void show_text(json_out *o, const char *name, hf_view text)
{
    if (text.len == 0)
        return;
    json_key(o, name);
    json_text(o, text);
}

/* RFC 8705 section 3.1. */
static void show_binding(json_out *o, const uint8_t hash[static 32])
{
    json_key(o, "cnf");
    json_open(o, '{');
    json_key(o, "x5t#S256");
    json_b64url(o, hf_view_of(hash, 32));
    json_close(o, '}');
}

static void show_claims(json_out *o, const struct hf_introspected *m)
{
    json_key(o, "token_type");
    json_word(o, "Bearer");
    show_text(o, "sub", m->subject);
    json_key(o, "roles");
    json_open(o, '[');
    for (uint32_t bit = 1; bit <= HF_ROLE_ALL; bit <<= 1)
        if ((m->roles & bit) != 0)
            json_word(o, hf_role_name(bit));
    json_close(o, ']');
    show_text(o, "kid", m->kid);
    show_text(o, "jti", m->jti);
    show_time(o, "iat", m->issued_s);
    show_time(o, "nbf", m->not_before_s);
    show_time(o, "exp", m->expires_s);
    if (m->has_cert)
        show_binding(o, m->cert_hash);
}

/* Section 2.2: of a token that does not count nothing else is said. */
hf_err route_introspect_tell(reply *r)
{
    struct hf_introspected m;

    HF_TRY(hf_introspected_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "active");
    json_bool(r->out, m.active);
    if (m.active)
        show_claims(r->out, &m);
    json_close(r->out, '}');
    return HF_OK;
}
