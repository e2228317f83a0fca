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
 * Each block ends with a canary of at least 16 bytes that begins right behind its last byte, so that a write past the
 * end is seen when the block is freed or checked; a block of 32 bytes takes 48. The canary depends on a random secret
 * of the pool and on the block's address. Blocks have no headers: what is free stands in ordinary memory outside the
 * region. Free memory is always zero. Blocks up to 16 KiB come from per-thread caches without a lock.
 *
 * The region grows from first_bytes to max_bytes by a quarter each time, in the backing it began with; pages that
 * cannot be locked are an error, never ordinary memory.
 * Threads: every function may be called from any thread, hf_pool_destroy when no other uses the pool.
 *
 * Fork: a child, however it was made, has none of the bytes (zeros with mlock, SIGSEGV with memfd_secret). Every call
 * with a pool of its parent gives HF_ERR_FORKED, or does nothing (hf_pool_free); none takes a lock that another thread
 * may have held. fork() waits while another thread has the descriptor of new memfd_secret pages open; a bare clone or
 * _Fork() does not, and its child may then inherit that descriptor, with which it can map these pages.
 * Core dumps leave the region out.
 */
typedef struct hf_pool hf_pool;

typedef struct hf_pool_spec {
    size_t max_bytes;   /* most that is ever locked; 0: 16 MiB, or what RLIMIT_MEMLOCK leaves when that is less */
    size_t first_bytes; /* locked and touched at once; 0: 64 KiB, or max_bytes when that is less */
    hf_backing weakest; /* refuse anything weaker: strict callers say HF_BACKING_MEMFD_SECRET */
    uint32_t wait_ms;   /* how long hf_pool_alloc waits for others to free when the pool is full; 0: not at all.
                           Pools that wait have no thread caches: what one thread frees, a waiting one gets at once. */
} hf_pool_spec;

/*
 * HF_ERR_LOCKED_MEMORY when no backing can be had, HF_ERR_BOUNDS for sizes above 1 TiB or first_bytes above max_bytes,
 * HF_ERR_SYSTEM when there are no random bytes. *reterr_why (not NULL) is always set: a static sentence with cause and
 * remedy of the failure, or of a backing that is not the best; empty when it is. The caller ends the pool with
 * hf_pool_destroy, or never.
 *
 * A spec of zeros is the strictest one: weakest is then memfd_secret. The first 32 pools and arenas of a process have
 * caches for 64 threads each; further threads take the lock of the pool. At most 4,096 pools, arenas and regions of
 * buffers live at once (HF_ERR_LOCKED_MEMORY). After mlockall(MCL_FUTURE) what is reserved counts against
 * RLIMIT_MEMLOCK: where that does not allow it, the pool stays at first_bytes.
 */
HF_API hf_err hf_pool_new(const hf_pool_spec *spec, hf_pool **ret, const char **reterr_why);

/*
 * The pool of this process, made with the defaults at first use; a forked child has its own. Weakest: mlock. Not to be
 * destroyed.
 */
HF_API hf_err hf_pool_of_process(hf_pool **ret);

/*
 * A block of n bytes, 1 to 16 MiB, 16-aligned, all zero. HF_ERR_BOUNDS for other sizes; HF_ERR_LOCKED_MEMORY when the
 * pool is full and no more can be locked (hf_pool_status_get says which limit that was), after wait_ms; HF_ERR_FORKED.
 * The largest ones need a pool whose max_bytes is larger than they are.
 * The caller frees.
 */
HF_API hf_err hf_pool_alloc(hf_pool *p, size_t n, void **ret);

/*
 * Wipes the block and gives it back; NULL is fine. A pointer that is not a live block of this pool (double free,
 * foreign pointer), or a block that was written past its end, ends the process: everything is wiped, one line on
 * stderr, abort. In a child nothing happens.
 */
HF_API void hf_pool_free(hf_pool *p, void *block);

/*
 * HF_ERR_INTEGRITY when the block was written past its end; HF_ERR_NOT_FOUND when it is not a live block of this pool;
 * HF_ERR_FORKED.
 */
HF_API hf_err hf_pool_check(hf_pool *p, const void *block);

