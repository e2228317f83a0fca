/* The general allocator: thread caches over slabs, whole pages for large blocks. Free memory is always zero. */
#include "mem/internal.h"
#include <stdlib.h>
#include <unistd.h>

static _Thread_local hf_cache *my_cache[HF_CACHED_ARENAS];
static _Thread_local bool my_end; /* the caches of this thread were given back: it is ending */
static pthread_key_t end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;

void hf_arena_misuse(const char *line)
{
    ssize_t n = write(STDERR_FILENO, line, strlen(line));
    (void)n;
    abort();
}

static void cache_return(hf_cache *c)
{
    hf_arena *a = c->arena;
    pthread_mutex_lock(&a->lock);
    for (unsigned k = 0; k < HF_CLASSES; k++) {
        hf_slab_give(a, k, c->magazine[k].block, c->magazine[k].count);
        c->magazine[k].count = 0;
    }
    c->taken = false;
    pthread_mutex_unlock(&a->lock);
    atomic_fetch_sub(&a->threads, 1);
}

static void thread_ends(void *unused)
{
    (void)unused;
    my_end = true;
    for (unsigned i = 0; i < HF_CACHED_ARENAS; i++) {
        hf_cache *c = my_cache[i];
        my_cache[i] = NULL;
        if (c != NULL)
            cache_return(c);
    }
}

static void make_end_key(void)
{
    if (pthread_key_create(&end_key, thread_ends) != 0)
        hf_arena_misuse("holdfast: no thread key can be had\n");
}

/* The cache of this thread; NULL when it has to do without. */
static hf_cache *cache_find(hf_arena *a)
{
    if (a->id >= HF_CACHED_ARENAS || my_end)
        return NULL;
    if (my_cache[a->id] != NULL)
        return my_cache[a->id];
    pthread_once(&end_once, make_end_key);
    pthread_mutex_lock(&a->lock);
    hf_cache *c = NULL;
    for (unsigned i = 0; i < HF_CACHES && c == NULL; i++)
        if (!a->cache[i].taken)
            c = &a->cache[i];
    if (c != NULL) {
        c->taken = true;
        c->arena = a;
        my_cache[a->id] = c;
        atomic_fetch_add(&a->threads, 1);
    }
    pthread_mutex_unlock(&a->lock);
    if (c != NULL)
        (void)pthread_setspecific(end_key, &end_key); /* any value that is not NULL: makes thread_ends run */
    return c;
}

static void state_set(hf_arena *a, const void *p, uint8_t state)
{
    size_t grain = (size_t)((const uint8_t *)p - a->base) / HF_GRAIN;
    atomic_store_explicit(&a->state[grain], state, memory_order_relaxed);
}

/* Ends the process unless p is a live block; gives its state and makes it 0, so that only one free can win. */
static uint8_t state_take(hf_arena *a, const void *p)
{
    size_t offset = (size_t)((uintptr_t)p - (uintptr_t)a->base);
    if (offset >= a->bytes || offset % HF_GRAIN != 0)
        hf_arena_misuse("holdfast: a pointer that is not of this arena was freed\n");
    uint8_t state = atomic_exchange_explicit(&a->state[offset / HF_GRAIN], 0, memory_order_relaxed);
    if (state == 0)
        hf_arena_misuse("holdfast: a block was freed twice, or never allocated\n");
    return state;
}

static uint8_t state_read(hf_arena *a, const void *p)
{
    size_t offset = (size_t)((uintptr_t)p - (uintptr_t)a->base);
    uint8_t state = 0;
    if (offset < a->bytes && offset % HF_GRAIN == 0)
        state = atomic_load_explicit(&a->state[offset / HF_GRAIN], memory_order_relaxed);
    if (state == 0)
        hf_arena_misuse("holdfast: a block that is not live was reallocated\n");
    return state;
}

static __attribute__((noinline)) void *alloc_slow(hf_arena *a, unsigned k)
{
    hf_cache *c = cache_find(a);
    void *block[HF_MAGAZINE];
    uint32_t want = c == NULL ? 1 : (hf_class_batch(k) + 1) / 2;
    pthread_mutex_lock(&a->lock);
    uint32_t got = hf_slab_take(a, c, k, block, want);
    pthread_mutex_unlock(&a->lock);
    if (got == 0)
        hf_arena_die(a);
    void *p = block[--got];
    if (c != NULL)
        for (; got > 0; got--)
            c->magazine[k].block[c->magazine[k].count++] = block[got - 1];
    state_set(a, p, (uint8_t)(k + 1));
    return p;
}

