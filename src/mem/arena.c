/* Arenas: how the region is made in each backing, its stacks, and its end. */
#include "mem/internal.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

#define EXIT_EXHAUSTED 71

static const char why_no_secretmem[] =
    "memfd_secret is not in this kernel or not enabled; boot with secretmem.enable=1";
static const char why_secret_limit[] =
    "RLIMIT_MEMLOCK (usually 8 MiB) is too low for memfd_secret; raise it with LimitMEMLOCK=";
static const char why_secret_pages[] =
    "the kernel has memfd_secret but gives no pages for all of it; a smaller arena may fit";
static const char why_lock_limit[] = "RLIMIT_MEMLOCK (usually 8 MiB) is too low for mlock; raise it with LimitMEMLOCK=";
static const char why_no_space[] = "the address space for the arena cannot be had; is RLIMIT_AS set?";
static const char why_malloc[] = "this build or setting uses ordinary memory: nothing is protected";

/* The guards lie outside the locked part, so that they do not count against RLIMIT_MEMLOCK. */
static uint8_t *reserve(size_t bytes, size_t guard)
{
    void *p = mmap(NULL, bytes + 2 * guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : (uint8_t *)p + guard;
}

static void release(uint8_t *base, size_t bytes, size_t guard)
{
    (void)munmap(base - guard, bytes + 2 * guard);
}

/*
 * Every page is had now or not at all: MAP_POPULATE does nothing on memfd_secret. The kernel writes the first byte, because
 * where it cannot give a page (seen with memfd_secret in a virtual machine) it then says EFAULT, and to us SIGBUS.
 */
static bool touch_all(uint8_t *base, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += HF_PAGE) {
        if (syscall(SYS_getrandom, base + i, 1, 0) != 1) /* not getrandom(): libc may write by itself */
            return false;
        base[i] = 0;
    }
    return true;
}

