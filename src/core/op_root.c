/* seal, and revoking a token. */
#include "core/op.h"

#include "records/revocation.h"
#include <string.h>

static hf_err apply_seal(core *c, change *ch)
{
    uint8_t body[16];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_done m = { 0 };

    HF_TRY(hf_done_encode(&m, &w));
    HF_TRY(change_reply(ch, HF_MSG_DONE, hf_writer_view(&w)));
    c->seal_wanted = true; /* when the transaction's own end is done with the keys */
    return HF_OK;
}

hf_err op_seal(op *o)
{
    bool waits;

    HF_TRY(op_change_start(o, &waits));
    if (waits)
        return HF_OK;
    o->change->apply = apply_seal;
    return HF_OK;
}

static hf_err apply_revocation(core *c, change *ch)
{
    uint8_t body[16];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_done m = { 0 };

    if (ch->has_expired)
        revocations_remove(c, ch->expired_id);
    HF_TRY(revocations_add(c, ch->id, ch->expires_s));
    sessions_revoked(c, ch->id);
    HF_TRY(hf_done_encode(&m, &w));
    return change_reply(ch, HF_MSG_DONE, hf_writer_view(&w));
}

/* A row leaves the set that the manifest commits to; its MAC follows from its content. */
static hf_err set_remove(op *o, const uint8_t id[static 16], int64_t expires_s)
{
    uint8_t blob[HF_REVOCATION_BYTES], mac[HF_RECORD_MAC_BYTES];

    HF_TRY(hf_revocation_encode(o->core->keys, id, expires_s, blob, mac));
    return change_set_remove(o->core, o->change, HF_ROW_REVOCATION, id, 0, mac);
}

/* One expired row goes for each new one, so that the table is never longer than the live ones once were. */
static hf_err drop_expired(op *o, const uint8_t new_id[static 16])
{
    change *ch = o->change;
    int64_t expires_s;

    if (!revocations_expired(o->core, o->now, ch->expired_id, &expires_s) || memcmp(ch->expired_id, new_id, 16) == 0)
        return HF_OK;
    HF_TRY(set_remove(o, ch->expired_id, expires_s));
    ch->has_expired = true;
    return change_delete(ch, HF_ROW_REVOCATION, ch->expired_id, 0);
}

static hf_err replace_or_add(op *o, const uint8_t id[static 16], int64_t *expires_s)
{
    int64_t before;

    HF_TRY(drop_expired(o, id));
    if (!revocations_find(o->core, id, &before)) {
        HF_CHECK(o->change->has_expired || !revocations_full(o->core),
                 op_fails(o, HF_ERR_QUOTA, "too many tokens are revoked at once"));
        return HF_OK;
    }
    *expires_s = *expires_s > before ? *expires_s : before;
    return set_remove(o, id, before);
}

hf_err op_token_revoke(op *o)
{
    const struct hf_token_revoke *in = &o->in.token_revoke;
    core *c = o->core;
    uint8_t id[16], blob[HF_REVOCATION_BYTES], mac[HF_RECORD_MAC_BYTES];
    int64_t expires_s = in->expires_s;
    bool waits;

    if (in->jti.len == 0)
        return op_fails(o, HF_ERR_INVALID, "the token's jti is needed");
    HF_TRY(op_change_start(o, &waits));
    if (waits)
        return HF_OK;
    HF_TRY(hf_revocation_id(in->jti, id));
    HF_TRY(replace_or_add(o, id, &expires_s));
    HF_TRY(hf_revocation_encode(c->keys, id, expires_s, blob, mac));
    HF_TRY(change_put(o->change, HF_ROW_REVOCATION, id, 0, (hf_view) { blob, sizeof(blob) }));
    HF_TRY(change_set_add(c, o->change, HF_ROW_REVOCATION, id, 0, mac));
    memcpy(o->change->id, id, sizeof(id));
    o->change->expires_s = expires_s;
    o->change->apply = apply_revocation;
    o->audit_detail = in->jti;
    return HF_OK;
}
