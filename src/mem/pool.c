/* Pools: an arena that grows and says so when it cannot, with a canary at the end of each block. */
#include "base/time.h"
#include "mem/canary.h"
#include "mem/registry.h"
#include <unistd.h>

#define LARGEST_BLOCK ((size_t)16 << 20)
#define LARGEST_POOL ((size_t)1 << 40)
#define DEFAULT_MAX ((size_t)16 << 20)
#define DEFAULT_FIRST ((size_t)64 << 10)

struct hf_pool {
    hf_arena arena;
};

static hf_arena *_Atomic process_pool; /* and its elders, those of the parents */

static const char why_bounds[] = "a pool must have 1 byte to 1 TiB, of which first_bytes is a part";
static const char why_forked[] = "this pool belongs to the parent process; make one of your own";

static const char why_limit[] = "RLIMIT_MEMLOCK leaves the pool no more; raise it with LimitMEMLOCK= or 'ulimit -l'";

static const char written_past[] = "holdfast: a block of locked memory was written past its end\n";

/* ---- life ---- */

/* What the limit leaves, at most 16 MiB; a page where it leaves nothing, so that trying says what is wrong. */
static size_t default_max(hf_backing weakest)
{
    size_t locked = 0, limit = 0;
    hf_region_limits(&locked, &limit);
    size_t left = limit > locked ? (limit - locked) / HF_PAGE * HF_PAGE : 0;
    if (weakest == HF_BACKING_MALLOC || left > DEFAULT_MAX)
        return DEFAULT_MAX;
    return left > HF_PAGE ? left : HF_PAGE;
}

hf_err hf_pool_new(const hf_pool_spec *spec, hf_pool **ret, const char **reterr_why)
{
    *reterr_why = why_bounds;
    HF_CHECK(spec->max_bytes <= LARGEST_POOL && spec->first_bytes <= LARGEST_POOL, HF_ERR_BOUNDS);
    HF_CHECK((unsigned)spec->weakest <= HF_BACKING_MALLOC, HF_ERR_BOUNDS);
    size_t max = spec->max_bytes == 0 ? default_max(spec->weakest) : spec->max_bytes;
    size_t first = spec->first_bytes == 0 ? DEFAULT_FIRST : spec->first_bytes;
    if (spec->first_bytes == 0 && first > max)
        first = max;
    if (spec->max_bytes == 0 && first > max)
        max = first;
    HF_CHECK(first <= max, HF_ERR_BOUNDS);
    /* A block that waited in one thread's cache would be missed by another that waits for it. */
    const hf_arena_sizes sizes = { max, first, spec->weakest, spec->wait_ms == 0 };
    hf_arena *a = NULL;
    HF_TRY(hf_arena_make(&sizes, &a, reterr_why));
    a->by_limit = spec->max_bytes == 0 && max < DEFAULT_MAX;
    a->wait_ms = spec->wait_ms;
    if (a->wait_ms != 0)
        hf_wait_init(&a->freed);
    *ret = (hf_pool *)a;
    return HF_OK;
}

hf_err hf_pool_destroy(hf_pool *p)
{
    HF_CHECK(p != NULL, HF_OK);
    hf_arena *a = &p->arena;
    HF_CHECK(!hf_forked_since(a->generation), HF_ERR_FORKED);
    HF_CHECK(a != atomic_load(&process_pool), HF_ERR_WRONG_STATE);
    HF_CHECK(hf_blocks_live(a) == 0, HF_ERR_WRONG_STATE);
    if (a->wait_ms != 0)
        pthread_cond_destroy(&a->freed);
    hf_arena_unmake(a);
    return HF_OK;
}

/* ---- blocks ---- */

static HF_NORETURN __attribute__((cold)) void misused(const hf_arena *a, const char *line)
{
    if (!a->ends_alone)
        hf_wipe_all();
    hf_arena_misuse(line);
}

/* The lock is held, or there is no other thread that could wait. */
static void *take(hf_arena *a, size_t n)
{
    return a->per_block ? hf_perblock_alloc(a, n) : hf_block_take(a, n + HF_CANARY_LEAST);
}

