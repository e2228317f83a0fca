/*
 * Regions: address space that is reserved once and locked from its start as it is needed. The one place that talks to
 * the kernel about locked memory; region_windows.c has the same functions over VirtualAlloc.
 */
#ifndef HF_MEM_REGION_H
#define HF_MEM_REGION_H

#include "base/macros.h"
#include <holdfast/mem.h>
#include <stdatomic.h>

/*
 *            base                     base + bytes              base + reserved
 *   | guard  | locked and touched     | PROT_NONE, not charged  | guard |
 *
 * With stride_pages n > 1 the last page of each n is a guard too: a MADV_GUARD_INSTALL mark in the mlock backing where
 * the kernel has it, which costs no map, else a page without rights. The region is then always a whole number of
 * strides.
 *
 * A child made by fork has none of it (zeros with mlock, nothing mapped with memfd_secret): there, growing and
 * protecting give HF_ERR_FORKED, wiping and releasing do nothing.
 */
typedef struct hf_region {
    uint8_t *base;
    size_t bytes; /* changes as the region grows: others than the one who grows it read it with hf_region_bytes */
    size_t reserved;
    uint32_t stride_pages;
    hf_backing backing;
    const char *why;     /* static: why the backing is not the best; empty when it is */
    uint64_t generation; /* hf_fork_generation of its maker */
    bool guards_mapped;  /* the guards of the strides are pages without rights, not marks */
    bool reserve_cut; /* the reserve is what was asked for at first, as mlockall has the rest charged */
    uint8_t *twin;       /* Windows: a second view, in which the pages are locked (region_windows.c); NULL else */
    bool restricted;     /* rights were taken from some of it: wiping needs mprotect, which a filter may forbid */
    /* Set by an owner that knows better than hf_region_wipe what may be written (arenas hold stacks); NULL else. */
    void (*wipe)(const struct hf_region *r);
} hf_region;

typedef struct hf_region_spec {
    size_t reserve; /* most bytes; rounded up to pages (or strides) */
    size_t first; /* locked and touched at once; at least 1, rounded up */
    uint32_t stride_pages; /* 0: no guards inside; else at least 2 */
    hf_backing weakest;
    hf_backing strongest; /* better ones are not tried; 0 (memfd_secret): all are */
    bool
        protects; /* hf_region_protect will take all rights away, which costs the lock on Windows unless this is known */
} hf_region_spec;

/*
 * The best backing that can be had for `first`. HF_ERR_LOCKED_MEMORY; HF_ERR_BOUNDS for sizes outside 1 byte to 1 TiB
 * or first above reserve. *reterr_why is always set: a static sentence under 96 bytes, empty when nothing is degraded.
 * Where mlockall(MCL_FUTURE) has reserves charged and the limit does not allow it, ret->reserved is no more than first.
 */
hf_err hf_region_new(const hf_region_spec *spec, hf_region *ret, const char **reterr_why) HF_MUST_USE;

/*
 * Locks and touches `by` more bytes (rounded up) behind those that are locked, in the same backing and never in a
 * weaker one. HF_ERR_LOCKED_MEMORY, and nothing has changed, when a limit does not allow it; *reterr_why says which.
 * The caller serialises. With mlock the region stays one map; with memfd_secret each growth is one map more, so grow by
 * a part of what there is.
 */
hf_err hf_region_grow(hf_region *r, size_t by, const char **reterr_why) HF_MUST_USE;

static inline size_t hf_region_bytes(const hf_region *r)
{
    return __atomic_load_n(&r->bytes, __ATOMIC_ACQUIRE);
}

/* Wipes what is locked, then unlocks and unmaps everything. The rights of its pages may be any. */
void hf_region_release(hf_region *r);

/*
 * Gives the pages [offset, offset + len) other rights; guards of strides are left alone. HF_ERR_BOUNDS unless these are
 * whole pages of what is locked; HF_ERR_SYSTEM when the kernel refuses (vm.max_map_count).
 */
hf_err hf_region_protect(hf_region *r, size_t offset, size_t len, hf_access access) HF_MUST_USE;

/* The same for pages without a guard among them, of a region of this process: unchecked, because it is called often. */
hf_err hf_region_protect_between(hf_region *r, size_t offset, size_t len, hf_access access) HF_MUST_USE;

/*
 * From now on these pages, between two guards, are a map of their own even when they have the rights of their
 * neighbours: other rights then neither split nor merge maps, which takes half the time, and vm.max_map_count cannot
 * refuse them. Costs up to two maps; errors as above.
 */
hf_err hf_region_set_apart(const hf_region *r, size_t offset, size_t len) HF_MUST_USE;

/*
 * Zeroes what is locked whatever its rights, which are read-write afterwards. Async-signal-safe (mprotect and stores
 * alone).
 */
void hf_region_wipe(const hf_region *r);

/*
 * What the system charges and allows, for messages and budgets: bytes locked by this process now (VmLck; memfd_secret
 * counts too), and the soft RLIMIT_MEMLOCK, which is SIZE_MAX where there is none or CAP_IPC_LOCK lifts it.
 */
void hf_region_limits(size_t *ret_locked, size_t *ret_limit);

/*
 * The mapping can no longer be unmapped, moved or given other rights (mseal). False where the kernel has no such call.
 */
bool hf_region_seal(const hf_region *r);

/*
 * In a child, for a region of its parent: keeps its addresses from being given to anything else, as far as they are
 * free, so that a pointer that was left from before the fork cannot mean a new object.
 */
void hf_region_keep_out(const hf_region *r);

/* Of the system; the guards and what may be protected are whole pages. */
size_t hf_page_bytes(void);

/*
 * Zeroed ordinary memory for what is known about a region; pages that are never touched cost nothing. NULL when there
 * is none.
 */
void *hf_table_new(size_t bytes);
void hf_table_free(void *table, size_t bytes);

/* ---- forks ---- */

/* In a page that the kernel zeroes in children, so that raw clones are seen too. */
extern _Atomic uint64_t hf_fork_mark[];
uint64_t hf_fork_generation_renew(void);

/* Never 0, and another value after each fork; one load from memory. Async-signal-safe. */
static inline uint64_t hf_fork_generation(void)
{
    uint64_t g = atomic_load_explicit(&hf_fork_mark[0], memory_order_relaxed);
    return __builtin_expect(g != 0, 1) ? g : hf_fork_generation_renew();
}

/* True when the mark alone shows that there was no fork; where it cannot tell, false. */
static inline bool hf_surely_not_forked(uint64_t generation)
{
    return atomic_load_explicit(&hf_fork_mark[0], memory_order_relaxed) == generation;
}

/*
 * Linux: between these two no other thread is inside fork(), so no child inherits what is open meanwhile; a bare clone
 * or _Fork() does not wait. The same thread may nest them, and fork. False, and nothing is held, when memory for the
 * handlers of fork is short.
 */
bool hf_forks_hold(void) HF_MUST_USE;
void hf_forks_let(void);

/* True in a child of the process that had hf_fork_generation() == generation. */
static inline bool hf_forked_since(uint64_t generation)
{
    return hf_fork_generation() != generation;
}

#endif
