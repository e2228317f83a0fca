/* Regions: how locked memory is had from the kernel in each backing, grown, and given back. */
#include "mem/region.h"
#include "mem/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

#define LARGEST ((size_t)1 << 40)
#define CAP_IPC_LOCK_BIT 14

static const char why_bounds[] = "a region must have 1 byte to 1 TiB, of which no more is locked at first";
static const char why_no_secretmem[] =
    "memfd_secret is not in this kernel or not enabled; boot with secretmem.enable=1";
static const char why_secret_forbidden[] =
    "memfd_secret is forbidden to this process: by a seccomp filter of its container?";
static const char why_file_limit[] =
    "RLIMIT_FSIZE is too low for memfd_secret; raise it with LimitFSIZE= or 'ulimit -f'";
static const char why_no_descriptor[] = "no descriptor is free for memfd_secret; raise RLIMIT_NOFILE or close files";
static const char why_secret_limit[] =
    "RLIMIT_MEMLOCK (usually 8 MiB) is too low for memfd_secret; raise it with LimitMEMLOCK=";
static const char why_secret_refused[] =
    "memfd_secret is refused although RLIMIT_MEMLOCK allows it: is memory or vm.max_map_count short?";
static const char why_secret_pages[] = "the kernel has memfd_secret but no pages for all of it; a smaller size may fit";
static const char why_lock_limit[] = "RLIMIT_MEMLOCK (usually 8 MiB) is too low for mlock; raise it with LimitMEMLOCK=";
static const char why_lock_refused[] =
    "mlock is refused although RLIMIT_MEMLOCK allows it: is memory or vm.max_map_count short?";
static const char why_no_space[] = "the address space cannot be had; is RLIMIT_AS set, or vm.max_map_count reached?";
static const char why_no_pages[] = "the kernel has no memory for the pages";
static const char why_reserve[] = "the memory has grown to its own maximum (max_bytes); make that larger";
static const char why_malloc[] = "this build or setting uses ordinary memory: nothing is protected";
static const char why_handlers[] = "no memory is left for the handlers of fork, which memfd_secret needs";
static const char why_mlockall[] =
    "mlockall(MCL_FUTURE) has reserves charged to RLIMIT_MEMLOCK: raise it, or do without mlockall";
static const char why_forked[] = "this memory belongs to the parent process";

size_t hf_page_bytes(void)
{
    static _Atomic size_t known; /* right after a system call, a call into libc costs more than it looks */
    size_t page = atomic_load_explicit(&known, memory_order_relaxed);
    if (__builtin_expect(page == 0, 0)) {
        page = (size_t)sysconf(_SC_PAGESIZE);
        atomic_store_explicit(&known, page, memory_order_relaxed);
    }
    return page;
}

/* ---- guards inside ---- */

/* 0: there are none. */
static size_t stride_bytes(const hf_region *r)
{
    return r->stride_pages * hf_page_bytes();
}

/*
 * The first run of pages without a guard in [*at, end): its length, 0 when there is none left. *at moves to its start.
 */
static size_t next_run(const hf_region *r, size_t *at, size_t end)
{
    size_t stride = stride_bytes(r);
    if (stride == 0)
        return end - *at;
    size_t data = stride - hf_page_bytes();
    if (*at % stride >= data)
        *at += stride - *at % stride;
    if (*at >= end)
        return 0;
    size_t run = data - *at % stride;
    return run < end - *at ? run : end - *at;
}

/* Marks where the kernel has them; they must stand before the pages are locked. */
static bool guards_mark(const hf_region *r, size_t at, size_t by)
{
    size_t stride = stride_bytes(r), page = hf_page_bytes();
    for (size_t i = at; stride != 0 && i < at + by; i += stride)
        if (madvise(r->base + i + stride - page, page, MADV_GUARD_INSTALL) != 0)
            return false;
    return true;
}

static bool guards_map(const hf_region *r, size_t at, size_t by)
{
    size_t stride = stride_bytes(r), page = hf_page_bytes();
    for (size_t i = at; stride != 0 && i < at + by; i += stride)
        if (mprotect(r->base + i + stride - page, page, PROT_NONE) != 0)
            return false;
    return true;
}

