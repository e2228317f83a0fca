/* POST /api/v1/keys/:id/encapsulate */
#include "gateway/routes.h"

hf_err route_encapsulate_ask(call *c, hf_writer *w)
{
    struct hf_encapsulate m = { .head = c->head, .key = c->id };

    HF_TRY(field_only(c, NULL, 0));
    return hf_encapsulate_encode(&m, w);
}

hf_err route_encapsulate_tell(reply *r)
{
    struct hf_encapsulated m;

    HF_TRY(hf_encapsulated_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "ciphertext_b64");
    json_b64(r->out, m.ciphertext);
    json_key(r->out, "shared_secret_b64");
    json_b64(r->out, m.shared_secret);
    json_key(r->out, "version");
    json_uint(r->out, m.version);
    json_close(r->out, '}');
    return HF_OK;
}
