#include "core/core.h"

#include "base/log.h"
#include "crypto/crypto.h"
#include <stdlib.h>
#include <string.h>

/*
 * One store transaction at a time. Each carries changes (or none), the audit segments up to now, and the manifest that
 * commits to the state after it. Changes of different keys ride together: each says what it adds to the set of rows and
 * takes from it, and such differences add up in any order. A transaction whose answer was lost with the store process
 * is sent again or found done by the manifest's generation: it is never in doubt.
 */
#define COMMIT_CAP (1048576u + 4096u)
/* Of changes; the rest of a transaction's 1 MiB is for eight segments and the manifest. */
#define GROUP_BYTES (384u << 10)
#define GROUP_CHANGES 128u
#define RETRY_MS 1000
#define MANIFEST_CHECK_ID (UINT64_C(3) << 60)

static const uint8_t no_id[16];

/* ---- changes ---- */

bool commit_slot_free(const core *c)
{
    return c->commit.current == NULL && c->commit.pending == NULL && !c->commit.reserved;
}

/* Does a change that is under way leave no room for one of this key, or of a new key with this name? */
static bool in_the_way(const change *list, const uint8_t *id, hf_view name)
{
    for (const change *ch = list; ch != NULL; ch = ch->next) {
        if (ch->alone || (id != NULL && hf_ct_equal(ch->id, id, sizeof(ch->id))))
            return true;
        if (name.len > 0 && hf_view_eq_str(name, ch->name))
            return true;
    }
    return false;
}

bool commit_may_join(const core *c, const uint8_t *id, hf_view name)
{
    const commit *t = &c->commit;

    /* Behind those that wait already: a change that must be alone would else never have its turn. */
    return !t->reserved && c->waiting_changes.head == NULL && t->n_pending < GROUP_CHANGES &&
           t->pending_bytes < GROUP_BYTES && !in_the_way(t->current, id, name) && !in_the_way(t->pending, id, name);
}

void commit_reserve(core *c)
{
    c->commit.reserved = true;
}

void commit_unreserve(core *c)
{
    c->commit.reserved = false;
    if (commit_slot_free(c))
        request_rerun_all(c, &c->waiting_changes);
}

hf_err change_new(core *c, change **ret)
{
    change *ch = calloc(1, sizeof(*ch));

    HF_CHECK(ch != NULL, HF_ERR_OVERLOADED);
    ch->alone = true;
    ch->epoch = c->manifest.epoch;
    ch->keyset_generation = c->keyset.generation;
    *ret = ch;
    return HF_OK;
}

void change_free(change *ch)
{
    if (ch == NULL)
        return;
    hf_key_free(ch->key);
    if (ch->reply != NULL)
        explicit_bzero(ch->reply, ch->reply_len);
    free(ch->reply);
    free(ch->ops);
    free(ch->blob);
    answers_free(ch->answer);
    free(ch);
}

static hf_err add_op(change *ch, const struct hf_store_op *op)
{
    size_t need = ch->ops_len + op->blob.len + 64;

    if (need > ch->ops_cap) {
        size_t cap = need * 2;
        uint8_t *more = realloc(ch->ops, cap);
        HF_CHECK(more != NULL, HF_ERR_OVERLOADED);
        ch->ops = more;
        ch->ops_cap = cap;
    }
    hf_writer w = hf_writer_on(ch->ops + ch->ops_len, ch->ops_cap - ch->ops_len);
    HF_TRY(hf_store_op_encode(op, &w));
    ch->ops_len += w.len;
    return HF_OK;
}

hf_err change_put(change *ch, uint8_t kind, const uint8_t id[static 16], uint64_t version, hf_view blob)
{
    struct hf_store_op op = { .op = 1, .kind = kind, .version = version, .blob = blob };

    memcpy(op.id, id, sizeof(op.id));
    return add_op(ch, &op);
}

hf_err change_delete(change *ch, uint8_t kind, const uint8_t id[static 16], uint64_t version)
{
    struct hf_store_op op = { .op = 2, .kind = kind, .version = version };

    memcpy(op.id, id, sizeof(op.id));
    return add_op(ch, &op);
}

static struct hf_row_ref row_ref(uint8_t kind, const uint8_t id[static 16], uint64_t version, const uint8_t *mac)
{
    struct hf_row_ref ref = { .kind = kind, .version = version };

    memcpy(ref.id, id, sizeof(ref.id));
    memcpy(ref.mac, mac, sizeof(ref.mac));
    return ref;
}

