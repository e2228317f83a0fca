#include "core/core.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "crypto/crypto.h"

/* Two open-addressing tables over one growing list of entries. Entries are never removed: a destroyed key keeps its name. */
typedef struct slot_table {
    uint32_t *slots; /* 1 + position in the list; 0: empty */
    size_t mask;
} slot_table;

struct key_index {
    key_entry **list;
    size_t len, cap;
    slot_table ids, names;
    uint64_t seed; /* so that whoever chooses names cannot choose collisions */
};

hf_err index_new(key_index **ret)
{
    key_index *ix = calloc(1, sizeof(*ix));

    HF_CHECK(ix != NULL, HF_ERR_SYSTEM);
    if (hf_random(&ix->seed, sizeof(ix->seed)) != HF_OK) {
        free(ix);
        return HF_ERR_SYSTEM;
    }
    *ret = ix;
    return HF_OK;
}

static void entry_free(key_entry *e)
{
    if (e == NULL)
        return;
    free(e->blob);
    free(e->wraps);
    free(e);
}

void index_free(key_index *ix)
{
    if (ix == NULL)
        return;
    for (size_t i = 0; i < ix->len; i++)
        entry_free(ix->list[i]);
    free(ix->list);
    free(ix->ids.slots);
    free(ix->names.slots);
    free(ix);
}

