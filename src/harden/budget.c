/* How much may be locked: the limit, who it binds, and whether what a program will hold fits into it. */
#include "base/num.h"
#include "harden/internal.h"
#include "mem/canary.h"
#include "sys/process.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK_MAX ((size_t)16 << 20)
#define POOL_FIRST ((size_t)64 << 10) /* what a pool with the defaults locks at once, where there is room for it */
#define FIRST_USER_NAMESPACE "user:[4026531837]" /* PROC_USER_INIT_INO of the kernel */

static const char note_exempt[] = "the process has CAP_IPC_LOCK, so that RLIMIT_MEMLOCK does not bind it";
static const char note_namespace[] =
    "CAP_IPC_LOCK is held in a user namespace only, where it does not lift RLIMIT_MEMLOCK";
static const char note_root[] = "the process is root's, but without CAP_IPC_LOCK: RLIMIT_MEMLOCK binds it";

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t as_bytes(rlim_t limit)
{
    return limit == RLIM_INFINITY || limit > SIZE_MAX ? SIZE_MAX : (size_t)limit;
}

/* ---- whom the limit binds ---- */

static bool in_first_user_namespace(void)
{
    char name[64] = "";
    ssize_t n = readlink("/proc/self/ns/user", name, sizeof(name) - 1);

    return n > 0 && strcmp(name, FIRST_USER_NAMESPACE) == 0;
}

/*
 * More than the limit is mapped locked, without a page that could be touched. The kernel refuses it (EAGAIN, with a
 * limit of 0 EPERM) unless the limit does not count for us; a container's root with the capability in its own
 * namespace is refused too.
 */
static bool exempt_tried(size_t limit, bool capable)
{
    size_t wanted = limit / page_bytes() * page_bytes();

    if (hf_add_size(wanted, page_bytes(), &wanted) != HF_OK)
        return true;
    void *p = mmap(NULL, wanted, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_LOCKED, -1, 0);
    if (p != MAP_FAILED) {
        (void)munmap(p, wanted);
        return true;
    }
    return errno == ENOMEM && capable && in_first_user_namespace(); /* it was the address space that did not suffice */
}

static const char *note_of(bool exempt, bool capable)
{
    if (exempt)
        return note_exempt;
    if (capable)
        return note_namespace;
    return geteuid() == 0 ? note_root : "";
}

hf_err hf_lock_budget_get(hf_lock_budget *ret)
{
    const size_t page = page_bytes();
    struct rlimit limit;
    uint64_t locked_kib = 0;

    HF_CHECK(getrlimit(RLIMIT_MEMLOCK, &limit) == 0, HF_ERR_SYSTEM);
    HF_CHECK(hf_process_status("VmLck", &locked_kib) == HF_OK, HF_ERR_SYSTEM);
    hf_lock_budget b = { .locked_bytes = (size_t)locked_kib << 10,
                         .soft_bytes = as_bytes(limit.rlim_cur),
                         .hard_bytes = as_bytes(limit.rlim_max),
                         .free_bytes = SIZE_MAX,
                         .note = "" };
    if (b.soft_bytes != SIZE_MAX) {
        bool capable = (hf_process_capabilities() >> CAP_IPC_LOCK & 1) != 0;
        b.exempt = exempt_tried(b.soft_bytes, capable);
        b.note = note_of(b.exempt, capable);
    }
    if (b.soft_bytes != SIZE_MAX && !b.exempt)
        b.free_bytes = b.soft_bytes > b.locked_bytes ? (b.soft_bytes - b.locked_bytes) / page * page : 0;
    *ret = b;
    return HF_OK;
}

/* ---- what things cost ---- */

static bool size_possible(size_t n)
{
    return n >= 1 && n <= BLOCK_MAX;
}

static size_t pages_for(size_t bytes)
{
    return (bytes + page_bytes() - 1) / page_bytes();
}

/*
 * A place for data and canary: 1, 2, 4, 8 or 16 pages, or as many as it takes; and the guard, which the kernel counts too
 * (src/mem/guarded.h).
 */
static size_t buffer_cost(size_t n)
{
    size_t pages = pages_for(n + HF_CANARY_LEAST), place = 1;

    while (place < pages && place < 16)
        place *= 2;
    return ((place >= pages ? place : pages) + 1) * page_bytes();
}

/* The kind of slab that holds blocks of n bytes with their canaries; large ones are alone in theirs. */
typedef struct slab {
    size_t bytes;
    uint32_t blocks;
} slab;

static slab slab_of(size_t n)
{
    const size_t wanted = n + HF_CANARY_LEAST;
    slab s = { (wanted + HF_PAGE - 1) / HF_PAGE * HF_PAGE, 1 };

    hf_class_init();
    if (wanted <= HF_CLASS_LARGEST)
        s.bytes = hf_slab_bytes(hf_class_of(wanted), &s.blocks);
    return s;
}

