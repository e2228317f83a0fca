/* POST /api/v1/keys/:id/encrypt */
#include "gateway/routes.h"

hf_err route_encrypt_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "plaintext_b64", "associated_data_b64" };
    struct hf_encrypt m = { .head = c->head, .key = c->id };

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    HF_TRY(field_required(c, "plaintext_b64"));
    HF_TRY(field_b64(c, "plaintext_b64", 1u << 20, &m.plaintext));
    HF_TRY(field_b64(c, "associated_data_b64", 65536, &m.associated_data));
    return hf_encrypt_encode(&m, w);
}

hf_err route_encrypt_tell(reply *r)
{
    struct hf_encrypted m;

    HF_TRY(hf_encrypted_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "ciphertext_b64");
    json_b64(r->out, m.ciphertext);
    json_key(r->out, "nonce_b64");
    json_b64(r->out, hf_view_of(m.nonce, sizeof(m.nonce)));
    json_key(r->out, "version");
    json_uint(r->out, m.version);
    json_close(r->out, '}');
    return HF_OK;
}
