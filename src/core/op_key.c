/* What the key operations share: key_info, the change of a KEY record, its way into memory. */
#include "core/op.h"

#include "crypto/crypto.h"
#include "records/version_record.h"
#include <stdlib.h>
#include <string.h>

enum { DESTRUCTION_NONE = 0, DESTRUCTION_PENDING = 1, DESTRUCTION_COMPLETE = 2 };

static uint8_t destruction_of(const core *c, const key_entry *e)
{
    if (e->state != HF_STATE_DESTROYED)
        return DESTRUCTION_NONE;
    /* Complete once the epoch key that wrapped it is erased: only then are backups of it dead too. */
    return e->destroy_epoch < c->epochs.current.epoch ? DESTRUCTION_COMPLETE : DESTRUCTION_PENDING;
}

hf_err op_put_key_info(core *c, const key_entry *e, hf_writer *w)
{
    struct hf_key_record *rec;

    HF_TRY(index_record(c, e, &rec));
    struct hf_key_info info = {
        .name = rec->name,
        .algorithm = (uint16_t)e->alg,
        .usage = e->usage,
        .state = (uint8_t)e->state,
        .version = e->version,
        .generation = e->generation,
        .created_ns = e->created_ns,
        .created_by = rec->created_by,
        .description = rec->description,
        .tags = rec->tags,
        .destruction = destruction_of(c, e),
    };
    memcpy(info.id, e->id, sizeof(info.id));
    return hf_key_info_encode(&info, w);
}

hf_err op_reply_key(op *o, const key_entry *e, hf_writer *w)
{
    uint8_t list[8000];
    hf_writer info = hf_writer_on(list, sizeof(list));

    HF_TRY(op_put_key_info(o->core, e, &info));
    struct hf_key_detail m = { .info = hf_writer_view(&info) };
    return hf_key_detail_encode(&m, w);
}

hf_err op_wait_for_slot(op *o, bool *ret_waits)
{
    core *c = o->core;

    *ret_waits = false;
    HF_CHECK(c->store != NULL, HF_ERR_PEER_GONE);
    if (commit_slot_free(c))
        return HF_OK;
    o->request->attempts = 0; /* its turn comes after those before it, however many they are */
    HF_TRY(request_park(c, o->request, &c->waiting_changes));
    o->waits = *ret_waits = true;
    return HF_OK;
}

hf_err op_put_record(op *o, change *ch, const struct hf_key_record *rec, const key_entry *old)
{
    static uint8_t blob[HF_KEY_RECORD_MAX_BYTES];
    uint8_t mac[HF_RECORD_MAC_BYTES], old_mac[HF_RECORD_MAC_BYTES];
    size_t len;

    HF_TRY(hf_key_record_encode(o->core->keys, rec, blob, sizeof(blob), &len, mac));
    if (old != NULL) {
        HF_TRY(hf_record_mac_of((hf_view) { old->blob, old->len }, old_mac));
        HF_TRY(change_set_remove(o->core, ch, HF_ROW_KEY, rec->id, 0, old_mac));
    }
    HF_TRY(change_set_add(o->core, ch, HF_ROW_KEY, rec->id, 0, mac));
    HF_TRY(change_put(ch, HF_ROW_KEY, rec->id, 0, (hf_view) { blob, len }));
    ch->blob = malloc(len);
    HF_CHECK(ch->blob != NULL, HF_ERR_OVERLOADED);
    memcpy(ch->blob, blob, len);
    ch->blob_len = len;
    memcpy(ch->id, rec->id, sizeof(ch->id));
    return HF_OK;
}

hf_err op_apply_record(core *c, change *ch)
{
    key_entry *e;
    uint8_t body[8192];
    hf_writer w = hf_writer_on(body, sizeof(body));
    op reply = { .core = c };

    HF_TRY(hf_key_record_decode(c->keys, (hf_view) { ch->blob, ch->blob_len }, ch->id, NULL, c->scratch));
    HF_TRY(index_put(c->index, c->scratch, (hf_view) { ch->blob, ch->blob_len }, &e));
    if (ch->has_wrap)
        HF_TRY(index_put_wrap(c->index, ch->id, ch->version, ch->wrap_epoch, ch->wrap_mac));
    if (ch->key != NULL) {
        hf_key *key = ch->key;
        ch->key = NULL;
        HF_TRY(cache_put(c, ch->id, ch->version, key));
    }
    if (e->state == HF_STATE_DESTROYED) {
        index_drop_wraps(e);
        cache_drop(c->cache, e->id);
    }
    if (ch->request == NULL)
        return HF_OK;
    HF_TRY(op_reply_key(&reply, e, &w));
    return change_reply(ch, HF_MSG_KEY_DETAIL, hf_writer_view(&w));
}

hf_err op_new_version(op *o, change *ch, const uint8_t id[static 16], hf_alg alg, uint32_t version,
                      uint8_t ret_mac[static HF_RECORD_MAC_BYTES])
{
    core *c = o->core;
    HF_AUTO(hf_secret_freep) hf_secret *material = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *dek = NULL;
    uint8_t blob[HF_VERSION_MAX_BYTES], wrap[HF_WRAP_BYTES];
    struct hf_version_head head = { .version = version, .alg = alg, .created = o->now };
    struct hf_wrap_head wrap_head = { .version = version, .epoch = c->epochs.current.epoch };
    const hf_secret *epoch_key = hf_epoch_file_key(&c->epochs, wrap_head.epoch);
    size_t len;

    HF_CHECK(epoch_key != NULL, HF_ERR_INTERNAL);
    memcpy(head.id, id, sizeof(head.id));
    memcpy(wrap_head.id, id, sizeof(wrap_head.id));
    HF_TRY(hf_key_generate(alg, &material));
    HF_TRY(hf_key_load_private(alg, material, &ch->key));
    HF_TRY(hf_dek_new(&dek));
    HF_TRY(hf_version_seal(c->keys, &head, dek, material, blob, sizeof(blob), &len, ret_mac));
    HF_TRY(hf_wrap_seal(c->keys, &wrap_head, epoch_key, dek, wrap, ch->wrap_mac));
    HF_TRY(change_put(ch, HF_ROW_VERSION, id, version, (hf_view) { blob, len }));
    HF_TRY(change_put(ch, HF_ROW_WRAP, id, version, (hf_view) { wrap, sizeof(wrap) }));
    HF_TRY(change_set_add(c, ch, HF_ROW_WRAP, id, version, ch->wrap_mac));
    ch->version = version;
    ch->wrap_epoch = wrap_head.epoch;
    ch->has_wrap = true;
    return HF_OK;
}

hf_err op_change_start(op *o, bool *ret_waits)
{
    HF_TRY(op_wait_for_slot(o, ret_waits));
    if (*ret_waits)
        return HF_OK;
    HF_TRY(change_new(o->core, &o->change));
    o->change->apply = op_apply_record;
    return HF_OK;
}