/* Says in *ret_why what is missing, or NULL. The region is then mapped at base. */
static void map_secret(uint8_t *base, size_t bytes, const char **ret_why)
{
    *ret_why = why_no_secretmem;
    int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
    if (fd < 0)
        return;
    *ret_why = why_secret_limit;
    bool mapped = ftruncate(fd, (off_t)bytes) == 0 &&
                  mmap(base, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == base;
    (void)close(fd); /* an open descriptor could be taken with pidfd_getfd and mapped elsewhere */
    if (!mapped)
        return;
    if (madvise(base, bytes, MADV_DONTFORK) != 0) /* a child would share the pages, not copy them */
        return;
    (void)madvise(base, bytes, MADV_DONTDUMP); /* holds for memfd_secret anyway */
    *ret_why = touch_all(base, bytes) ? NULL : why_secret_pages;
}

static void map_locked(uint8_t *base, size_t bytes, const char **ret_why)
{
    *ret_why = why_no_space;
    if (mmap(base, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != base)
        return;
    *ret_why = why_lock_limit;
    if (mlock2(base, bytes, MLOCK_ONFAULT) != 0)
        return;
    if (madvise(base, bytes, MADV_DONTDUMP) != 0 || madvise(base, bytes, MADV_WIPEONFORK) != 0)
        return;
    *ret_why = touch_all(base, bytes) ? NULL : why_no_space;
}

static void map_ordinary(uint8_t *base, size_t bytes, const char **ret_why)
{
    *ret_why = why_no_space;
    if (mmap(base, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != base)
        return;
    (void)madvise(base, bytes, MADV_DONTDUMP);
    (void)madvise(base, bytes, MADV_WIPEONFORK);
    *ret_why = NULL;
}

typedef struct region {
    uint8_t *base;
    hf_backing backing;
    const char *why; /* why it is not the best; on failure, why there is none */
} region;

/* Tries the backings from best to weakest. */
static hf_err map_best(size_t bytes, size_t guard, hf_backing weakest, region *ret)
{
    static void (*const map[])(uint8_t *, size_t, const char **) = {
        [HF_BACKING_MEMFD_SECRET] = map_secret,
        [HF_BACKING_MLOCK] = map_locked,
        [HF_BACKING_MALLOC] = map_ordinary,
    };
    unsigned first = HF_BACKING_MEMFD_SECRET;
    const char *first_why = NULL;
    if (hf_perblock_wanted()) {
        first = weakest = HF_BACKING_MALLOC;
        first_why = why_malloc;
    }
    for (unsigned b = first; b <= (unsigned)weakest; b++) {
        const char *why = why_no_space;
        uint8_t *base = reserve(bytes, guard);
        if (base != NULL)
            map[b](base, bytes, &why);
        if (why == NULL) {
            *ret = (region) { base, (hf_backing)b, first_why == NULL ? "" : first_why };
            return HF_OK;
        }
        if (base != NULL)
            release(base, bytes, guard);
        ret->why = why;
        if (first_why == NULL)
            first_why = why;
    }
    return HF_ERR_LOCKED_MEMORY;
}

/* The arena's own records, in ordinary memory. */
static hf_arena *bookkeeping_new(size_t bytes)
{
    size_t pages_at = (sizeof(hf_arena) + 63) / 64 * 64;
    size_t state_at = pages_at + bytes / HF_PAGE * sizeof(hf_page);
    size_t total = state_at + bytes / HF_GRAIN;
    void *p = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    hf_arena *a = p;
    a->page = (hf_page *)(void *)((uint8_t *)p + pages_at);
    a->state = (_Atomic uint8_t *)((uint8_t *)p + state_at);
    a->bytes = bytes;
    a->n_pages = (uint32_t)(bytes / HF_PAGE);
    return a;
}

hf_err hf_arena_create(const hf_arena_spec *spec, hf_arena **ret, const char **reterr_why)
{
    static _Atomic uint32_t next_id;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *reterr_why = "the arena must have 1 byte to 1 TiB";
    HF_CHECK(spec->bytes >= 1 && spec->bytes <= (size_t)1 << 40 && (unsigned)spec->weakest <= HF_BACKING_MALLOC,
             HF_ERR_BOUNDS);
    size_t bytes = (spec->bytes + page - 1) / page * page;
    *reterr_why = why_no_space;
    hf_arena *a = bookkeeping_new(bytes);
    HF_CHECK(a != NULL, HF_ERR_LOCKED_MEMORY);
    region r = { NULL, HF_BACKING_MALLOC, NULL };
    hf_err e = map_best(bytes, page, spec->weakest, &r);
    if (e != HF_OK) {
        *reterr_why = r.why;
        return e;
    }
    a->base = r.base;
    a->backing = r.backing;
    a->why = r.why;
    a->per_block = hf_perblock_wanted();
    a->id = atomic_fetch_add(&next_id, 1);
    pthread_mutex_init(&a->lock, NULL);
    hf_class_init();
    hf_span_init(a);
    for (unsigned k = 0; k < HF_CLASSES; k++)
        a->partial[k] = HF_NO_PAGE;
    *reterr_why = a->why;
    *ret = a;
    return HF_OK;
}

hf_backing hf_arena_backing(const hf_arena *a)
{
    return a->backing;
}

const char *hf_arena_backing_why(const hf_arena *a)
{
    return a->why;
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
    return a->bytes;
}

size_t hf_arena_used(const hf_arena *a)
{
    return atomic_load_explicit(&a->used, memory_order_relaxed);
}

bool hf_arena_above_high_water(const hf_arena *a)
{
    return hf_arena_used(a) > a->bytes / 10 * 7;
}

bool hf_arena_owns(const hf_arena *a, const void *p)
{
    if ((uintptr_t)p - (uintptr_t)a->base < a->bytes)
        return true;
    return a->per_block && hf_perblock_owns(a, p);
}

hf_err hf_arena_stack(hf_arena *a, size_t bytes, void **ret_low)
{
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    HF_CHECK(bytes > 0 && bytes <= a->bytes && !a->sealed, HF_ERR_BOUNDS);
    size_t total = (bytes + guard - 1) / guard * guard + guard;
    pthread_mutex_lock(&a->lock);
    uint32_t n = atomic_load(&a->n_stacks);
    uint32_t first = HF_NO_PAGE;
    if (n < HF_STACKS && guard == HF_PAGE)
        first = hf_span_take(a, (uint32_t)(total / HF_PAGE), HF_PAGE_STACK);
    uint8_t *low = first == HF_NO_PAGE ? NULL : a->base + first * HF_PAGE;
    bool ok = low != NULL && mprotect(low, guard, PROT_NONE) == 0;
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
        a->sealed = syscall(SYS_mseal, a->base, a->bytes, 0UL) == 0;
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
    const uint8_t *here = __builtin_frame_address(0);
    for (size_t i = 0; i < a->bytes; i += HF_PAGE)
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