hf_err change_set_add(core *c, change *ch, uint8_t kind, const uint8_t id[static 16], uint64_t version,
                      const uint8_t *mac)
{
    struct hf_row_ref ref = row_ref(kind, id, version, mac);

    return hf_set_change_add(c->keys, &ch->set, &ref);
}

hf_err change_set_remove(core *c, change *ch, uint8_t kind, const uint8_t id[static 16], uint64_t version,
                         const uint8_t *mac)
{
    struct hf_row_ref ref = row_ref(kind, id, version, mac);

    return hf_set_change_remove(c->keys, &ch->set, &ref);
}

hf_err change_reply(change *ch, uint16_t type, hf_view body)
{
    uint8_t *copy = malloc(body.len == 0 ? 1 : body.len);

    HF_CHECK(copy != NULL, HF_ERR_OVERLOADED);
    if (body.len > 0)
        memcpy(copy, body.ptr, body.len);
    free(ch->reply);
    ch->reply = copy;
    ch->reply_len = body.len;
    ch->reply_type = type;
    return HF_OK;
}

void commit_submit(core *c, change *ch)
{
    commit *t = &c->commit;
    change **at = &t->pending;

    /*
     * A second change beside one that is alone would be built on a state without it: the store would never open again.
     */
    if (ch->alone ? t->current != NULL || t->pending != NULL
                  : in_the_way(t->current, ch->id, hf_view_str(ch->name)) ||
                        in_the_way(t->pending, ch->id, hf_view_str(ch->name)))
        hf_fatal("two changes of one thing at one time");
    ch->seq = c->journal.chain.seq;
    while (*at != NULL)
        at = &(*at)->next;
    *at = ch;
    t->n_pending++;
    t->pending_bytes += ch->ops_len;
    commit_pump(c);
}

/* ---- one transaction ---- */

/* The manifest of the state that the transaction will leave: this one and the first n changes of the list. */
static hf_err next_manifest(core *c, const change *list, size_t n, struct hf_manifest *ret)
{
    struct hf_manifest m = {
        .generation = c->manifest.generation + 1,
        .epoch = c->manifest.epoch,
        .key_count = c->manifest.key_count,
        .keyset_generation = c->manifest.keyset_generation,
        .audit_seq = c->commit.next_sealed.seq,
    };

    for (const change *ch = list; n > 0; ch = ch->next, n--) {
        m.key_count += ch->keys_added;
        if (ch->alone) {
            m.epoch = ch->epoch;
            m.keyset_generation = ch->keyset_generation;
        }
    }
    if (m.keyset_generation < c->keyset.generation)
        m.keyset_generation = c->keyset.generation;
    memcpy(m.audit_head, c->commit.next_sealed.head, sizeof(m.audit_head));
    HF_TRY(hf_set_hash_seal(c->keys, &c->commit.next_set, &m.set));
    *ret = m;
    return HF_OK;
}

static hf_err put_manifest(core *c, hf_writer *ops)
{
    uint8_t blob[HF_MANIFEST_BYTES];
    struct hf_store_op op = { .op = 1, .kind = HF_ROW_MANIFEST, .blob = { blob, sizeof(blob) } };

    HF_TRY(hf_manifest_encode(c->keys, &c->commit.next_manifest, blob));
    return hf_store_op_encode(&op, ops);
}

/* What a store saved when it was left alone goes once segments have it: a row's version is its last record. */
static hf_err drop_tail_rows(core *c, hf_writer *ops)
{
    for (size_t i = 0; i < c->journal.n_tail_rows; i++) {
        if (c->journal.tail_rows[i] > c->commit.next_sealed.seq)
            continue;
        struct hf_store_op drop = { .op = 2, .kind = HF_ROW_TAIL, .version = c->journal.tail_rows[i] };
        HF_TRY(hf_store_op_encode(&drop, ops));
    }
    return HF_OK;
}

/* The rows of the first n changes, and what they make of the set. */
static hf_err put_changes(core *c, const change *list, size_t n, hf_writer *ops)
{
    c->commit.next_set = c->set;
    for (const change *ch = list; n > 0; ch = ch->next, n--) {
        hf_put_bytes(ops, ch->ops, ch->ops_len);
        HF_TRY(hf_set_hash_apply(&c->commit.next_set, &ch->set));
    }
    return HF_OK;
}

