/* POST /api/v1/keys/:id/rotate */
#include "gateway/routes.h"

hf_err route_key_rotate_ask(call *c, hf_writer *w)
{
    struct hf_key_rotate m = { .head = c->head, .key = c->id };

    HF_TRY(field_only(c, NULL, 0));
    return hf_key_rotate_encode(&m, w);
}

hf_err route_key_rotate_tell(reply *r)
{
    return tell_key(r);
}
