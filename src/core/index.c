#include "core/core.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "crypto/crypto.h"

/*
 * Keys lie in blocks that never move, so that entries may be pointed at and lists may be made without the lock. Beside
 * the entries a block has what a list filters by, 12 bytes a key, and names and tags lie one after the other in chunks
 * of text: looking through 100,000 keys touches three megabytes and computes nothing. Keys are never removed: a
 * destroyed key keeps its name.
 */
#define BLOCK_KEYS 1024u
#define BLOCKS_MAX 16384u
#define CHUNK_BYTES 65536u
#define CHUNKS_MAX 65536u
#define GARBAGE_BYTES (1u << 20)

/* What a list looks at. Changes are made under the lock; lists read without it. */
struct listed {
    uint32_t name_at;         /* u8 length, then the name */
    _Atomic uint32_t tags_at; /* u16 length, then the tags as the record has them; 0: none */
    uint8_t alg;
    _Atomic uint8_t state;
};

struct block {
    struct listed rows[BLOCK_KEYS];
    key_entry entries[BLOCK_KEYS];
};

/* Text that is written once and then only read. A position is chunk << 16 | offset; 0 is none. */
struct texts {
    uint8_t **chunks;
    size_t n_chunks, used, garbage;
    uint32_t last_tags; /* many keys have the tags of the one before */
};

/* Open addressing: 1 + position of a key; 0: empty. Never more than half full. */
typedef struct slot_table {
    uint32_t *slots;
    size_t mask;
} slot_table;

struct key_index {
    struct block **blocks;
    size_t len;
    slot_table ids, names;
    struct texts texts;
    uint64_t seed; /* so that whoever chooses names cannot choose collisions */
};

static hf_err texts_new(struct texts *t)
{
    *t = (struct texts) { .chunks = calloc(CHUNKS_MAX, sizeof(*t->chunks)), .used = CHUNK_BYTES };
    return t->chunks != NULL ? HF_OK : HF_ERR_SYSTEM;
}

static void texts_free(struct texts *t)
{
    for (size_t i = 0; i < t->n_chunks; i++)
        free(t->chunks[i]);
    free(t->chunks);
    *t = (struct texts) { 0 };
}

hf_err index_new(key_index **ret)
{
    key_index *ix = calloc(1, sizeof(*ix));

    HF_CHECK(ix != NULL, HF_ERR_SYSTEM);
    ix->blocks = calloc(BLOCKS_MAX, sizeof(struct block *)); /* of which the kernel gives what is used */
    if (ix->blocks == NULL || texts_new(&ix->texts) != HF_OK || hf_random(&ix->seed, sizeof(ix->seed)) != HF_OK) {
        index_free(ix);
        return HF_ERR_SYSTEM;
    }
    *ret = ix;
    return HF_OK;
}

static struct listed *row_at(const key_index *ix, size_t i)
{
    return &ix->blocks[i / BLOCK_KEYS]->rows[i % BLOCK_KEYS];
}

key_entry *index_at(const key_index *ix, size_t i)
{
    return &ix->blocks[i / BLOCK_KEYS]->entries[i % BLOCK_KEYS];
}

size_t index_count(const key_index *ix)
{
    return ix->len;
}

static void free_blocks(struct block **blocks)
{
    for (size_t i = 0; blocks != NULL && i < BLOCKS_MAX && blocks[i] != NULL; i++)
        free(blocks[i]);
    free(blocks);
}

void index_free(key_index *ix)
{
    if (ix == NULL)
        return;
    for (size_t i = 0; i < ix->len; i++) {
        free(index_at(ix, i)->blob);
        index_drop_wraps(index_at(ix, i));
    }
    free_blocks(ix->blocks);
    texts_free(&ix->texts);
    free(ix->ids.slots);
    free(ix->names.slots);
    free(ix);
}

/* ---- text ---- */

