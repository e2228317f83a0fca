/*
 * Idempotency-Key: the answer to a change is stored with it, and the same actor's same request with the same key gets
 * it again for a day. Rows are ANSWER (records/answer.h), elements of the set hash like every other. One or two expired
 * ones go when a new one comes.
 */
#include "core/op.h"

#include "base/text.h"
#include "crypto/crypto.h"
#include "records/answer.h"
#include <stdlib.h>
#include <string.h>

#define ANSWERS_MAX 4096u
#define REPLIES_BYTES (4u << 20) /* of all answers together */
#define KEPT_S 86400
#define SLOTS (ANSWERS_MAX * 2)
#define DROPS_MAX 2u

struct answer {
    uint8_t id[16], request[32], mac[HF_RECORD_MAC_BYTES];
    int64_t expires_s;
    uint8_t *reply;
    size_t len;
    uint16_t type;
    bool going; /* a change that deletes its row is under way */
};

struct answer_table {
    struct answer rows[ANSWERS_MAX];
    size_t n, bytes;
    size_t coming, coming_bytes; /* of changes under way */
    uint16_t slots[SLOTS]; /* 1 + row, by id; 0: empty */
};

/* What a change does to the table when it is stored. */
struct kept_answer {
    answer_table *table;
    struct answer fresh;
    struct {
        uint8_t id[16];
    } dropped[DROPS_MAX];
    size_t n_dropped;
};

/* ---- the table ---- */

hf_err answers_new(answer_table **ret)
{
    answer_table *t = calloc(1, sizeof(*t));

    HF_CHECK(t != NULL, HF_ERR_SYSTEM);
    *ret = t;
    return HF_OK;
}

void answers_clear(answer_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->rows[i].reply);
    memset(t, 0, sizeof(*t));
}

/* Ids are hashes, so two of their bytes are one. Stops at the id or where it would go. */
static size_t slot_of(const answer_table *t, const uint8_t id[static 16])
{
    size_t i = ((size_t)id[0] << 8 | id[1]) % SLOTS;

    while (t->slots[i] != 0 && !hf_ct_equal(t->rows[t->slots[i] - 1].id, id, 16))
        i = (i + 1) % SLOTS;
    return i;
}

static struct answer *find(answer_table *t, const uint8_t id[static 16])
{
    uint16_t at = t->slots[slot_of(t, id)];

    return at == 0 ? NULL : &t->rows[at - 1];
}

static hf_err add(answer_table *t, const struct answer *a)
{
    size_t slot = slot_of(t, a->id);

    HF_CHECK(t->slots[slot] == 0, HF_ERR_INTEGRITY);
    HF_CHECK(t->n < ANSWERS_MAX, HF_ERR_QUOTA);
    t->rows[t->n++] = *a;
    t->bytes += a->len;
    t->slots[slot] = (uint16_t)t->n;
    return HF_OK;
}

static void remove_one(answer_table *t, const uint8_t id[static 16])
{
    struct answer *a = find(t, id);

    if (a == NULL)
        return;
    t->bytes -= a->len;
    free(a->reply);
    *a = t->rows[--t->n];
    memset(t->slots, 0, sizeof(t->slots)); /* few go in a day: the table of positions is simply made again */
    for (size_t i = 0; i < t->n; i++)
        t->slots[slot_of(t, t->rows[i].id)] = (uint16_t)(i + 1);
}

static hf_err copy_reply(struct answer *a, hf_view reply)
{
    uint8_t *copy = calloc(1, reply.len + 1);

    HF_CHECK(copy != NULL, HF_ERR_OVERLOADED);
    hf_writer w = hf_writer_on(copy, reply.len);
    hf_put_view(&w, reply);
    a->reply = copy;
    a->len = reply.len;
    return HF_OK;
}

hf_err answers_take_row(core *c, const struct hf_store_row *row)
{
    struct hf_answer in;
    struct answer a = { 0 };

    HF_CHECK(row->kind == HF_ROW_ANSWER && row->version == 0, HF_ERR_INTEGRITY);
    HF_TRY(hf_answer_decode(c->keys, row->blob, row->id, &in));
    HF_TRY(hf_record_mac_of(row->blob, a.mac));
    memcpy(a.id, in.id, sizeof(a.id));
    memcpy(a.request, in.request, sizeof(a.request));
    a.expires_s = in.expires_s;
    a.type = in.type;
    HF_TRY(copy_reply(&a, in.reply));
    hf_err e = add(c->answers, &a);
    if (e != HF_OK)
        free(a.reply);
    return e;
}