/* The message of a transaction with the first n pending changes. */
static hf_err build(core *c, size_t n)
{
    commit *t = &c->commit;
    static uint8_t buffer[COMMIT_CAP];
    hf_writer ops = hf_writer_on(buffer, 1048576);

    HF_TRY(put_changes(c, t->pending, n, &ops));
    HF_TRY(journal_segments(c, hf_wall_now(), &ops, &t->next_sealed, &t->next_segment_index));
    HF_TRY(next_manifest(c, t->pending, n, &t->next_manifest));
    HF_TRY(put_manifest(c, &ops));
    HF_TRY(drop_tail_rows(c, &ops));
    struct hf_store_commit m = { .ops = hf_writer_view(&ops) };
    uint8_t *message = malloc(ops.len + 16);
    HF_CHECK(message != NULL, HF_ERR_OVERLOADED);
    hf_writer w = hf_writer_on(message, ops.len + 16);
    hf_err e = hf_store_commit_encode(&m, &w);
    if (e != HF_OK) {
        free(message);
        return e;
    }
    free(t->message);
    t->message = message;
    t->len = w.len;
    t->id = t->next_manifest.generation;
    return HF_OK;
}

/* How many of the pending changes have their own audit record in the segments that are ready. */
static size_t count_ready(const commit *t)
{
    size_t n = 0;

    for (const change *ch = t->pending; ch != NULL && ch->seq <= t->next_sealed.seq; ch = ch->next)
        n++;
    return n;
}

/* The first n pending changes leave; gives them as a list. */
static change *take_pending(commit *t, size_t n)
{
    change *first = n > 0 ? t->pending : NULL, **at = &t->pending;

    for (size_t i = 0; i < n; i++) {
        t->n_pending--;
        t->pending_bytes -= (*at)->ops_len;
        at = &(*at)->next;
    }
    if (n > 0) {
        change *rest = *at;
        *at = NULL;
        t->pending = rest;
    }
    return first;
}

static bool journal_is_due(const core *c, hf_mono now)
{
    if (!journal_unsealed(c))
        return false;
    return c->stopping || c->durable_head != NULL || hf_ring_used(&c->journal.ring) > HF_SEGMENT_ENTRIES_MAX ||
           now.ns >= hf_mono_after_ms(c->journal.oldest_unsealed, c->config.segment_ms).ns;
}

static void change_failed(core *c, change *ch, hf_err e, const char *detail)
{
    if (ch->finish != NULL)
        ch->finish(c, ch, e);
    if (ch->request != NULL) {
        /* Its record said that it happened; this one says that it did not. */
        journal_note(c, ch->request->row->type, e, "core", "the store refused the change recorded just before");
        request_fail(c, ch->request, e, detail, 0);
        request_free(c, ch->request);
    }
    change_free(ch);
}

static void changes_failed(core *c, change *list, hf_err e, const char *detail)
{
    for (change *ch = list, *next; ch != NULL; ch = next) {
        next = ch->next;
        change_failed(c, ch, e, detail);
    }
}

void commit_pump(core *c)
{
    commit *t = &c->commit;
    hf_mono now = hf_mono_now();

    if (t->in_flight || c->epoch_busy || c->state != CORE_OPEN || c->store == NULL)
        return;
    if (t->pending == NULL && (now.ns < t->retry_at.ns || !journal_is_due(c, now)))
        return;
    size_t n = t->n_pending;
    hf_err e = build(c, n);
    /* A change leaves with its own audit record: of a long backlog, what comes before it goes first. */
    if (e == HF_OK && count_ready(t) < n) {
        n = count_ready(t);
        e = build(c, n);
    }
    if (e != HF_OK) {
        hf_log(HF_LOG_ERROR, "a transaction cannot be built: %s", hf_err_text(e));
        t->retry_at = hf_mono_after_ms(now, RETRY_MS);
        changes_failed(c, take_pending(t, t->n_pending), e, NULL);
        return;
    }
    t->current = take_pending(t, n);
    t->in_flight = true;
    peer_send(c->store, HF_MSG_STORE_COMMIT, t->id, (hf_view) { t->message, t->len });
}

/* ---- its end ---- */

static void take_state(core *c)
{
    commit *t = &c->commit;

    c->manifest = t->next_manifest;
    c->newest_generation = c->manifest.generation;
    c->has_manifest = true;
    c->set = t->next_set;
    c->journal.sealed = t->next_sealed;
    c->journal.segment_index = t->next_segment_index;
    hf_ring_release(&c->journal.ring, t->next_sealed.seq);
    free(c->journal.stored_tail);
    c->journal.stored_tail = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < c->journal.n_tail_rows; i++)
        if (c->journal.tail_rows[i] > c->journal.sealed.seq)
            c->journal.tail_rows[kept++] = c->journal.tail_rows[i];
    c->journal.n_tail_rows = kept;
    if (journal_unsealed(c))
        c->journal.oldest_unsealed = hf_mono_now();
}

