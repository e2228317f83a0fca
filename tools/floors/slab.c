/*
 * The ideal slab: objects of one size side by side in one locked region, 16 bytes of room for a canary behind each, the free
 * ones on a stack of indexes; freeing wipes. The floor of every allocator of locked memory: it takes and gives back an
 * index, wipes, and does nothing else. No canary is written or checked, no pointer is checked, no lock is taken: each
 * thread has a stack of its own and its share of the region.
 */
#include "floor.h"

#define CANARY_ROOM 16
#define THREADS 8

/* What the numbers on the stack count: objects, whose size is known at run time. */
#ifndef UNIT
#define UNIT stride
#define NAME "slab"
#endif

static const char subject_name[] = NAME;

typedef struct share { /* threads must not write to one cache line */
    _Alignas(128) uint8_t *base;
    uint32_t *free;
    uint32_t n_free;
} share;

static size_t stride;
static share all[THREADS];
static unsigned n_taken; /* shares that a thread has */
static _Thread_local share *mine;

static void subject_start(void)
{
    stride = (floor_setting("bytes", 32) + CANARY_ROOM + 15) / 16 * 16;
    size_t count = floor_setting("count", 10000);
    for (unsigned i = 0; i < (floor_setting("threads", 1) > 1 ? THREADS : 1); i++) {
        share *s = &all[i];
        size_t bytes = (count * stride + FLOOR_PAGE - 1) / FLOOR_PAGE * FLOOR_PAGE;
        s->base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        s->free = calloc(count, sizeof *s->free);
        if (s->base == MAP_FAILED || s->free == NULL || mlock(s->base, bytes) != 0)
            floor_fail("the region");
        for (uint32_t k = 0; k < count; k++)
            s->free[k] = (uint32_t)((count - 1 - k) * stride / UNIT);
        s->n_free = (uint32_t)count;
    }
}

__attribute__((noinline)) static share *take_share(void)
{
    return mine = &all[__atomic_fetch_add(&n_taken, 1, __ATOMIC_RELAXED) % THREADS];
}

/* Calls, as those of a library are. */
__attribute__((noinline)) static void *subject_alloc(size_t n)
{
    share *s = mine != NULL ? mine : take_share();
    (void)n;
    if (s->n_free == 0)
        return NULL;
    return s->base + (size_t)s->free[--s->n_free] * UNIT;
}

__attribute__((noinline)) static void subject_free(void *p, size_t n)
{
    share *s = mine;
    explicit_bzero(p, n);
    s->free[s->n_free++] = (uint32_t)((size_t)((uint8_t *)p - s->base) / UNIT);
}

static void *subject_bytes(void *object)
{
    return object;
}

#include "allocator.h"
