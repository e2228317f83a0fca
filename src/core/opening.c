#include "core/unsealing.h"

#include "base/log.h"
#include "crypto/crypto.h"
#include "records/revocation.h"
#include "records/version_record.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * From the root key to the open state: derive the keys, read manifest, keys, wrappings, revocations and the audit from the store,
 * verify all of it against the manifest and the anchor, take over what the last core had not stored. Each
 * answer of the store leads to the next question, so that core serves /healthz meanwhile.
 */
#define OPENING_ID (UINT64_C(1) << 60)
#define SCAN_BYTES 900000u
/* Records of the audit that a start verifies; `audit verify` does all. */
#define AUDIT_RECHECK 65536u
#define TAIL_ROWS_MAX 4096u

typedef enum step {
    STEP_MANIFEST,
    STEP_KEYS,
    STEP_WRAPS,
    STEP_REVOCATIONS,
    STEP_ANSWERS,
    STEP_SEGMENTS,
    STEP_TAIL
} step;

struct opening {
    step step;
    struct hf_set_hash set;
    uint64_t keys;
    struct hf_audit_chain chain; /* of the segments read so far */
    uint64_t index;              /* of the last segment */
    bool saw_segment;
    bool anchor_met;
    struct hf_anchor anchor;
    bool has_anchor;
    bool rollback_accepted; /* an operator took the older state on */
    char seal[33];          /* the kind that gave the root key */
    char last_seal[33];     /* and the one that did so last, by the audit; empty: not known */
    char why[256];
};

static hf_err because(struct opening *o, hf_err e, const char *format, ...) HF_PRINTF(3, 4);
static hf_err because(struct opening *o, hf_err e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(o->why, sizeof(o->why), format, args);
    va_end(args);
    return e;
}

static void ask_scan(core *c, uint8_t kind, const uint8_t *after_id, uint64_t after_version, bool from_start)
{
    uint8_t bytes[64];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_store_scan m = {
        .kind = kind, .after_version = after_version, .from_start = from_start, .max_bytes = SCAN_BYTES
    };

    if (after_id != NULL)
        memcpy(m.after_id, after_id, sizeof(m.after_id));
    if (hf_store_scan_encode(&m, &w) == HF_OK)
        peer_send(c->store, HF_MSG_STORE_SCAN, OPENING_ID, hf_writer_view(&w));
}

static void ask_manifest(core *c)
{
    uint8_t bytes[64];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_store_get m = { .kind = HF_ROW_MANIFEST };

    if (hf_store_get_encode(&m, &w) == HF_OK)
        peer_send(c->store, HF_MSG_STORE_GET, OPENING_ID, hf_writer_view(&w));
}

/* ---- what leads to the end ---- */

void core_forget_keys(core *c)
{
    cache_drop_all(c->cache);
    sessions_forget(c);
    hf_key_free(c->journal.sign_key);
    c->journal.sign_key = NULL;
    journal_macs_forget(c);
    hf_epoch_file_clear(&c->epochs);
    hf_root_keys_free(c->keys);
    c->keys = NULL;
}

void opening_drop(core *c)
{
    free(c->open_step);
    c->open_step = NULL;
    c->opening = false;
}

static void give_up(core *c, core_state state, const char *why)
{
    opening_drop(c);
    core_forget_keys(c);
    core_set_state(c, state, why);
    unsealing_end(c, state == CORE_FAILED ? HF_ERR_INTEGRITY : HF_ERR_PEER_GONE, why);
}

void opening_abort(core *c)
{
    if (c->opening)
        give_up(c, CORE_SEALED,
                c->unsealing->opens_alone ? "the store went away while it was read; unsealing starts again"
                                          : "the store went away while it was read; unseal again");
}

/* ---- epoch file and anchor ---- */