static void change_stored(core *c, change *ch)
{
    hf_err e = c->state == CORE_FAILED ? HF_ERR_INTEGRITY : ch->apply != NULL ? ch->apply(c, ch) : HF_OK;

    if (e != HF_OK &&
        c->state != CORE_FAILED) { /* the store has it and memory does not: only a new start makes them one */
        core_fail(c, "a stored change could not be taken into memory: %s", hf_err_text(e));
    }
    if (ch->finish != NULL)
        ch->finish(c, ch, e);
    if (e == HF_OK)
        answers_stored(c, ch);
    if (ch->request != NULL) {
        if (e == HF_OK)
            request_answer(c, ch->request, ch->reply_type, (hf_view) { ch->reply, ch->reply_len });
        else
            request_fail(c, ch->request, e, NULL, 0);
        request_free(c, ch->request);
    }
    change_free(ch);
}

void commit_abandon(core *c, hf_err e)
{
    commit *t = &c->commit;
    change *current = t->current, *pending = take_pending(t, t->n_pending);

    t->current = NULL;
    t->in_flight = false;
    changes_failed(c, current, e, NULL);
    changes_failed(c, pending, e, NULL);
}

static void transaction_failed(core *c, change *list, hf_view why)
{
    char text[257] = "the store refused the transaction";

    if (why.len > 0 && hf_view_to_str(why, text, sizeof(text)) != HF_OK)
        text[0] = '\0';
    hf_log(HF_LOG_ERROR, "store: %s", text);
    c->commit.retry_at = hf_mono_after_ms(hf_mono_now(), RETRY_MS);
    if (list == NULL) /* changes that waited for this one's segments wait no longer */
        list = take_pending(&c->commit, c->commit.n_pending);
    changes_failed(c, list, HF_ERR_STORE, text);
}

void commit_done(core *c, uint64_t id, hf_err e, hf_view why)
{
    commit *t = &c->commit;
    change *list = t->current;
    bool changed = list != NULL;

    if (!t->in_flight || id != t->id)
        return;
    t->in_flight = false;
    t->current = NULL;
    if (e != HF_OK) {
        transaction_failed(c, list, why);
    } else {
        take_state(c);
        for (change *ch = list, *next; ch != NULL; ch = next) {
            next = ch->next;
            change_stored(c, ch);
        }
        durable_stored(c, c->journal.sealed.seq);
        anchor_pump(c, changed);
    }
    if (c->seal_wanted) {
        c->seal_wanted = false;
        core_seal(c);
        return;
    }
    request_rerun_all(c, &c->waiting_changes);
    commit_pump(c);
    stop_if_done(c);
}

void commit_store_gone(core *c)
{
    /* A transaction in flight stays as it is: the next store process says what became of it. */
    (void)c;
}

void commit_store_back(core *c)
{
    uint8_t bytes[64];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_store_get m = { .kind = HF_ROW_MANIFEST };

    memcpy(m.id, no_id, sizeof(m.id));
    if (c->state == CORE_OPEN && hf_store_get_encode(&m, &w) == HF_OK)
        peer_send(c->store, HF_MSG_STORE_GET, MANIFEST_CHECK_ID, hf_writer_view(&w));
}

void commit_manifest_row(core *c, const struct hf_store_rows *rows)
{
    commit *t = &c->commit;
    hf_reader r = hf_reader_of(rows->rows);
    struct hf_store_row row;
    struct hf_manifest m;

    if (c->state != CORE_OPEN)
        return;
    if (rows->error == HF_ERR_NOT_FOUND && !c->has_manifest) {
        m = (struct hf_manifest) { .generation = 0 }; /* it ended before the first transaction */
    } else if (rows->error != HF_OK || !hf_store_row_next(&r, &row) ||
               hf_manifest_decode(c->keys, row.blob, &m) != HF_OK) {
        core_fail(c, "the restarted store gave no valid manifest: its data was altered or lost");
        return;
    }
    if (t->in_flight && m.generation == t->next_manifest.generation)
        commit_done(c, t->id, HF_OK, (hf_view) { 0 });
    else if (m.generation != c->manifest.generation)
        core_fail(c, "the restarted store is at generation %llu, core at %llu: its data was exchanged",
                  (unsigned long long)m.generation, (unsigned long long)c->manifest.generation);
    else if (t->in_flight)
        peer_send(c->store, HF_MSG_STORE_COMMIT, t->id, (hf_view) { t->message, t->len });
    else
        commit_pump(c);
}
