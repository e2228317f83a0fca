/* POST /api/v1/seal */
#include "gateway/routes.h"

hf_err route_seal_ask(call *c, hf_writer *w)
{
    struct hf_seal m = { .head = c->head };

    HF_TRY(field_only(c, NULL, 0));
    return hf_seal_encode(&m, w);
}

hf_err route_seal_tell(reply *r)
{
    route_status_changed(r->lane);
    return tell_done(r, NULL);
}