hf_err epochs_write(core *c)
{
    uint8_t bytes[HF_EPOCH_FILE_BYTES], body[HF_EPOCH_FILE_BYTES + 8];
    hf_writer w = hf_writer_on(body, sizeof(body));

    HF_TRY(hf_epoch_file_encode(c->keys, &c->epochs, bytes));
    /* An unsealing in this process reads it as a new process reads the file. */
    uint8_t *copy = calloc(1, sizeof(bytes));
    HF_CHECK(copy != NULL, HF_ERR_SYSTEM);
    hf_writer kept = hf_writer_on(copy, sizeof(bytes));
    hf_put_bytes(&kept, bytes, sizeof(bytes));
    free(c->saved_epoch);
    c->saved_epoch = copy;
    c->saved_epoch_len = sizeof(bytes);
    struct hf_epoch_write m = { .epoch = { bytes, sizeof(bytes) } };
    HF_TRY(hf_epoch_write_encode(&m, &w));
    c->epoch_busy = true; /* no transaction before the file is on disk */
    peer_send(c->supervisor, HF_MSG_EPOCH_WRITE, CORE_ACK_EPOCH, hf_writer_view(&w));
    return HF_OK;
}

static hf_err load_epochs(core *c, struct opening *o)
{
    if (c->saved_epoch != NULL) {
        hf_err e = hf_epoch_file_decode(c->keys, (hf_view) { c->saved_epoch, c->saved_epoch_len }, &c->epochs);
        return e == HF_OK ? HF_OK : because(o, e, "the epoch key file was altered or belongs to another root key");
    }
    if (c->has_manifest)
        return because(o, HF_ERR_INTEGRITY,
                       "the epoch key file is missing, and without it no key in the store can be opened");
    HF_TRY(hf_epoch_key_new(&c->epochs.current.key));
    c->epochs.current.epoch = 1;
    return epochs_write(c);
}

static hf_err load_anchor(core *c, struct opening *o)
{
    if (c->saved_anchor == NULL)
        return HF_OK;
    if (hf_anchor_decode(c->keys, (hf_view) { c->saved_anchor, c->saved_anchor_len }, &o->anchor) != HF_OK)
        return because(o, HF_ERR_INTEGRITY, "the anchor was altered or belongs to another root key");
    o->has_anchor = true;
    return HF_OK;
}

static hf_err first_start(core *c, struct opening *o)
{
    if (o->has_anchor)
        return because(o, HF_ERR_ROLLBACK,
                       "the store is empty, but the anchor says that it held data: it was deleted or exchanged");
    c->manifest = (struct hf_manifest) { .epoch = 1 };
    return HF_OK;
}

/* Older than the anchor: refused, unless an operator accepted it for this start; then the audit says so. */
static hf_err rollback_found(core *c, struct opening *o)
{
    if (!c->accept_rollback)
        return HF_ERR_ROLLBACK;
    o->has_anchor = false;
    o->rollback_accepted = true;
    return HF_OK;
}

static hf_err check_anchor(core *c, struct opening *o)
{
    if (c->manifest.generation < c->newest_generation)
        return because(o, HF_ERR_ROLLBACK,
                       "the store is older than it was when the HSM was sealed: a copy from the past was put in place");
    if (o->has_anchor && c->manifest.generation < o->anchor.manifest_generation && rollback_found(c, o) != HF_OK)
        return because(
            o, HF_ERR_ROLLBACK,
            "the store is older than its anchor (generation %llu, anchored %llu): a copy from the past was put in place; if that was you, see "
            "'holdfast audit accept-rollback'",
            (unsigned long long)c->manifest.generation, (unsigned long long)o->anchor.manifest_generation);
    return HF_OK;
}

/* ---- rows ---- */

static hf_err take_manifest(core *c, struct opening *o, const struct hf_store_rows *rows)
{
    hf_reader r = hf_reader_of(rows->rows);
    struct hf_store_row row;

    c->has_manifest = hf_store_row_next(&r, &row);
    HF_TRY(load_anchor(c, o));
    if (!c->has_manifest) {
        HF_TRY(first_start(c, o));
    } else if (hf_manifest_decode(c->keys, row.blob, &c->manifest) != HF_OK) {
        return because(o, HF_ERR_INTEGRITY, "the store's manifest was altered or belongs to another root key");
    }
    HF_TRY(check_anchor(c, o));
    HF_TRY(load_epochs(c, o));
    uint32_t newest = c->epochs.next.key != NULL ? c->epochs.next.epoch : c->epochs.current.epoch;
    if (newest < c->manifest.epoch)
        return because(
            o, HF_ERR_ROLLBACK,
            "the epoch key file is older than the store (epoch %u, the store is at %u): a copy from the past was put in place",
            newest, c->manifest.epoch);
    /* A first start that was cut off before its first transaction leaves the file of epoch 1 and an empty store. */
    if (!c->has_manifest && c->epochs.current.epoch != 1)
        return because(
            o, HF_ERR_ROLLBACK,
            "the store is empty, but the epoch key file is not from a first start: the store was deleted or exchanged");
    hf_err e = keyset_check(c);
    if (e != HF_OK)
        return because(
            o, e, "the keyset file was altered, is older than the newest one applied, or belongs to another root key");
    return HF_OK;
}

