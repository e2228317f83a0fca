/*
 * Regions: address space that is reserved once and locked from its start as it is needed. The one place that talks to the kernel about locked
 * memory; region_windows.c has the same functions over VirtualAlloc.
 */
#ifndef HF_MEM_REGION_H
#define HF_MEM_REGION_H

#include "base/macros.h"
#include <holdfast/mem.h>

/*
 *   base                    base + bytes            base + reserved
 *   | locked and touched     | PROT_NONE, not charged | guard |     (and one guard page before base)
 *
 * With stride_pages n > 0 every n-th page (the last of each stride) is a guard: a MADV_GUARD_INSTALL mark in the mlock backing where the kernel has it,
 * else mprotect. Growth is then by whole strides.
 */
typedef struct hf_region {
    uint8_t *base;
    size_t bytes;
    size_t reserved;
    uint32_t stride_pages;
    hf_backing backing;
    const char *why; /* static: why the backing is not the best; empty when it is */
} hf_region;

typedef struct hf_region_spec {
    size_t reserve; /* most bytes; rounded up to pages (or strides) */
    size_t first;   /* locked and touched at once; at least a page */
    uint32_t stride_pages;
    hf_backing weakest;
} hf_region_spec;

/* The best backing that can be had for `first`. HF_ERR_LOCKED_MEMORY; *reterr_why: static sentence, always set, empty when nothing is degraded. */
hf_err hf_region_new(const hf_region_spec *spec, hf_region *ret, const char **reterr_why);
/*
 * Locks and touches `by` more bytes (rounded up) behind those that are locked, in the same backing. HF_ERR_LOCKED_MEMORY, and nothing has changed, when the limit
 * or the reserve does not allow it; *reterr_why says which. The caller serialises.
 */
hf_err hf_region_grow(hf_region *r, size_t by, const char **reterr_why);
/* Wipes what is locked, then unlocks and unmaps everything. The rights of its pages may be any. */
void hf_region_release(hf_region *r);
/* Gives pages [offset, offset + len) other rights; guards are left alone. */
hf_err hf_region_protect(const hf_region *r, size_t offset, size_t len, hf_access access);

/* Zeroes the first `bytes` of the region whatever the rights; async-signal-safe (mprotect and stores alone). Skips guards. */
void hf_region_wipe(const hf_region *r);

/* What the system charges and allows, for messages and budgets: bytes locked by this process (VmLck), and the soft limit (SIZE_MAX: none). */
void hf_region_limits(size_t *ret_locked, size_t *ret_limit);

/*
 * True in a child made by fork or clone of the process that called it first: told from a page that the kernel wipes on fork, so that raw clones are seen too.
 * `generation` is what hf_fork_generation gave when the object was made. One load from memory.
 */
uint64_t hf_fork_generation(void); /* never 0; another value after each fork */
static inline bool hf_forked_since(uint64_t generation)
{
    return hf_fork_generation() != generation;
}

#endif
