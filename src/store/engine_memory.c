/* Rows in one ordered array, with a list of what to restore. Leaves no file behind and forgets all when it ends. */
#include "store/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct row {
    hf_row_key key;
    uint8_t *blob;
    size_t len;
} row;

/* How to take one change back. */
typedef struct undo {
    hf_row_key key;
    bool existed;
    uint8_t *blob; /* as before; owned here */
    size_t len;
} undo;

typedef struct memory_engine {
    hf_engine base;
    row *rows;
    size_t n, cap;
    undo *undos;
    size_t n_undos, undos_cap;
    size_t mark;
} memory_engine;

static memory_engine *of(hf_engine *e)
{
    return (memory_engine *)(void *)e;
}

static hf_err no_memory(memory_engine *m)
{
    snprintf(m->base.why, sizeof(m->base.why), "out of memory");
    return HF_ERR_STORE;
}

static int compare(const hf_row_key *a, const hf_row_key *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int id = memcmp(a->id, b->id, sizeof(a->id));
    if (id != 0)
        return id;
    return a->version < b->version ? -1 : a->version > b->version ? 1 : 0;
}

/* The place of the first row that is not before key. */
static size_t lower_bound(const memory_engine *m, const hf_row_key *key)
{
    size_t low = 0, high = m->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare(&m->rows[mid].key, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool is_at(const memory_engine *m, size_t at, const hf_row_key *key)
{
    return at < m->n && compare(&m->rows[at].key, key) == 0;
}

static hf_err memory_scan(hf_engine *e, uint8_t kind, const hf_row_key *after, hf_row_fn fn, void *arg)
{
    memory_engine *m = of(e);
    hf_row_key from = after == NULL ? (hf_row_key) { .kind = kind } : *after;

    from.kind = kind;
    size_t at = lower_bound(m, &from);
    if (after != NULL && is_at(m, at, &from))
        at++;
    for (; at < m->n && m->rows[at].key.kind == kind; at++)
        if (!fn(arg, &m->rows[at].key, hf_view_of(m->rows[at].blob, m->rows[at].len)))
            break;
    return HF_OK;
}

static hf_err memory_get(hf_engine *e, const hf_row_key *key, hf_row_fn fn, void *arg)
{
    memory_engine *m = of(e);
    size_t at = lower_bound(m, key);

    HF_CHECK(is_at(m, at, key), HF_ERR_NOT_FOUND);
    fn(arg, &m->rows[at].key, hf_view_of(m->rows[at].blob, m->rows[at].len));
    return HF_OK;
}

static hf_err memory_last(hf_engine *e, uint8_t kind, hf_row_key *ret)
{
    memory_engine *m = of(e);
    hf_row_key end = { .kind = kind, .version = UINT64_MAX };

    memset(end.id, 0xff, sizeof(end.id));
    size_t at = lower_bound(m, &end);
    HF_CHECK(at > 0 && m->rows[at - 1].key.kind == kind, HF_ERR_NOT_FOUND);
    *ret = m->rows[at - 1].key;
    return HF_OK;
}

/* The list with room for one element more; NULL when there is no memory, the old list stays then. */
static void *with_room(void *list, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return list;
    size_t more = *cap == 0 ? 64 : *cap * 2;
    void *grown = reallocarray(list, more, size);
    if (grown != NULL)
        *cap = more;
    return grown;
}

static bool have_room(memory_engine *m)
{
    row *rows = with_room(m->rows, m->n, &m->cap, sizeof(row));

    if (rows == NULL)
        return false;
    m->rows = rows;
    undo *undos = with_room(m->undos, m->n_undos, &m->undos_cap, sizeof(undo));
    if (undos == NULL)
        return false;
    m->undos = undos;
    return true;
}

static void insert_at(memory_engine *m, size_t at, const hf_row_key *key, uint8_t *blob, size_t len)
{
    memmove(&m->rows[at + 1], &m->rows[at], (m->n - at) * sizeof(row));
    m->rows[at] = (row) { *key, blob, len };
    m->n++;
}

static void remove_at(memory_engine *m, size_t at)
{
    memmove(&m->rows[at], &m->rows[at + 1], (m->n - at - 1) * sizeof(row));
    m->n--;
}

/* Puts back what was there before the change. The array has room: it had this row once. */
static void take_back(memory_engine *m, undo *u)
{
    size_t at = lower_bound(m, &u->key);

    if (is_at(m, at, &u->key)) {
        free(m->rows[at].blob);
        remove_at(m, at);
    }
    if (u->existed)
        insert_at(m, at, &u->key, u->blob, u->len);
}

static void take_back_to(memory_engine *m, size_t mark)
{
    while (m->n_undos > mark)
        take_back(m, &m->undos[--m->n_undos]);
}

static hf_err memory_begin(hf_engine *e)
{
    of(e)->mark = 0;
    return HF_OK;
}

static hf_err memory_mark(hf_engine *e)
{
    of(e)->mark = of(e)->n_undos;
    return HF_OK;
}

static hf_err memory_keep(hf_engine *e)
{
    (void)e;
    return HF_OK;
}

static hf_err memory_apply(hf_engine *e, const hf_change *c)
{
    memory_engine *m = of(e);
    size_t at = lower_bound(m, &c->key);
    bool existed = is_at(m, at, &c->key);

    HF_CHECK(!(existed && c->op == HF_CHANGE_INSERT), HF_ERR_CONFLICT);
    if (!existed && c->op == HF_CHANGE_DELETE)
        return HF_OK;
    uint8_t *blob = c->op == HF_CHANGE_DELETE ? NULL : malloc(c->blob.len + 1);
    if ((blob == NULL && c->op != HF_CHANGE_DELETE) || !have_room(m)) {
        free(blob);
        return no_memory(m);
    }
    undo *u = &m->undos[m->n_undos++];
    *u = (undo) { .key = c->key, .existed = existed };
    if (existed) {
        u->blob = m->rows[at].blob;
        u->len = m->rows[at].len;
        remove_at(m, at);
    }
    if (blob != NULL) {
        if (c->blob.len > 0)
            memcpy(blob, c->blob.ptr, c->blob.len);
        insert_at(m, at, &c->key, blob, c->blob.len);
    }
    return HF_OK;
}

static hf_err memory_undo(hf_engine *e)
{
    take_back_to(of(e), of(e)->mark);
    return HF_OK;
}

static hf_err memory_commit(hf_engine *e)
{
    memory_engine *m = of(e);

    while (m->n_undos > 0)
        free(m->undos[--m->n_undos].blob);
    m->mark = 0;
    return HF_OK;
}

static void memory_rollback(hf_engine *e)
{
    take_back_to(of(e), 0);
}

static hf_err memory_tidy(hf_engine *e)
{
    (void)e;
    return HF_OK;
}

static void memory_abandon(hf_engine *e)
{
    memory_engine *m = of(e);

    take_back_to(m, 0);
    for (size_t i = 0; i < m->n; i++)
        free(m->rows[i].blob);
    free(m->rows);
    free(m->undos);
    free(m);
}

static hf_err memory_close(hf_engine *e)
{
    memory_abandon(e);
    return HF_OK;
}

static const hf_engine_ops memory_ops = {
    .scan = memory_scan,
    .get = memory_get,
    .last = memory_last,
    .begin = memory_begin,
    .mark = memory_mark,
    .apply = memory_apply,
    .keep = memory_keep,
    .undo = memory_undo,
    .commit = memory_commit,
    .rollback = memory_rollback,
    .tidy = memory_tidy,
    .close = memory_close,
    .abandon = memory_abandon,
};

hf_err hf_engine_memory_open(hf_engine **ret, char reterr_why[static HF_WHY_CAP])
{
    memory_engine *m = calloc(1, sizeof(*m));

    if (m == NULL) {
        snprintf(reterr_why, HF_WHY_CAP, "out of memory");
        return HF_ERR_STORE;
    }
    m->base.ops = &memory_ops;
    *ret = &m->base;
    return HF_OK;
}