static __attribute__((noinline)) void *wait_for_room(hf_arena *a, size_t n)
{
    hf_mono until = hf_mono_after_ms(hf_mono_now(), a->wait_ms);
    pthread_mutex_lock(&a->lock);
    void *block = take(a, n);
    for (bool waited = true; block == NULL && waited; block = take(a, n))
        waited = hf_wait_until(&a->freed, &a->lock, until.ns);
    pthread_mutex_unlock(&a->lock);
    return block;
}

static __attribute__((noinline)) hf_err alloc_slow(hf_arena *a, size_t n, void **ret)
{
    HF_CHECK(n >= 1 && n <= LARGEST_BLOCK, HF_ERR_BOUNDS);
    HF_CHECK(!hf_forked_since(a->generation), HF_ERR_FORKED);
    void *block = a->per_block ? hf_perblock_alloc(a, n) : hf_block_alloc_slow(a, n + HF_CANARY_LEAST);
    if (block == NULL && a->wait_ms != 0)
        block = wait_for_room(a, n);
    HF_CHECK(block != NULL, HF_ERR_LOCKED_MEMORY);
    if (!a->per_block)
        hf_canary_write(a->canary, block, n, hf_block_room(n + HF_CANARY_LEAST));
    *ret = block;
    return HF_OK;
}

static __attribute__((noinline)) hf_err alloc_long_canary(hf_arena *a, void *block, size_t n, void **ret)
{
    hf_canary_write(a->canary, block, n, hf_block_room(n + HF_CANARY_LEAST));
    *ret = block;
    return HF_OK;
}

/* All but the common case is left to others, in calls that are the last thing done: so it needs no stack. */
hf_err hf_pool_alloc(hf_pool *p, size_t n, void **ret)
{
    hf_arena *a = &p->arena;
    if (n - 1 >= HF_CLASS_LARGEST - HF_CANARY_LEAST || !hf_surely_not_forked(a->generation))
        return alloc_slow(a, n, ret);
    unsigned k = hf_class_of(n + HF_CANARY_LEAST);
    hf_magazine *m = hf_magazine_of(a, k);
    if (m == NULL || m->count == 0)
        return alloc_slow(a, n, ret);
    void *block = hf_magazine_pop(a, m, k);
    if (n + HF_CANARY_LEAST != m->room)
        return alloc_long_canary(a, block, n, ret);
    hf_canary_write_least(a->canary, block, m->room);
    *ret = block;
    return HF_OK;
}

/* After hf_wipe_all canaries are zero as well: then there is nothing to be told from them. */
static bool intact(const hf_arena *a, const void *block, uint8_t state)
{
    return hf_canary_intact(a->canary, block, hf_block_bytes(a, block, state)) || hf_registry_wipes() != a->wipes;
}

static __attribute__((noinline)) void perblock_free(hf_arena *a, void *block)
{
    pthread_mutex_lock(&a->lock);
    hf_perblock_free(a, block);
    if (a->wait_ms != 0)
        pthread_cond_broadcast(&a->freed);
    pthread_mutex_unlock(&a->lock);
}

static HF_NORETURN __attribute__((cold)) void not_live(const hf_arena *a, const void *block)
{
    misused(a, hf_state_exists(a, block) ? "holdfast: a block of locked memory was freed twice, or never allocated\n"
                                         : "holdfast: a pointer that is not of this pool was freed\n");
}

/* Any block, and what is none. */
static __attribute__((noinline)) void free_slow(hf_arena *a, void *block)
{
    if (block == NULL || hf_forked_since(a->generation))
        return;
    if (a->per_block) {
        perblock_free(a, block);
        return;
    }
    uint8_t state = hf_state_take(a, block);
    if (state == 0)
        not_live(a, block);
    if (!intact(a, block, state))
        misused(a, written_past);
    hf_block_free(a, block, state);
}

