/* What the key operations share: key_info, the change of a KEY record, its way into memory. */
#include "core/op.h"

#include "base/text.h"
#include "crypto/crypto.h"
#include "records/attributes.h"
#include "records/version_record.h"
#include <stdlib.h>
#include <string.h>

enum { DESTRUCTION_NONE = 0, DESTRUCTION_PENDING = 1, DESTRUCTION_COMPLETE = 2 };

static uint8_t destruction_of(const core *c, const struct key_summary *s)
{
    if (s->state != HF_STATE_DESTROYED)
        return DESTRUCTION_NONE;
    /* Complete once the epoch key that wrapped it is erased: only then are backups of it dead too. */
    return s->destroy_epoch < c->epochs.current.epoch ? DESTRUCTION_COMPLETE : DESTRUCTION_PENDING;
}

static hf_err put_info(const core *c, const struct hf_key_record *rec, hf_writer *w)
{
    struct key_summary s = index_summary(rec);
    struct hf_key_info info = {
        .name = rec->name,
        .algorithm = (uint16_t)rec->alg,
        .usage = rec->usage,
        .state = (uint8_t)s.state,
        .version = s.version,
        .generation = rec->generation,
        .created_ns = rec->created.ns,
        .created_by = rec->created_by,
        .description = rec->description,
        .tags = rec->tags,
        .attributes = rec->attributes,
        .origin = (uint8_t)rec->origin,
        .destruction = destruction_of(c, &s),
    };

    memcpy(info.id, rec->id, sizeof(info.id));
    return hf_key_info_encode(&info, w);
}

hf_err op_put_key_info(core *c, const key_entry *e, hf_writer *w)
{
    struct hf_key_record *rec;

    HF_TRY(index_read(c, e, &rec));
    return put_info(c, rec, w);
}

hf_err op_reply_record(core *c, const struct hf_key_record *rec, hf_writer *w)
{
    uint8_t list[16000];
    hf_writer info = hf_writer_on(list, sizeof(list));

    HF_TRY(put_info(c, rec, &info));
    struct hf_key_detail m = { .info = hf_writer_view(&info) };
    return hf_key_detail_encode(&m, w);
}

/* ---- a change's turn ---- */

static hf_err park(op *o, bool *ret_waits)
{
    o->request->attempts = 0; /* its turn comes after those before it, however many they are */
    HF_TRY(request_park(o->core, o->request, &o->core->waiting_changes));
    o->waits = *ret_waits = true;
    return HF_OK;
}

hf_err op_wait_for_slot(op *o, bool *ret_waits)
{
    *ret_waits = false;
    HF_CHECK(o->core->store != NULL, HF_ERR_PEER_GONE);
    return commit_slot_free(o->core) ? HF_OK : park(o, ret_waits);
}

static hf_err wait_to_join(op *o, const uint8_t *id, hf_view name, bool *ret_waits)
{
    *ret_waits = false;
    HF_CHECK(o->core->store != NULL, HF_ERR_PEER_GONE);
    return commit_may_join(o->core, id, name) ? HF_OK : park(o, ret_waits);
}

