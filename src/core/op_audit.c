/* What auditors read: recent events, events after a number, the signed head, segments to export. */
#include "core/op.h"

#include "crypto/crypto.h"
#include <stdlib.h>
#include <string.h>

#define AUDIT_ID (UINT64_C(4) << 60)
#define LIMIT_DEFAULT 50u
#define LIMIT_MAX 1000u
#define SCAN_BYTES 900000u

/* A question to the store on behalf of an auditor; the rows that come are the answer. */
typedef struct fetch {
    struct fetch *next;
    uint64_t id;
    request request; /* owned */
    uint64_t after;
    uint32_t limit;
    uint8_t *list; /* events collected so far */
    hf_writer items;
    uint32_t count;
} fetch;

#define LIST_BYTES 1000000u

static fetch *fetches;
static uint64_t next_id;

static void ask(core *c, fetch *f, uint64_t after)
{
    uint8_t bytes[64];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_store_scan m = {
        .kind = HF_ROW_SEGMENT, .after_version = after, .from_start = after == 0, .max_bytes = SCAN_BYTES
    };

    f->id = AUDIT_ID | ++next_id;
    if (hf_store_scan_encode(&m, &w) == HF_OK)
        peer_send(c->store, HF_MSG_STORE_SCAN, f->id, hf_writer_view(&w));
}

static void drop(core *c, fetch *f)
{
    fetch **at = &fetches;

    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    free(f->list);
    free(f);
    c->parked--;
}

/* The question is audited when it is asked: the answer follows from the store alone. */
static hf_err start(op *o, uint64_t after, uint32_t limit)
{
    core *c = o->core;
    struct hf_audit_record rec = {
        .time = o->now,
        .klass = HF_AUDIT_JOURNAL,
        .action = o->row->type,
        .roles = (uint16_t)o->who.roles,
        .count = 1,
        .actor = hf_view_str(o->who.subject),
        .request_id = o->in.head.request_id,
    };

    HF_CHECK(c->store != NULL, HF_ERR_PEER_GONE);
    HF_CHECK(c->parked < CORE_PARKED_MAX, HF_ERR_OVERLOADED);
    memcpy(rec.address, o->in.head.address, sizeof(rec.address));
    fetch *f = calloc(1, sizeof(*f));
    uint8_t *list = malloc(LIST_BYTES);
    if (f == NULL || list == NULL || journal_append(c, &rec) != HF_OK) {
        free(f);
        free(list);
        return HF_ERR_OVERLOADED;
    }
    f->request = *o->request;
    f->request.owned = false;
    f->request.body = (hf_view) { 0 };
    f->after = after;
    f->limit = limit;
    f->list = list;
    f->items = hf_writer_on(list, LIST_BYTES);
    f->next = fetches;
    fetches = f;
    c->parked++;
    o->answered_later = true;
    ask(c, f, after);
    return HF_OK;
}

static hf_err check_limit(op *o, uint32_t wanted, uint32_t *ret)
{
    if (wanted > LIMIT_MAX)
        return op_fails(o, HF_ERR_BOUNDS, "limit is at most %u", LIMIT_MAX);
    *ret = wanted == 0 ? LIMIT_DEFAULT : wanted;
    return HF_OK;
}

static bool put_event(fetch *f, hf_view record, uint64_t seq)
{
    struct hf_audit_event ev = { .record = record };

    if (seq <= f->after || f->count == f->limit)
        return f->count < f->limit;
    if (hf_audit_event_encode(&ev, &f->items) != HF_OK)
        return false;
    f->count++;
    return true;
}

/* Entries of the ring that are not in a segment yet come last. */
static bool put_unsealed(core *c, fetch *f)
{
    static uint8_t bytes[HF_SEGMENT_ENTRIES_MAX];
    struct hf_ring_reader reader = c->journal.reader;
    uint64_t last = c->journal.sealed.seq;
    struct hf_audit_entry e;
    size_t len;

    while (hf_ring_read_after(&reader, last, bytes, sizeof(bytes), &len, &last) == HF_OK && len > 0) {
        hf_view left = { bytes, len };
        while (hf_audit_entry_next(&left, &e) == HF_OK)
            if (!put_event(f, e.record, e.seq))
                return false;
    }
    return true;
}

static void answer_events(core *c, fetch *f, bool more)
{
    uint8_t *body = malloc(LIST_BYTES + 64);
    hf_writer w = hf_writer_on(body, body == NULL ? 0 : LIST_BYTES + 64);
    struct hf_events m = { .more = more, .items = hf_writer_view(&f->items) };

    if (body != NULL && hf_events_encode(&m, &w) == HF_OK)
        request_answer(c, &f->request, HF_MSG_EVENTS, hf_writer_view(&w));
    else
        request_fail(c, &f->request, HF_ERR_OVERLOADED, NULL, 1);
    free(body);
    drop(c, f);
}

