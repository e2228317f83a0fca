/* Locked memory: pools of small secrets, guarded buffers, comparing and wiping. Works without OpenSSL. */
#ifndef HOLDFAST_MEM_H
#define HOLDFAST_MEM_H

#include <holdfast/err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what holds the bytes ---- */

/* Best first. Reported truthfully, never assumed. */
typedef enum hf_backing {
    HF_BACKING_MEMFD_SECRET, /* never swapped; not readable by root through /proc, ptrace peeks, core dumps */
    HF_BACKING_MLOCK,        /* never swapped, not in core dumps; root can read it */
    HF_BACKING_MALLOC        /* sanitizer builds, and where the caller allows it: no protection */
} hf_backing;

HF_API const char *hf_backing_name(hf_backing b); /* "memfd_secret", "mlock", "malloc" */

/* ---- pools: many small secrets in one locked region ---- */

/*
 * A pool holds blocks of any size side by side in one region between two guard pages:
 *
 *   | guard | data, canary | data, canary | ...                 not locked yet | guard |
 *
 * Each block ends with a canary of at least 16 bytes that begins right behind its last byte, so that a write past the end is
 * seen when the block is freed or checked. Blocks have no headers: what is free stands in ordinary memory outside the region.
 * Free memory is always zero. Blocks up to 16 KiB come from per-thread caches without a lock.
 *
 * The region grows from first_bytes to max_bytes; pages that cannot be locked are an error, never ordinary memory.
 * Threads: every function may be called from any thread, hf_pool_destroy when no other uses the pool.
 * Fork: a child has none of the bytes (zeros with mlock, SIGSEGV with memfd_secret), and every call with a pool of its parent gives
 * HF_ERR_FORKED, or ends it (hf_pool_free). Core dumps leave the region out.
 */
typedef struct hf_pool hf_pool;

typedef struct hf_pool_spec {
    size_t max_bytes;   /* most that is ever locked; 0: 16 MiB, or what RLIMIT_MEMLOCK leaves when that is less */
    size_t first_bytes; /* locked and touched at once; 0: 64 KiB */
    hf_backing weakest; /* refuse anything weaker: strict callers say HF_BACKING_MEMFD_SECRET */
    uint32_t wait_ms;   /* how long hf_pool_alloc waits for others to free when the pool is full; 0: not at all */
} hf_pool_spec;

/*
 * HF_ERR_LOCKED_MEMORY when no backing can be had, HF_ERR_BOUNDS for sizes above 1 TiB or first_bytes above max_bytes.
 * *reterr_why is always set: a static sentence with cause and remedy of the failure, or of a backing that is not the best; empty when
 * it is. The caller ends the pool with hf_pool_destroy, or never.
 */
HF_API hf_err hf_pool_new(const hf_pool_spec *spec, hf_pool **ret, const char **reterr_why);

/* The pool of this process, made with the defaults at first use; a forked child has its own. Weakest: mlock. */
HF_API hf_err hf_pool_of_process(hf_pool **ret);

/*
 * A block of n bytes, 1 to 16 MiB, 16-aligned, all zero. HF_ERR_BOUNDS for other sizes; HF_ERR_LOCKED_MEMORY when the pool is full and no
 * more can be locked. hf_pool_status says which limit that was.
 */
HF_API hf_err hf_pool_alloc(hf_pool *p, size_t n, void **ret);

/*
 * Wipes the block and gives it back; NULL is fine. A pointer that is not a live block of this pool (double free, foreign pointer), or a
 * block that was written past its end, ends the process: everything is wiped, one line on stderr, abort.
 */
HF_API void hf_pool_free(hf_pool *p, void *block);

/* HF_ERR_INTEGRITY when the block was written past its end; HF_ERR_NOT_FOUND when it is not a live block of this pool. */
HF_API hf_err hf_pool_check(hf_pool *p, const void *block);

typedef struct hf_pool_status {
    hf_backing backing;
    const char *why;     /* static; why the backing is not the best, or the pool cannot grow further; empty when neither */
    size_t max_bytes;    /* most that may be locked */
    size_t locked_bytes; /* locked now */
    size_t used_bytes;   /* of these, in blocks, canaries and what thread caches hold */
    size_t live_blocks;
} hf_pool_status;

HF_API void hf_pool_status_get(hf_pool *p, hf_pool_status *ret);