static hf_err add_to_set(core *c, struct opening *o, const struct hf_store_row *row)
{
    struct hf_row_ref ref = { .kind = row->kind, .version = row->version };

    memcpy(ref.id, row->id, sizeof(ref.id));
    HF_TRY(hf_record_mac_of(row->blob, ref.mac));
    return hf_set_hash_add(c->keys, &o->set, &ref);
}

static hf_err take_key(core *c, struct opening *o, const struct hf_store_row *row)
{
    key_entry *e;

    HF_CHECK(row->kind == HF_ROW_KEY && row->version == 0, HF_ERR_INTEGRITY);
    HF_TRY(hf_key_record_decode(c->keys, row->blob, row->id, NULL, c->scratch));
    HF_CHECK(index_by_id(c->index, row->id) == NULL && index_by_name(c->index, c->scratch->name) == NULL,
             HF_ERR_INTEGRITY);
    HF_TRY(index_put(c->index, c->scratch, row->blob, &e));
    o->keys++;
    return add_to_set(c, o, row);
}

static hf_err take_wrap(core *c, struct opening *o, const struct hf_store_row *row)
{
    struct hf_wrap_head head;
    uint8_t mac[HF_RECORD_MAC_BYTES];

    HF_CHECK(row->kind == HF_ROW_WRAP && row->version <= UINT32_MAX, HF_ERR_INTEGRITY);
    HF_TRY(hf_wrap_check(c->keys, row->blob, row->id, (uint32_t)row->version, NULL, &head));
    HF_CHECK(hf_epoch_file_key(&c->epochs, head.epoch) != NULL, HF_ERR_INTEGRITY);
    HF_TRY(hf_record_mac_of(row->blob, mac));
    HF_TRY(index_put_wrap(c->index, row->id, head.version, head.epoch, mac));
    return add_to_set(c, o, row);
}

static hf_err take_revocation(core *c, struct opening *o, const struct hf_store_row *row)
{
    int64_t expires;

    HF_CHECK(row->kind == HF_ROW_REVOCATION && row->version == 0, HF_ERR_INTEGRITY);
    HF_TRY(hf_revocation_decode(c->keys, row->blob, row->id, &expires));
    HF_TRY(revocations_add(c, row->id, expires));
    return add_to_set(c, o, row);
}

static hf_err take_answer(core *c, struct opening *o, const struct hf_store_row *row)
{
    HF_TRY(answers_take_row(c, row));
    return add_to_set(c, o, row);
}

/* Segments are read that end behind this record. */
static uint64_t audit_from(const core *c)
{
    return c->manifest.audit_seq > AUDIT_RECHECK ? c->manifest.audit_seq - AUDIT_RECHECK : 0;
}

#define UNSEALED "unsealed: seal "

/* Which kind of seal an entry says that the HSM was opened with. */
static void note_seal(struct opening *o, hf_view record)
{
    struct hf_audit_record rec;
    const size_t prefix = sizeof(UNSEALED) - 1;

    if (hf_audit_record_decode(record, &rec) != HF_OK || rec.action != HF_MSG_ROOT_KEY || rec.detail.len <= prefix ||
        !hf_view_eq_str(hf_view_of(rec.detail.ptr, prefix), UNSEALED))
        return;
    const uint8_t *word = rec.detail.ptr + prefix;
    const uint8_t *end = memchr(word, ';', rec.detail.len - prefix);
    size_t len = end != NULL ? (size_t)(end - word) : rec.detail.len - prefix;
    if (hf_view_to_str(hf_view_of(word, len), o->last_seal, sizeof(o->last_seal)) != HF_OK)
        o->last_seal[0] = '\0';
}

