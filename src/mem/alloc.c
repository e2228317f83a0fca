/* The general allocator: thread caches over slabs, whole pages for large blocks. Free memory is always zero. */
#include "mem/internal.h"
#include <stdlib.h>
#include <unistd.h>

_Thread_local hf_cache *hf_my_cache[HF_CACHED_ARENAS + 1];
static _Thread_local bool my_end; /* the caches of this thread were given back: it is ending */
static pthread_key_t end_key;
static bool have_end_key;

void hf_arena_misuse(const char *line)
{
    ssize_t n = write(STDERR_FILENO, line, (unsigned)strlen(line));
    (void)n;
    abort();
}

/* ---- caches ---- */

/* The lock is held. True when there was a block in it. */
static bool cache_flush(hf_arena *a, hf_cache *c)
{
    uint32_t given = 0;
    for (unsigned k = 0; k < HF_CLASSES; k++) {
        hf_magazine *m = &c->magazine[k];
        hf_slab_give(a, k, m->block, m->count);
        given += m->count;
        m->count = 0;
    }
    return given > 0;
}

/* The arena may be one that was destroyed meanwhile: then the cache is empty. In a child the lock is not ours to take. */
static void cache_return(hf_cache *c)
{
    hf_arena *a = c->arena;
    if (hf_forked_since(a->generation))
        return;
    pthread_mutex_lock(&a->lock);
    (void)cache_flush(a, c);
    c->taken = false;
    pthread_mutex_unlock(&a->lock);
    atomic_fetch_sub(&a->threads, 1);
}

static void thread_ends(void *unused)
{
    (void)unused;
    my_end = true;
    for (unsigned i = 0; i < HF_CACHED_ARENAS; i++) {
        hf_cache *c = hf_my_cache[i];
        hf_my_cache[i] = NULL;
        if (c != NULL)
            cache_return(c);
    }
}

static void make_end_key(void)
{
    have_end_key = pthread_key_create(&end_key, thread_ends) == 0;
}

bool hf_caches_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_end_key);
    return have_end_key;
}

void hf_caches_empty(hf_arena *a)
{
    for (unsigned i = 0; i < HF_CACHES; i++)
        for (unsigned k = 0; k < HF_CLASSES && a->cache[i].taken; k++)
            a->cache[i].magazine[k].count = 0;
}

void hf_caches_after_fork(hf_arena *a)
{
    for (unsigned i = 0; i < HF_CACHES; i++)
        a->cache[i].taken = hf_my_cache[a->id] == &a->cache[i];
    atomic_store(&a->threads, hf_my_cache[a->id] == NULL ? 0 : 1);
    hf_caches_empty(a);
}

static void cache_init(hf_cache *c)
{
    hf_mem_zero(c, sizeof *c);
    c->taken = true;
    c->recent = &c->magazine[0];
    for (unsigned k = 0; k < HF_CLASSES; k++) {
        c->magazine[k].most = (uint8_t)hf_class_batch(k);
        c->magazine[k].state = (uint8_t)(k + 1);
        c->magazine[k].room = (uint16_t)hf_class_bytes(k);
    }
}

/* The cache of this thread; NULL when it has to do without. */
static hf_cache *cache_find(hf_arena *a)
{
    if (a->id >= HF_CACHED_ARENAS || my_end)
        return NULL;
    if (hf_my_cache[a->id] != NULL)
        return hf_my_cache[a->id];
    if (pthread_setspecific(end_key, &end_key) != 0) /* any value that is not NULL: makes thread_ends run */
        return NULL;
    pthread_mutex_lock(&a->lock);
    hf_cache *c = NULL;
    for (unsigned i = 0; i < HF_CACHES && c == NULL; i++)
        if (!a->cache[i].taken)
            c = &a->cache[i];
    if (c != NULL) {
        cache_init(c);
        c->arena = a;
        hf_my_cache[a->id] = c;
        atomic_fetch_add(&a->threads, 1);
    }
    pthread_mutex_unlock(&a->lock);
    return c;
}

/* ---- blocks ---- */

static void *take_pages(hf_arena *a, size_t n)
{
    if (n > a->limit)
        return NULL;
    uint32_t pages = (uint32_t)((n + HF_PAGE - 1) / HF_PAGE);
    uint32_t first = hf_span_take(a, pages, HF_PAGE_SPAN);
    if (first == HF_NO_PAGE && hf_arena_grow(a, pages))
        first = hf_span_take(a, pages, HF_PAGE_SPAN);
    return first == HF_NO_PAGE ? NULL : a->base + first * HF_PAGE;
}

/* One block for the caller, and more of its class for the cache c, which may be NULL. */
static void *take(hf_arena *a, hf_cache *c, size_t n)
{
    if (n > HF_CLASS_LARGEST)
        return take_pages(a, n);
    unsigned k = hf_class_of(n);
    void *block[HF_MAGAZINE];
    uint32_t got = hf_slab_take(a, c, k, block, c == NULL ? 1 : (hf_class_batch(k) + 1) / 2);
    if (got == 0)
        return NULL;
    while (c != NULL && got > 1) {
        hf_magazine *m = &c->magazine[k];
        m->block[m->count++] = block[--got];
    }
    return block[0];
}

static void *mark(hf_arena *a, void *p, size_t n)
{
    uint8_t state = n > HF_CLASS_LARGEST ? HF_STATE_SPAN : (uint8_t)(hf_class_of(n) + 1);
    if (p != NULL && !hf_state_set(a, p, state))
        hf_arena_misuse("holdfast: two threads freed one block at the same time\n");
    return p;
}

