/* Arenas: how they are made, grow, hold stacks, and end. */
#include "mem/internal.h"
#include "mem/registry.h"
#include <unistd.h>

#define EXIT_EXHAUSTED 71
#define LARGEST ((size_t)1 << 40)
#define LEAST_GROWTH ((size_t)16 << 10)

static const char why_bounds[] = "the arena must have 1 byte to 1 TiB";
static const char why_no_tables[] =
    "there is no ordinary memory for the tables; is RLIMIT_AS set, or mlockall in force?";
static const char why_random[] = "the kernel gave no random bytes for the canaries";
static const char why_many[] = "4,096 pools, buffers and arenas exist already, the most that hf_wipe_all can reach";

static void wipe_region(const hf_region *r)
{
    hf_arena_wipe_all((hf_arena *)((uintptr_t)r - offsetof(hf_arena, region)));
}

static bool canary_secret(uint64_t ret_secret[2])
{
    if (!hf_random_fill(ret_secret, 2 * sizeof ret_secret[0]))
        return false;
    ret_secret[1] |= 1;
    return true;
}

static void tables_init(hf_arena *a)
{
    hf_class_init();
    a->n_pages = (uint32_t)(a->region.bytes / HF_PAGE);
    a->why_full = "";
    hf_span_init(a);
    for (unsigned k = 0; k < HF_CLASSES; k++)
        a->partial[k] = HF_NO_PAGE;
}

hf_err hf_arena_make(const hf_arena_sizes *sizes, hf_arena **ret, const char **reterr_why)
{
    size_t page = hf_page_bytes();
    size_t limit = (sizes->limit + page - 1) / page * page;
    uint64_t canary[2];
    *reterr_why = why_random;
    HF_CHECK(canary_secret(canary), HF_ERR_SYSTEM);
    *reterr_why = why_no_tables;
    hf_arena *a = hf_arena_record_take(limit, sizes->cached);
    HF_CHECK(a != NULL, HF_ERR_LOCKED_MEMORY);
    const hf_region_spec spec = { .reserve = limit, .first = sizes->first, .weakest = sizes->weakest };
    hf_err e = hf_region_new(&spec, &a->region, reterr_why);
    if (e != HF_OK) {
        hf_arena_record_give(a);
        return e;
    }
    a->limit = a->region.reserved; /* less than was planned, where mlockall has reserves charged */
    a->region.wipe = wipe_region;
    a->base = a->region.base;
    a->per_block = hf_perblock_wanted();
    a->wipes = hf_registry_wipes_ended();
    tables_init(a);
    a->canary[0] = canary[0];
    a->canary[1] = canary[1];
    if (hf_registry_add(&a->region) != HF_OK) {
        hf_region_release(&a->region);
        hf_arena_record_give(a);
        *reterr_why = why_many;
        return HF_ERR_LOCKED_MEMORY;
    }
    *ret = a;
    return HF_OK;
}

void hf_arena_unmake(hf_arena *a)
{
    pthread_mutex_lock(&a->lock);
    hf_caches_empty(a);
    pthread_mutex_unlock(&a->lock);
    hf_registry_remove(&a->region);
    hf_region_release(&a->region);
    hf_arena_record_give(a);
}

/*
 * By a quarter of what there is: so no more than a fifth of it waits for use, and with memfd_secret, where each growth is a map, 16 MiB
 * are 26 maps. Near the limit of locked memory by less, down to what is needed.
 */
bool hf_arena_grow(hf_arena *a, uint32_t n)
{
    if (a->per_block)
        return false;
    uint32_t tail = hf_span_tail(a);
    size_t need = (n > tail ? n - tail : 1) * HF_PAGE;
    size_t have = a->region.bytes, room = a->region.reserved - have;
    size_t by = have / 4 > LEAST_GROWTH ? have / 4 / HF_PAGE * HF_PAGE : LEAST_GROWTH;
    if (a->why_full[0] != '\0') /* refused before: each try costs system calls, so only what is needed is tried */
        by = need;
    by = by < room ? by : room;
    by = by > need ? by : need;
    for (;;) {
        if (hf_region_grow(&a->region, by, &a->why_full) == HF_OK) {
            hf_span_grown(a, (uint32_t)(a->region.bytes / HF_PAGE));
            return true;
        }
        if (by == need)
            return false;
        by = by / 2 > need ? by / 2 / HF_PAGE * HF_PAGE : need;
    }
}

