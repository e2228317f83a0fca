/* POST /api/v1/root/rotate-epoch */
#include "gateway/routes.h"

hf_err route_epoch_rotate_ask(call *c, hf_writer *w)
{
    struct hf_epoch_rotate m = { .head = c->head };

    HF_TRY(field_only(c, NULL, 0));
    return hf_epoch_rotate_encode(&m, w);
}

hf_err route_epoch_rotate_tell(reply *r)
{
    return tell_done(r, "epoch");
}