hf_err op_wait_for_key(op *o, bool *ret_waits)
{
    return wait_to_join(o, o->entry->id, (hf_view) { 0 }, ret_waits);
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

hf_err op_key_change_start(op *o, hf_view new_name, bool *ret_waits)
{
    HF_TRY(wait_to_join(o, o->entry != NULL ? o->entry->id : NULL, new_name, ret_waits));
    if (*ret_waits)
        return HF_OK;
    HF_TRY(change_new(o->core, &o->change));
    o->change->alone = false;
    o->change->apply = op_apply_record;
    return hf_view_to_str(new_name, o->change->name, sizeof(o->change->name));
}

/* ---- a change's rows ---- */

hf_err op_put_record(op *o, change *ch, const struct hf_key_record *rec, const key_entry *old)
{
    static uint8_t blob[HF_KEY_RECORD_MAX_BYTES];
    uint8_t mac[HF_RECORD_MAC_BYTES], old_mac[HF_RECORD_MAC_BYTES], body[16384];
    hf_writer reply = hf_writer_on(body, sizeof(body));
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
    if (ch != o->change) /* core's own, beside a request that goes on afterwards */
        return HF_OK;
    HF_TRY(op_reply_record(o->core, rec, &reply));
    HF_TRY(change_reply(ch, HF_MSG_KEY_DETAIL, hf_writer_view(&reply)));
    return answers_keep(o, ch);
}

hf_err op_apply_record(core *c, change *ch)
{
    key_entry *e;

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
    return c->busy == 0 ? index_tidy(c->index) : HF_OK;
}

static hf_err make_material(hf_alg alg, hf_secret **ret_material, hf_key **ret_key)
{
    HF_CHECK(!hf_alg_slow(alg), HF_ERR_INTERNAL); /* the slow worker's */
    HF_TRY(hf_key_generate(alg, ret_material));
    return hf_key_load_private(alg, *ret_material, ret_key);
}

static hf_err put_version(op *o, change *ch, const struct hf_version_head *head, const hf_secret *material,
                          uint8_t ret_mac[static HF_RECORD_MAC_BYTES])
{
    core *c = o->core;
    HF_AUTO(hf_secret_freep) hf_secret *dek = NULL;
    uint8_t blob[HF_VERSION_MAX_BYTES], wrap[HF_WRAP_BYTES];
    struct hf_wrap_head wrap_head = { .version = head->version, .epoch = c->epochs.current.epoch };
    const hf_secret *epoch_key = hf_epoch_file_key(&c->epochs, wrap_head.epoch);
    size_t len;

    HF_CHECK(epoch_key != NULL, HF_ERR_INTERNAL);
    memcpy(wrap_head.id, head->id, sizeof(wrap_head.id));
    HF_TRY(hf_dek_new(&dek));
    HF_TRY(hf_version_seal(c->keys, head, dek, material, blob, sizeof(blob), &len, ret_mac));
    HF_TRY(hf_wrap_seal(c->keys, &wrap_head, epoch_key, dek, wrap, ch->wrap_mac));
    HF_TRY(change_put(ch, HF_ROW_VERSION, head->id, head->version, (hf_view) { blob, len }));
    HF_TRY(change_put(ch, HF_ROW_WRAP, head->id, head->version, (hf_view) { wrap, sizeof(wrap) }));
    HF_TRY(change_set_add(c, ch, HF_ROW_WRAP, head->id, head->version, ch->wrap_mac));
    ch->version = head->version;
    ch->wrap_epoch = wrap_head.epoch;
    ch->has_wrap = true;
    return HF_OK;
}

hf_err op_new_version(op *o, change *ch, const uint8_t id[static 16], hf_alg alg, uint32_t version,
                      const struct version_material *given, uint8_t ret_mac[static HF_RECORD_MAC_BYTES])
{
    HF_AUTO(hf_secret_freep) hf_secret *made = NULL;
    struct hf_version_head head = { .version = version, .alg = alg, .created = o->now };

    memcpy(head.id, id, sizeof(head.id));
    if (given == NULL) {
        HF_TRY(make_material(alg, &made, &ch->key));
    } else {
        ch->key = *given->key;
        *given->key = NULL;
    }
    return put_version(o, ch, &head, given == NULL ? made : given->material, ret_mac);
}

/* ---- a new key ---- */

static hf_err check_usage(op *o, const struct new_key *in)
{
    uint32_t possible = hf_key_usages_possible(in->alg, in->origin);

    if (hf_alg_usages(in->alg) == 0)
        return op_fails(o, HF_ERR_UNSUPPORTED, "this algorithm is not offered");
    if ((in->usage & ~possible) != 0 && in->origin == HF_ORIGIN_PUBLIC)
        return op_fails(o, HF_ERR_UNSUPPORTED, "a public key alone can only verify (or encapsulate, for ML-KEM)");
    if ((in->usage & ~possible) != 0)
        return op_fails(o, HF_ERR_UNSUPPORTED, "%s cannot be used for all of the wanted usages", hf_alg_name(in->alg));
    if ((in->usage & HF_USE_IMPORT) != 0 && in->usage != HF_USE_IMPORT)
        return op_fails(
            o, HF_ERR_UNSUPPORTED,
            "a key that others are imported through has the usage 'import' alone: make another key for the rest");
    return HF_OK;
}

hf_err op_new_key_check(op *o, const struct new_key *in)
{
    if (!hf_name_ok(in->name))
        return op_fails(
            o, HF_ERR_INVALID,
            "a key's name is 1 to 64 of A-Z a-z 0-9 . _ -, begins with a letter or digit, and is not a UUID");
    HF_TRY(check_usage(o, in));
    if (!hf_tags_valid(in->tags))
        return op_fails(o, HF_ERR_INVALID, "a tag is text of 1 to %d bytes without control characters", HF_TAG_MAX);
    if (index_by_name(o->core->index, in->name) != NULL)
        return op_fails(o, HF_ERR_EXISTS, "a key with this name exists; names stay taken after destruction");
    return HF_OK;
}

static hf_err random_id(uint8_t dst[static 16])
{
    HF_TRY(hf_random(dst, 16));
    dst[6] = (uint8_t)((dst[6] & 0x0f) | 0x40); /* version 4, variant 10: RFC 9562 section 5.4 */
    dst[8] = (uint8_t)((dst[8] & 0x3f) | 0x80);
    return HF_OK;
}

static uint32_t default_usage(const struct new_key *in)
{
    return hf_alg_usages_default(in->alg) & hf_key_usages_possible(in->alg, in->origin);
}

hf_err op_new_key(op *o, const struct new_key *in, const struct version_material *given)
{
    struct hf_key_record *rec = o->core->scratch;
    uint8_t mac[HF_RECORD_MAC_BYTES];

    memset(rec, 0, sizeof(*rec));
    HF_TRY(random_id(rec->id));
    rec->alg = in->alg;
    rec->usage = in->usage != 0 ? in->usage : default_usage(in);
    rec->created = o->now;
    rec->origin = in->origin;
    rec->name = in->name;
    rec->created_by = hf_view_str(o->who.subject);
    rec->description = in->description;
    rec->tags = in->tags;
    HF_TRY(op_new_version(o, o->change, rec->id, rec->alg, hf_key_record_next_version(rec), given, mac));
    HF_TRY(hf_key_record_rotate(rec, o->now, mac, &o->version));
    o->change->keys_added = 1;
    memcpy(o->audit_id, rec->id, sizeof(o->audit_id));
    o->audit_detail = in->name;
    return op_put_record(o, o->change, rec, NULL);
}
