/* What the files of src/mem share. Nothing here lies in the protected region itself. */
#ifndef HF_MEM_INTERNAL_H
#define HF_MEM_INTERNAL_H

#include "base/macros.h"
#include "mem/region.h"
#include <holdfast/arena.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#define HF_PAGE ((size_t)4096) /* the allocator's unit; the system's page is this or a multiple */
#define HF_GRAIN ((size_t)16)  /* alignment and smallest block */
#define HF_CLASSES 42
#define HF_CLASS_LARGEST ((size_t)16384) /* above: whole pages */
#define HF_BINS 33 /* free spans of 1 to 32 pages each have a list; the last holds longer ones */
#define HF_MAGAZINE 31 /* most blocks of one class that a thread keeps */
#define HF_CACHES 64 /* threads with a cache; further ones take the lock each time */
#define HF_CACHED_ARENAS 32 /* arenas and pools of one process that have thread caches at the same time */
#define HF_STACKS 64
#define HF_NO_PAGE UINT32_MAX
#define HF_STATE_SPAN 255 /* state of the first grain of a live span; a live slab block has class + 1 */

typedef enum hf_page_kind {
    HF_PAGE_INNER = 0, /* not the first page of anything */
    HF_PAGE_FREE, /* first or last page of a free span */
    HF_PAGE_SLAB,
    HF_PAGE_SPAN,
    HF_PAGE_STACK
} hf_page_kind;

/* One per page of the region. */
typedef struct hf_page {
    uint8_t kind;
    uint8_t klass; /* slab: size class */
    uint8_t owner; /* slab: thread cache that takes from it, counted from 1; 0: none */
    uint16_t n_free; /* slab: blocks that no thread holds */
    uint32_t head; /* first page of the slab or span that this page is part of */
    uint32_t n; /* first (and, when free, last) page: length in pages */
    uint32_t next; /* list of free spans or of slabs with free blocks */
    uint32_t prev;
    uint64_t free[4]; /* slab: one bit for each free block */
} hf_page;

/* Free blocks of one class that one thread may hand out without a lock. All are zero and have state 0. */
typedef struct hf_magazine {
    uint32_t count; /* not shorter: it is read right after it was written, and this processors do without waiting */
    uint8_t most; /* hf_class_batch */
    uint8_t state; /* of its blocks when they are live: class + 1 */
    uint16_t room; /* hf_class_bytes */
    void *block[HF_MAGAZINE];
} hf_magazine;

typedef struct hf_cache {
    hf_arena *arena;
    bool taken;
    hf_magazine *recent; /* that a block was last freed to */
    hf_magazine magazine[HF_CLASSES];
} hf_cache;

/*
 * An arena; and a pool (pool.c), which is an arena that grows, answers NULL and ends each block with a canary. Its record and
 * its tables lie in ordinary memory. What each allocation reads comes first.
 */
struct hf_arena {
    uint8_t *base;
    size_t limit; /* most bytes of the region; how many are locked now is in region.bytes */
    _Atomic uint8_t *state; /* one per grain: 0, or what lives at this address */
    bool per_block; /* sanitizer builds: every block is a malloc of its own */
    bool sealed;
    bool by_limit; /* pools: RLIMIT_MEMLOCK set their maximum */
    uint32_t wait_ms; /* pools */
    bool
        ends_alone; /* a mistake ends the process without hf_wipe_all: arenas, under whose threads no key may become zero */
    uint64_t canary[2]; /* the secret of canaries, which blocks of pools and secrets have */
    _Atomic uint64_t wipes; /* hf_registry_wipes_ended when it was made; any other, once it was wiped */
    hf_arena *older; /* pools of the process: that of the parent */

    /* The lock guards from here to the end, but for the atomics. */
    pthread_cond_t freed; /* pools that wait: a block was given back */
    hf_region region;
    const char *why_full; /* static: why the last growth failed; empty when it did not */
    size_t tables_bytes;
    hf_page *page;
    uint32_t n_pages;
    uint32_t partial[HF_CLASSES];
    uint32_t bin[HF_BINS];
    _Atomic size_t used; /* bytes */
    _Atomic size_t blocks; /* per_block: live ones; else the states tell */
    struct {
        uint8_t *low; /* the guard page */
        uint8_t *end;
    } stack[HF_STACKS];
    _Atomic uint32_t n_stacks;

    /* From here on it outlives the arena, as threads may come back to it: hf_arena_record_take. */
    uint32_t id; /* its place in hf_my_cache; HF_CACHED_ARENAS: it has no thread caches */
    uint64_t generation; /* hf_fork_generation of the last maker */
    pthread_mutex_t lock;
    _Atomic uint32_t threads; /* that allocated or freed here and have not ended */
    hf_cache cache[HF_CACHES];
};

