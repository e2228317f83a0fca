/* POST /api/v1/keys/:id/sign */
#include "gateway/routes.h"

#define CONTEXT_MAX 255 /* FIPS 204 section 5.2 */

hf_err route_sign_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "payload_b64", "digest_b64", "scheme", "hash", "context_b64" };
    struct hf_sign m = { .head = c->head, .key = c->id };

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    HF_TRY(field_payload(c, &m.payload, &m.prehashed));
    HF_TRY(field_scheme(c, &m.scheme, &m.hash));
    HF_TRY(field_b64(c, "context_b64", CONTEXT_MAX, &m.context));
    return hf_sign_encode(&m, w);
}

hf_err route_sign_tell(reply *r)
{
    struct hf_signed m;

    HF_TRY(hf_signed_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "signature_b64");
    json_b64(r->out, m.signature);
    json_key(r->out, "version");
    json_uint(r->out, m.version);
    json_close(r->out, '}');
    return HF_OK;
}
