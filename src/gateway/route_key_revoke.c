/* POST /api/v1/keys/:id/revoke */
#include "gateway/routes.h"

hf_err route_key_revoke_ask(call *c, hf_writer *w)
{
    struct hf_key_revoke m = { .head = c->head, .key = c->id };

    HF_TRY(field_only(c, NULL, 0));
    return hf_key_revoke_encode(&m, w);
}

hf_err route_key_revoke_tell(reply *r)
{
    return tell_key(r);
}
