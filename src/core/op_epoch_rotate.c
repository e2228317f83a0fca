/*
 * A new epoch key: every data key is wrapped again under it, the old one is erased, and with it everything that backups hold of
 * destroyed versions.
 *
 * Steps, each safe to be cut off after: the file with both keys is on disk; the wrappings change, several transactions of some
 * hundred rows each; the file with the new key alone is on disk. A start that finds both keys goes on from the second step.
 */
#include "core/op.h"

#include "base/log.h"
#include "records/version_record.h"
#include <string.h>

#define EPOCH_ID (UINT64_C(5) << 60)
#define ROWS_PER_STEP 512u

static struct rotation {
    bool running;
    request *request;
    actor who;
    size_t at;       /* key of the index that is being worked on */
    uint32_t at_wrap;
    struct rewrap {
        key_entry *entry;
        uint32_t version;
        uint8_t mac[HF_RECORD_MAC_BYTES];
    } done[ROWS_PER_STEP];
    size_t n_done;
    change *change;
    bool last; /* the file with the new key alone is being written */
} rot;

/* The next wrapping that is still under the old epoch; NULL when there is none. */
static key_entry *next_old(core *c, const struct wrap_ref **ret)
{
    for (; rot.at < index_count(c->index); rot.at++, rot.at_wrap = 0) {
        key_entry *e = index_at(c->index, rot.at);
        for (; rot.at_wrap < e->n_wraps; rot.at_wrap++)
            if (index_wraps(e)[rot.at_wrap].epoch == c->epochs.current.epoch) {
                *ret = &index_wraps(e)[rot.at_wrap];
                return e;
            }
    }
    return NULL;
}

static void end(core *c, hf_err e, const char *detail)
{
    uint8_t body[16];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_done m = { .value = c->epochs.current.epoch };

    change_free(rot.change);
    if (rot.request != NULL) {
        if (e == HF_OK && hf_done_encode(&m, &w) == HF_OK)
            request_answer(c, rot.request, HF_MSG_DONE, hf_writer_view(&w));
        else
            request_fail(c, rot.request, e, detail, 0);
        request_free(c, rot.request);
    }
    journal_note(c, HF_MSG_EPOCH_ROTATE, e, rot.who.subject[0] != '\0' ? rot.who.subject : "core",
                 e == HF_OK ? "epoch rotation is complete" : "epoch rotation was cut off");
    rot = (struct rotation) { 0 };
    commit_unreserve(c);
}

void epoch_abort(core *c, hf_err e)
{
    if (rot.running && (rot.change != NULL || c->state != CORE_OPEN))
        end(c, e, "the rotation was cut off; `holdfast root rotate-epoch` goes on where this stopped");
}

static void ask_wrap(core *c, const key_entry *e, uint32_t version)
{
    uint8_t bytes[64];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_store_get m = { .kind = HF_ROW_WRAP, .version = version };

    memcpy(m.id, e->id, sizeof(m.id));
    if (hf_store_get_encode(&m, &w) == HF_OK)
        peer_send(c->store, HF_MSG_STORE_GET, EPOCH_ID, hf_writer_view(&w));
}

/* The index follows what the store has. */
static hf_err apply(core *c, change *ch)
{
    (void)ch;
    for (size_t i = 0; i < rot.n_done; i++)
        HF_TRY(index_put_wrap(c->index, rot.done[i].entry->id, rot.done[i].version, c->epochs.next.epoch,
                              rot.done[i].mac));
    return HF_OK;
}

static void work(core *c);

static void finish(core *c, change *ch, hf_err e)
{
    (void)ch;
    if (!rot.running)
        return; /* cut off meanwhile */
    rot.n_done = 0;
    if (e != HF_OK)
        end(c, HF_ERR_STORE,
            "the store refused the new wrappings; `holdfast root rotate-epoch` goes on where this stopped");
    else
        work(c);
}

/* All wrappings are new: the old key goes. */
static void write_last(core *c)
{
    struct hf_epoch_slot old = c->epochs.current;

    rot.last = true;
    c->epochs.current = c->epochs.next;
    c->epochs.next = (struct hf_epoch_slot) { 0 };
    hf_secret_free(old.key);
    if (epochs_write(c) != HF_OK)
        core_fail(c, "the epoch key file cannot be made");
}

static void submit(core *c)
{
    change *ch = rot.change;

    rot.change = NULL;
    commit_submit(c, ch);
}

