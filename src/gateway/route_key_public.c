/*
 * GET /api/v1/keys/:id/public?format=pem|der|jwk&version=N: the key itself, not JSON round it; Key-Version names
 * the version.
 */
#include "gateway/routes.h"

#include "keysetfmt/keysetfmt.h"
#include <stdio.h>
#include <string.h>

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

/*
 * SubjectPublicKeyInfo of the two kinds that have a JWK (RFC 7518 section 6.2, RFC 8037) has one form each: a
 * fixed start, then the key.
 */
static const uint8_t p256_start[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };
static const uint8_t ed25519_start[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

static void jwk_member(json_out *o, const char *name, const uint8_t *bytes)
{
    char text[HF_B64_LEN(32)];
    size_t n = hf_b64url_encode(hf_view_of(bytes, 32), text);

    json_key(o, name);
    json_text(o, hf_view_of(text, n));
}

static hf_err show_jwk(json_out *o, hf_view spki)
{
    bool p256 = spki.len == sizeof(p256_start) + 64 && memcmp(spki.ptr, p256_start, sizeof(p256_start)) == 0;
    bool ed25519 =
        spki.len == sizeof(ed25519_start) + 32 && memcmp(spki.ptr, ed25519_start, sizeof(ed25519_start)) == 0;
    const uint8_t *key = spki.ptr + (p256 ? sizeof(p256_start) : sizeof(ed25519_start));

    HF_CHECK(p256 || ed25519, HF_ERR_UNSUPPORTED);
    json_open(o, '{');
    json_key(o, "kty");
    json_word(o, p256 ? "EC" : "OKP");
    json_key(o, "crv");
    json_word(o, p256 ? "P-256" : "Ed25519");
    jwk_member(o, "x", key);
    if (p256)
        jwk_member(o, "y", key + 32);
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