/*
 * Every page is had now or not at all: MAP_POPULATE does nothing on memfd_secret. The kernel writes the first byte,
 * because where it cannot give a page (seen with memfd_secret in a virtual machine) it then says EFAULT, and to us
 * SIGBUS.
 */
static bool touch_all(const hf_region *r, size_t at, size_t by)
{
    size_t page = hf_page_bytes(), end = at + by;
    for (size_t run; (run = next_run(r, &at, end)) != 0; at += run)
        for (uint8_t *p = r->base + at; p < r->base + at + run; p += page) {
            if (syscall(SYS_getrandom, p, 1, 0) != 1) /* not getrandom(): libc may write by itself */
                return false;
            *p = 0;
        }
    return true;
}

/* ---- the backings: each makes [at, at + by) usable and answers NULL, or says what is missing ---- */

/* True when the limit explains why `by` bytes more were refused. */
static bool limit_refuses(size_t by)
{
    size_t locked = 0, limit = 0;
    hf_region_limits(&locked, &limit);
    return limit < by || locked > limit - by;
}

/* It differs once, before others see the region; they read it without a lock. */
static void guards_are_mapped(hf_region *r, bool mapped)
{
    if (r->guards_mapped != mapped)
        r->guards_mapped = mapped;
}

/* Pages without rights at first: a bare clone between here and MADV_DONTFORK would share them with its child. */
static const char *map_secret(uint8_t *p, size_t by)
{
    struct rlimit file = { RLIM_INFINITY, RLIM_INFINITY };
    if (getrlimit(RLIMIT_FSIZE, &file) == 0 && file.rlim_cur < by) /* ftruncate would raise SIGXFSZ */
        return why_file_limit;
    int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
    if (fd < 0 && (errno == EPERM || errno == EACCES))
        return why_secret_forbidden;
    if (fd < 0)
        return errno == EMFILE || errno == ENFILE ? why_no_descriptor : why_no_secretmem;
    bool mapped = ftruncate(fd, (off_t)by) == 0 && mmap(p, by, PROT_NONE, MAP_SHARED | MAP_FIXED, fd, 0) == p;
    (void)close(fd); /* an open descriptor could be taken with pidfd_getfd and mapped elsewhere */
    if (!mapped)
        return limit_refuses(by) ? why_secret_limit : why_secret_refused;
    return madvise(p, by, MADV_DONTFORK) == 0 ? NULL : why_secret_refused;
}

static const char *extend_secret(hf_region *r, size_t at, size_t by)
{
    uint8_t *p = r->base + at;
    if (!hf_forks_hold()) /* a child that inherits the descriptor could map the pages */
        return why_handlers;
    const char *why = map_secret(p, by);
    hf_forks_let();
    if (why != NULL)
        return why;
    if (mprotect(p, by, PROT_READ | PROT_WRITE) != 0)
        return why_secret_refused;
    (void)madvise(p, by, MADV_DONTDUMP); /* holds for memfd_secret anyway */
    if (!touch_all(r, at, by))
        return why_secret_pages;
    guards_are_mapped(r, r->stride_pages != 0);
    return guards_map(r, at, by) ? NULL : why_no_space;
}

/*
 * Guards come first, on the reserve as a whole: so all parts that are split from it share their anon_vma, and a new
 * part merges with the one before it into one map. The first time decides whether guards are marks or mapped.
 */
static const char *extend_locked(hf_region *r, size_t at, size_t by)
{
    uint8_t *p = r->base + at;
    if (r->guards_mapped || !guards_mark(r, at, by)) {
        if (at > 0 && !r->guards_mapped)
            return why_no_space;
        guards_are_mapped(r, true);
    }
    if (mprotect(p, by, PROT_READ | PROT_WRITE) != 0)
        return why_no_space;
    if (madvise(p, by, MADV_DONTDUMP) != 0 || madvise(p, by, MADV_WIPEONFORK) != 0)
        return why_lock_refused;
    if (mlock2(p, by, MLOCK_ONFAULT) != 0)
        return limit_refuses(by) ? why_lock_limit : why_lock_refused;
    if (!touch_all(r, at, by))
        return why_no_pages;
    return r->guards_mapped && !guards_map(r, at, by) ? why_no_space : NULL;
}

