/* Arenas: locked memory as the whole heap of a library that cannot bear a failed allocation, such as OpenSSL. */
#ifndef HOLDFAST_ARENA_H
#define HOLDFAST_ARENA_H

#include <holdfast/mem.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One region of fixed size, set up once: created, mapped, its descriptor closed, excluded from fork and dumps, every
 * page touched, guard pages at both ends. (A pool of mem.h is the same with growth, errors and canaries.)
 *
 *   | guard | slabs, large blocks, stacks (each with a guard at its low end) | guard |
 *
 * Blocks have no headers: what is free, and how long it is, stands in ordinary memory outside the region, so that
 * writing past a block reaches no allocator data. Freed blocks are wiped at once; free memory is always zero. Blocks
 * up to 16 KiB come from per-thread caches.
 *
 * Fork: a child, however it was made, has none of the bytes. In it hf_arena_try_alloc gives NULL, hf_arena_stack
 * HF_ERR_FORKED, hf_arena_free and hf_arena_wipe_all do nothing, and hf_arena_alloc and hf_arena_realloc end the child
 * with one line on stderr (abort): a child of a process whose OpenSSL lives in an arena ends with _exit or exec.
 *
 * Builds with AddressSanitizer give each block its own malloc instead and report HF_BACKING_MALLOC whatever was asked
 * for.
 */
typedef struct hf_arena hf_arena;

typedef struct hf_arena_spec {
    size_t bytes;        /* capacity; rounded up to pages */
    hf_backing weakest;  /* refuse anything weaker: strict callers say HF_BACKING_MEMFD_SECRET */
} hf_arena_spec;

/*
 * Makes an arena in the best backing that can be had, not weaker than spec->weakest.
 * HF_ERR_LOCKED_MEMORY when there is none, HF_ERR_BOUNDS for a size outside 1 byte to 1 TiB, HF_ERR_SYSTEM
 * when there are no random bytes for canaries (hf_secret). *reterr_why (not NULL) is always set:
 * a static sentence with cause and remedy of the failure, or of a backing that is not the best; empty when it is.
 * One arena lives as long as its process; there is no destroy.
 * Touching the pages takes about 15 us each (16 MiB: 60 ms).
 */
HF_API hf_err hf_arena_create(const hf_arena_spec *spec, hf_arena **ret, const char **reterr_why);

HF_API hf_backing hf_arena_backing(const hf_arena *a);
/* Why the backing is not memfd_secret: a static sentence with the remedy, under 96 bytes; empty when it is. */
HF_API const char *hf_arena_backing_why(const hf_arena *a);
HF_API size_t hf_arena_capacity(const hf_arena *a);
/* Bytes in slabs, large blocks and stacks: what thread caches hold counts as used. */
HF_API size_t hf_arena_used(const hf_arena *a);
/* True above 70 % use: refuse new work, so that what runs can finish. */
HF_API bool hf_arena_above_high_water(const hf_arena *a);

/*
 * Memory of at least n bytes (0 counts as 1), 16-aligned, contents undefined. Never NULL: when the arena is exhausted
 * the process ends with one line on stderr and _exit(71), because OpenSSL can report success with wrong results after a
 * failed allocation. Before that the arena is wiped, unless other threads use it: a key zeroed under a running
 * operation could let a faulty signature leave; the kernel then clears memfd_secret pages as the process ends.
 */
HF_API void *hf_arena_alloc(hf_arena *a, size_t n);
/* The same, but NULL when the arena is exhausted: for callers that can say so, as hf_secret_new does. */
HF_API void *hf_arena_try_alloc(hf_arena *a, size_t n);
/* The old block, or the part that is cut off, is wiped. NULL p allocates; n 0 does not free. */
HF_API void *hf_arena_realloc(hf_arena *a, void *p, size_t n);
/* Wipes and frees; NULL is fine. A pointer that is not a live block of this arena ends the process (abort). */
HF_API void hf_arena_free(hf_arena *a, void *p);
HF_API bool hf_arena_owns(const hf_arena *a, const void *p);

/*
 * A stack with a guard page at its low end for pthread_attr_setstack: *ret_low is the lowest usable byte.
 * Threads on it must be detached and never joined (a join is a shared futex, which the kernel refuses in
 * memfd_secret memory). At most 64 stacks, before hf_arena_seal. HF_ERR_LOCKED_MEMORY when there is no room.
 */
HF_API hf_err hf_arena_stack(hf_arena *a, size_t bytes, void **ret_low);

/*
 * After the last stack: the mapping can no longer be unmapped, moved or given other rights (mseal, Linux 6.10).
 * False where the kernel has no mseal.
 */
HF_API bool hf_arena_seal(hf_arena *a);

/*
 * Zeroes the whole region at once, except the caller's own stack where that lies in it: for the way out.
 * Async-signal-safe. Other threads must have stopped, and nothing in it may be used afterwards.
 */
HF_API void hf_arena_wipe_all(hf_arena *a);

#ifdef __cplusplus
}
#endif
#endif