static void events_rows(core *c, fetch *f, const struct hf_store_rows *rows)
{
    hf_reader r = hf_reader_of(rows->rows);
    struct hf_store_row row = { 0 };
    struct hf_segment seg;
    struct hf_audit_entry e;

    while (hf_store_row_next(&r, &row)) {
        if (hf_segment_decode(row.blob, &seg) != HF_OK ||
            hf_segment_verify_head_mac(&seg, hf_root_key(c->keys, HF_PURPOSE_AUDIT_MAC)) != HF_OK) {
            request_fail(c, &f->request, HF_ERR_INTEGRITY, "an audit segment in the store was altered", 0);
            drop(c, f);
            return;
        }
        hf_view left = seg.entries;
        while (hf_audit_entry_next(&left, &e) == HF_OK)
            if (!put_event(f, e.record, e.seq)) {
                answer_events(c, f, true);
                return;
            }
    }
    if (rows->more)
        ask(c, f, row.version);
    else
        answer_events(c, f, !put_unsealed(c, f));
}

static void export_rows(core *c, fetch *f, const struct hf_store_rows *rows)
{
    hf_reader r = hf_reader_of(rows->rows);
    struct hf_store_row row;
    uint64_t last = f->after;
    uint8_t *body = malloc(rows->rows.len + 64);
    hf_writer w = hf_writer_on(body, body == NULL ? 0 : rows->rows.len + 64);

    while (hf_store_row_next(&r, &row))
        last = row.version;
    struct hf_segments m = { .more = rows->more, .last = last, .rows = rows->rows };
    if (body != NULL && hf_segments_encode(&m, &w) == HF_OK)
        request_answer(c, &f->request, HF_MSG_SEGMENTS, hf_writer_view(&w));
    else
        request_fail(c, &f->request, HF_ERR_OVERLOADED, NULL, 1);
    free(body);
    drop(c, f);
}

void audit_rows(core *c, uint64_t id, const struct hf_store_rows *rows)
{
    fetch *f = fetches;

    while (f != NULL && f->id != id)
        f = f->next;
    if (f == NULL)
        return;
    if (rows->error != HF_OK || c->keys == NULL) {
        request_fail(c, &f->request, c->keys == NULL ? HF_ERR_SEALED : HF_ERR_STORE, NULL, 0);
        drop(c, f);
    } else if (f->request.row->type == HF_MSG_AUDIT_EXPORT) {
        export_rows(c, f, rows);
    } else {
        events_rows(c, f, rows);
    }
}

void audit_fail_all(core *c, hf_err e)
{
    while (fetches != NULL) {
        request_fail(c, &fetches->request, e, NULL, 0);
        drop(c, fetches);
    }
}

hf_err op_audit_recent(op *o)
{
    uint32_t limit = 0;
    uint64_t newest = o->core->journal.chain.seq;

    HF_TRY(check_limit(o, o->in.audit_recent.limit, &limit));
    return start(o, newest > limit ? newest - limit : 0, limit);
}

hf_err op_audit_events(op *o)
{
    uint32_t limit = 0;

    HF_TRY(check_limit(o, o->in.audit_events.limit, &limit));
    return start(o, o->in.audit_events.after, limit);
}

hf_err op_audit_export(op *o)
{
    return start(o, o->in.audit_export.after, LIMIT_MAX);
}

/* The head that an outsider keeps: sequence, chain hash and time of now, signed. */
hf_err op_audit_head(op *o)
{
    core *c = o->core;
    uint8_t spki[256], head[8 + HF_AUDIT_HASH_BYTES + 8], text[32 + sizeof(head)], signature[64];
    size_t spki_len, sig_len;
    hf_writer h = hf_writer_on(head, sizeof(head)), t = hf_writer_on(text, sizeof(text));
    uint8_t out[sizeof(head) + sizeof(signature)];
    hf_writer w = hf_writer_on(out, sizeof(out));

    hf_put_u64(&h, c->journal.chain.seq);
    hf_put_bytes(&h, c->journal.chain.head, HF_AUDIT_HASH_BYTES);
    hf_put_u64(&h, (uint64_t)o->now.ns);
    hf_put_bytes(&t, "holdfast audit head v1", sizeof("holdfast audit head v1")); /* with its NUL */
    hf_put_bytes(&t, head, h.len);
    HF_TRY(hf_key_sign(c->journal.sign_key, HF_SCHEME_ED25519, HF_HASH_NONE, false, hf_writer_view(&t), signature,
                       sizeof(signature), &sig_len));
    HF_TRY(hf_key_public_der(c->journal.sign_key, spki, sizeof(spki), &spki_len));
    hf_put_bytes(&w, head, h.len);
    hf_put_bytes(&w, signature, sig_len);
    struct hf_tree_head m = { .segment_head = hf_writer_view(&w), .spki = { spki, spki_len } };
    return hf_tree_head_encode(&m, &o->reply);
}