static hf_err text_add(struct texts *t, hf_view prefix, hf_view text, uint32_t *ret_at)
{
    size_t need = prefix.len + text.len;

    HF_CHECK(need <= CHUNK_BYTES - 1, HF_ERR_BOUNDS);
    if (t->used + need > CHUNK_BYTES) {
        HF_CHECK(t->n_chunks < CHUNKS_MAX, HF_ERR_QUOTA);
        uint8_t *chunk = malloc(CHUNK_BYTES);
        HF_CHECK(chunk != NULL, HF_ERR_SYSTEM);
        t->chunks[t->n_chunks++] = chunk;
        t->used = t->n_chunks == 1 ? 1 : 0; /* position 0 is none */
    }
    hf_writer w = hf_writer_on(t->chunks[t->n_chunks - 1] + t->used, CHUNK_BYTES - t->used);
    hf_put_view(&w, prefix);
    hf_put_view(&w, text);
    *ret_at = (uint32_t)((t->n_chunks - 1) << 16 | t->used);
    t->used += need;
    return HF_OK;
}

static const uint8_t *text_at(const struct texts *t, uint32_t at)
{
    return t->chunks[at >> 16] + (at & 0xffff);
}

static hf_view name_at(const struct texts *t, uint32_t at)
{
    const uint8_t *p = text_at(t, at);

    return hf_view_of(p + 1, p[0]);
}

static hf_view tags_at(const struct texts *t, uint32_t at)
{
    if (at == 0)
        return (hf_view) { 0 };
    const uint8_t *p = text_at(t, at);
    return hf_view_of(p + 2, (size_t)p[0] << 8 | p[1]);
}

static hf_err add_name(struct texts *t, hf_view name, uint32_t *ret_at)
{
    uint8_t length = (uint8_t)name.len;

    return text_add(t, hf_view_of(&length, 1), name, ret_at);
}

static hf_err add_tags(struct texts *t, hf_view tags, uint32_t *ret_at)
{
    uint8_t length[2] = { (uint8_t)(tags.len >> 8), (uint8_t)tags.len };

    *ret_at = tags.len == 0 ? 0 : t->last_tags;
    if (tags.len == 0 || (t->last_tags != 0 && hf_view_eq(tags_at(t, t->last_tags), tags)))
        return HF_OK;
    HF_TRY(text_add(t, hf_view_of(length, 2), tags, ret_at));
    t->last_tags = *ret_at;
    return HF_OK;
}

hf_err index_tidy(key_index *ix)
{
    struct texts fresh, old = ix->texts;
    hf_err e = HF_OK;

    if (old.garbage < GARBAGE_BYTES || old.garbage < (old.n_chunks * CHUNK_BYTES) / 2)
        return HF_OK;
    uint32_t *at = calloc(ix->len * 2, sizeof(*at));
    if (at == NULL || texts_new(&fresh) != HF_OK) {
        free(at);
        return HF_ERR_SYSTEM;
    }
    for (size_t i = 0; i < ix->len && e == HF_OK; i++) {
        e = add_name(&fresh, name_at(&old, row_at(ix, i)->name_at), &at[2 * i]);
        if (e == HF_OK)
            e = add_tags(&fresh, tags_at(&old, row_at(ix, i)->tags_at), &at[2 * i + 1]);
    }
    for (size_t i = 0; i < ix->len && e == HF_OK; i++) {
        row_at(ix, i)->name_at = at[2 * i];
        row_at(ix, i)->tags_at = at[2 * i + 1];
    }
    free(at);
    texts_free(e == HF_OK ? &old : &fresh);
    if (e == HF_OK)
        ix->texts = fresh;
    return e;
}

/* ---- finding ---- */

