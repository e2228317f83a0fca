/*
 * Places of guarded buffers: where they come from and go to. The handle of a buffer is the record of its place, in
 * ordinary memory; what happens to its bytes and rights is in buffer.c.
 */
#ifndef HF_MEM_GUARDED_H
#define HF_MEM_GUARDED_H

#include "mem/region.h"
#include <pthread.h>
#include <stdatomic.h>

#define HF_CANARY ((size_t)16)
#define HF_PLACE_CLASSES 5 /* places of 1, 2, 4, 8 and 16 pages; each larger buffer has a region of its own */
#define HF_GATES 64

/* A word at any address. */
typedef uint64_t hf_word __attribute__((aligned(1), may_alias));

enum { HF_PLACE_IDLE, HF_PLACE_LIVE, HF_PLACE_ENDING };

/* What opening and closing reads comes first: right after a system call nothing is in the nearest cache. */
struct hf_buffer {
    struct hf_home *home;
    uint8_t *low;          /* where its pages begin */
    uint8_t *end;          /* right behind its last byte, where the guard begins */
    const void *writer; /* the thread in a scope for writing; this and all that changes below is of who has the gate */
    uint32_t readers; /* open scopes */
    uint32_t nested; /* open scopes of the writer */
    uint32_t bytes;
    uint8_t at_rest;
    uint8_t rights; /* of its pages now */
    bool apart; /* its pages are a map of their own whatever their rights */
    _Atomic uint8_t state; /* HF_PLACE_ */
    _Atomic bool
        busy; /* a thread opens or closes it, which takes microseconds; all from writer on is its own meanwhile */
    uint32_t uses; /* how often this place was taken: each time it has another canary */
    uint64_t canary[2];
    uint64_t wipes; /* hf_registry_wipes_ended when the buffer was made */
    hf_buffer *next; /* of the idle ones of a shelf */
};

/* A region of places of one kind, each with a guard behind it; or of a single large one. */
typedef struct hf_home {
    hf_region region;
    struct hf_gate *gates; /* of the heap */
    struct hf_shelf *shelf;
    struct hf_home *next;
    hf_buffer *place; /* one for each stride of the reserve */
    uint32_t most;
    uint32_t places; /* that are in use or idle */
    uint32_t idle; /* of these, on the shelf: no buffer and in no thread's stock */
    _Atomic uint32_t apart; /* of these, set apart, where the others are no maps */
} hf_home;

/*
 * All places of one kind. Idle ones have its rights, and so have guards that are marks: what lies side by side is then
 * one map in the kernel, however many places that is.
 */
typedef struct hf_shelf {
    pthread_mutex_t lock;
    struct hf_heap *heap;
    hf_buffer *idle;
    hf_home *homes; /* newest first: it is the one that grows */
    hf_home *dormant; /* records whose region was given back to the system: for the next ones */
    _Atomic(const char *) full; /* why it could not grow last time; NULL: it could */
    uint32_t passed; /* requests that went on to a weaker backing since */
    uint32_t places;
    hf_backing backing;
    hf_access rights;
    uint8_t klass; /* HF_PLACE_CLASSES: large ones */
} hf_shelf;

/*
 * Of some of the buffers. A thread has the gate for the microseconds that it needs to open or close one. hf_wipe_all
 * must not lose the rights to what it writes: it waits for those who have a gate, and nobody gets one while it is at
 * work.
 */
typedef struct hf_gate {
    _Atomic bool taken;
    _Atomic uint32_t waiting; /* for the end of a scope, below */
    pthread_mutex_t lock;
    pthread_cond_t closed;
} hf_gate;

/* All guarded buffers of one process; a child made by fork starts with a new one. */
typedef struct hf_heap {
    uint64_t generation;
    uint64_t secret[2]; /* of the canaries */
    size_t page;
    uint32_t mapped_most; /* vm.max_map_count, but for some, as places */
    _Atomic uint32_t
        mapped; /* places that are two maps each: their guards are pages without rights, or they were set apart */
    hf_shelf shelf[HF_BACKING_MALLOC + 1][HF_ACCESS_READ_WRITE + 1][HF_PLACE_CLASSES + 1];
    hf_gate gate[HF_GATES];
} hf_heap;

/*
 * guarded.c. A place for spec->bytes and a canary: idle, with the rights of its shelf, all zero. HF_ERR_LOCKED_MEMORY,
 * HF_ERR_SYSTEM (no random bytes); *reterr_why as with hf_buffer_new.
 */
hf_err hf_place_take(const hf_buffer_spec *spec, hf_buffer **ret, const char **reterr_why) HF_MUST_USE;
/* The same back: idle, all zero, with the rights of its shelf. */
void hf_place_give(hf_buffer *b);

/* zero.c; p is at the start of a page. */
bool hf_all_zero(const uint8_t *p, size_t n);

/* Wipes everything, says why on stderr, and ends the process with SIGABRT. */
HF_NORETURN void hf_guarded_end(const char *line);

/* home.c; the lock of the shelf is held, but for large ones. */
size_t hf_home_stride(const hf_shelf *s);
/* A new region with `first` strides of `most`; its places come on the shelf. */
hf_err hf_home_new(hf_shelf *s, uint32_t most, uint32_t first, const char **reterr_why) HF_MUST_USE;
hf_err hf_home_grow(hf_home *home, uint32_t by, const char **reterr_why) HF_MUST_USE;
/* Gives the region back to the system. All its places are idle, and no longer on the shelf. */
void hf_home_release(hf_home *home);
/* One large place; hf_home_release ends it. */
hf_err hf_home_large(hf_shelf *s, size_t bytes, hf_buffer **ret, const char **reterr_why) HF_MUST_USE;

/* See hf_region_set_apart. */
hf_err hf_place_set_apart(hf_buffer *b) HF_MUST_USE;
/* The same where there are maps to spare: then opening is twice as fast from the next time on. */
void hf_place_try_apart(hf_buffer *b);

/* gate.c. A thread has one gate at a time, and waits for nothing else meanwhile. */
void hf_gate_take(hf_gate *gate, uint64_t generation);
void hf_gate_give(hf_gate *gate);
/* True while another thread has one of these. Async-signal-safe. */
bool hf_gate_any_taken(const hf_gate *gates);
/* guarded.c. The same for all gates of this process. */
bool hf_guarded_changes(void);

static inline size_t hf_place_bytes(const hf_buffer *b)
{
    return (size_t)(b->end - b->low);
}

static inline size_t hf_place_offset(const hf_buffer *b)
{
    return (size_t)(b->low - b->home->region.base);
}

static inline hf_gate *hf_place_gate(const hf_buffer *b)
{
    return &b->home->gates[(uintptr_t)b / 32 % HF_GATES];
}

#endif
