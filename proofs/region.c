/* Sizes, rounding and guards of regions: src/mem/region.c, for pages of 4 KiB. */
#include <stdatomic.h>
#include <stdint.h>

_Atomic uint64_t hf_fork_mark[1] = { 1 }; /* before its declaration without a length, which CBMC takes at its word */

#include "mem/region.c"
#include "proof.h"

/* ---- the system, as far as region.c asks it here: it agrees or refuses, and checks what it is asked for ---- */

#define PAGE ((size_t)4096)

long sysconf(int name)
{
    (void)name;
    return (long)PAGE;
}

bool hf_perblock_wanted(void)
{
    return false;
}

static size_t mapped;      /* bytes of the one map */
static size_t asked_first; /* where the last run began that got rights, and its length, from the base */
static size_t asked_bytes;

/* From the base: of whole pages, and never the guards at the ends. */
static size_t proven_inside(const void *at, size_t len)
{
    size_t offset = (size_t)__CPROVER_POINTER_OFFSET(at);
    PROVE(offset % PAGE == 0 && len % PAGE == 0 && len > 0);
    PROVE(offset >= PAGE && len <= mapped - 2 * PAGE && offset <= mapped - PAGE - len);
    return offset - PAGE;
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    (void)prot, (void)fd, (void)offset;
    if ((flags & MAP_FIXED) != 0) {
        (void)proven_inside(at, len);
        return nondet_bool() ? MAP_FAILED : at;
    }
    PROVE(len % PAGE == 0 && len <= 2 * LARGEST + 4 * PAGE);
    mapped = len;
    return nondet_bool() ? MAP_FAILED : (void *)__CPROVER_allocate(len, 0);
}

int munmap(void *at, size_t len)
{
    (void)at;
    PROVE(len == mapped);
    return 0;
}

int munlock(const void *at, size_t len)
{
    (void)proven_inside(at, len);
    return 0;
}

int madvise(void *at, size_t len, int advice)
{
    (void)advice;
    (void)proven_inside(at, len);
    return nondet_bool() ? -1 : 0;
}

int mprotect(void *at, size_t len, int prot)
{
    (void)prot;
    asked_first = proven_inside(at, len);
    asked_bytes = len;
    return nondet_bool() ? -1 : 0;
}

/*
 * Regions without inner guards: whatever is asked for (any numbers up to SIZE_MAX), either HF_ERR_BOUNDS, or whole pages
 * that hold what was asked, at most 1 TiB and a page of them, without overflow. Unwind 4.
 */
void proof_region_sizes(void)
{
    hf_region_spec spec = {
        .reserve = nondet_size(), .first = nondet_size(), .weakest = HF_BACKING_MALLOC, .strongest = HF_BACKING_MALLOC
    };
    hf_region r = { 0 };
    const char *why = NULL;
    hf_err e = hf_region_new(&spec, &r, &why);
    PROVE(why != NULL);
    if (spec.reserve < 1 || spec.reserve > LARGEST || spec.first < 1 || spec.first > spec.reserve)
        PROVE(e == HF_ERR_BOUNDS);
    else
        PROVE(e == HF_OK || e == HF_ERR_LOCKED_MEMORY);
    GIVEN(e == HF_OK);
    PROVE(r.bytes >= spec.first && r.bytes - spec.first < PAGE && r.bytes % PAGE == 0);
    PROVE(r.reserved >= spec.reserve && r.reserved % PAGE == 0 && r.bytes <= r.reserved);
    PROVE(mapped == r.reserved + 2 * PAGE);
    PROVE(asked_first == 0 && asked_bytes == r.bytes);
    REACHED();
}

/*
 * Growing by any number, up to SIZE_MAX, never goes past what is reserved, and adds whole pages behind those there were.
 * Unwind 4.
 */