void *hf_block_take(hf_arena *a, size_t n)
{
    void *p = take(a, NULL, n);
    if (p == NULL) {
        hf_slab_trim(a);
        p = take(a, NULL, n);
    }
    return mark(a, p, n);
}

__attribute__((noinline)) void *hf_block_alloc_slow(hf_arena *a, size_t n)
{
    hf_cache *c = cache_find(a);
    hf_magazine *m = c == NULL || n > HF_CLASS_LARGEST ? NULL : &c->magazine[hf_class_of(n)];
    if (m != NULL && m->count > 0) /* where hf_surely_not_forked never holds: take() would fill it beyond its end */
        return hf_magazine_pop(a, m, hf_class_of(n));
    pthread_mutex_lock(&a->lock);
    void *p = mark(a, take(a, c, n), n);
    if (p == NULL) {
        if (c != NULL)
            (void)cache_flush(a, c);
        p = hf_block_take(a, n);
    }
    pthread_mutex_unlock(&a->lock);
    return p;
}

/* c is full: it keeps the newer half, and p. */
static void give_half(hf_arena *a, hf_magazine *m, unsigned k, void *p)
{
    uint32_t half = m->count / 2;
    hf_slab_give(a, k, m->block, half);
    m->count -= half;
    memmove(m->block, m->block + half, m->count * sizeof m->block[0]);
    m->block[m->count++] = p;
}

__attribute__((noinline)) void hf_block_free_slow(hf_arena *a, void *p, uint8_t state)
{
    hf_cache *c = cache_find(a);
    pthread_mutex_lock(&a->lock);
    if (state == HF_STATE_SPAN)
        hf_span_give(a, (uint32_t)((size_t)((uint8_t *)p - a->base) / HF_PAGE));
    else if (c == NULL || c->magazine[state - 1].count == 0)
        hf_slab_give(a, state - 1u, &p, 1);
    else
        give_half(a, &c->magazine[state - 1], state - 1u, p);
    if (a->wait_ms != 0)
        pthread_cond_broadcast(&a->freed);
    pthread_mutex_unlock(&a->lock);
}

void hf_block_free(hf_arena *a, void *p, uint8_t state)
{
    hf_magazine *m = hf_magazine_for(a, state);
    hf_mem_zero(p, m != NULL ? m->room : hf_block_bytes(a, p, state));
    if (m == NULL || m->count >= m->most)
        hf_block_free_slow(a, p, state);
    else
        hf_magazine_push(m, p);
}

/* Reads the states word by word, as most are 0; TSan and the language take the reads for what they are, atomic. */
size_t hf_blocks_live(hf_arena *a)
{
    typedef uint64_t __attribute__((may_alias)) word;
    if (a->per_block)
        return atomic_load(&a->blocks);
    const word *w = (const word *)(const void *)a->state;
    size_t live = 0;
    for (size_t i = 0; i < hf_region_bytes(&a->region) / HF_GRAIN / sizeof(word); i++)
        for (uint64_t x = __atomic_load_n(&w[i], __ATOMIC_RELAXED); x != 0; x >>= 8)
            live += (x & 0xff) != 0;
    return live;
}

/* ---- arenas ---- */

void *hf_arena_try_alloc(hf_arena *a, size_t n)
{
    bool here = hf_surely_not_forked(a->generation);
    if (n <= HF_CLASS_LARGEST && here) {
        unsigned k = n == 0 ? 0 : hf_class_of(n);
        hf_magazine *m = hf_magazine_of(a, k);
        if (m != NULL && m->count > 0)
            return hf_magazine_pop(a, m, k);
    }
    if (!here && hf_forked_since(a->generation))
        return NULL;
    n = n == 0 ? 1 : n;
    return a->per_block ? hf_perblock_alloc(a, n) : hf_block_alloc_slow(a, n);
}

static bool is_of_parent(const hf_arena *a)
{
    return !hf_surely_not_forked(a->generation) && hf_forked_since(a->generation);
}

static HF_NORETURN __attribute__((cold)) void has_no_more(hf_arena *a)
{
    if (is_of_parent(a))
        hf_arena_misuse("holdfast: a child allocated in the arena of its parent; it has to make one of its own\n");
    hf_arena_die(a);
}

void *hf_arena_alloc(hf_arena *a, size_t n)
{
    void *p = hf_arena_try_alloc(a, n);
    if (p == NULL)
        has_no_more(a);
    return p;
}

void hf_arena_free(hf_arena *a, void *p)
{
    if (p == NULL || is_of_parent(a))
        return;
    if (a->per_block) {
        hf_perblock_free(a, p);
        return;
    }
    uint8_t state = hf_state_take(a, p);
    if (state == 0)
        hf_arena_misuse(hf_state_exists(a, p) ? "holdfast: a block was freed twice, or never allocated\n"
                                              : "holdfast: a pointer that is not of this arena was freed\n");
    hf_block_free(a, p, state);
}

void *hf_arena_realloc(hf_arena *a, void *p, size_t n)
{
    if (p == NULL)
        return hf_arena_alloc(a, n);
    if (is_of_parent(a))
        has_no_more(a);
    if (a->per_block)
        return hf_perblock_realloc(a, p, n);
    uint8_t state = hf_state_read(a, p);
    if (state == 0)
        hf_arena_misuse("holdfast: a block that is not live was reallocated\n");
    if (n > a->limit)
        hf_arena_die(a);
    size_t have = hf_block_bytes(a, p, state);
    if (hf_block_room(n == 0 ? 1 : n) == have) {
        hf_mem_zero((uint8_t *)p + n, have - n); /* what a shorter content leaves behind */
        return p;
    }
    void *moved = hf_arena_alloc(a, n);
    memcpy(moved, p, have < n ? have : n);
    hf_arena_free(a, p);
    return moved;
}
