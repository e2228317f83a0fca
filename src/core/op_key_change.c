/* rotate, revoke, destroy: each is one change of the KEY record and the rows of its versions. */
#include "core/op.h"

#include "crypto/crypto.h"
#include "records/row.h"
#include <string.h>

static hf_err rotate(op *o, const struct version_material *given)
{
    struct hf_key_record *rec;
    uint8_t mac[HF_RECORD_MAC_BYTES];

    HF_TRY(index_record(o->core, o->entry, &rec));
    HF_TRY(op_new_version(o, o->change, rec->id, rec->alg, hf_key_record_next_version(rec), given, mac));
    HF_TRY(hf_key_record_rotate(rec, o->now, mac, &o->version));
    return op_put_record(o, o->change, rec, o->entry);
}

hf_err op_key_rotate(op *o)
{
    struct slow_result *made = slow_result(o->request);
    bool waits;

    if (o->entry->state != HF_STATE_ACTIVE)
        return op_fails(o, HF_ERR_WRONG_STATE, "only an active key can be rotated; this one is %s",
                        hf_key_state_name(o->entry->state));
    if (o->entry->origin == HF_ORIGIN_PUBLIC)
        return op_fails(
            o, HF_ERR_WRONG_USAGE,
            "this is a public key alone, so no new version can be made here: import the new public key under "
            "another name");
    if (hf_alg_slow(o->entry->alg) && made == NULL)
        return slow_generate(o, o->entry->alg);
    if (made != NULL)
        HF_TRY(made->error);
    HF_TRY(op_key_change_start(o, (hf_view) { 0 }, &waits));
    if (waits)
        return HF_OK;
    if (made == NULL)
        return rotate(o, NULL);
    struct version_material given = { made->material, &made->key };
    return rotate(o, &given);
}

hf_err op_key_revoke(op *o)
{
    struct hf_key_record *rec;
    bool waits;

    if (o->entry->state != HF_STATE_ACTIVE)
        return op_fails(o, HF_ERR_WRONG_STATE, "only an active key can be revoked; this one is %s",
                        hf_key_state_name(o->entry->state));
    HF_TRY(op_key_change_start(o, (hf_view) { 0 }, &waits));
    if (waits)
        return HF_OK;
    HF_TRY(index_record(o->core, o->entry, &rec));
    HF_TRY(hf_key_record_revoke(rec, o->entry->version, o->now));
    return op_put_record(o, o->change, rec, o->entry);
}

/* The rows of one version go; the record keeps that it existed. */
static hf_err destroy_version(op *o, struct hf_key_record *rec, uint32_t version)
{
    core *c = o->core;
    const struct wrap_ref *ref = index_wrap(o->entry, version);

    HF_CHECK(ref != NULL, HF_ERR_INTEGRITY);
    HF_TRY(hf_key_record_destroy(rec, version, o->now, ref->epoch));
    HF_TRY(change_set_remove(c, o->change, HF_ROW_WRAP, rec->id, version, ref->mac));
    HF_TRY(change_delete(o->change, HF_ROW_WRAP, rec->id, version));
    return change_delete(o->change, HF_ROW_VERSION, rec->id, version);
}

hf_err op_key_destroy(op *o)
{
    struct hf_key_record *rec;
    bool waits;

    if (o->entry->state == HF_STATE_DESTROYED)
        return op_fails(o, HF_ERR_WRONG_STATE, "the key is destroyed already");
    HF_TRY(op_key_change_start(o, (hf_view) { 0 }, &waits));
    if (waits)
        return HF_OK;
    HF_TRY(index_record(o->core, o->entry, &rec));
    for (uint32_t i = 0; i < rec->n_versions; i++)
        if (rec->versions[i].state != HF_STATE_DESTROYED)
            HF_TRY(destroy_version(o, rec, rec->versions[i].version));
    return op_put_record(o, o->change, rec, o->entry);
}
