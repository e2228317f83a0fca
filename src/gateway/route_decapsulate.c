/* POST /api/v1/keys/:id/decapsulate */
#include "gateway/routes.h"

hf_err route_decapsulate_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "ciphertext_b64", "version" };
    struct hf_decapsulate m = { .head = c->head, .key = c->id };

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    HF_TRY(field_required(c, "ciphertext_b64"));
    HF_TRY(field_b64(c, "ciphertext_b64", 2048, &m.ciphertext));
    HF_TRY(field_version(c, "version", &m.version));
    return hf_decapsulate_encode(&m, w);
}

hf_err route_decapsulate_tell(reply *r)
{
    struct hf_decapsulated m;

    HF_TRY(hf_decapsulated_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "shared_secret_b64");
    json_b64(r->out, m.shared_secret);
    json_key(r->out, "version");
    json_uint(r->out, m.version);
    json_close(r->out, '}');
    return HF_OK;
}