static void note_seals(struct opening *o, hf_view entries)
{
    struct hf_audit_entry e;

    while (hf_audit_entry_next(&entries, &e) == HF_OK)
        note_seal(o, e.record);
}

static hf_err take_segment(core *c, struct opening *o, const struct hf_store_row *row)
{
    struct hf_segment seg;
    uint64_t bad;
    hf_view mac = hf_root_key(c->keys, HF_PURPOSE_AUDIT_MAC);

    HF_CHECK(row->kind == HF_ROW_SEGMENT, HF_ERR_INTEGRITY);
    HF_TRY(hf_segment_decode(row->blob, &seg));
    HF_CHECK(seg.last_seq == row->version, HF_ERR_INTEGRITY);
    HF_TRY(hf_segment_verify_mac(&seg, mac, &bad));
    HF_CHECK(o->saw_segment || seg.first_seq <= audit_from(c) + 1, HF_ERR_INTEGRITY); /* the oldest were withheld */
    /* Only a start that does not read from the beginning has to believe its first segment. */
    if (o->saw_segment || c->manifest.audit_seq <= AUDIT_RECHECK)
        HF_TRY(hf_segment_follows(o->index, &o->chain, &seg));
    note_seals(o, seg.entries);
    o->saw_segment = true;
    o->index = seg.index;
    o->chain.seq = seg.last_seq;
    memcpy(o->chain.head, seg.head, sizeof(o->chain.head));
    if (o->has_anchor && seg.last_seq == o->anchor.audit_seq)
        o->anchor_met = memcmp(seg.head, o->anchor.audit_head, sizeof(seg.head)) == 0;
    return HF_OK;
}

/* ---- the end: everything is read ---- */

static hf_err check_state(core *c, struct opening *o)
{
    if (hf_set_hash_equal(c->keys, &o->set, &c->manifest.set) != HF_OK || o->keys != c->manifest.key_count)
        return because(
            o, HF_ERR_INTEGRITY,
            "the store's rows are not those that its manifest commits to: some were withheld, added or exchanged");
    if (o->chain.seq != c->manifest.audit_seq ||
        memcmp(o->chain.head, c->manifest.audit_head, sizeof(o->chain.head)) != 0)
        return because(o, HF_ERR_INTEGRITY,
                       "the audit does not end where the manifest says: segments are missing or were altered");
    if (o->has_anchor && o->anchor.audit_seq > 0 && !o->anchor_met &&
        o->anchor.audit_seq + AUDIT_RECHECK > o->chain.seq && rollback_found(c, o) != HF_OK)
        return because(o, HF_ERR_ROLLBACK,
                       "the audit does not contain the record that the anchor names: another history was put in place");
    return HF_OK;
}

/* Entries that the last core wrote and nobody stored as segments: from the TAIL row or the old ring. They go into our ring. */
static hf_err adopt(core *c, hf_view entries)
{
    struct hf_audit_walk walk;
    struct hf_audit_entry e;
    hf_err err;

    hf_audit_walk_start(&walk, entries, &c->journal.chain, hf_root_key(c->keys, HF_PURPOSE_AUDIT_MAC));
    while ((err = hf_audit_walk_next(&walk, &e)) == HF_OK) {
        HF_TRY(hf_ring_append(&c->journal.ring, e.whole));
        c->journal.chain = walk.at;
    }
    if (err != HF_ERR_NOT_FOUND)
        hf_log(HF_LOG_WARN, "audit entries of the last run end in a broken one after record %llu",
               (unsigned long long)c->journal.chain.seq);
    return HF_OK;
}

/* The part of entries that follows the chain: what is already in segments is skipped. */
static hf_view after_chain(core *c, hf_view entries)
{
    hf_view left = entries;
    struct hf_audit_entry e;

    while (left.len > 0) {
        hf_view before = left;
        if (hf_audit_entry_next(&left, &e) != HF_OK)
            return (hf_view) { 0 };
        if (e.seq > c->journal.chain.seq)
            return before;
    }
    return left;
}

/*
 * A change and its record are one transaction (commit.c). The record of one that no segment has says that it happened, and it did not:
 * nobody got an answer.
 */
