/* POST /api/v1/keys/:id/mac: HMAC over the payload, checked by verify. */
#include "gateway/routes.h"

hf_err route_mac_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "payload_b64" };
    struct hf_mac m = { .head = c->head, .key = c->id };

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    HF_TRY(field_required(c, "payload_b64"));
    HF_TRY(field_b64(c, "payload_b64", 1u << 20, &m.payload));
    return hf_mac_encode(&m, w);
}

hf_err route_mac_tell(reply *r)
{
    struct hf_maced m;

    HF_TRY(hf_maced_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "mac_b64");
    json_b64(r->out, m.mac);
    json_key(r->out, "version");
    json_uint(r->out, m.version);
    json_close(r->out, '}');
    return HF_OK;
}
