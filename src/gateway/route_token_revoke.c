/*
 * POST /api/v1/tokens/revoke: the token named by jti counts no more; exp is when it would have ended, in seconds
 * since 1970.
 */
#include "gateway/routes.h"

hf_err route_token_revoke_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "jti", "exp" };
    struct hf_token_revoke m = { .head = c->head };
    uint64_t expires = 0;

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    HF_TRY(field_required(c, "jti"));
    HF_TRY(field_required(c, "exp"));
    HF_TRY(field_text(c, "jti", 128, &m.jti));
    HF_TRY(field_uint(c, "exp", INT32_MAX * UINT64_C(4), &expires));
    m.expires_s = (int64_t)expires;
    return hf_token_revoke_encode(&m, w);
}

hf_err route_token_revoke_tell(reply *r)
{
    return tell_done(r, NULL);
}