static bool is_undone_change(const struct hf_audit_record *rec)
{
    return rec->klass == HF_AUDIT_DURABLE && rec->result == hf_audit_result_of(HF_OK) &&
           rec->action != HF_MSG_EPOCH_ROTATE && rec->action != HF_MSG_ROOT_KEY;
}

static void contradict(core *c, hf_view adopted, uint64_t last)
{
    struct hf_audit_entry e;
    struct hf_audit_record rec;
    char detail[80];

    while (hf_audit_entry_next(&adopted, &e) == HF_OK && e.seq <= last) {
        if (hf_audit_record_decode(e.record, &rec) != HF_OK || !is_undone_change(&rec))
            continue;
        snprintf(detail, sizeof(detail), "record %llu: core or store ended before this was stored",
                 (unsigned long long)rec.seq);
        rec.time = hf_wall_now();
        rec.result = hf_audit_result_of(HF_ERR_STORE);
        rec.actor = hf_view_str("core");
        rec.detail = hf_view_str(detail);
        if (journal_append(c, &rec) != HF_OK)
            hf_log(HF_LOG_ERROR, "the journal is full, so the audit does not say it: %s", detail);
    }
}

static hf_err adopt_stored(core *c, struct opening *o)
{
    if (c->journal.stored_tail == NULL)
        return HF_OK;
    hf_view entries = after_chain(c, (hf_view) { c->journal.stored_tail, c->journal.stored_tail_len });
    if (adopt(c, entries) != HF_OK)
        return because(
            o, HF_ERR_AUDIT_FULL,
            "the audit ring is too small for the records that the last run left: raise ring_mib in holdfast.conf");
    note_seals(o, entries);
    contradict(c, entries, c->journal.chain.seq);
    if (journal_unsealed(c))
        c->journal.oldest_unsealed = hf_mono_now();
    return HF_OK;
}

static hf_err load_sign_key(core *c)
{
    return hf_key_load_private(HF_ALG_ED25519, hf_root_key_secret(c->keys, HF_PURPOSE_AUDIT_SIGN),
                               &c->journal.sign_key);
}

static hf_err finish_opening(core *c, struct opening *o)
{
    if (c->has_manifest)
        HF_TRY(check_state(c, o));
    else if (o->keys != 0 || o->saw_segment)
        return because(o, HF_ERR_INTEGRITY, "the store has rows but no manifest: it was altered");
    HF_TRY(load_sign_key(c));
    HF_TRY(sessions_start(c));
    HF_TRY(index_sort(c->index)); /* the store gives them by id */
    c->set = o->set;
    /* After `seal` and `unseal` in one process our own chain goes on; a new process begins where the store ends. */
    bool goes_on = c->journal.chain.seq > 0 && c->journal.sealed.seq == o->chain.seq &&
                   memcmp(c->journal.sealed.head, o->chain.head, sizeof(o->chain.head)) == 0;
    c->journal.chained = true;
    if (goes_on)
        return HF_OK;
    c->journal.chain = c->journal.sealed = o->chain;
    c->journal.segment_index = o->index;
    return adopt_stored(c, o);
}

/* "unsealed: seal KIND", and what else an auditor has to know of this opening. */
static void describe(const core *c, const struct opening *o, char *dst, size_t cap)
{
    int n = snprintf(dst, cap, UNSEALED "%s", o->seal);
    const char *before = c->unsealing->opened[0] != '\0' ? c->unsealing->opened : o->last_seal;
    bool changed = before[0] != '\0' && strcmp(before, o->seal) != 0;

    if (changed)
        n += snprintf(dst + n, cap - (size_t)n, "; before it was %s", before);
    if (o->rollback_accepted)
        snprintf(dst + n, cap - (size_t)n, "; rollback accepted: store generation %llu, anchored %llu",
                 (unsigned long long)c->manifest.generation, (unsigned long long)o->anchor.manifest_generation);
    if (o->rollback_accepted || changed)
        hf_log(HF_LOG_WARN, "%s", dst);
}