hf_err hf_arena_create(const hf_arena_spec *spec, hf_arena **ret, const char **reterr_why)
{
    *reterr_why = why_bounds;
    HF_CHECK(spec->bytes >= 1 && spec->bytes <= LARGEST && (unsigned)spec->weakest <= HF_BACKING_MALLOC, HF_ERR_BOUNDS);
    hf_arena *a = NULL;
    HF_TRY(hf_arena_make(&(hf_arena_sizes) { spec->bytes, spec->bytes, spec->weakest, true }, &a, reterr_why));
    a->ends_alone = true;
    *ret = a;
    return HF_OK;
}

hf_backing hf_arena_backing(const hf_arena *a)
{
    return a->region.backing;
}

const char *hf_arena_backing_why(const hf_arena *a)
{
    return a->region.why;
}

const char *hf_backing_name(hf_backing b)
{
    switch (b) {
    case HF_BACKING_MEMFD_SECRET:
        return "memfd_secret";
    case HF_BACKING_MLOCK:
        return "mlock";
    case HF_BACKING_MALLOC:
        return "malloc";
    }
    return "unknown";
}

size_t hf_arena_capacity(const hf_arena *a)
{
    return a->limit;
}

size_t hf_arena_used(const hf_arena *a)
{
    return atomic_load_explicit(&a->used, memory_order_relaxed);
}

bool hf_arena_above_high_water(const hf_arena *a)
{
    return hf_arena_used(a) > a->limit / 10 * 7;
}

bool hf_arena_owns(const hf_arena *a, const void *p)
{
    if ((uintptr_t)p - (uintptr_t)a->base < a->limit)
        return true;
    return a->per_block && hf_perblock_owns(a, p);
}

hf_err hf_arena_stack(hf_arena *a, size_t bytes, void **ret_low)
{
    size_t guard = hf_page_bytes();
    HF_CHECK(bytes > 0 && bytes <= a->limit && !a->sealed, HF_ERR_BOUNDS);
    HF_CHECK(!hf_forked_since(a->generation), HF_ERR_FORKED);
    size_t total = (bytes + guard - 1) / guard * guard + guard;
    pthread_mutex_lock(&a->lock);
    uint32_t n = atomic_load(&a->n_stacks);
    uint32_t first = HF_NO_PAGE;
    if (n < HF_STACKS && guard == HF_PAGE)
        first = hf_span_take(a, (uint32_t)(total / HF_PAGE), HF_PAGE_STACK);
    uint8_t *low = first == HF_NO_PAGE ? NULL : a->base + first * HF_PAGE;
    bool ok = low != NULL && hf_region_protect(&a->region, first * HF_PAGE, guard, HF_ACCESS_NONE) == HF_OK;
    if (ok) {
        a->stack[n].low = low;
        a->stack[n].end = low + total;
        atomic_store(&a->n_stacks, n + 1);
    } else if (low != NULL) {
        hf_span_give(a, first);
    }
    pthread_mutex_unlock(&a->lock);
    HF_CHECK(ok, HF_ERR_LOCKED_MEMORY);
    *ret_low = low + guard;
    return HF_OK;
}

bool hf_arena_seal(hf_arena *a)
{
    if (!a->sealed)
        a->sealed = hf_region_seal(&a->region);
    return a->sealed;
}

/* Guard pages cannot be written, and the stack under our feet must not be. */
static bool wipe_skips(const hf_arena *a, const uint8_t *page, const uint8_t *here)
{
    uint32_t n = atomic_load(&a->n_stacks);
    for (uint32_t i = 0; i < n; i++) {
        if (page < a->stack[i].low || page >= a->stack[i].end)
            continue;
        return page < a->stack[i].low + HF_PAGE || (here >= a->stack[i].low && here < a->stack[i].end);
    }
    return false;
}

void hf_arena_wipe_all(hf_arena *a)
{
    if (hf_forked_since(a->generation))
        return;
    const uint8_t *here = __builtin_frame_address(0);
    atomic_store_explicit(&a->wipes, UINT64_MAX, memory_order_relaxed); /* canaries are zero from now on */
    for (size_t i = 0; i < hf_region_bytes(&a->region); i += HF_PAGE)
        if (!wipe_skips(a, a->base + i, here))
            hf_mem_zero(a->base + i, HF_PAGE);
}

void hf_arena_die(hf_arena *a)
{
    static const char line[] = "holdfast: the locked memory arena is exhausted; the process ends (exit 71)\n";
    ssize_t n = write(STDERR_FILENO, line, sizeof line - 1);
    (void)n;
    /*
     * Zeroing keys under a running thread could let a signature made with half a key leave (for RSA that gives
     * the key away). With other threads at work the kernel does it: it clears memfd_secret pages on exit.
     */
    if (atomic_load(&a->threads) <= 1)
        hf_arena_wipe_all(a);
    _exit(EXIT_EXHAUSTED);
}