typedef struct hf_pool_status {
    hf_backing backing;
    const char *
        why; /* static; why the pool could not grow when it was last asked to, else why the backing is not the best; else empty */
    size_t max_bytes; /* most that may be locked */
    size_t locked_bytes; /* locked now */
    size_t used_bytes; /* of these, in blocks, canaries, slabs that are partly free, and what thread caches hold */
    size_t live_blocks;
} hf_pool_status;

/* Counts the live blocks, which takes about 10 us for each MiB locked. In a child: zeros, and a sentence in why. */
HF_API void hf_pool_status_get(hf_pool *p, hf_pool_status *ret);

/*
 * Wipes, unlocks and unmaps. HF_ERR_WRONG_STATE, and nothing is done, while blocks are live, and always for the pool of
 * the process; HF_ERR_FORKED. NULL is fine.
 */
HF_API hf_err hf_pool_destroy(hf_pool *p);

/* ---- buffers: each between guard pages of its own, with rights that can be taken away ---- */

/*
 *   | guard | padding, all zero | canary (16) | data | guard |
 *
 * The last byte of the data is the last byte before the guard: one byte past it faults (SIGSEGV). Writes before the
 * first byte meet the canary, further ones the guard below; padding and canary are verified when the buffer is checked
 * or freed. Each buffer has another canary, the next one in the same place as well. Handles are records in ordinary
 * memory.
 *
 * Buffers of one kind share regions that grow, and up to 64 KiB (less the canary) their places are used again: the
 * first use of a place takes system calls, later ones none. Regions without a buffer are given back when locked memory
 * is short.
 *
 * Memory. Each buffer locks its pages and, up to 64 KiB, one page more: its guard counts against RLIMIT_MEMLOCK.
 * Maps (vm.max_map_count, usually 65,530 for a process). With mlock the guards are MADV_GUARD_INSTALL marks (Linux
 * 6.13), which are no maps: 50,000 buffers and more can live. With memfd_secret, and on older kernels, each buffer is
 * two maps: 30,000 can live, then a weaker backing serves, where it is allowed; the rest is left to others. Buffers
 * without rights at rest are no maps at first, but two from the first scope on, as is each whose rights at rest were
 * changed; where maps are short, opening takes twice as long instead. What needs a map that cannot be had gives
 * HF_ERR_LOCKED_MEMORY and changes nothing. Closing needs none, and for freeing some are held in reserve; should the
 * kernel refuse the rights all the same, the process ends as with misuse.
 *
 * A buffer at rest may be made unreadable (HF_ACCESS_NONE) or read-only; a scope opens it. Scopes for reading are
 * shared and nest. A scope for writing is alone: it waits until the others are closed, so one thread must not open for
 * writing inside its own scope for reading; inside its own scope for writing it may open again either way. Nested and
 * shared scopes cost no system call.
 * Rights are those of the page, so other threads have them too while a scope is open.
 *
 * Misuse ends the process: everything is wiped, one line on stderr, abort. That is a second free or use after free (as
 * long as the place was not given to another buffer), a free inside a scope, a close without open, a canary or padding
 * that was written to.
 * Threads: every function may be called from any thread; a buffer is freed when no other uses it.
 * Fork and dumps as with pools: in a child, hf_buffer_close and hf_buffer_free of its parent's buffers do nothing, the
 * rest gives HF_ERR_FORKED; new buffers can be made.
 */
typedef struct hf_buffer hf_buffer;

typedef enum hf_access { HF_ACCESS_NONE, HF_ACCESS_READ, HF_ACCESS_READ_WRITE } hf_access;

typedef struct hf_buffer_spec {
    size_t bytes; /* 1 to 16 MiB; data is not aligned unless bytes is a multiple of 16 */
    hf_backing weakest; /* refuse anything weaker */
    hf_access at_rest; /* rights while no scope is open */
    hf_backing strongest; /* try nothing better; 0: everything. memfd_secret costs maps and time, and a system that
                             uses it cannot hibernate */
} hf_buffer_spec;

/*
 * All zero. HF_ERR_BOUNDS for other sizes and for a weakest that is better than strongest; HF_ERR_LOCKED_MEMORY;
 * HF_ERR_SYSTEM when there are no random bytes; *reterr_why (not NULL) as with hf_pool_new. A spec that gives bytes
 * alone is the strictest one: weakest is then memfd_secret, and at rest there are no rights. The caller frees.
 */
HF_API hf_err hf_buffer_new(const hf_buffer_spec *spec, hf_buffer **ret, const char **reterr_why);