static void audit_opening(core *c, const char *detail)
{
    const unsealing *u = c->unsealing;
    struct hf_audit_record rec = {
        .time = hf_wall_now(),
        .klass = HF_AUDIT_DURABLE,
        .action = HF_MSG_ROOT_KEY,
        .count = 1,
        .actor = hf_view_str("core"),
        .request_id = hf_view_str(u->request_id),
        .detail = hf_view_str(detail),
    };

    if (u->under_way)
        memcpy(rec.address, u->address, sizeof(rec.address));
    kept_write(c);
    if (journal_append(c, &rec) != HF_OK)
        hf_log(HF_LOG_ERROR, "the unsealing cannot be audited: the journal is full");
}

static void open_now(core *c)
{
    char detail[200];

    describe(c, c->open_step, detail, sizeof(detail));
    snprintf(c->unsealing->opened, sizeof(c->unsealing->opened), "%s", c->open_step->seal);
    opening_drop(c);
    boot_hand_over_ring(c); /* not sooner: until now the last run's ring is the one that counts */
    core_set_state(c, CORE_OPEN, "");
    audit_opening(c, detail);
    unsealing_end(c, HF_OK, "");
    epoch_resume(c);
    commit_pump(c);
}

/* ---- the steps in order ---- */

typedef struct scan_step {
    hf_row_kind kind;
    hf_err (*take)(core *c, struct opening *o, const struct hf_store_row *row);
    const char *what;
} scan_step;

static const scan_step scans[] = {
    [STEP_KEYS] = { HF_ROW_KEY, take_key, "a key record" },
    [STEP_WRAPS] = { HF_ROW_WRAP, take_wrap, "a wrapped data key" },
    [STEP_REVOCATIONS] = { HF_ROW_REVOCATION, take_revocation, "a token revocation" },
    [STEP_ANSWERS] = { HF_ROW_ANSWER, take_answer, "an answer to an Idempotency-Key" },
    [STEP_SEGMENTS] = { HF_ROW_SEGMENT, take_segment, "an audit segment" },
};

static void ask_step(core *c, struct opening *o)
{
    if (o->step == STEP_TAIL) {
        ask_scan(c, HF_ROW_TAIL, NULL, 0, true);
        return;
    }
    uint64_t from = o->step == STEP_SEGMENTS ? audit_from(c) : 0;
    ask_scan(c, (uint8_t)scans[o->step].kind, NULL, from, from == 0);
}

static hf_err take_rows(core *c, struct opening *o, const struct hf_store_rows *rows)
{
    const scan_step *s = &scans[o->step];
    hf_reader r = hf_reader_of(rows->rows);
    struct hf_store_row row = { 0 };

    while (hf_store_row_next(&r, &row)) {
        hf_err e = s->take(c, o, &row);
        if (e == HF_ERR_INTEGRITY || e == HF_ERR_MALFORMED || e == HF_ERR_UNSUPPORTED || e == HF_ERR_BOUNDS)
            return because(o, e == HF_ERR_UNSUPPORTED ? e : HF_ERR_INTEGRITY,
                           "%s in the store was altered or is of a newer release%s", s->what,
                           s->kind == HF_ROW_WRAP ? ", or the data was restored beside another epoch.key" : "");
        HF_TRY(e);
    }
    HF_CHECK(!r.failed, HF_ERR_MALFORMED);
    if (rows->more) {
        ask_scan(c, (uint8_t)s->kind, row.id, row.version, false);
        return HF_OK;
    }
    o->step++;
    ask_step(c, o);
    return HF_OK;
}

static hf_err append_tail(journal *j, const struct hf_store_row *row)
{
    HF_CHECK(j->n_tail_rows < TAIL_ROWS_MAX, HF_ERR_TOO_LARGE);
    uint64_t *rows = realloc(j->tail_rows, (j->n_tail_rows + 1) * sizeof(*rows));
    HF_CHECK(rows != NULL, HF_ERR_SYSTEM);
    j->tail_rows = rows;
    j->tail_rows[j->n_tail_rows++] = row->version;
    if (j->ring_taken)
        return HF_OK; /* the old ring has all that the store saved from it, and more */
    uint8_t *more = realloc(j->stored_tail, j->stored_tail_len + row->blob.len + 1);
    HF_CHECK(more != NULL, HF_ERR_SYSTEM);
    memcpy(more + j->stored_tail_len, row->blob.ptr, row->blob.len);
    j->stored_tail = more;
    j->stored_tail_len += row->blob.len;
    return HF_OK;
}