/* The caches of this thread; those of an arena that was destroyed are empty and serve the next one of its id. The last is NULL. */
extern _Thread_local hf_cache *hf_my_cache[HF_CACHED_ARENAS + 1];

static inline void hf_mem_zero(void *p, size_t n)
{
    memset(p, 0, n);
    __asm__ volatile("" : : "r"(p) : "memory");
}

#define HF_SMALL ((size_t)64)

/* Two to four whole grains of a block, without a call and without a loop; some twice. */
static inline void hf_small_zero(void *p, size_t n)
{
    typedef uint64_t __attribute__((vector_size(16), may_alias)) grain;
    grain *first = p, *end = (grain *)(void *)((uint8_t *)p + n);
    first[0] = end[-1] = (grain) { 0, 0 };
    if (n > 2 * sizeof(grain))
        first[1] = end[-2] = (grain) { 0, 0 };
    __asm__ volatile("" : : "r"(p) : "memory");
}

/*
 * record.c. A record with tables for `limit` bytes and an id, all zero but for what its threads know of it; NULL when memory
 * is short. Giving it back leaves its caches to the next arena of that id.
 */
hf_arena *hf_arena_record_take(size_t limit, bool cached);
void hf_arena_record_give(hf_arena *a);

/* arena.c: makes region and record, and tells hf_wipe_all. `first` of the bytes are had now. */
typedef struct hf_arena_sizes {
    size_t limit;
    size_t first;
    hf_backing weakest;
    bool cached; /* blocks that a thread frees may wait for its next allocation */
} hf_arena_sizes;
hf_err hf_arena_make(const hf_arena_sizes *sizes, hf_arena **ret, const char **reterr_why);
/* Undoes hf_arena_make. Nothing else may use the arena; threads that did may end meanwhile. */
void hf_arena_unmake(hf_arena *a);

/* arena.c; the lock is held. Locks more memory, so that n pages in a row can be had; false when that cannot be. */
bool hf_arena_grow(hf_arena *a, uint32_t n);

/* arena.c: says why, wipes when that is safe, and ends the process with 71. */
HF_NORETURN void hf_arena_die(hf_arena *a);

/* span.c; the lock is held. Pages taken and given back are zero. */
void hf_span_init(hf_arena *a);
uint32_t hf_span_take(hf_arena *a, uint32_t n, hf_page_kind kind); /* HF_NO_PAGE when there is none */
void hf_span_give(hf_arena *a, uint32_t first);
uint32_t hf_span_tail(const hf_arena *a); /* free pages at the end: growing adds to them */
void hf_span_grown(hf_arena *a, uint32_t n_pages); /* that many pages are now in all */

/* slab.c */
extern const uint16_t hf_class_sizes[HF_CLASSES];
extern uint8_t hf_class_by_grains[HF_CLASS_LARGEST / HF_GRAIN + 1];
extern uint8_t hf_class_batches[HF_CLASSES];
void hf_class_init(void);
/* What a slab of a class takes, and how many blocks that gives: for budgets. */
size_t hf_slab_bytes(unsigned k, uint32_t *ret_blocks);
static inline size_t hf_class_bytes(unsigned k)
{
    return hf_class_sizes[k];
}
static inline unsigned hf_class_of(size_t n) /* n <= HF_CLASS_LARGEST */
{
    return hf_class_by_grains[(n + HF_GRAIN - 1) / HF_GRAIN];
}
static inline uint32_t hf_class_batch(unsigned k) /* most blocks in a magazine */
{
    return hf_class_batches[k];
}
/* The lock is held. Fills `blocks` with 1 to n free blocks; 0 when the arena is exhausted. c may be NULL. */
uint32_t hf_slab_take(hf_arena *a, const hf_cache *c, unsigned k, void **blocks, uint32_t n);
void hf_slab_give(hf_arena *a, unsigned k, void *const *blocks, uint32_t n);
void hf_slab_trim(hf_arena *a); /* gives back the empty slabs that are kept for the next block of their class */

/* alloc.c */
bool hf_caches_init(void); /* before the first arena; false when there can be none */
void hf_caches_empty(hf_arena *a); /* the lock is held: the caches forget their blocks, which nobody uses */
void hf_caches_after_fork(hf_arena *a); /* only this thread is left */
/* Any size of 1 byte and more; NULL when the arena is exhausted. */
void *hf_block_alloc_slow(hf_arena *a, size_t n);
void *hf_block_take(hf_arena *a, size_t n); /* the same with the lock held, past the caches */
/* Wipes and gives back a block that hf_state_take made dead. */
void hf_block_free(hf_arena *a, void *p, uint8_t state);
void hf_block_free_slow(hf_arena *a, void *p, uint8_t state); /* the same for a wiped block, past the caches */
size_t hf_blocks_live(hf_arena *a);
/* One line on stderr, then abort. */
HF_NORETURN __attribute__((cold)) void hf_arena_misuse(const char *line);

