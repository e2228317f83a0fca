#include "history.h"

#include "records/row.h"
#include <stdlib.h>
#include <string.h>

static struct {
    uint8_t *bytes;
    size_t len;
} states[HISTORY_MAX + 1];

static uint8_t filling[65536];

/* ---- commits ---- */

static hf_err change(hf_engine *e, hf_change_op op, uint8_t kind, unsigned key, uint64_t version, size_t len)
{
    hf_change c = { .op = op, .key = { .kind = kind, .version = version }, .blob = { filling, len } };

    memset(c.key.id, (int)(key & 0xff), sizeof(c.key.id));
    return hf_engine_apply(e, &c);
}

/* Its length tells one generation of a mutable row from the next. */
static hf_err put_manifest(hf_engine *e, unsigned i)
{
    return change(e, HF_CHANGE_PUT, HF_ROW_MANIFEST, 0, 0, 100 + i);
}

static hf_err create_key(hf_engine *e, unsigned i)
{
    unsigned key = 1 + i / 2;

    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_KEY, key, 0, 300));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_VERSION, key, 1, 420));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_WRAP, key, 1, 130));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_SEGMENT, 0, i + 1, 1000 + (i % 5) * 3000));
    return put_manifest(e, i);
}

static hf_err rotate_key(hf_engine *e, unsigned i)
{
    unsigned key = 1 + i / 2;

    HF_TRY(change(e, HF_CHANGE_PUT, HF_ROW_KEY, key, 0, 301));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_VERSION, key, 2, 430));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_WRAP, key, 2, 131));
    HF_TRY(change(e, HF_CHANGE_DELETE, HF_ROW_WRAP, key, 1, 0));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_SEGMENT, 0, i + 1, 700));
    return put_manifest(e, i);
}

/* Two keys that ride together, one of them large, and the answer that an Idempotency-Key finds again. */
static hf_err import_keys(hf_engine *e, unsigned i)
{
    unsigned key = 1 + i / 2, other = 128 + key;

    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_KEY, key, 0, 310));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_VERSION, key, 1, 1900));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_WRAP, key, 1, 130));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_ANSWER, key, 0, 400));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_KEY, other, 0, 320));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_VERSION, other, 1, 120));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_WRAP, other, 1, 130));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_SEGMENT, 0, i + 1, 900));
    return put_manifest(e, i);
}

/* The record of a key alone, with its answer; an older answer's day is over. */
static hf_err update_key(hf_engine *e, unsigned i)
{
    unsigned key = 1 + i / 2;

    HF_TRY(change(e, HF_CHANGE_PUT, HF_ROW_KEY, key, 0, 8000));
    HF_TRY(change(e, HF_CHANGE_DELETE, HF_ROW_ANSWER, key, 0, 0));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_ANSWER, 128 + key, 0, 8100));
    HF_TRY(change(e, HF_CHANGE_INSERT, HF_ROW_SEGMENT, 0, i + 1, 600));
    return put_manifest(e, i);
}

typedef hf_err (*commit_fn)(hf_engine *e, unsigned i);
static const commit_fn commits[] = { create_key, rotate_key, import_keys, update_key };

hf_err history_commit(hf_engine *e, unsigned i)
{
    HF_TRY(hf_engine_begin(e));
    hf_err r = hf_engine_mark(e);
    if (r == HF_OK)
        r = commits[i % HF_COUNT(commits)](e, i);
    if (r == HF_OK)
        r = hf_engine_keep(e);
    if (r != HF_OK) {
        hf_engine_rollback(e);
        return r;
    }
    return hf_engine_commit(e);
}

/* ---- states ---- */

typedef struct dump {
    uint8_t *bytes;
    size_t len, cap;
} dump;

static void add(dump *d, const void *bytes, size_t len)
{
    if (d->len + len > d->cap) {
        d->cap = (d->len + len) * 2;
        d->bytes = realloc(d->bytes, d->cap);
        if (d->bytes == NULL)
            abort();
    }
    if (len > 0)
        memcpy(d->bytes + d->len, bytes, len);
    d->len += len;
}

static bool add_row(void *arg, const hf_row_key *key, hf_view blob)
{
    add(arg, &key->kind, 1);
    add(arg, key->id, sizeof(key->id));
    add(arg, &key->version, sizeof(key->version));
    add(arg, &blob.len, sizeof(blob.len));
    add(arg, blob.ptr, blob.len);
    return true;
}

static bool dump_all(hf_engine *e, dump *ret)
{
    for (unsigned kind = 0; kind < 256; kind++)
        if (hf_engine_scan(e, (uint8_t)kind, NULL, add_row, ret) != HF_OK)
            return false;
    return true;
}

void history_prepare(void)
{
    const hf_engine_spec spec = { .kind = HF_ENGINE_MEMORY };
    const char *why = "";
    hf_engine *model = NULL;

    for (size_t i = 0; i < sizeof(filling); i++)
        filling[i] = (uint8_t)(i * 2654435761u >> 13);
    if (hf_engine_open(&spec, &model, &why) != HF_OK)
        abort();
    for (unsigned i = 0; i <= HISTORY_MAX; i++) {
        dump d = { 0 };
        if (!dump_all(model, &d) || (i < HISTORY_MAX && history_commit(model, i) != HF_OK))
            abort();
        states[i].bytes = d.bytes;
        states[i].len = d.len;
    }
    if (hf_engine_close(model) != HF_OK)
        abort();
}

int history_state(hf_engine *e)
{
    dump d = { 0 };
    int found = -1;

    if (dump_all(e, &d))
        for (int i = 0; i <= HISTORY_MAX && found < 0; i++)
            if (states[i].len == d.len && (d.len == 0 || memcmp(states[i].bytes, d.bytes, d.len) == 0))
                found = i;
    free(d.bytes);
    return found;
}
