/* GET /api/v1/unseal-key: what a passphrase is sealed to, and by what its owner knows that it is core's. */
#include "gateway/routes.h"

hf_err route_unseal_key_ask(call *c, hf_writer *w)
{
    struct hf_unseal_key m = { .head = c->head };

    return hf_unseal_key_encode(&m, w);
}

hf_err route_unseal_key_tell(reply *r)
{
    struct hf_unseal_key_info m;
    char fingerprint[2 * sizeof(m.fingerprint) + 1];

    HF_TRY(hf_unseal_key_info_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "seal");
    json_text(r->out, m.seal);
    if (m.public.len > 0) {
        hf_hex_encode(hf_view_of(m.fingerprint, sizeof(m.fingerprint)), fingerprint);
        json_key(r->out, "public_b64");
        json_b64(r->out, m.public);
        json_key(r->out, "fingerprint");
        json_word(r->out, fingerprint);
    }
    json_close(r->out, '}');
    return HF_OK;
}