static inline bool hf_state_exists(const hf_arena *a, const void *p)
{
    return (uintptr_t)p - (uintptr_t)a->base < a->limit && (uintptr_t)p % HF_GRAIN == 0;
}

static inline _Atomic uint8_t *hf_state_of(const hf_arena *a, const void *p)
{
    return &a->state[((uintptr_t)p - (uintptr_t)a->base) / HF_GRAIN];
}

/* The state of the live block at p: class + 1 or HF_STATE_SPAN; 0 when there is none. */
static inline uint8_t hf_state_read(const hf_arena *a, const void *p)
{
    return hf_state_exists(a, p) ? atomic_load_explicit(hf_state_of(a, p), memory_order_relaxed) : 0;
}

/*
 * The same, and the block is live no more. Read and write are two steps, as one would cost more than all the rest of a free: when two
 * threads free a block at once, both may win, and hf_state_set sees it as the block is handed out for the second time.
 */
static inline uint8_t hf_state_take(const hf_arena *a, const void *p)
{
    uint8_t state = hf_state_read(a, p);
    if (state != 0)
        atomic_store_explicit(hf_state_of(a, p), 0, memory_order_relaxed);
    return state;
}

/* Makes the block live. False, when it is already. */
static inline bool hf_state_set(const hf_arena *a, const void *p, uint8_t state)
{
    _Atomic uint8_t *s = hf_state_of(a, p);
    bool dead = atomic_load_explicit(s, memory_order_relaxed) == 0;
    atomic_store_explicit(s, state, memory_order_relaxed);
    return dead;
}

static inline size_t hf_block_bytes(const hf_arena *a, const void *p, uint8_t state)
{
    if (state != HF_STATE_SPAN)
        return hf_class_bytes(state - 1u);
    return a->page[((uintptr_t)p - (uintptr_t)a->base) / HF_PAGE].n *
           HF_PAGE; /* needs no lock: the block is the caller's */
}

/* What a block of n bytes takes. */
static inline size_t hf_block_room(size_t n)
{
    return n > HF_CLASS_LARGEST ? (n + HF_PAGE - 1) / HF_PAGE * HF_PAGE : hf_class_bytes(hf_class_of(n));
}

/* What this thread keeps of class k; NULL when it keeps nothing of this arena. */
static inline hf_magazine *hf_magazine_of(const hf_arena *a, unsigned k)
{
    hf_cache *c = hf_my_cache[a->id];
    return c == NULL ? NULL : &c->magazine[k];
}

/*
 * The magazine for a block of this state; NULL when there is none. Mostly it is the one of the free before: guessing that, instead of computing
 * it, lets the processor go on before it has read the state.
 */
static inline hf_magazine *hf_magazine_for(const hf_arena *a, uint8_t state)
{
    hf_cache *c = hf_my_cache[a->id];
    if (c == NULL)
        return NULL;
    hf_magazine *m = c->recent;
    if (m->state != state) {
        if (state == 0 || state == HF_STATE_SPAN)
            return NULL;
        m = c->recent = &c->magazine[state - 1];
        __asm__ volatile("" : "+r"(m)); /* keeps the branch */
    }
    return m;
}

/* A free block of class k, now live, from a magazine that is not empty. */
static inline void *hf_magazine_pop(const hf_arena *a, hf_magazine *m, unsigned k)
{
    void *p = m->block[--m->count];
    if (!hf_state_set(a, p, (uint8_t)(k + 1)))
        hf_arena_misuse("holdfast: two threads freed one block at the same time\n");
    return p;
}

/* A dead and wiped block into a magazine that is not full. */
static inline void hf_magazine_push(hf_magazine *m, void *p)
{
    m->block[m->count++] = p;
}

/* wait.c: conditions that are waited for until a time of the monotonic clock. */
void hf_wait_init(pthread_cond_t *c);
bool hf_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ns); /* false when the time is over */

/* random.c: of the operating system; false when it gives none. */
bool hf_random_fill(void *dst, size_t n) HF_MUST_USE;

/* perblock.c: the arena of sanitizer builds. */
bool hf_perblock_wanted(void);
void *hf_perblock_alloc(hf_arena *a, size_t n); /* zero; NULL when the arena is exhausted */
void *hf_perblock_realloc(hf_arena *a, void *p, size_t n);
void hf_perblock_free(hf_arena *a, void *p);
bool hf_perblock_owns(const hf_arena *a, const void *p);
size_t hf_perblock_len(const void *p);

/* pool.c: the pool of the process that has this address, of this process or of a parent; NULL when none has. */
hf_arena *hf_pool_of_process_at(const void *p);
/* How many bytes a live block was asked for; 0 in a child and after hf_wipe_all. Ends the process when the block is not live, or broken. */
size_t hf_pool_block_len(const hf_arena *a, const void *block);

#endif
