/* What the files of src/mem share. Nothing here lies in the protected region itself. */
#ifndef HF_MEM_INTERNAL_H
#define HF_MEM_INTERNAL_H

#include "base/macros.h"
#include <holdfast/arena.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define HF_PAGE ((size_t)4096) /* the allocator's unit; the system's page is this or a multiple */
#define HF_GRAIN ((size_t)16)  /* alignment and smallest block */
#define HF_CLASSES 36
#define HF_CLASS_LARGEST ((size_t)16384) /* above: whole pages */
#define HF_BINS 33 /* free spans of 1 to 32 pages each have a list; the last holds longer ones */
#define HF_MAGAZINE 32 /* most blocks of one class that a thread keeps */
#define HF_CACHES 64 /* threads with a cache; further ones take the lock each time */
#define HF_CACHED_ARENAS 4 /* arenas of one process that have thread caches */
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
    uint32_t count;
    void *block[HF_MAGAZINE];
} hf_magazine;

typedef struct hf_cache {
    hf_arena *arena;
    bool taken;
    hf_magazine magazine[HF_CLASSES];
} hf_cache;

struct hf_arena {
    uint8_t *base;
    size_t bytes;
    uint32_t n_pages;
    uint32_t id;
    hf_backing backing;
    const char *why;
    bool sealed;
    bool per_block; /* sanitizer builds: every block is a malloc of its own */

    pthread_mutex_t lock; /* guards everything below except the atomics */
    hf_page *page;
    _Atomic uint8_t *state; /* one per grain: 0, or what lives at this address */
    uint32_t partial[HF_CLASSES];
    uint32_t bin[HF_BINS];
    _Atomic size_t used; /* bytes */
    _Atomic uint32_t threads; /* that allocated or freed here and have not ended */
    struct {
        uint8_t *low; /* the guard page */
        uint8_t *end;
    } stack[HF_STACKS];
    _Atomic uint32_t n_stacks;
    hf_cache cache[HF_CACHES];
};

static inline void hf_mem_zero(void *p, size_t n)
{
    memset(p, 0, n);
    __asm__ volatile("" : : "r"(p) : "memory");
}

/* arena.c: says why, wipes when that is safe, and ends the process with 71. */
HF_NORETURN void hf_arena_die(hf_arena *a);

/* span.c; the lock is held. Pages taken and given back are zero. */
void hf_span_init(hf_arena *a);
uint32_t hf_span_take(hf_arena *a, uint32_t n, hf_page_kind kind); /* HF_NO_PAGE when there is none */
void hf_span_give(hf_arena *a, uint32_t first);

/* slab.c */
size_t hf_class_bytes(unsigned k);
unsigned hf_class_of(size_t n); /* n <= HF_CLASS_LARGEST */
uint32_t hf_class_batch(unsigned k); /* most blocks in a magazine */
void hf_class_init(void);
/* The lock is held. Fills `blocks` with 1 to n free blocks; 0 when the arena is exhausted. c may be NULL. */
uint32_t hf_slab_take(hf_arena *a, const hf_cache *c, unsigned k, void **blocks, uint32_t n);
void hf_slab_give(hf_arena *a, unsigned k, void *const *blocks, uint32_t n);

/* perblock.c: the arena of sanitizer builds. */
bool hf_perblock_wanted(void);
void *hf_perblock_alloc(hf_arena *a, size_t n);
void *hf_perblock_realloc(hf_arena *a, void *p, size_t n);
void hf_perblock_free(hf_arena *a, void *p);
bool hf_perblock_owns(const hf_arena *a, const void *p);

/* alloc.c: one line on stderr, then abort. */
HF_NORETURN void hf_arena_misuse(const char *line);

#endif