/*
 * Opens a scope: *ret is valid until its hf_buffer_close. how: HF_ACCESS_READ or HF_ACCESS_READ_WRITE, else
 * HF_ERR_BOUNDS. HF_ERR_LOCKED_MEMORY when vm.max_map_count is reached; HF_ERR_FORKED.
 */
HF_API hf_err hf_buffer_open(hf_buffer *b, hf_access how, void **ret);
/* Ends a scope that this thread opened; the last one to close restores the rights at rest. */
HF_API void hf_buffer_close(hf_buffer *b);

/*
 * Changes the rights at rest (freeze: HF_ACCESS_READ, melt: HF_ACCESS_READ_WRITE). Waits for open scopes as a writing
 * scope does; inside a writing scope of this thread, at its end. HF_ERR_BOUNDS, HF_ERR_LOCKED_MEMORY (maps),
 * HF_ERR_FORKED.
 */
HF_API hf_err hf_buffer_set_at_rest(hf_buffer *b, hf_access at_rest);

/* The data; what may be done there now depends on the rights at rest and open scopes. */
HF_API void *hf_buffer_bytes(const hf_buffer *b);
HF_API size_t hf_buffer_size(const hf_buffer *b);
HF_API hf_backing hf_buffer_backing(const hf_buffer *b);

/*
 * Overwrites the data with random bytes of the operating system, in a scope for writing. HF_ERR_SYSTEM, and as with
 * hf_buffer_open.
 */
HF_API hf_err hf_buffer_randomize(hf_buffer *b);
/*
 * HF_ERR_INTEGRITY when canary or padding was written to; HF_ERR_LOCKED_MEMORY (maps), HF_ERR_FORKED. Waits for nobody.
 */
HF_API hf_err hf_buffer_check(hf_buffer *b);
/* Wipes and gives back; NULL is fine. */
HF_API void hf_buffer_free(hf_buffer *b);

/* ---- comparing and wiping ---- */

/* True when the n bytes are equal. Leaks n alone: neither branches nor addresses depend on what is compared. */
HF_API bool hf_mem_equal(const void *a, const void *b, size_t n);

/* Zeroes n bytes; the compiler does not leave it out. */
HF_API void hf_mem_wipe(void *p, size_t n);

/*
 * Zeroes every pool, buffer, arena and sealed master key of the process at once, whatever its rights, for the way out:
 * nothing in them may be used afterwards, only freed, and other threads should have stopped: what they compute
 * meanwhile may be wrong. Spares the stack it runs on. What was inherited from a parent by fork or vfork is left alone.
 * Async-signal-safe.
 */
HF_API void hf_wipe_all(void);

/*
 * From now on hf_wipe_all runs at exit() and before the process dies of a signal: of every one that ends a process by
 * default (SIGKILL and the real-time signals apart), as far as it has its default action now; handlers and ignored
 * signals stay. The signal then kills the process as before: same exit status, and a core file, where one is written,
 * shows the program where it was. In the first process of a PID namespace, which no signal kills by default, faults and
 * abort() wipe and end it with exit status 128 + number; other signals are ignored as before.
 *
 * The calling thread gets a stack for the handler unless it has one (sigaltstack), so that an overflow of its own stack
 * is served too; other threads call this as well for that. May be called again, from any thread. HF_ERR_SYSTEM when a
 * handler or stack cannot be set.
 */
HF_API hf_err hf_wipe_on_exit(void);

/* ---- forks ---- */

/*
 * A number that differs from those of all processes that this one descends from by fork or clone, whoever called it:
 * for code that keeps something of its own beside locked memory. Two children of one parent may have the same number.
 * Never 0. Async-signal-safe; one load from memory.
 */
HF_API uint64_t hf_fork_id(void);

/* ---- wipes ---- */

/*
 * How often hf_wipe_all was begun with something to wipe; raised before the first byte becomes zero. For code that copies bytes out of
 * locked memory, a key into a cipher say, while another thread may wipe: when the number after the copy is the one that was noted before
 * the bytes were put there, then the copy is of these bytes. Async-signal-safe; one load from memory.
 */
HF_API uint64_t hf_wipe_count(void);

/* The number to note: waits while another thread is in hf_wipe_all, which may still come to what is made meanwhile. Not for handlers. */
HF_API uint64_t hf_wipe_count_settled(void);

#ifdef __cplusplus
}
#endif
#endif
