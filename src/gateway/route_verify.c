/* POST /api/v1/keys/:id/verify: 200 with valid true or false; an error only when it cannot be judged. */
#include "gateway/routes.h"

hf_err route_verify_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "payload_b64", "digest_b64", "signature_b64", "scheme", "hash", "version" };
    struct hf_verify m = { .head = c->head, .key = c->id };
    uint64_t version = 0;

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    HF_TRY(field_payload(c, &m.payload, &m.prehashed));
    HF_TRY(field_scheme(c, &m.scheme, &m.hash));
    HF_TRY(field_required(c, "signature_b64"));
    HF_TRY(field_b64(c, "signature_b64", 8192, &m.signature));
    HF_TRY(field_uint(c, "version", UINT32_MAX, &version));
    m.version = (uint32_t)version;
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