static void work(core *c)
{
    const struct wrap_ref *ref;
    key_entry *e = next_old(c, &ref);

    if (c->state != CORE_OPEN || c->store == NULL) {
        end(c, HF_ERR_PEER_GONE, NULL);
        return;
    }
    /* The manifest names the epoch also when there is nothing to wrap, so that an older file is seen. */
    if (rot.change == NULL && (e != NULL || c->manifest.epoch != c->epochs.next.epoch)) {
        if (change_new(c, &rot.change) != HF_OK) {
            end(c, HF_ERR_OVERLOADED, NULL);
            return;
        }
        rot.change->epoch = c->epochs.next.epoch;
        rot.change->apply = apply;
        rot.change->finish = finish;
    }
    if (e != NULL && rot.n_done < ROWS_PER_STEP)
        ask_wrap(c, e, ref->version);
    else if (rot.change != NULL)
        submit(c);
    else
        write_last(c);
}

static hf_err rewrap(core *c, key_entry *e, const struct wrap_ref *ref, hf_view blob)
{
    HF_AUTO(hf_secret_freep) hf_secret *dek = NULL;
    struct hf_wrap_head head = { .version = ref->version, .epoch = ref->epoch };
    uint8_t wrap[HF_WRAP_BYTES];
    struct rewrap *d = &rot.done[rot.n_done];

    memcpy(head.id, e->id, sizeof(head.id));
    HF_TRY(hf_wrap_open(c->keys, blob, &head, ref->mac, c->epochs.current.key, &dek));
    head.epoch = c->epochs.next.epoch;
    HF_TRY(hf_wrap_seal(c->keys, &head, c->epochs.next.key, dek, wrap, d->mac));
    HF_TRY(change_set_remove(c, rot.change, HF_ROW_WRAP, e->id, ref->version, ref->mac));
    HF_TRY(change_set_add(c, rot.change, HF_ROW_WRAP, e->id, ref->version, d->mac));
    HF_TRY(change_put(rot.change, HF_ROW_WRAP, e->id, ref->version, (hf_view) { wrap, sizeof(wrap) }));
    d->entry = e;
    d->version = ref->version;
    rot.n_done++;
    return HF_OK;
}

void epoch_rows(core *c, uint64_t id, const struct hf_store_rows *rows)
{
    hf_reader r = hf_reader_of(rows->rows);
    struct hf_store_row row;
    const struct wrap_ref *ref;

    (void)id;
    if (!rot.running || rot.change == NULL)
        return;
    key_entry *e = next_old(c, &ref);
    if (e == NULL || rows->error != HF_OK || !hf_store_row_next(&r, &row) || rewrap(c, e, ref, row.blob) != HF_OK) {
        end(c, HF_ERR_INTEGRITY, "a wrapped data key in the store is missing or altered");
        return;
    }
    rot.at_wrap++;
    work(c);
}

void epoch_written(core *c, hf_err e)
{
    c->epoch_busy = false;
    if (e != HF_OK) {
        core_fail(c, "the epoch key file could not be written: %s", hf_err_text(e));
        return;
    }
    if (rot.running && rot.last)
        end(c, HF_OK, NULL);
    else if (rot.running)
        work(c);
    commit_pump(c);
}

void epoch_resume(core *c)
{
    if (c->epochs.next.key == NULL || rot.running)
        return;
    rot = (struct rotation) { .running = true };
    commit_reserve(c);
    work(c);
}

hf_err op_epoch_rotate(op *o)
{
    core *c = o->core;
    request_queue one;
    bool waits;

    if (rot.running || c->epoch_busy)
        return op_fails(o, HF_ERR_CONFLICT, "an epoch rotation is under way");
    HF_TRY(op_wait_for_slot(o, &waits));
    if (waits)
        return HF_OK;
    if (c->epochs.next.key == NULL) {
        HF_TRY(hf_epoch_key_new(&c->epochs.next.key));
        c->epochs.next.epoch = c->epochs.current.epoch + 1;
    }
    struct hf_audit_record rec = {
        .time = o->now,
        .klass = HF_AUDIT_DURABLE,
        .action = o->row->type,
        .roles = (uint16_t)o->who.roles,
        .count = 1,
        .actor = hf_view_str(o->who.subject),
        .request_id = o->in.head.request_id,
        .detail = hf_view_str("epoch rotation begins"),
    };
    memcpy(rec.address, o->in.head.address, sizeof(rec.address));
    HF_TRY(journal_append(c, &rec));
    request_queue_init(&one);
    HF_TRY(request_park(c, o->request, &one));
    rot = (struct rotation) { .running = true, .request = request_take(&one), .who = o->who };
    o->waits = true;
    /* Until the end: a version wrapped meanwhile under the old key would be lost with it. */
    commit_reserve(c);
    hf_err e = epochs_write(c);
    if (e != HF_OK)
        end(c, e, NULL);
    return HF_OK;
}