/* Rows that a store saved when it was left alone; in the order of their records. */
static hf_err take_tail(core *c, const struct hf_store_rows *rows, bool *ret_more)
{
    hf_reader r = hf_reader_of(rows->rows);
    struct hf_store_row row = { 0 };

    while (hf_store_row_next(&r, &row))
        HF_TRY(append_tail(&c->journal, &row));
    HF_CHECK(!r.failed, HF_ERR_MALFORMED);
    *ret_more = rows->more;
    if (rows->more)
        ask_scan(c, HF_ROW_TAIL, row.id, row.version, false);
    return HF_OK;
}

static hf_err advance(core *c, struct opening *o, const struct hf_store_rows *rows)
{
    bool more = false;

    /* Without a manifest this is a first start; see take_manifest. */
    bool absent = rows->error == HF_ERR_NOT_FOUND && o->step == STEP_MANIFEST;
    HF_CHECK(rows->error == HF_OK || absent, HF_ERR_STORE);
    switch (o->step) {
    case STEP_MANIFEST:
        HF_TRY(take_manifest(c, o, rows));
        o->step = STEP_KEYS;
        ask_step(c, o);
        return HF_OK;
    case STEP_KEYS:
    case STEP_WRAPS:
    case STEP_REVOCATIONS:
    case STEP_ANSWERS:
    case STEP_SEGMENTS:
        return take_rows(c, o, rows);
    case STEP_TAIL:
        HF_TRY(take_tail(c, rows, &more));
        if (more)
            return HF_OK;
        HF_TRY(finish_opening(c, o));
        open_now(c);
        return HF_OK;
    }
    return HF_ERR_INTERNAL;
}

void opening_rows(core *c, const struct hf_store_rows *rows)
{
    struct opening *o = c->open_step;

    if (!c->opening || o == NULL)
        return;
    hf_err e = advance(c, o, rows);
    if (e == HF_OK)
        return;
    char why[300];
    snprintf(why, sizeof(why), "%s", o->why[0] != '\0' ? o->why : hf_err_text(e));
    give_up(c, e == HF_ERR_STORE || e == HF_ERR_SYSTEM ? CORE_SEALED : CORE_FAILED, why);
}

hf_err opening_start(core *c, hf_secret *root, hf_view seal)
{
    struct opening *o = calloc(1, sizeof(*o));
    key_index *fresh = NULL;

    hf_err e = o == NULL || c->busy > c->shaking ? HF_ERR_OVERLOADED : index_new(&fresh);
    if (e == HF_OK)
        e = hf_root_keys_derive(root, &c->keys);
    hf_secret_free(root);
    if (o == NULL || e != HF_OK) {
        index_free(fresh);
        free(o);
        core_set_state(c, CORE_SEALED, hf_err_text(e));
        return e;
    }
    if (hf_view_to_str(seal, o->seal, sizeof(o->seal)) != HF_OK)
        o->seal[0] = '\0';
    index_free(c->index);
    c->index = fresh;
    answers_clear(c->answers);
    c->journal.chained = false;
    c->open_step = o;
    c->opening = true;
    core_set_state(c, CORE_SEALED, "opening");
    if (c->store != NULL)
        ask_manifest(c);
    return HF_OK;
}

void opening_store_back(core *c)
{
    if (c->opening && c->open_step->step == STEP_MANIFEST)
        ask_manifest(c);
    else if (c->state == CORE_SEALED && !c->opening)
        unsealing_begin(c);
    else
        commit_store_back(c);
}

void core_seal(core *c)
{
    core_forget_keys(c);
    verdicts_fail_all(c, HF_ERR_SEALED);
    loading_fail_all(c, HF_ERR_SEALED);
    slow_fail_all(c, HF_ERR_SEALED);
    audit_fail_all(c, HF_ERR_SEALED);
    request_queue_fail(c, &c->waiting_changes, HF_ERR_SEALED, NULL);
    durable_fail_all(c, HF_ERR_SEALED);
    core_set_state(c, CORE_SEALED, "sealed by an administrator");
    c->unsealing->by_hand = true;
    unsealing_begin(c);
}