static uint64_t hash_of(const key_index *ix, hf_view v)
{
    uint64_t h = ix->seed ^ 0xcbf29ce484222325u;

    for (size_t i = 0; i < v.len; i++)
        h = (h ^ v.ptr[i]) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

static hf_view id_view(const key_entry *e)
{
    return (hf_view) { e->id, sizeof(e->id) };
}

static hf_view name_view(const key_entry *e)
{
    return e->name;
}

typedef hf_view (*view_fn)(const key_entry *e);

static key_entry *table_find(const key_index *ix, const slot_table *t, view_fn view, hf_view want)
{
    if (t->slots == NULL)
        return NULL;
    for (size_t i = hash_of(ix, want) & t->mask; t->slots[i] != 0; i = (i + 1) & t->mask) {
        key_entry *e = ix->list[t->slots[i] - 1];
        if (hf_view_eq(view(e), want))
            return e;
    }
    return NULL;
}

static void table_add(const key_index *ix, slot_table *t, view_fn view, size_t position)
{
    size_t i = hash_of(ix, view(ix->list[position])) & t->mask;

    while (t->slots[i] != 0)
        i = (i + 1) & t->mask;
    t->slots[i] = (uint32_t)position + 1;
}

/* Doubles list and tables together, so that the tables are never more than half full. */
static hf_err grow(key_index *ix)
{
    if (ix->len < ix->cap)
        return HF_OK;
    size_t cap = ix->cap == 0 ? 64 : ix->cap * 2;
    HF_CHECK(cap <= UINT32_MAX / 4, HF_ERR_QUOTA);
    key_entry **list = realloc(ix->list, cap * sizeof(*list));
    HF_CHECK(list != NULL, HF_ERR_SYSTEM);
    ix->list = list;
    uint32_t *ids = calloc(cap * 2, sizeof(*ids)), *names = calloc(cap * 2, sizeof(*names));
    if (ids == NULL || names == NULL) {
        free(ids);
        free(names);
        return HF_ERR_SYSTEM;
    }
    free(ix->ids.slots);
    free(ix->names.slots);
    ix->ids = (slot_table) { ids, cap * 2 - 1 };
    ix->names = (slot_table) { names, cap * 2 - 1 };
    ix->cap = cap;
    for (size_t i = 0; i < ix->len; i++) {
        table_add(ix, &ix->ids, id_view, i);
        table_add(ix, &ix->names, name_view, i);
    }
    return HF_OK;
}

key_entry *index_by_id(const key_index *ix, const uint8_t id[static 16])
{
    return table_find(ix, &ix->ids, id_view, (hf_view) { id, 16 });
}

key_entry *index_by_name(const key_index *ix, hf_view name)
{
    return table_find(ix, &ix->names, name_view, name);
}

key_entry *index_find(const key_index *ix, hf_view key)
{
    uint8_t id[16];

    return hf_uuid_parse(key, id) == HF_OK ? index_by_id(ix, id) : index_by_name(ix, key);
}

size_t index_count(const key_index *ix)
{
    return ix->len;
}

key_entry *index_at(const key_index *ix, size_t i)
{
    return ix->list[i];
}

/* The state of the whole key: active while a version is. */
static void summarise(key_entry *e, const struct hf_key_record *rec)
{
    const struct hf_key_version *shown = &rec->versions[rec->n_versions - 1];
    uint32_t destroy_epoch = 0;

    for (uint32_t i = 0; i < rec->n_versions; i++) {
        if (rec->versions[i].state == HF_STATE_ACTIVE)
            shown = &rec->versions[i];
        if (rec->versions[i].destroy_epoch > destroy_epoch)
            destroy_epoch = rec->versions[i].destroy_epoch;
    }
    if (e->version != shown->version || e->uses_lease < shown->nonce_lease) {
        /* What was counted in an earlier process is unknown up to its lease, so that is where counting starts. */
        e->uses = e->version != shown->version ? shown->nonce_lease : e->uses;
        e->uses_lease = shown->nonce_lease;
    }
    e->state = shown->state;
    e->version = shown->version;
    e->destroy_epoch = destroy_epoch;
    e->alg = rec->alg;
    e->usage = rec->usage;
    e->generation = rec->generation;
    e->created_ns = rec->created.ns;
}

hf_err index_put(key_index *ix, const struct hf_key_record *rec, hf_view blob, key_entry **ret)
{
    key_entry *e = index_by_id(ix, rec->id);
    uint8_t *copy = malloc(blob.len);

    HF_CHECK(copy != NULL, HF_ERR_SYSTEM);
    memcpy(copy, blob.ptr, blob.len);
    /* The record's name borrows from blob; ours borrows from the copy at the same place. */
    hf_view name = { copy + (rec->name.ptr - blob.ptr), rec->name.len };
    if (e == NULL) {
        hf_err err = grow(ix);
        e = err == HF_OK ? calloc(1, sizeof(*e)) : NULL;
        if (e == NULL) {
            free(copy);
            return HF_ERR_SYSTEM;
        }
        memcpy(e->id, rec->id, sizeof(e->id));
        e->name = name;
        ix->list[ix->len++] = e;
        table_add(ix, &ix->ids, id_view, ix->len - 1);
        table_add(ix, &ix->names, name_view, ix->len - 1);
    }
    free(e->blob);
    e->blob = copy;
    e->len = blob.len;
    e->name = name;
    summarise(e, rec);
    *ret = e;
    return HF_OK;
}

hf_err index_put_wrap(key_index *ix, const uint8_t id[static 16], uint32_t version, uint32_t epoch,
                      const uint8_t mac[static HF_RECORD_MAC_BYTES])
{
    key_entry *e = index_by_id(ix, id);

    HF_CHECK(e != NULL, HF_ERR_INTEGRITY);
    struct wrap_ref *w = (struct wrap_ref *)(uintptr_t)index_wrap(e, version);
    if (w == NULL) {
        struct wrap_ref *more = realloc(e->wraps, (e->n_wraps + 1) * sizeof(*more));
        HF_CHECK(more != NULL, HF_ERR_SYSTEM);
        e->wraps = more;
        w = &e->wraps[e->n_wraps++];
    }
    w->version = version;
    w->epoch = epoch;
    memcpy(w->mac, mac, sizeof(w->mac));
    return HF_OK;
}

void index_drop_wraps(key_entry *e)
{
    free(e->wraps);
    e->wraps = NULL;
    e->n_wraps = 0;
}

const struct wrap_ref *index_wrap(const key_entry *e, uint32_t version)
{
    for (uint32_t i = 0; i < e->n_wraps; i++)
        if (e->wraps[i].version == version)
            return &e->wraps[i];
    return NULL;
}

hf_err index_record(core *c, const key_entry *e, struct hf_key_record **ret)
{
    HF_TRY(hf_key_record_decode(c->keys, (hf_view) { e->blob, e->len }, e->id, NULL, c->scratch));
    *ret = c->scratch;
    return HF_OK;
}
