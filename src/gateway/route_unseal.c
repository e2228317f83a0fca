/* POST /api/v1/unseal: what is relayed is sealed to core's key (route_unseal_key.c); no passphrase can be read here. */
#include "gateway/routes.h"

#define ENC_MAX 128
#define SEALED_MAX 2048

hf_err route_unseal_ask(call *c, hf_writer *w)
{
    static const char *const names[] = { "enc_b64", "sealed_b64" };
    struct hf_unseal m = { .head = c->head };

    HF_TRY(field_only(c, names, HF_COUNT(names)));
    HF_TRY(field_b64(c, "enc_b64", ENC_MAX, &m.enc));
    HF_TRY(field_b64(c, "sealed_b64", SEALED_MAX, &m.sealed));
    return hf_unseal_encode(&m, w);
}

/* 200: open. 202: core has asked for the root key of a seal that opens alone; status says when it has it. */
hf_err route_unseal_tell(reply *r)
{
    struct hf_done m;

    HF_TRY(hf_done_decode(r->body, &m));
    if (m.value == 0)
        r->status = 202;
    route_status_changed(r->lane);
    json_open(r->out, '{');
    json_key(r->out, "state");
    json_word(r->out, m.value == 0 ? "unsealing" : "open");
    json_close(r->out, '}');
    return HF_OK;
}