void proof_region_growth(void)
{
    hf_region r = { .backing = HF_BACKING_MALLOC, .generation = 1, .bytes = nondet_size(), .reserved = nondet_size() };
    GIVEN(r.reserved >= PAGE && r.reserved <= LARGEST && r.reserved % PAGE == 0);
    GIVEN(r.bytes >= PAGE && r.bytes <= r.reserved && r.bytes % PAGE == 0);
    mapped = r.reserved + 2 * PAGE;
    r.base = (uint8_t *)__CPROVER_allocate(mapped, 0) + PAGE;
    size_t before = r.bytes, by = nondet_size();
    const char *why = NULL;
    hf_err e = hf_region_grow(&r, by, &why);
    PROVE(why != NULL && r.bytes % PAGE == 0 && r.bytes <= r.reserved);
    if (e != HF_OK)
        PROVE(r.bytes == before);
    else
        PROVE(r.bytes - before >= by && r.bytes - before - by < PAGE && asked_first == before &&
              asked_bytes == r.bytes - before);
    GIVEN(e == HF_OK);
    REACHED();
}

/*
 * Rights change only on whole pages inside what is locked: any offset and length, up to SIZE_MAX. Unwind 4.
 */
void proof_region_rights(void)
{
    hf_region r = { .backing = HF_BACKING_MLOCK, .generation = 1, .bytes = nondet_size(), .reserved = LARGEST };
    GIVEN(r.bytes >= PAGE && r.bytes <= LARGEST && r.bytes % PAGE == 0);
    mapped = r.bytes + 2 * PAGE;
    r.base = (uint8_t *)__CPROVER_allocate(mapped, 0) + PAGE;
    size_t offset = nondet_size(), len = nondet_size();
    GIVEN(len > 0);
    hf_err e = hf_region_protect(&r, offset, len, (hf_access)nondet_unsigned());
    GIVEN(e == HF_OK);
    PROVE(asked_first == offset && asked_bytes == len);
    REACHED();
}

/* The strides of guarded buffers: 1, 2, 4, 8 or 16 pages and a guard, in regions of 1 GiB at most (src/mem/guarded.c). */
static void prove_runs(uint32_t stride_pages)
{
    hf_region r = { .stride_pages = stride_pages };
    size_t stride = stride_bytes(&r), at = nondet_size(), end = nondet_size();
    GIVEN(end <= (size_t)2 << 30 && at < end && at % PAGE == 0 && end % PAGE == 0);
    size_t from = at;
    size_t run = next_run(&r, &at, end);
    PROVE(at == from || (at == from + PAGE && from % stride == stride - PAGE)); /* nothing but a guard was left out */
    if (run == 0) {
        PROVE(at >= end);
    } else {
        PROVE(run % PAGE == 0 && run <= end - at);
        PROVE(at % stride + run <= stride - PAGE); /* no guard in it */
        PROVE(run == end - at || at % stride + run == stride - PAGE); /* it ends at the guard or at the end */
    }
}

static void prove_rounding(uint32_t stride_pages)
{
    hf_region r = { .stride_pages = stride_pages };
    size_t n = nondet_size(), unit = stride_bytes(&r);
    GIVEN(n <= LARGEST);
    size_t rounded = round_up(&r, n);
    PROVE(rounded >= n && rounded - n < unit && rounded % unit == 0);
}

/*
 * With a guard in every stride, a run of pages that is touched or gets rights is whole pages inside what was asked for, never
 * holds a guard, and leaves out nothing else. Unwind 2.
 */
void proof_region_runs(void)
{
    prove_runs(2);
    prove_runs(3);
    prove_runs(5);
    prove_runs(9);
    prove_runs(17);
    REACHED();
}

/* Sizes are rounded to the least whole number of strides. Unwind 2. */
void proof_region_strides(void)
{
    prove_rounding(2);
    prove_rounding(3);
    prove_rounding(5);
    prove_rounding(9);
    prove_rounding(17);
    REACHED();
}
