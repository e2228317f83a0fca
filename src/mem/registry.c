/*
 * What hf_wipe_all reaches. Without locks: a handler may run in the middle of any line here, and a lock held at fork is
 * never released.
 */
#include "mem/registry.h"
#include "mem/guarded.h"
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define REGIONS 4096
#define BEING_FILLED (UINT64_C(1) << 62) /* no generation comes that far */
#define COUNT_BITS 16
#define PATIENCE 10000

typedef struct entry {
    _Atomic uint64_t owner; /* hf_fork_generation of who added it; any other: the entry is free */
    _Atomic(const hf_region *) region;
    _Atomic pid_t pid; /* a child of vfork has the same generation */
} entry;

static entry table[REGIONS];
static _Atomic uint32_t in_use_below; /* entries from here on were never used */
static _Atomic uint64_t wipes, wipes_ended;

/* Threads in hf_wipe_all, below the generation they belong to: a child starts at none. */
static _Atomic uint64_t wipers;

static bool entry_claim(entry *e, uint64_t generation)
{
    uint64_t owner = atomic_load(&e->owner);
    if (owner == generation || owner == (generation | BEING_FILLED))
        return false;
    return atomic_compare_exchange_strong(&e->owner, &owner, generation | BEING_FILLED);
}

hf_err hf_registry_add(const hf_region *r)
{
    uint64_t generation = hf_fork_generation();
    for (uint32_t i = 0; i < REGIONS; i++) {
        entry *e = &table[i];
        if (!entry_claim(e, generation))
            continue;
        uint32_t below = atomic_load(&in_use_below);
        while (below <= i && !atomic_compare_exchange_weak(&in_use_below, &below, i + 1))
            ;
        atomic_store(&e->pid, getpid());
        atomic_store(&e->region, r);
        atomic_store(&e->owner, generation);
        return HF_OK;
    }
    return HF_ERR_LOCKED_MEMORY;
}

/* True when the threads counted in `value` are of this process. */
static bool wipers_ours(uint64_t value, uint64_t generation)
{
    return value >> COUNT_BITS == generation << COUNT_BITS >> COUNT_BITS;
}

static void wipers_enter(uint64_t generation)
{
    uint64_t now = atomic_load(&wipers), wanted;
    do
        wanted = (wipers_ours(now, generation) ? now : generation << COUNT_BITS) + 1;
    while (!atomic_compare_exchange_weak(&wipers, &now, wanted));
}

static void wipers_leave(uint64_t generation)
{
    uint64_t now = atomic_load(&wipers);
    while (wipers_ours(now, generation) && !atomic_compare_exchange_weak(&wipers, &now, now - 1))
        ;
}

bool hf_registry_wiping(uint64_t generation)
{
    uint64_t now = atomic_load(&wipers);
    return wipers_ours(now, generation) && now != generation << COUNT_BITS;
}

/*
 * Who is about to take rights from a page is let go on to the end: else they would be missing in the middle of wiping
 * it. That takes microseconds; but such a thread may be stopped, or wait in a handler for the end of the process.
 */
static void wait_for_changes(void)
{
    for (int i = 0; i < PATIENCE && hf_guarded_changes(); i++)
        (void)sched_yield();
}

void hf_registry_remove(const hf_region *r)
{
    uint64_t generation = hf_fork_generation();
    uint32_t below = atomic_load(&in_use_below);
    for (uint32_t i = 0; i < below; i++) {
        entry *e = &table[i];
        if (atomic_load(&e->owner) != generation || atomic_load(&e->region) != r)
            continue;
        atomic_store(&e->owner, 0);
        break;
    }
    while (hf_registry_wiping(generation))
        (void)sched_yield();
}

uint64_t hf_registry_wipes(void)
{
    return atomic_load_explicit(&wipes, memory_order_relaxed);
}

uint64_t hf_registry_wipes_ended(void)
{
    return atomic_load_explicit(&wipes_ended, memory_order_relaxed);
}

uint64_t hf_wipe_count(void)
{
    atomic_thread_fence(memory_order_acquire); /* what the caller has read stays before it */
    return atomic_load(&wipes);
}

uint64_t hf_wipe_count_settled(void)
{
    uint64_t generation = hf_fork_generation();
    uint64_t n = hf_wipe_count();
    while (hf_registry_wiping(generation)) {
        (void)sched_yield();
        n = hf_wipe_count();
    }
    return n;
}

void hf_wipe_all(void)
{
    int saved = errno;
    uint64_t generation = hf_fork_generation();
    pid_t me = getpid();
    bool counted = false; /* a child of vfork shares the counters, but wipes nothing */
    wipers_enter(generation);
    wait_for_changes();
    uint32_t below = atomic_load(&in_use_below);
    for (uint32_t i = 0; i < below; i++) {
        const entry *e = &table[i];
        if (atomic_load(&e->owner) != generation || atomic_load(&e->pid) != me)
            continue;
        const hf_region *r = atomic_load(&e->region);
        if (!counted) {
            atomic_fetch_add(&wipes, 1);
            atomic_thread_fence(memory_order_seq_cst); /* nobody sees a wiped byte and the old number */
        }
        counted = true;
        if (atomic_load(&e->owner) == generation) /* not removed in between: from here on hf_registry_remove waits */
            hf_region_wipe(r);
    }
    if (counted)
        atomic_fetch_add(&wipes_ended, 1);
    wipers_leave(generation);
    errno = saved;
}
