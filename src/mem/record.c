/* Records of arenas. Threads keep pointers to caches in them, so a record with caches is never unmapped, but used again. */
#include "mem/internal.h"

static struct {
    _Atomic bool taken;
    hf_arena *record; /* made once; changed by who took the place */
} place[HF_CACHED_ARENAS];

static hf_arena *record_new(uint32_t id)
{
    hf_arena *a = hf_table_new(sizeof *a);
    if (a == NULL)
        return NULL;
    a->id = id;
    pthread_mutex_init(&a->lock, NULL);
    return a;
}

/* HF_CACHED_ARENAS when all are taken. A child leaves the places of its parent's arenas to them. */
static uint32_t place_take(void)
{
    uint32_t i = 0;
    while (i < HF_CACHED_ARENAS && atomic_exchange(&place[i].taken, true))
        i++;
    return i;
}

static hf_arena *record_take(bool cached)
{
    uint32_t id = cached ? place_take() : HF_CACHED_ARENAS;
    if (id == HF_CACHED_ARENAS)
        return record_new(id);
    if (place[id].record == NULL)
        place[id].record = record_new(id);
    if (place[id].record == NULL)
        atomic_store(&place[id].taken, false);
    return place[id].record;
}

/* What is after `id` stays: threads that end read it. Theirs is only the lock of this process. */
static void record_clear(hf_arena *a)
{
    memset((void *)a, 0, offsetof(hf_arena, id));
    uint64_t now = hf_fork_generation();
    if (a->generation == now)
        return;
    if (a->generation != 0) {
        pthread_mutex_init(&a->lock, NULL);
        hf_caches_after_fork(a);
    }
    a->generation = now;
}

hf_arena *hf_arena_record_take(size_t limit, bool cached)
{
    hf_arena *a = record_take(cached && hf_caches_init());
    if (a == NULL)
        return NULL;
    record_clear(a);
    size_t state_at = limit / HF_PAGE * sizeof(hf_page);
    a->tables_bytes = state_at + limit / HF_GRAIN;
    uint8_t *tables = hf_table_new(a->tables_bytes);
    if (tables == NULL) {
        hf_arena_record_give(a);
        return NULL;
    }
    a->page = (hf_page *)(void *)tables;
    a->state = (_Atomic uint8_t *)(tables + state_at);
    a->limit = limit;
    return a;
}

void hf_arena_record_give(hf_arena *a)
{
    hf_table_free(a->page, a->tables_bytes);
    uint32_t id = a->id;
    if (id == HF_CACHED_ARENAS) {
        hf_table_free(a, sizeof *a);
        return;
    }
    a->page = NULL;
    a->state = NULL;
    a->limit = 0; /* no pointer is a block of it */
    atomic_store(&place[id].taken, false);
}
