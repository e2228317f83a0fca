/* POST /api/v1/unseal */
#include "gateway/routes.h"

hf_err route_unseal_ask(call *c, hf_writer *w)
{
    struct hf_unseal m = { .head = c->head };

    HF_TRY(field_only(c, NULL, 0));
    return hf_unseal_encode(&m, w);
}

/* 202: core has asked for the root key; status says when it has it. */
hf_err route_unseal_tell(reply *r)
{
    return tell_done(r, NULL);
}