size_t hf_lock_budget_buffers(const hf_lock_budget *b, size_t n)
{
    if (!size_possible(n))
        return 0;
    return b->free_bytes == SIZE_MAX ? SIZE_MAX : b->free_bytes / buffer_cost(n);
}

size_t hf_lock_budget_secrets(const hf_lock_budget *b, size_t n)
{
    if (!size_possible(n))
        return 0;
    const slab s = slab_of(n);
    return b->free_bytes == SIZE_MAX ? SIZE_MAX : b->free_bytes / s.bytes * s.blocks;
}

/* ---- the plan ---- */

/* count things of this cost more, in whole pages. False when it cannot be counted. */
static bool add_cost(size_t *sum, size_t count, size_t cost)
{
    size_t all, rounded;

    if (hf_mul_size(count, cost, &all) != HF_OK || hf_add_size(all, page_bytes() - 1, &rounded) != HF_OK)
        return false;
    return hf_add_size(*sum, rounded / page_bytes() * page_bytes(), sum) == HF_OK;
}

/* least: what the pool takes even for one block. */
static bool add_secrets(size_t *sum, size_t count, size_t n, size_t least)
{
    const slab s = slab_of(n);
    size_t pool = 0;

    if (!add_cost(&pool, count / s.blocks + (count % s.blocks != 0), s.bytes))
        return false;
    return hf_add_size(*sum, pool > least ? pool : least, sum) == HF_OK;
}

static hf_err needed(const hf_lock_need *need, size_t *ret)
{
    size_t sum = 0;
    bool ok = add_cost(&sum, 1, need->bytes);

    HF_CHECK(need->secrets == 0 || size_possible(need->secret_bytes), HF_ERR_BOUNDS);
    HF_CHECK(need->buffers == 0 || size_possible(need->buffer_bytes), HF_ERR_BOUNDS);
    const bool alone = need->bytes == 0 && need->buffers == 0; /* then a pool makes do with what there is */
    if (need->secrets > 0)
        ok = ok && add_secrets(&sum, need->secrets, need->secret_bytes, alone ? 0 : POOL_FIRST);
    if (need->buffers > 0)
        ok = ok && add_cost(&sum, need->buffers, buffer_cost(need->buffer_bytes));
    *ret = ok ? sum : SIZE_MAX;
    return HF_OK;
}

/* What a person types, for each place where the limit may come from. */
static void say_how(const hf_lock_budget *b, size_t whole, char *dst, size_t cap)
{
    const size_t kib = whole / 1024;

    if (b->hard_bytes >= whole)
        (void)snprintf(dst, cap, "; its hard limit allows it: raise the soft one (ulimit -l %zu)", kib);
    else
        (void)snprintf(dst, cap,
                       " (hard limit %zu KiB); to have %zu KiB: LimitMEMLOCK=%zuK in the systemd unit, memlock %zu in "
                       "limits.conf, docker run --ulimit memlock=%zu, or setcap cap_ipc_lock=ep on the program%s%s",
                       b->hard_bytes / 1024, kib, kib, kib, whole, b->note[0] != '\0' ? "; " : "", b->note);
}

static void say_what_lacks(const hf_lock_plan *p, hf_harden_why *why)
{
    const hf_lock_budget *b = &p->budget;
    size_t whole;

    if (p->needed_bytes == SIZE_MAX || hf_add_size(p->needed_bytes, b->locked_bytes, &whole) != HF_OK) {
        (void)snprintf(why->text, sizeof(why->text), "more locked memory is needed than there can be");
        return;
    }
    int n = snprintf(why->text, sizeof(why->text),
                     "%zu KiB of locked memory are needed beside the %zu KiB in use, but RLIMIT_MEMLOCK is %zu KiB",
                     p->needed_bytes / 1024, b->locked_bytes / 1024, b->soft_bytes / 1024);
    say_how(b, whole, why->text + n, sizeof(why->text) - (size_t)n);
}

static bool fits(const hf_lock_plan *p)
{
    return p->needed_bytes <= p->budget.free_bytes && p->needed_bytes != SIZE_MAX;
}

hf_err hf_lock_plan_make(const hf_lock_need *need, hf_lock_plan *ret, hf_harden_why *reterr_why)
{
    hf_lock_plan plan = { .raised = false };

    if (reterr_why != NULL)
        reterr_why->text[0] = '\0';
    HF_TRY(needed(need, &plan.needed_bytes));
    HF_TRY(hf_lock_budget_get(&plan.budget));
    if (!fits(&plan) && need->raise && plan.budget.hard_bytes > plan.budget.soft_bytes) {
        plan.raised = hf_process_limit_raise(RLIMIT_MEMLOCK);
        HF_TRY(hf_lock_budget_get(&plan.budget));
    }
    if (ret != NULL)
        *ret = plan;
    if (fits(&plan))
        return HF_OK;
    if (reterr_why != NULL)
        say_what_lacks(&plan, reterr_why);
    return HF_ERR_LOCKED_MEMORY;
}
