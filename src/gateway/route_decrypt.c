/* POST /api/v1/keys/:id/decrypt */
#include "gateway/routes.h"

hf_err route_decrypt_ask(call *c, hf_writer *w)
{
    struct hf_decrypt m = { .head = c->head, .key = c->id };

    HF_TRY(field_sealed(c, &m.ciphertext, &m.nonce, &m.associated_data));
    return hf_decrypt_encode(&m, w);
}

hf_err route_decrypt_tell(reply *r)
{
    struct hf_decrypted m;

    HF_TRY(hf_decrypted_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "plaintext_b64");
    json_b64(r->out, m.plaintext);
    json_key(r->out, "version");
    json_uint(r->out, m.version);
    json_close(r->out, '}');
    return HF_OK;
}
