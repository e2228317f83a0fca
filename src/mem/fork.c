/*
 * Forks: a number that a child does not have any more, whoever made it and however; and how fork() is held off for a
 * moment.
 */
#include "mem/region.h"
#include <pthread.h>
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

/* ---- holding off fork() ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
/*
 * How often this thread holds the gate: the handlers of others may allocate between ours, in the thread that forks,
 * and a signal handler may fork in a thread that holds it. Both are served, as the thread that forks cannot be within
 * the calls that it interrupts.
 */
static _Thread_local volatile unsigned held;
static _Atomic bool have_handlers;

static void gate_hold(void)
{
    unsigned before = held;
    held = before + 1;
    if (before == 0)
        (void)pthread_mutex_lock(&gate);
}

static void gate_let(void)
{
    unsigned after = held - 1;
    if (after == 0)
        (void)pthread_mutex_unlock(&gate); /* in a child too, whose only thread is the one that took it */
    held = after;
}

/*
 * As the library is loaded: what is registered later runs before it at a fork, so whoever allocates under a lock of
 * its own, which its handler takes as well, takes the two locks in the same order. Two threads may set the handlers
 * twice, which is the same.
 */
static __attribute__((constructor)) void set_handlers(void)
{
    if (pthread_atfork(gate_hold, gate_let, gate_let) == 0)
        atomic_store(&have_handlers, true);
}

bool hf_forks_hold(void)
{
    if (!atomic_load(&have_handlers))
        set_handlers();
    if (!atomic_load(&have_handlers))
        return false;
    gate_hold();
    return true;
}

void hf_forks_let(void)
{
    gate_let();
}
