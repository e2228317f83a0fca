/* GET /.well-known/jwks.json: the public keys of session tokens (RFC 7517 section 5), for whoever wants to check them. */
#include "gateway/routes.h"

#include "jose/alg.h"

/* Short, because a restart of core makes a new key; long enough that readers need not ask at each token. */
#define CACHE "public, max-age=60"

enum {
    TYPE_SET,
    TYPE_JSON
}; /* what the answer calls itself: the registered type, or the one that most clients ask for */

hf_err route_jwks_ask(call *c, hf_writer *w)
{
    struct hf_jwks m = { .head = c->head };

    c->format = hf_http_accepts(c->http, "application", "jwk-set+json") ? TYPE_SET : TYPE_JSON;
    if (c->format == TYPE_JSON && !hf_http_accepts(c->http, "application", "json"))
        return call_refuse(c, 406, "not_acceptable", "this answer is application/jwk-set+json or application/json");
    return hf_jwks_encode(&m, w);
}

static hf_err show(json_out *o, const struct hf_keyset_row *row)
{
    hf_jwk key;

    HF_TRY(hf_jwk_of_spki(row->spki, &key));
    json_open(o, '{');
    show_jwk_kind(o, &key);
    json_key(o, "use");
    json_word(o, "sig");
    json_key(o, "alg");
    json_word(o, hf_jose_alg_name((hf_alg)row->alg));
    json_key(o, "kid");
    json_text(o, row->kid);
    json_close(o, '}');
    return HF_OK;
}

hf_err route_jwks_tell(reply *r)
{
    struct hf_jwks_info m;
    struct hf_keyset_row row;

    HF_TRY(hf_jwks_info_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "keys");
    json_open(r->out, '[');
    for (hf_reader list = hf_reader_of(m.rows); hf_keyset_row_next(&list, &row);)
        HF_TRY(show(r->out, &row));
    json_close(r->out, ']');
    json_close(r->out, '}');
    if (r->format == TYPE_SET)
        r->content_type = "application/jwk-set+json";
    r->cache = CACHE;
    return HF_OK;
}