/* ---- a request ---- */

hf_err answers_id(const op *o, uint8_t ret_id[static 16])
{
    return hf_answer_id(hf_view_str(o->who.subject), o->in.head.idempotency_key, ret_id);
}

/* What is asked: the message's type and all of its fields but the head, which ends with the signature. */
static hf_err request_hash(const op *o, uint8_t dst[static 32])
{
    uint8_t type[2] = { (uint8_t)(o->row->type >> 8), (uint8_t)o->row->type };
    hf_view body = o->request->body, signature = o->in.head.signature;
    size_t head = (size_t)(signature.ptr + signature.len - body.ptr);

    HF_CHECK(signature.ptr != NULL && head <= body.len, HF_ERR_INTERNAL);
    const hf_view parts[] = { hf_view_of(type, sizeof(type)), hf_view_of(body.ptr + head, body.len - head) };
    return hf_digest(HF_HASH_SHA256, parts, HF_COUNT(parts), dst);
}

static bool is_in(const change *list, const uint8_t id[static 16])
{
    for (; list != NULL; list = list->next)
        if (list->answer != NULL && hf_ct_equal(list->answer->fresh.id, id, 16))
            return true;
    return false;
}

/* The key that the answer is about, for the audit. */
static void name_key(op *o, hf_view reply)
{
    struct hf_key_detail detail;
    struct hf_key_info info;

    if (hf_key_detail_decode(reply, &detail) != HF_OK)
        return;
    hf_reader r = hf_reader_of(detail.info);
    if (!hf_key_info_next(&r, &info))
        return;
    memcpy(o->audit_id, info.id, sizeof(o->audit_id));
    o->version = info.version;
}

#define IN_WORK "the first request with this Idempotency-Key is still being worked on: retry shortly"

hf_err answers_repeat(op *o)
{
    core *c = o->core;
    uint8_t id[16], hash[32];

    if (o->in.head.idempotency_key.len == 0 || o->row->reply != HF_MSG_KEY_DETAIL ||
        o->row->audit != HF_AUDITED_DURABLE)
        return HF_OK;
    if (!hf_request_id_ok(o->in.head.idempotency_key))
        return op_fails(o, HF_ERR_INVALID, "an Idempotency-Key is 1 to 64 of A-Z a-z 0-9 . _ -");
    HF_TRY(answers_id(o, id));
    HF_TRY(request_hash(o, hash));
    const struct answer *a = find(c->answers, id);
    if (a != NULL && a->expires_s > hf_wall_s(o->now)) {
        if (!hf_ct_equal(a->request, hash, sizeof(hash)) || a->type != o->row->reply)
            return op_fails(o, HF_ERR_UNSUPPORTED,
                            "this Idempotency-Key was used for another request in the last 24 hours: take a new one");
        hf_put_bytes(&o->reply, a->reply, a->len);
        o->repeated = true;
        o->audit_detail = hf_view_str("repeated");
        name_key(o, hf_view_of(a->reply, a->len));
        return HF_OK;
    }
    if (o->request->slow == NULL &&
        (is_in(c->commit.current, id) || is_in(c->commit.pending, id) || slow_has_answer(c, id)))
        return op_fails(o, HF_ERR_CONFLICT, IN_WORK);
    return HF_OK;
}

/* Deletes rows of this change whose day is over; `id` itself among them when it was used before. */
static hf_err drop_expired(op *o, change *ch, const uint8_t id[static 16])
{
    answer_table *t = o->core->answers;
    struct kept_answer *kept = ch->answer;
    struct answer *same = find(t, id);

    for (size_t i = 0; i <= t->n && kept->n_dropped < DROPS_MAX; i++) {
        struct answer *a = i == 0 ? same : &t->rows[i - 1];
        if (a == NULL || a->going || a->expires_s > hf_wall_s(o->now))
            continue;
        HF_TRY(change_set_remove(o->core, ch, HF_ROW_ANSWER, a->id, 0, a->mac));
        if (a != same) /* that row is written over */
            HF_TRY(change_delete(ch, HF_ROW_ANSWER, a->id, 0));
        uint8_t *dropped = kept->dropped[kept->n_dropped++].id;
        hf_writer w = hf_writer_on(dropped, sizeof(a->id));
        hf_put_bytes(&w, a->id, sizeof(a->id));
        a->going = true;
    }
    return HF_OK;
}

