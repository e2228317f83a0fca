/*
 * GET /api/v1/keys/:id/public?format=pem|der|jwk&version=N: the key itself, not JSON round it; Key-Version names
 * the version.
 */
#include "gateway/routes.h"

#include "keysetfmt/keysetfmt.h"
#include <stdio.h>

enum { FORMAT_PEM, FORMAT_DER, FORMAT_JWK, FORMATS };

static const struct {
    const char *word, *type, *subtype, *content_type;
} formats[FORMATS] = {
    [FORMAT_PEM] = { "pem", "application", "x-pem-file", "application/x-pem-file" },
    [FORMAT_DER] = { "der", "application", "octet-stream", "application/octet-stream" },
    [FORMAT_JWK] = { "jwk", "application", "jwk+json", "application/jwk+json" },
};

hf_err route_key_public_ask(call *c, hf_writer *w)
{
    enum { FORMAT, VERSION };
    query_field q[] = { { .name = "format" }, { .name = "version" } };
    struct hf_key_public m = { .head = c->head, .key = c->id };
    uint64_t version;

    HF_TRY(query_read(c, q, HF_COUNT(q)));
    HF_TRY(query_uint(c, &q[VERSION], 1, UINT32_MAX, 0, &version));
    m.version = (uint32_t)version;
    c->format = FORMATS;
    for (unsigned i = 0; i < FORMATS; i++)
        if (hf_view_eq_str(q[FORMAT].value, formats[i].word) || (!q[FORMAT].present && i == FORMAT_PEM))
            c->format = (uint8_t)i;
    if (c->format == FORMATS)
        return call_unusable(c, "'format' must be pem, der or jwk");
    if (!hf_http_accepts(c->http, formats[c->format].type, formats[c->format].subtype))
        return call_refuse(c, 406, "not_acceptable", "this answer is %s", formats[c->format].content_type);
    return hf_key_public_encode(&m, w);
}

/* HF_ERR_UNSUPPORTED for ML-KEM, whose JWK no RFC describes; PEM and DER are there for all. */
static hf_err show_jwk(json_out *o, hf_view spki)
{
    hf_jwk key;

    HF_TRY(hf_jwk_of_spki(spki, &key));
    json_open(o, '{');
    show_jwk_kind(o, &key);
    if (key.jose_alg != NULL) {
        json_key(o, "alg");
        json_word(o, key.jose_alg);
    }
    json_close(o, '}');
    return HF_OK;
}

hf_err route_key_public_tell(reply *r)
{
    struct hf_public m;
    char version[40];
    uint8_t pem[HF_SPKI_PEM_CAP];
    hf_writer text = hf_writer_on(pem, sizeof(pem));

    HF_TRY(hf_public_decode(r->body, &m));
    r->why = "there is no standard JWK for keys of this algorithm; ask for format=pem or format=der";
    if (r->format == FORMAT_JWK)
        HF_TRY(show_jwk(r->out, m.spki));
    else if (r->format == FORMAT_DER)
        json_raw(r->out, m.spki);
    else {
        HF_TRY(hf_spki_pem_write(m.spki, &text));
        json_raw(r->out, hf_writer_view(&text));
    }
    r->content_type = formats[r->format < FORMATS ? r->format : FORMAT_PEM].content_type;
    int n = snprintf(version, sizeof(version), "Key-Version: %u\r\n", m.version);
    hf_put_bytes(r->headers, version, (size_t)n);
    return HF_OK;
}
