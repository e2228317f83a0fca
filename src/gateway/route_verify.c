/* POST /api/v1/keys/:id/verify: 200 with valid true or false; an error only when it cannot be judged. */
#include "gateway/routes.h"

#define CONTEXT_MAX 255 /* FIPS 204 section 5.2 */

/* A MAC is checked like a signature; its member may be called either way. */
static hf_err read_signature(call *c, hf_view *ret)
{
    if (field_present(c, "signature_b64") == field_present(c, "mac_b64"))
        return call_unusable(c, "one of 'signature_b64' and, for an HMAC key, 'mac_b64' is needed");
    HF_TRY(field_b64(c, "signature_b64", 8192, ret));
    return field_b64(c, "mac_b64", 64, ret);
}

hf_err route_verify_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "payload_b64", "digest_b64", "signature_b64", "mac_b64",
                                           "scheme",      "hash",       "context_b64",   "version" };
    struct hf_verify m = { .head = c->head, .key = c->id };

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    HF_TRY(field_payload(c, &m.payload, &m.prehashed));
    HF_TRY(field_scheme(c, &m.scheme, &m.hash));
    HF_TRY(field_b64(c, "context_b64", CONTEXT_MAX, &m.context));
    HF_TRY(read_signature(c, &m.signature));
    HF_TRY(field_version(c, "version", &m.version));
    return hf_verify_encode(&m, w);
}

hf_err route_verify_tell(reply *r)
{
    struct hf_verified m;

    HF_TRY(hf_verified_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "valid");
    json_bool(r->out, m.valid);
    json_key(r->out, "version");
    json_uint(r->out, m.version);
    json_close(r->out, '}');
    return HF_OK;
}