/* Small blocks whose canary is short; all others, and what is wrong, are left to free_slow, in a call that is the last thing done. */
void hf_pool_free(hf_pool *p, void *block)
{
    hf_arena *a = &p->arena;
    hf_magazine *m = hf_magazine_for(a, hf_state_read(a, block));
    if (m == NULL || m->count >= m->most || m->room > HF_SMALL || !hf_surely_not_forked(a->generation) ||
        !hf_canary_is_least(a->canary, block, m->room)) {
        free_slow(a, block);
        return;
    }
    atomic_store_explicit(hf_state_of(a, block), 0, memory_order_relaxed);
    hf_small_zero(block, m->room);
    hf_magazine_push(m, block);
}

hf_err hf_pool_check(hf_pool *p, const void *block)
{
    const hf_arena *a = &p->arena;
    HF_CHECK(!hf_forked_since(a->generation), HF_ERR_FORKED);
    if (a->per_block)
        return hf_perblock_owns(a, block) ? HF_OK : HF_ERR_NOT_FOUND;
    uint8_t state = hf_state_read(a, block);
    HF_CHECK(state != 0, HF_ERR_NOT_FOUND);
    HF_CHECK(intact(a, block, state), HF_ERR_INTEGRITY);
    return HF_OK;
}

size_t hf_pool_block_len(const hf_arena *a, const void *block)
{
    if (hf_forked_since(a->generation))
        return 0;
    if (a->per_block)
        return hf_perblock_len(block);
    uint8_t state = hf_state_read(a, block);
    if (state == 0)
        not_live(a, block);
    size_t n = hf_canary_data_bytes(a->canary, block, hf_block_bytes(a, block, state));
    if (n == 0 && hf_registry_wipes() == a->wipes)
        misused(a, written_past);
    return n;
}

void hf_pool_status_get(hf_pool *p, hf_pool_status *ret)
{
    hf_arena *a = &p->arena;
    *ret = (hf_pool_status) { .backing = HF_BACKING_MALLOC, .why = why_forked };
    if (hf_forked_since(a->generation))
        return;
    pthread_mutex_lock(&a->lock);
    *ret = (hf_pool_status) {
        .backing = a->region.backing,
        .why = a->why_full[0] == '\0' ? a->region.why
               : a->by_limit          ? why_limit
                                      : a->why_full,
        .max_bytes = a->limit,
        .locked_bytes = a->region.bytes,
        .used_bytes = hf_arena_used(a),
        .live_blocks = hf_blocks_live(a),
    };
    pthread_mutex_unlock(&a->lock);
}

/* ---- the pool of the process ---- */

static hf_pool *process_pool_now(void)
{
    hf_arena *a = atomic_load_explicit(&process_pool, memory_order_acquire);
    return a != NULL && !hf_forked_since(a->generation) ? (hf_pool *)a : NULL;
}

/* Without a lock, which a fork could leave held: of two threads that come first, one throws its pool away. */
static __attribute__((noinline)) hf_err process_pool_make(hf_pool **ret)
{
    hf_arena *older = atomic_load(&process_pool);
    bool of_parent = older != NULL && hf_forked_since(older->generation);
    if (of_parent)
        hf_region_keep_out(&older->region);
    hf_err e = HF_OK;
    if (of_parent || older == NULL) {
        hf_pool *mine = NULL;
        const char *why = NULL;
        e = hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, &mine, &why);
        if (e == HF_OK) {
            mine->arena.older = older;
            if (!atomic_compare_exchange_strong(&process_pool, &older, &mine->arena))
                (void)hf_pool_destroy(mine);
        }
    }
    hf_pool *now = process_pool_now();
    HF_CHECK(now != NULL, e);
    *ret = now;
    return HF_OK;
}

hf_err hf_pool_of_process(hf_pool **ret)
{
    hf_pool *p = process_pool_now();
    if (p == NULL)
        return process_pool_make(ret);
    *ret = p;
    return HF_OK;
}

hf_arena *hf_pool_of_process_at(const void *p)
{
    hf_arena *a = atomic_load_explicit(&process_pool, memory_order_acquire);
    while (a != NULL && !hf_arena_owns(a, p))
        a = a->older;
    return a;
}