/* Wipes and unmaps. HF_ERR_WRONG_STATE, and nothing is done, while blocks are live. NULL is fine. */
HF_API hf_err hf_pool_destroy(hf_pool *p);

/* ---- buffers: each between guard pages of its own, with rights that can be taken away ---- */

/*
 *   | guard | padding | canary (16) | data | guard |
 *
 * The last byte of the data is the last byte before the guard: one byte past it faults (SIGSEGV). Writes before the first byte meet the canary,
 * further ones the guard below; padding and canary are verified when the buffer is checked or freed.
 * With mlock the guards are MADV_GUARD_INSTALL marks (Linux 6.13): no map of their own, so that 50,000 buffers and more can live; each costs two
 * pages of RLIMIT_MEMLOCK. With memfd_secret, and on older kernels, they are protected pages: two maps a buffer, about 32,000 buffers.
 *
 * A buffer at rest may be made unreadable (HF_ACCESS_NONE) or read-only; a scope opens it. Scopes for reading are shared and nest; a
 * scope for writing is alone: it waits until the others are closed, so one thread must not open for writing inside its own scope.
 * Rights are those of the page, so other threads have them too while a scope is open.
 * Fork and dumps: as with pools.
 */
typedef struct hf_buffer hf_buffer;

typedef enum hf_access {
    HF_ACCESS_NONE,
    HF_ACCESS_READ,
    HF_ACCESS_READ_WRITE
} hf_access;

typedef struct hf_buffer_spec {
    size_t bytes;       /* 1 to 16 MiB; data is not aligned unless bytes is a multiple of 16 */
    hf_backing weakest;
    hf_access at_rest;  /* rights while no scope is open */
} hf_buffer_spec;

/* All zero. HF_ERR_BOUNDS, HF_ERR_LOCKED_MEMORY; *reterr_why as with hf_pool_new. The caller frees. */
HF_API hf_err hf_buffer_new(const hf_buffer_spec *spec, hf_buffer **ret, const char **reterr_why);

/* Opens a scope: *ret is valid until its hf_buffer_close. how: HF_ACCESS_READ or HF_ACCESS_READ_WRITE, else HF_ERR_BOUNDS. HF_ERR_FORKED. */
HF_API hf_err hf_buffer_open(hf_buffer *b, hf_access how, void **ret);
/* Ends a scope that this thread opened; the last one to close restores the rights at rest. Ends the process when none is open. */
HF_API void hf_buffer_close(hf_buffer *b);

/* Changes the rights at rest (freeze: HF_ACCESS_READ, melt: HF_ACCESS_READ_WRITE). Waits for open scopes as a writing scope does. */
HF_API hf_err hf_buffer_set_at_rest(hf_buffer *b, hf_access at_rest);

/* The data; what may be done there now depends on the rights at rest and open scopes. */
HF_API void *hf_buffer_bytes(const hf_buffer *b);
HF_API size_t hf_buffer_size(const hf_buffer *b);
HF_API hf_backing hf_buffer_backing(const hf_buffer *b);

/* Overwrites the data with random bytes of the operating system. */
HF_API hf_err hf_buffer_randomize(hf_buffer *b);
/* HF_ERR_INTEGRITY when canary or padding was written to. */
HF_API hf_err hf_buffer_check(hf_buffer *b);
/* Wipes and gives back; NULL is fine. A broken canary, an open scope or a second free ends the process as hf_pool_free does. */
HF_API void hf_buffer_free(hf_buffer *b);

/* ---- comparing and wiping ---- */

/* True when the n bytes are equal. The time depends on n alone. */
HF_API bool hf_mem_equal(const void *a, const void *b, size_t n);

/* Zeroes n bytes; the compiler does not leave it out. */
HF_API void hf_mem_wipe(void *p, size_t n);

/*
 * Zeroes every pool, buffer, arena and sealed master key of the process at once, whatever its rights, for the way out: nothing in
 * them may be used afterwards, and other threads should have stopped. Async-signal-safe.
 */
HF_API void hf_wipe_all(void);

/*
 * From now on hf_wipe_all runs at exit() and before the process dies of SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE,
 * SIGSEGV, SIGSYS, SIGXCPU or SIGXFSZ, as far as these have their default action now; the signal then kills the process as before. Handlers on alternate stacks are kept. May be called
 * again. HF_ERR_SYSTEM when a handler cannot be set.
 */
HF_API hf_err hf_wipe_on_exit(void);

#ifdef __cplusplus
}
#endif
#endif
