/* unseal, and the key that a passphrase is sealed to for it. */
#include "core/op.h"
#include "core/unsealing.h"

#include <string.h>

bool op_unseal_needs_no_token(const core *c)
{
    return !c->unsealing->opens_alone;
}

static hf_err check_sealed(op *o)
{
    const core *c = o->core;

    if (c->state == CORE_FAILED)
        return op_fails(o, HF_ERR_INTEGRITY, "%s", c->why);
    if (c->opening)
        return op_fails(o, HF_ERR_WRONG_STATE, "the HSM is being opened; 'holdfast status' says when it is open");
    if (c->state != CORE_SEALED)
        return op_fails(o, HF_ERR_WRONG_STATE,
                        "the HSM is open already, so that there is nothing to unseal; 'holdfast status' shows it");
    return HF_OK;
}

hf_err op_unseal_key(op *o)
{
    const unsealing *u = o->core->unsealing;
    struct hf_unseal_key_info m = { .seal = hf_view_str(u->kind) };

    HF_TRY(check_sealed(o));
    if (!u->opens_alone) {
        HF_CHECK(u->key != NULL, op_fails(o, HF_ERR_PEER_GONE, "the HSM is still starting; retry"));
        m.public = hf_view_of(u->public, sizeof(u->public));
        memcpy(m.fingerprint, u->fingerprint, sizeof(m.fingerprint));
    }
    return hf_unseal_key_info_encode(&m, &o->reply);
}

/* ---- unseal ---- */

static hf_err check_wait(op *o)
{
    const unsealing *u = o->core->unsealing;
    const struct unsealing_door *door = &u->doors[o->in.head.has_uid ? 1 : 0];
    int64_t left_ns = door->next.ns - hf_mono_now().ns;

    if (u->under_way) {
        o->retry_after_s = 1;
        return op_fails(o, HF_ERR_RATE, "another unsealing is under way; retry when it is done");
    }
    if (left_ns <= 0)
        return HF_OK;
    o->retry_after_s = (uint32_t)((left_ns + HF_NS_PER_S - 1) / HF_NS_PER_S);
    return op_fails(o, HF_ERR_RATE, "a wrong passphrase was sent before; the next one has to wait");
}

static hf_err take_passphrase(op *o, hf_secret **ret)
{
    const struct hf_unseal *in = &o->in.unseal;
    HF_AUTO(hf_secret_freep) hf_secret *passphrase = NULL;

    if (in->enc.len == 0 || in->sealed.len == 0)
        return op_fails(o, HF_ERR_UNSUPPORTED, "this seal needs its passphrase: use 'holdfast unseal'");
    HF_CHECK(o->core->unsealing->key != NULL, op_fails(o, HF_ERR_PEER_GONE, "the HSM is still starting; retry"));
    if (hf_hpke_open(o->core->unsealing->key, in->enc, hf_view_str(HF_UNSEAL_INFO), (hf_view) { NULL, 0 }, in->sealed,
                     &passphrase) != HF_OK)
        return op_fails(
            o, HF_ERR_BAD_CIPHERTEXT,
            "the passphrase was not sealed to the key that is in use now; try again with 'holdfast unseal'");
    if (hf_secret_len(passphrase) > HF_UNSEAL_PASSPHRASE_MAX)
        return op_fails(o, HF_ERR_BOUNDS, "a passphrase has at most %d bytes", HF_UNSEAL_PASSPHRASE_MAX);
    *ret = passphrase;
    passphrase = NULL; /* the caller's now */
    return HF_OK;
}

static hf_err start_attempt(op *o)
{
    unsealing *u = o->core->unsealing;
    hf_secret *passphrase = NULL;

    HF_TRY(check_wait(o));
    HF_TRY(take_passphrase(o, &passphrase));
    hf_err e = request_park(o->core, o->request, &u->waiting);
    if (e != HF_OK) {
        hf_secret_free(passphrase);
        return e;
    }
    u->under_way = true;
    u->passphrase = passphrase;
    u->local = o->in.head.has_uid;
    memcpy(u->address, o->in.head.address, sizeof(u->address));
    if (hf_view_to_str(o->in.head.request_id, u->request_id, sizeof(u->request_id)) != HF_OK)
        u->request_id[0] = '\0';
    o->answered_later = true;
    peer_send(o->core->supervisor, HF_MSG_UNSEAL_WANTED, 0, (hf_view) { 0 });
    return HF_OK;
}

hf_err op_unseal(op *o)
{
    core *c = o->core;
    struct hf_done m = { 0 };

    HF_TRY(check_sealed(o));
    if (!c->unsealing->opens_alone)
        return start_attempt(o);
    peer_send(c->supervisor, HF_MSG_UNSEAL_WANTED, 0, (hf_view) { 0 });
    return hf_done_encode(&m, &o->reply);
}