static const char *extend_ordinary(hf_region *r, size_t at, size_t by)
{
    uint8_t *p = r->base + at;
    if (mprotect(p, by, PROT_READ | PROT_WRITE) != 0)
        return why_no_space;
    (void)madvise(p, by, MADV_DONTDUMP);
    (void)madvise(p, by, MADV_WIPEONFORK);
    guards_are_mapped(r, r->stride_pages != 0);
    return guards_map(r, at, by) ? NULL : why_no_space;
}

static const char *extend(hf_region *r, size_t at, size_t by)
{
    static const char *(*const by_backing[])(hf_region *, size_t, size_t) = {
        [HF_BACKING_MEMFD_SECRET] = extend_secret,
        [HF_BACKING_MLOCK] = extend_locked,
        [HF_BACKING_MALLOC] = extend_ordinary,
    };
    return by_backing[r->backing](r, at, by);
}

/*
 * Nothing of these pages is left locked. Where even the reserve cannot be had back, pages of memfd_secret stay charged,
 * as munlock does not change them: until the next growth, which maps over them, or the release.
 */
static void shrink_to(hf_region *r, size_t at, size_t by)
{
    uint8_t *p = r->base + at;
    if (mmap(p, by, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == p)
        return;
    (void)munlock(p, by);
    (void)mprotect(p, by, PROT_NONE);
}

/* ---- life ---- */

static size_t round_up(const hf_region *r, size_t n)
{
    size_t unit = r->stride_pages == 0 ? hf_page_bytes() : stride_bytes(r);
    return (n + unit - 1) / unit * unit;
}

/* The guards at both ends lie outside the locked part, so that they do not count against RLIMIT_MEMLOCK. */
static bool reserve(hf_region *r)
{
    size_t guard = hf_page_bytes();
    void *p = mmap(NULL, r->reserved + 2 * guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return false;
    r->base = (uint8_t *)p + guard;
    return true;
}

static void unreserve(hf_region *r)
{
    size_t guard = hf_page_bytes();
    (void)munmap(r->base - guard, r->reserved + 2 * guard);
    r->base = NULL;
}

/* NULL, or why it cannot be had in this backing. */
static const char *try_backing(hf_region *r, hf_backing backing, size_t first)
{
    r->backing = backing;
    r->guards_mapped = false;
    if (!reserve(r)) {
        if (errno != EAGAIN) /* EAGAIN: charged as locked, which is so after mlockall(MCL_FUTURE) alone */
            return why_no_space;
        r->reserved = first;
        r->reserve_cut = true;
        if (!reserve(r))
            return why_mlockall;
    }
    const char *why = extend(r, 0, first);
    if (why != NULL)
        unreserve(r);
    return why;
}

hf_err hf_region_new(const hf_region_spec *spec, hf_region *ret, const char **reterr_why)
{
    *reterr_why = why_bounds;
    HF_CHECK(spec->reserve >= 1 && spec->reserve <= LARGEST && spec->first >= 1 && spec->first <= spec->reserve,
             HF_ERR_BOUNDS);
    HF_CHECK((unsigned)spec->weakest <= HF_BACKING_MALLOC && spec->strongest <= spec->weakest, HF_ERR_BOUNDS);
    HF_CHECK(spec->stride_pages != 1, HF_ERR_BOUNDS);
    HF_CHECK(spec->stride_pages <= LARGEST / hf_page_bytes(), HF_ERR_BOUNDS);
    hf_region r = { .stride_pages = spec->stride_pages, .generation = hf_fork_generation() };
    r.reserved = round_up(&r, spec->reserve);
    static const hf_backing ranks[] = { HF_BACKING_MEMFD_SECRET, HF_BACKING_MLOCK, HF_BACKING_MALLOC };
    unsigned best = spec->strongest, weakest = spec->weakest;
    const char *degraded = "";
    if (hf_perblock_wanted()) {
        best = weakest = HF_BACKING_MALLOC;
        degraded = why_malloc;
    }
    for (unsigned b = best; b <= weakest; b++) {
        *reterr_why = try_backing(&r, ranks[b], round_up(&r, spec->first));
        if (*reterr_why == NULL) {
            r.bytes = round_up(&r, spec->first);
            *reterr_why = r.why = degraded;
            *ret = r;
            return HF_OK;
        }
        if (degraded[0] == '\0')
            degraded = *reterr_why;
    }
    return HF_ERR_LOCKED_MEMORY;
}

hf_err hf_region_grow(hf_region *r, size_t by, const char **reterr_why)
{
    *reterr_why = why_forked;
    HF_CHECK(!hf_forked_since(r->generation), HF_ERR_FORKED);
    *reterr_why = r->reserve_cut ? why_mlockall : why_reserve;
    HF_CHECK(by >= 1 && by <= r->reserved - r->bytes, HF_ERR_LOCKED_MEMORY);
    by = round_up(r, by);
    const char *why = extend(r, r->bytes, by);
    if (why != NULL) {
        shrink_to(r, r->bytes, by);
        *reterr_why = why;
        return HF_ERR_LOCKED_MEMORY;
    }
    __atomic_store_n(&r->bytes, r->bytes + by, __ATOMIC_RELEASE);
    *reterr_why = "";
    return HF_OK;
}

void hf_region_release(hf_region *r)
{
    if (r->base == NULL || hf_forked_since(r->generation))
        return;
    hf_region_wipe(r);
    (void)munlock(r->base, r->bytes); /* so that it is uncharged even if unmapping fails at the limit of maps */
    unreserve(r);
    *r = (hf_region) { .generation = 0 };
}

static const int rights[] = {
    [HF_ACCESS_NONE] = PROT_NONE,
    [HF_ACCESS_READ] = PROT_READ,
    [HF_ACCESS_READ_WRITE] = PROT_READ | PROT_WRITE,
};

hf_err hf_region_protect_between(hf_region *r, size_t offset, size_t len, hf_access access)
{
    if (access != HF_ACCESS_READ_WRITE)
        __atomic_store_n(&r->restricted, true, __ATOMIC_RELEASE);
    return mprotect(r->base + offset, len, rights[access]) == 0 ? HF_OK : HF_ERR_SYSTEM;
}

hf_err hf_region_protect(hf_region *r, size_t offset, size_t len, hf_access access)
{
    size_t page = hf_page_bytes(), bytes = hf_region_bytes(r);
    HF_CHECK((unsigned)access < HF_COUNT(rights) && offset % page == 0 && len % page == 0, HF_ERR_BOUNDS);
    HF_CHECK(offset <= bytes && len <= bytes - offset, HF_ERR_BOUNDS);
    HF_CHECK(!hf_forked_since(r->generation), HF_ERR_FORKED);
    if (!r->guards_mapped)
        return hf_region_protect_between(r, offset, len, access);
    size_t end = offset + len;
    for (size_t run; (run = next_run(r, &offset, end)) != 0; offset += run)
        HF_TRY(hf_region_protect_between(r, offset, run, access));
    return HF_OK;
}

hf_err hf_region_set_apart(const hf_region *r, size_t offset, size_t len)
{
    size_t page = hf_page_bytes(), bytes = hf_region_bytes(r);
    HF_CHECK(offset % page == 0 && len % page == 0 && offset <= bytes && len <= bytes - offset, HF_ERR_BOUNDS);
    HF_CHECK(!hf_forked_since(r->generation), HF_ERR_FORKED);
    /* A flag that means nothing for locked pages, but that the neighbours do not have. */
    return madvise(r->base + offset, len, MADV_RANDOM) == 0 ? HF_OK : HF_ERR_SYSTEM;
}

void hf_region_wipe(const hf_region *r)
{
    if (hf_forked_since(r->generation))
        return;
    if (r->wipe != NULL) {
        r->wipe(r);
        return;
    }
    size_t end = hf_region_bytes(r);
    const int all = PROT_READ | PROT_WRITE;
    bool writable =
        !__atomic_load_n(&r->restricted, __ATOMIC_ACQUIRE) || (!r->guards_mapped && mprotect(r->base, end, all) == 0);
    size_t at = 0;
    for (size_t run; (run = next_run(r, &at, end)) != 0; at += run) {
        /* Where vm.max_map_count allows no more parts, guards give way: one call over the whole splits nothing. */
        bool now = writable || mprotect(r->base + at, run, all) == 0;
        if (!now)
            writable = now = mprotect(r->base, end, all) == 0;
        if (now)
            hf_mem_zero(r->base + at, run);
    }
}

bool hf_region_seal(const hf_region *r)
{
    return syscall(SYS_mseal, r->base, r->bytes, 0UL) == 0;
}

void hf_region_keep_out(const hf_region *r)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    void *p = mmap(r->base, hf_region_bytes(r), PROT_NONE, flags, -1, 0);
    if (p != MAP_FAILED && p != r->base) /* a kernel that does not know the flag placed it elsewhere */
        (void)munmap(p, hf_region_bytes(r));
}

void *hf_table_new(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void hf_table_free(void *table, size_t bytes)
{
    if (table != NULL)
        (void)munmap(table, bytes);
}

/* ---- what the system allows ---- */

/* What is known of this process; the rest of /proc/self/status may be long (groups). */
typedef struct status {
    uint64_t locked_kib;
    uint64_t capabilities;
} status;

static void status_line(const char *line, status *ret)
{
    static const char locked[] = "VmLck:", effective[] = "CapEff:";
    if (strncmp(line, locked, sizeof locked - 1) == 0)
        ret->locked_kib = strtoull(line + sizeof locked - 1, NULL, 10);
    else if (strncmp(line, effective, sizeof effective - 1) == 0)
        ret->capabilities = strtoull(line + sizeof effective - 1, NULL, 16);
}

/* Zeros for what cannot be read. */
static status status_read(void)
{
    status found = { 0, 0 };
    char part[2048], line[64];
    size_t len = 0;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    for (ssize_t n = 1; fd >= 0 && n > 0;) {
        n = read(fd, part, sizeof part);
        for (ssize_t i = 0; i < n; i++) {
            if (part[i] != '\n') {
                if (len < sizeof line - 1) /* more of a line is of no interest */
                    line[len++] = part[i];
                continue;
            }
            line[len] = '\0';
            status_line(line, &found);
            len = 0;
        }
    }
    if (fd >= 0)
        (void)close(fd);
    return found;
}

/* CAP_IPC_LOCK lifts the limit only when held in the first user namespace, where all ids are themselves. */
static bool limit_is_lifted(uint64_t capabilities)
{
    if ((capabilities >> CAP_IPC_LOCK_BIT & 1) == 0)
        return false;
    char map[128] = "";
    int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, map, sizeof map - 1);
    (void)close(fd);
    map[n < 0 ? 0 : n] = '\0';
    uint64_t inside_outside_count[3] = { 0 };
    char *at = map;
    for (size_t i = 0; i < 3; i++)
        inside_outside_count[i] = strtoull(at, &at, 10);
    return inside_outside_count[0] == 0 && inside_outside_count[1] == 0 && inside_outside_count[2] == UINT32_MAX;
}

void hf_region_limits(size_t *ret_locked, size_t *ret_limit)
{
    status now = status_read();
    struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
    (void)getrlimit(RLIMIT_MEMLOCK, &limit);
    *ret_locked = (size_t)now.locked_kib * 1024;
    *ret_limit = limit.rlim_cur >= SIZE_MAX || limit_is_lifted(now.capabilities) ? SIZE_MAX : (size_t)limit.rlim_cur;
}