static hf_err check_room(op *o, const struct kept_answer *kept, size_t reply)
{
    const answer_table *t = o->core->answers;

    if (t->n + t->coming > ANSWERS_MAX + kept->n_dropped || t->bytes + t->coming_bytes + reply > REPLIES_BYTES)
        return op_fails(o, HF_ERR_QUOTA,
                        "as many answers as can be kept for Idempotency-Keys are kept already: send the "
                        "request without one, or later");
    return HF_OK;
}

static hf_err put_row(op *o, change *ch, const struct answer *fresh, uint8_t mac[static HF_RECORD_MAC_BYTES])
{
    static uint8_t blob[HF_ANSWER_MAX_BYTES];
    struct hf_answer row = { .expires_s = fresh->expires_s,
                             .type = fresh->type,
                             .reply = hf_view_of(fresh->reply, fresh->len) };
    size_t len;

    memcpy(row.id, fresh->id, sizeof(row.id));
    memcpy(row.request, fresh->request, sizeof(row.request));
    HF_TRY(hf_answer_encode(o->core->keys, &row, blob, sizeof(blob), &len, mac));
    HF_TRY(change_set_add(o->core, ch, HF_ROW_ANSWER, fresh->id, 0, mac));
    return change_put(ch, HF_ROW_ANSWER, fresh->id, 0, hf_view_of(blob, len));
}

/*
 * Two changes may each have found no answer under one id: while one of them waited for its turn, or had given the lock
 * away. The set of rows would then hold two elements for one row, and the store would never open again.
 */
static bool is_vacant(const op *o, const uint8_t id[static 16])
{
    const core *c = o->core;
    const struct answer *same = find(c->answers, id);

    return !is_in(c->commit.current, id) && !is_in(c->commit.pending, id) &&
           (same == NULL || (!same->going && same->expires_s <= hf_wall_s(o->now)));
}

static hf_err keep(op *o, change *ch)
{
    struct kept_answer *kept = ch->answer;
    struct answer *fresh = &kept->fresh;

    HF_TRY(answers_id(o, fresh->id));
    if (!is_vacant(o, fresh->id))
        return op_fails(o, HF_ERR_CONFLICT, IN_WORK);
    HF_TRY(request_hash(o, fresh->request));
    fresh->expires_s = hf_wall_s(o->now) + KEPT_S;
    fresh->type = ch->reply_type;
    HF_TRY(drop_expired(o, ch, fresh->id));
    HF_TRY(check_room(o, kept, ch->reply_len));
    HF_TRY(copy_reply(fresh, hf_view_of(ch->reply, ch->reply_len)));
    return put_row(o, ch, fresh, fresh->mac);
}

hf_err answers_keep(op *o, change *ch)
{
    answer_table *t = o->core->answers;

    if (o->in.head.idempotency_key.len == 0)
        return HF_OK;
    ch->answer = calloc(1, sizeof(*ch->answer));
    HF_CHECK(ch->answer != NULL, HF_ERR_OVERLOADED);
    ch->answer->table = t;
    t->coming++;
    hf_err e = keep(o, ch);
    t->coming_bytes += ch->answer->fresh.len;
    return e;
}

/* The change is under way no longer. */
static void settle(struct kept_answer *kept)
{
    kept->table->coming--;
    kept->table->coming_bytes -= kept->fresh.len;
}

void answers_stored(core *c, change *ch)
{
    struct kept_answer *kept = ch->answer;

    if (kept == NULL)
        return;
    ch->answer = NULL;
    settle(kept);
    for (size_t i = 0; i < kept->n_dropped; i++)
        remove_one(c->answers, kept->dropped[i].id);
    if (add(c->answers, &kept->fresh) != HF_OK)
        free(kept->fresh.reply);
    free(kept);
}

void answers_free(struct kept_answer *kept)
{
    if (kept == NULL)
        return;
    settle(kept);
    for (size_t i = 0; i < kept->n_dropped; i++) {
        struct answer *stays = find(kept->table, kept->dropped[i].id);
        if (stays != NULL)
            stays->going = false;
    }
    free(kept->fresh.reply);
    free(kept);
}
