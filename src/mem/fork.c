/* Forks: a number that a child does not have any more, whoever made it and however. */
#include "mem/region.h"
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#define MARK_BYTES 4096
#else
#define MARK_BYTES 65536 /* the largest page of any Linux that this builds for */
#endif
#define BY_PID (UINT64_C(1) << 63)

/* Alone in its pages, so that nothing else is wiped with it. */
_Alignas(MARK_BYTES) _Atomic uint64_t hf_fork_mark[MARK_BYTES / sizeof(uint64_t)];

/* In ordinary memory, which children inherit: so no number comes twice in a line of descent. */
static _Atomic uint64_t last_generation;

enum {
    UNKNOWN,
    WIPED,    /* the kernel zeroes hf_fork_mark in children, and in theirs */
    NOT_WIPED /* it does not: the process id has to do, at the price of a system call each time */
};
static _Atomic unsigned mark_state;

static unsigned prepare(void)
{
    unsigned state = atomic_load(&mark_state);
    if (state != UNKNOWN)
        return state;
    unsigned found = madvise((void *)hf_fork_mark, MARK_BYTES, MADV_WIPEONFORK) == 0 ? WIPED : NOT_WIPED;
    unsigned expected = UNKNOWN;
    (void)atomic_compare_exchange_strong(&mark_state, &expected, found);
    return atomic_load(&mark_state);
}

uint64_t hf_fork_generation_renew(void)
{
    if (prepare() == NOT_WIPED)
        return BY_PID | (uint64_t)getpid();
    /*
     * Counted before it is shown: a fork between the two gives the child a larger count, never the number that other
     * threads of the parent mark their objects with. Of two threads that race here, both take the number of the first.
     */
    uint64_t mine = atomic_fetch_add(&last_generation, 1) + 1;
    uint64_t seen = 0;
    return atomic_compare_exchange_strong(&hf_fork_mark[0], &seen, mine) ? mine : seen;
}

uint64_t hf_fork_id(void)
{
    return hf_fork_generation();
}