static uint64_t hash_of(const key_index *ix, hf_view v)
{
    uint64_t h = ix->seed ^ 0xcbf29ce484222325u;

    for (size_t i = 0; i < v.len; i++)
        h = (h ^ v.ptr[i]) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

static hf_view id_of(const key_index *ix, size_t i)
{
    return hf_view_of(index_at(ix, i)->id, sizeof(index_at(ix, i)->id));
}

static hf_view name_of(const key_index *ix, size_t i)
{
    return name_at(&ix->texts, row_at(ix, i)->name_at);
}

typedef hf_view (*view_fn)(const key_index *ix, size_t i);

/* 1 + the position; 0: not there. */
static size_t table_find(const key_index *ix, const slot_table *t, view_fn view, hf_view want)
{
    if (t->slots == NULL)
        return 0;
    for (size_t i = hash_of(ix, want) & t->mask; t->slots[i] != 0; i = (i + 1) & t->mask)
        if (hf_view_eq(view(ix, t->slots[i] - 1), want))
            return t->slots[i];
    return 0;
}

static void table_add(const key_index *ix, slot_table *t, view_fn view, size_t position)
{
    size_t i = hash_of(ix, view(ix, position)) & t->mask;

    while (t->slots[i] != 0)
        i = (i + 1) & t->mask;
    t->slots[i] = (uint32_t)position + 1;
}

/* New tables for `keys` keys, with those that are there. */
static hf_err make_tables(key_index *ix, size_t keys)
{
    uint32_t *ids = calloc(keys * 2, sizeof(*ids)), *names = calloc(keys * 2, sizeof(*names));

    if (ids == NULL || names == NULL) {
        free(ids);
        free(names);
        return HF_ERR_SYSTEM;
    }
    free(ix->ids.slots);
    free(ix->names.slots);
    ix->ids = (slot_table) { ids, keys * 2 - 1 };
    ix->names = (slot_table) { names, keys * 2 - 1 };
    for (size_t i = 0; i < ix->len; i++) {
        table_add(ix, &ix->ids, id_of, i);
        table_add(ix, &ix->names, name_of, i);
    }
    return HF_OK;
}

/* Room for one more key. */
static hf_err grow(key_index *ix)
{
    size_t room = ix->ids.slots == NULL ? 0 : (ix->ids.mask + 1) / 2;

    HF_CHECK(ix->len < (size_t)BLOCKS_MAX * BLOCK_KEYS, HF_ERR_QUOTA);
    if (ix->len == room)
        HF_TRY(make_tables(ix, room == 0 ? 64 : room * 2));
    if (ix->blocks[ix->len / BLOCK_KEYS] == NULL)
        ix->blocks[ix->len / BLOCK_KEYS] = calloc(1, sizeof(struct block));
    return ix->blocks[ix->len / BLOCK_KEYS] != NULL ? HF_OK : HF_ERR_SYSTEM;
}

key_entry *index_by_id(const key_index *ix, const uint8_t id[static 16])
{
    size_t at = table_find(ix, &ix->ids, id_of, hf_view_of(id, 16));

    return at == 0 ? NULL : index_at(ix, at - 1);
}

key_entry *index_by_name(const key_index *ix, hf_view name)
{
    size_t at = table_find(ix, &ix->names, name_of, name);

    return at == 0 ? NULL : index_at(ix, at - 1);
}

key_entry *index_find(const key_index *ix, hf_view key)
{
    uint8_t id[16];

    return hf_uuid_parse(key, id) == HF_OK ? index_by_id(ix, id) : index_by_name(ix, key);
}

/* ---- records ---- */

struct key_summary index_summary(const struct hf_key_record *rec)
{
    const struct hf_key_version *shown = &rec->versions[rec->n_versions - 1];
    uint32_t destroy_epoch = 0;

    for (uint32_t i = 0; i < rec->n_versions; i++) {
        if (rec->versions[i].state == HF_STATE_ACTIVE)
            shown = &rec->versions[i];
        if (rec->versions[i].destroy_epoch > destroy_epoch)
            destroy_epoch = rec->versions[i].destroy_epoch;
    }
    return (struct key_summary) {
        .state = shown->state,
        .version = shown->version,
        .destroy_epoch = destroy_epoch,
        .nonce_lease = shown->nonce_lease,
    };
}

static void summarise(key_entry *e, struct listed *row, const struct hf_key_record *rec)
{
    struct key_summary s = index_summary(rec);

    if (e->version != s.version || e->uses_lease < s.nonce_lease) {
        /* What was counted in an earlier process is unknown up to its lease, so that is where counting starts. */
        e->uses = e->version != s.version ? s.nonce_lease : e->uses;
        e->uses_lease = s.nonce_lease;
    }
    e->state = (uint8_t)s.state;
    e->version = s.version;
    e->destroy_epoch = s.destroy_epoch;
    e->alg = (uint8_t)rec->alg;
    e->usage = (uint8_t)rec->usage;
    e->origin = (uint8_t)rec->origin;
    e->created_ns = rec->created.ns;
    row->alg = e->alg;
    row->state = e->state;
}

static hf_err put_tags(struct texts *t, struct listed *row, hf_view tags)
{
    hf_view old = tags_at(t, row->tags_at);
    uint32_t at;

    if (hf_view_eq(old, tags))
        return HF_OK;
    HF_TRY(add_tags(t, tags, &at));
    t->garbage += old.len;
    row->tags_at = at;
    return HF_OK;
}

static hf_err add_key(key_index *ix, const struct hf_key_record *rec, size_t *ret_at)
{
    HF_TRY(grow(ix));
    struct listed *row = row_at(ix, ix->len);
    *row = (struct listed) { 0 };
    HF_TRY(add_name(&ix->texts, rec->name, &row->name_at));
    key_entry *e = index_at(ix, ix->len);
    memcpy(e->id, rec->id, sizeof(e->id));
    table_add(ix, &ix->ids, id_of, ix->len);
    table_add(ix, &ix->names, name_of, ix->len);
    *ret_at = ++ix->len;
    return HF_OK;
}

hf_err index_put(key_index *ix, const struct hf_key_record *rec, hf_view blob, key_entry **ret)
{
    size_t at = table_find(ix, &ix->ids, id_of, hf_view_of(rec->id, sizeof(rec->id)));
    uint8_t *copy = malloc(blob.len);

    HF_CHECK(copy != NULL, HF_ERR_SYSTEM);
    memcpy(copy, blob.ptr, blob.len);
    hf_err err = at == 0 ? add_key(ix, rec, &at) : HF_OK;
    if (err == HF_OK)
        err = put_tags(&ix->texts, row_at(ix, at - 1), rec->tags);
    if (err != HF_OK) {
        free(copy);
        return err;
    }
    key_entry *e = index_at(ix, at - 1);
    free(e->blob);
    e->blob = copy;
    e->len = (uint32_t)blob.len;
    summarise(e, row_at(ix, at - 1), rec);
    *ret = e;
    return HF_OK;
}

hf_err index_record(core *c, const key_entry *e, struct hf_key_record **ret)
{
    HF_TRY(hf_key_record_decode(c->keys, (hf_view) { e->blob, e->len }, e->id, NULL, c->scratch));
    *ret = c->scratch;
    return HF_OK;
}

hf_err index_read(core *c, const key_entry *e, struct hf_key_record **ret)
{
    HF_TRY(hf_key_record_read((hf_view) { e->blob, e->len }, c->scratch));
    *ret = c->scratch;
    return HF_OK;
}

/* ---- wrappings: most keys have one, which lies in the entry ---- */

const struct wrap_ref *index_wraps(const key_entry *e)
{
    return e->n_wraps <= 1 ? &e->wraps.one : e->wraps.many;
}

const struct wrap_ref *index_wrap(const key_entry *e, uint32_t version)
{
    const struct wrap_ref *w = index_wraps(e);

    for (uint32_t i = 0; i < e->n_wraps; i++)
        if (w[i].version == version)
            return &w[i];
    return NULL;
}

static hf_err add_wrap(key_entry *e, struct wrap_ref **ret)
{
    if (e->n_wraps > 0) {
        struct wrap_ref *more = calloc(e->n_wraps + 1, sizeof(*more));
        HF_CHECK(more != NULL, HF_ERR_SYSTEM);
        for (uint32_t i = 0; i < e->n_wraps; i++)
            more[i] = index_wraps(e)[i];
        if (e->n_wraps > 1)
            free(e->wraps.many);
        e->wraps.many = more;
    }
    e->n_wraps++;
    *ret = e->n_wraps == 1 ? &e->wraps.one : &e->wraps.many[e->n_wraps - 1];
    return HF_OK;
}

hf_err index_put_wrap(key_index *ix, const uint8_t id[static 16], uint32_t version, uint32_t epoch,
                      const uint8_t mac[static HF_RECORD_MAC_BYTES])
{
    key_entry *e = index_by_id(ix, id);

    HF_CHECK(e != NULL, HF_ERR_INTEGRITY);
    struct wrap_ref *w = (struct wrap_ref *)(uintptr_t)index_wrap(e, version);
    if (w == NULL)
        HF_TRY(add_wrap(e, &w));
    w->version = version;
    w->epoch = epoch;
    memcpy(w->mac, mac, sizeof(w->mac));
    return HF_OK;
}

void index_drop_wraps(key_entry *e)
{
    if (e->n_wraps > 1)
        free(e->wraps.many);
    e->n_wraps = 0;
}

/* ---- order ---- */

struct place {
    const key_entry *entry;
    size_t at;
};

static int by_creation(const void *a, const void *b)
{
    const key_entry *x = ((const struct place *)a)->entry, *y = ((const struct place *)b)->entry;

    if (x->created_ns != y->created_ns)
        return x->created_ns < y->created_ns ? -1 : 1;
    for (size_t i = 0; i < sizeof(x->id); i++)
        if (x->id[i] != y->id[i])
            return x->id[i] < y->id[i] ? -1 : 1;
    return 0;
}

/* Moves the key at `from` to `to`; entries point to what they own, so moving is copying. */
static void move(const key_index *ix, size_t to, size_t from)
{
    *index_at(ix, to) = *index_at(ix, from);
    *row_at(ix, to) = *row_at(ix, from);
}

/*
 * In place, one cycle of the permutation after the other: at a start there is no memory to waste for a copy of
 * everything.
 */
static void permute(key_index *ix, struct place *order)
{
    for (size_t i = 0; i < ix->len; i++) {
        if (order[i].at == i)
            continue;
        const key_entry entry = *index_at(ix, i);
        const struct listed row = *row_at(ix, i);
        size_t to = i;
        for (size_t from; (from = order[to].at) != i; to = from) {
            move(ix, to, from);
            order[to].at = to;
        }
        *index_at(ix, to) = entry;
        *row_at(ix, to) = row;
        order[to].at = to;
    }
}

hf_err index_sort(key_index *ix)
{
    struct place *order = calloc(ix->len + 1, sizeof(*order));

    HF_CHECK(order != NULL, HF_ERR_SYSTEM);
    for (size_t i = 0; i < ix->len; i++)
        order[i] = (struct place) { index_at(ix, i), i };
    qsort(order, ix->len, sizeof(*order), by_creation);
    permute(ix, order);
    free(order);
    return make_tables(ix, ix->ids.slots == NULL ? 64 : (ix->ids.mask + 1) / 2);
}

/* ---- lists ---- */

/* Every wanted tag is among the key's. Tags are u16-length-prefixed texts. */
static bool has_tags(hf_view wanted, hf_view have)
{
    hf_reader w = hf_reader_of(wanted);

    while (w.left.len > 0 && !w.failed) {
        hf_view tag = hf_get_view16(&w);
        hf_reader h = hf_reader_of(have);
        bool found = false;
        while (!found && h.left.len > 0 && !h.failed)
            found = hf_view_eq(hf_get_view16(&h), tag);
        if (!found)
            return false;
    }
    return !w.failed;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool begins(const uint8_t *text, hf_view low)
{
    for (size_t i = 0; i < low.len; i++)
        if (lower(text[i]) != low.ptr[i])
            return false;
    return true;
}

/* Is `low`, which is in lower case and not empty, part of name, whatever its case? */
static bool contains(hf_view name, hf_view low)
{
    const uint8_t first = low.ptr[0], other = first >= 'a' && first <= 'z' ? (uint8_t)(first & ~0x20) : first;

    for (size_t i = 0; i + low.len <= name.len; i++)
        if ((name.ptr[i] == first || name.ptr[i] == other) && begins(name.ptr + i, low))
            return true;
    return false;
}

static bool selected(const key_index *ix, const struct listed *row, const struct key_filter *f)
{
    if ((f->alg != 0 && row->alg != f->alg) || (f->state != 0 && row->state != f->state))
        return false;
    if (f->search.len > 0 && !contains(name_at(&ix->texts, row->name_at), f->search))
        return false;
    return f->tags.len == 0 || has_tags(f->tags, tags_at(&ix->texts, row->tags_at));
}

uint64_t index_select(const key_index *ix, size_t count, const struct key_filter *f, uint64_t first, uint32_t *ret_at,
                      size_t cap, size_t *ret_n)
{
    uint8_t low[HF_KEY_NAME_MAX];
    struct key_filter lowered = *f;
    uint64_t total = 0;
    size_t n = 0;

    lowered.search.len = f->search.len < sizeof(low) ? f->search.len : sizeof(low);
    for (size_t i = 0; i < lowered.search.len; i++)
        low[i] = lower(f->search.ptr[i]);
    lowered.search.ptr = low;
    for (size_t i = count; i > 0; i--) {
        if (!selected(ix, row_at(ix, i - 1), &lowered))
            continue;
        if (total >= first && n < cap)
            ret_at[n++] = (uint32_t)(i - 1);
        total++;
    }
    *ret_n = n;
    return total;
}