static __attribute__((noinline)) void *alloc_pages(hf_arena *a, size_t n)
{
    if (n > a->bytes)
        hf_arena_die(a);
    pthread_mutex_lock(&a->lock);
    uint32_t first = hf_span_take(a, (uint32_t)((n + HF_PAGE - 1) / HF_PAGE), HF_PAGE_SPAN);
    pthread_mutex_unlock(&a->lock);
    if (first == HF_NO_PAGE)
        hf_arena_die(a);
    void *p = a->base + first * HF_PAGE;
    state_set(a, p, HF_STATE_SPAN);
    return p;
}

void *hf_arena_alloc(hf_arena *a, size_t n)
{
    if (a->per_block)
        return hf_perblock_alloc(a, n);
    if (n > HF_CLASS_LARGEST)
        return alloc_pages(a, n);
    unsigned k = n == 0 ? 0 : hf_class_of(n);
    hf_cache *c = a->id < HF_CACHED_ARENAS ? my_cache[a->id] : NULL;
    if (c == NULL || c->magazine[k].count == 0)
        return alloc_slow(a, k);
    void *p = c->magazine[k].block[--c->magazine[k].count];
    state_set(a, p, (uint8_t)(k + 1));
    return p;
}

static void free_pages(hf_arena *a, void *p)
{
    uint32_t first = (uint32_t)((size_t)((uint8_t *)p - a->base) / HF_PAGE);
    hf_mem_zero(p, a->page[first].n * HF_PAGE); /* the block is ours alone: its length needs no lock */
    pthread_mutex_lock(&a->lock);
    hf_span_give(a, first);
    pthread_mutex_unlock(&a->lock);
}

static __attribute__((noinline)) void free_slow(hf_arena *a, unsigned k, void *p)
{
    hf_cache *c = cache_find(a);
    pthread_mutex_lock(&a->lock);
    if (c == NULL || c->magazine[k].count == 0) {
        hf_slab_give(a, k, &p, 1);
    } else { /* full: give back the older half */
        hf_magazine *m = &c->magazine[k];
        uint32_t half = m->count / 2;
        hf_slab_give(a, k, m->block, half);
        m->count -= half;
        memmove(m->block, m->block + half, m->count * sizeof m->block[0]);
        m->block[m->count++] = p;
    }
    pthread_mutex_unlock(&a->lock);
}

void hf_arena_free(hf_arena *a, void *p)
{
    if (p == NULL)
        return;
    if (a->per_block) {
        hf_perblock_free(a, p);
        return;
    }
    uint8_t state = state_take(a, p);
    if (state == HF_STATE_SPAN) {
        free_pages(a, p);
        return;
    }
    unsigned k = state - 1u;
    hf_mem_zero(p, hf_class_bytes(k));
    hf_cache *c = a->id < HF_CACHED_ARENAS ? my_cache[a->id] : NULL;
    if (c == NULL || c->magazine[k].count >= hf_class_batch(k)) {
        free_slow(a, k, p);
        return;
    }
    c->magazine[k].block[c->magazine[k].count++] = p;
}

static size_t block_bytes(hf_arena *a, const void *p)
{
    uint8_t state = state_read(a, p);
    if (state != HF_STATE_SPAN)
        return hf_class_bytes(state - 1u);
    return a->page[(size_t)((const uint8_t *)p - a->base) / HF_PAGE].n * HF_PAGE;
}

/* True when n bytes would get a block of exactly this size. */
static bool fits_exactly(size_t have, size_t n)
{
    if (n > HF_CLASS_LARGEST)
        return (n + HF_PAGE - 1) / HF_PAGE * HF_PAGE == have;
    return have <= HF_CLASS_LARGEST && hf_class_bytes(hf_class_of(n)) == have;
}

void *hf_arena_realloc(hf_arena *a, void *p, size_t n)
{
    if (p == NULL)
        return hf_arena_alloc(a, n);
    if (a->per_block)
        return hf_perblock_realloc(a, p, n);
    if (n > a->bytes)
        hf_arena_die(a);
    size_t have = block_bytes(a, p);
    if (fits_exactly(have, n)) {
        hf_mem_zero((uint8_t *)p + n, have - n); /* what a shorter content leaves behind */
        return p;
    }
    void *moved = hf_arena_alloc(a, n);
    memcpy(moved, p, have < n ? have : n);
    hf_arena_free(a, p);
    return moved;
}
