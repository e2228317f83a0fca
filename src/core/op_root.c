/* seal, unseal, and revoking a token. */
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

hf_err op_unseal(op *o)
{
    core *c = o->core;
    struct hf_done m = { 0 };

    if (c->state != CORE_SEALED || c->opening)
        return op_fails(o, HF_ERR_WRONG_STATE, "the HSM is not sealed");
    peer_send(c->supervisor, HF_MSG_UNSEAL_WANTED, 0, (hf_view) { 0 });
    return hf_done_encode(&m, &o->reply);
}

static hf_err apply_revocation(core *c, change *ch)
{
    uint8_t body[16];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_done m = { 0 };

    HF_TRY(verdicts_revoke(c, ch->id, ch->expires_s));
    HF_TRY(hf_done_encode(&m, &w));
    return change_reply(ch, HF_MSG_DONE, hf_writer_view(&w));
}

hf_err op_token_revoke(op *o)
{
    const struct hf_token_revoke *in = &o->in.token_revoke;
    core *c = o->core;
    uint8_t id[16], blob[HF_REVOCATION_BYTES], mac[HF_RECORD_MAC_BYTES];
    bool waits;

    if (in->jti.len == 0)
        return op_fails(o, HF_ERR_INVALID, "the token's jti is needed");
    HF_TRY(op_change_start(o, &waits));
    if (waits)
        return HF_OK;
    HF_TRY(hf_revocation_id(in->jti, id));
    HF_TRY(hf_revocation_encode(c->keys, id, in->expires_s, blob, mac));
    HF_TRY(change_put(o->change, HF_ROW_REVOCATION, id, 0, (hf_view) { blob, sizeof(blob) }));
    HF_TRY(change_set_add(c, o->change, HF_ROW_REVOCATION, id, 0, mac));
    memcpy(o->change->id, id, sizeof(id));
    o->change->expires_s = in->expires_s;
    o->change->apply = apply_revocation;
    o->audit_detail = in->jti;
    return HF_OK;
}
