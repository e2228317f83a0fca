/*
 * Regions on Windows: reserved with VirtualAlloc, committed and locked with VirtualLock as they grow. Guards are never committed.
 *
 * VirtualProtect to PAGE_NOACCESS unlocks a page (STATUS_WAS_UNLOCKED), and Windows may then write it to the page file. So
 * memory whose rights change is a section that is mapped twice: locked in a read-only view that nobody has the address of,
 * used through the other, which may lose all rights while the pages stay where they are. Its guards are committed, without
 * rights: Wine lets a program touch pages of a section that are not.
 */
#include "mem/internal.h"
#include "mem/region.h"
#include <windows.h>

#define LARGEST ((size_t)1 << 40)
#define QUOTA_STEP ((size_t)1 << 20)
#define QUOTA_SPARE ((size_t)16 << 20) /* between minimum and maximum of the working set, for what is not locked */

static const char why_bounds[] = "a region must have 1 byte to 1 TiB, of which no more is locked at first";
static const char why_no_secretmem[] =
    "Windows has no memfd_secret: administrators and debuggers can read what is locked";
static const char why_no_space[] = "the address space cannot be had";
static const char why_no_commit[] = "Windows commits no more memory; is the page file full or a job limit reached?";
static const char why_quota[] = "VirtualLock is refused; is memory short, or the working set of this job limited?";
static const char why_reserve[] = "the memory has grown to its own maximum (max_bytes); make that larger";
static const char why_malloc[] = "this build or setting uses ordinary memory: nothing is protected";

size_t hf_page_bytes(void)
{
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    return system.dwPageSize;
}

/* ---- guards inside ---- */

/* The first run of pages without a guard in [*at, end): its length, 0 when there is none left. *at moves to its start. */
static size_t next_run(const hf_region *r, size_t *at, size_t end)
{
    size_t page = hf_page_bytes(), stride = r->stride_pages * page;
    if (stride == 0)
        return end - *at;
    size_t data = stride - page;
    if (*at % stride >= data)
        *at += stride - *at % stride;
    if (*at >= end)
        return 0;
    size_t run = data - *at % stride;
    return run < end - *at ? run : end - *at;
}

static size_t round_up(const hf_region *r, size_t n)
{
    size_t unit = (r->stride_pages == 0 ? 1 : r->stride_pages) * hf_page_bytes();
    return (n + unit - 1) / unit * unit;
}

/* ---- how much may be locked ---- */

static SRWLOCK quota_lock = SRWLOCK_INIT;
static size_t locked_bytes; /* by regions */
static size_t quota_bytes; /* what the working set was raised by */

/*
 * A process may lock what its minimum working set holds, some 50 pages unless it asks for more. Where that is refused,
 * VirtualLock says so afterwards.
 */
static void quota_raise(size_t by)
{
    SIZE_T least = 0, most = 0;
    DWORD flags = 0;
    AcquireSRWLockExclusive(&quota_lock);
    locked_bytes += by;
    if (locked_bytes > quota_bytes && GetProcessWorkingSetSizeEx(GetCurrentProcess(), &least, &most, &flags)) {
        size_t more = (locked_bytes - quota_bytes + QUOTA_STEP - 1) / QUOTA_STEP * QUOTA_STEP;
        least += more;
        most = most > least + QUOTA_SPARE ? most : least + QUOTA_SPARE;
        if (SetProcessWorkingSetSizeEx(GetCurrentProcess(), least, most, 0))
            quota_bytes += more;
    }
    ReleaseSRWLockExclusive(&quota_lock);
}

/* The working set stays as large as it was made: the next region needs it again. */
static void quota_return(size_t by)
{
    AcquireSRWLockExclusive(&quota_lock);
    locked_bytes -= by;
    ReleaseSRWLockExclusive(&quota_lock);
}

void hf_region_limits(size_t *ret_locked, size_t *ret_limit)
{
    AcquireSRWLockShared(&quota_lock);
    *ret_locked = locked_bytes;
    ReleaseSRWLockShared(&quota_lock);
    *ret_limit = SIZE_MAX; /* the quota is raised as needed, and what is refused then is known only by trying */
}

/* ---- address space ---- */

/* With a guard at both ends; none of it is committed. */
static bool reserve_private(hf_region *r, size_t bytes)
{
    r->base = VirtualAlloc(NULL, bytes, MEM_RESERVE, PAGE_NOACCESS);
    return r->base != NULL;
}

static bool reserve_twice(hf_region *r, size_t bytes)
{
    HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_RESERVE, (DWORD)(bytes >> 32),
                                        (DWORD)bytes, NULL);
    if (section == NULL)
        return false;
    r->base = MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, bytes);
    r->twin = MapViewOfFile(section, FILE_MAP_READ, 0, 0, bytes);
    CloseHandle(section); /* who duplicated it could map it elsewhere */
    if (r->base != NULL && r->twin != NULL)
        return true;
    if (r->base != NULL)
        UnmapViewOfFile(r->base);
    if (r->twin != NULL)
        UnmapViewOfFile(r->twin);
    return false;
}

typedef HRESULT(WINAPI *exclusion)(const void *at, DWORD bytes);
typedef HRESULT(WINAPI *inclusion)(const void *at);

/* Since Windows 10 (1703) a process may leave memory out of the dumps that Windows Error Reporting makes. */
static FARPROC dump_call(const char *name)
{
    HMODULE kernel = GetModuleHandleW(L"kernel32.dll");
    return kernel == NULL ? NULL : GetProcAddress(kernel, name);
}

static void keep_out_of_dumps(const void *view, size_t bytes)
{
    exclusion exclude = (exclusion)(void (*)(void))dump_call("WerRegisterExcludedMemoryBlock");
    if (exclude != NULL && view != NULL && bytes <= MAXDWORD)
        (void)exclude(view, (DWORD)bytes);
}

static void let_into_dumps(const void *view)
{
    inclusion include = (inclusion)(void (*)(void))dump_call("WerUnregisterExcludedMemoryBlock");
    if (include != NULL && view != NULL)
        (void)include(view);
}

static bool guard_at(uint8_t *p)
{
    return VirtualAlloc(p, hf_page_bytes(), MEM_COMMIT, PAGE_NOACCESS) != NULL;
}

static void unreserve(hf_region *r)
{
    size_t guard = hf_page_bytes();
    let_into_dumps(r->base);
    let_into_dumps(r->twin);
    if (r->twin == NULL) {
        VirtualFree(r->base - guard, 0, MEM_RELEASE);
    } else {
        UnmapViewOfFile(r->base - guard);
        UnmapViewOfFile(r->twin - guard);
    }
    r->base = r->twin = NULL;
}

static bool reserve(hf_region *r, bool protects)
{
    size_t guard = hf_page_bytes(), bytes = r->reserved + 2 * guard;
    r->twin = NULL;
    if (!(protects && r->backing == HF_BACKING_MLOCK ? reserve_twice(r, bytes) : reserve_private(r, bytes)))
        return false;
    r->base += guard;
    if (r->twin != NULL)
        r->twin += guard;
    keep_out_of_dumps(r->base, r->reserved);
    keep_out_of_dumps(r->twin, r->reserved);
    if (r->twin == NULL || (guard_at(r->base - guard) && guard_at(r->base + r->reserved) && guard_at(r->twin - guard) &&
                            guard_at(r->twin + r->reserved)))
        return true;
    unreserve(r);
    return false;
}

/* ---- locking ---- */

/* Pages in both views, where there are two. */
static bool commit_run(const hf_region *r, size_t at, size_t by)
{
    return VirtualAlloc(r->base + at, by, MEM_COMMIT, PAGE_READWRITE) != NULL &&
           (r->twin == NULL || VirtualAlloc(r->twin + at, by, MEM_COMMIT, PAGE_READONLY) != NULL);
}

static bool commit_guard(const hf_region *r, size_t at)
{
    return r->twin == NULL || r->stride_pages == 0 || (guard_at(r->base + at) && guard_at(r->twin + at));
}

static bool commit(const hf_region *r, size_t at, size_t by)
{
    size_t end = at + by;
    for (size_t run; (run = next_run(r, &at, end)) != 0; at += run)
        if (!commit_run(r, at, run) || !commit_guard(r, at + run))
            return false;
    return true;
}

static uint8_t *locked_view(const hf_region *r)
{
    return r->twin != NULL ? r->twin : r->base;
}

static bool lock(const hf_region *r, size_t at, size_t by)
{
    size_t end = at + by;
    for (size_t run; (run = next_run(r, &at, end)) != 0; at += run)
        if (!VirtualLock(locked_view(r) + at, run))
            return false;
    return true;
}

static void unlock(const hf_region *r, size_t at, size_t by)
{
    size_t end = at + by;
    for (size_t run; (run = next_run(r, &at, end)) != 0; at += run)
        (void)VirtualUnlock(locked_view(r) + at, run); /* part of it may not be locked */
}

/* So that no page is had only when it is used; each then has its own in both views. */
static void touch(const hf_region *r, size_t at, size_t by)
{
    size_t page = hf_page_bytes(), end = at + by;
    for (size_t run; (run = next_run(r, &at, end)) != 0; at += run)
        for (size_t i = 0; i < run; i += page)
            *(volatile uint8_t *)(r->base + at + i) = 0;
}

static bool protect_runs(const hf_region *r, size_t at, size_t by, DWORD rights)
{
    size_t end = at + by;
    DWORD before;
    for (size_t run; (run = next_run(r, &at, end)) != 0; at += run)
        if (!VirtualProtect(r->base + at, run, rights, &before))
            return false;
    return true;
}

/* Pages that were committed and could not be locked: nobody may use them. A section cannot take them back. */
static void give_back(const hf_region *r, size_t at, size_t by)
{
    unlock(r, at, by);
    if (r->twin == NULL)
        (void)VirtualFree(r->base + at, by, MEM_DECOMMIT);
    else
        (void)protect_runs(r, at, by, PAGE_NOACCESS);
}

/* Makes [at, at + by) usable and answers NULL, or says what is missing. */
static const char *extend(const hf_region *r, size_t at, size_t by)
{
    if (!commit(r, at, by)) {
        give_back(r, at, by);
        return why_no_commit;
    }
    if (r->backing == HF_BACKING_MALLOC)
        return NULL;
    quota_raise(by);
    if (!lock(r, at, by)) {
        quota_return(by);
        give_back(r, at, by);
        return why_quota;
    }
    touch(r, at, by);
    return NULL;
}

/* ---- life ---- */

static const char *try_backing(hf_region *r, hf_backing backing, const hf_region_spec *spec)
{
    r->backing = backing;
    if (backing == HF_BACKING_MEMFD_SECRET)
        return why_no_secretmem;
    if (!reserve(r, spec->protects))
        return why_no_space;
    const char *why = extend(r, 0, round_up(r, spec->first));
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
    r.guards_mapped = spec->stride_pages != 0;
    unsigned best = spec->strongest, weakest = spec->weakest;
    const char *degraded = "";
    if (hf_perblock_wanted()) {
        best = weakest = HF_BACKING_MALLOC;
        degraded = why_malloc;
    }
    for (unsigned b = best; b <= weakest; b++) {
        *reterr_why = try_backing(&r, (hf_backing)b, spec);
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
    *reterr_why = why_reserve;
    HF_CHECK(by >= 1 && by <= r->reserved - r->bytes, HF_ERR_LOCKED_MEMORY);
    by = round_up(r, by);
    const char *why = extend(r, r->bytes, by);
    if (why != NULL) {
        *reterr_why = why;
        return HF_ERR_LOCKED_MEMORY;
    }
    __atomic_store_n(&r->bytes, r->bytes + by, __ATOMIC_RELEASE);
    *reterr_why = "";
    return HF_OK;
}

void hf_region_release(hf_region *r)
{
    if (r->base == NULL)
        return;
    hf_region_wipe(r);
    if (r->backing != HF_BACKING_MALLOC) {
        unlock(r, 0, r->bytes);
        quota_return(r->bytes);
    }
    unreserve(r);
    *r = (hf_region) { .generation = 0 };
}

hf_err hf_region_protect(hf_region *r, size_t offset, size_t len, hf_access access)
{
    static const DWORD rights[] = {
        [HF_ACCESS_NONE] = PAGE_NOACCESS,
        [HF_ACCESS_READ] = PAGE_READONLY,
        [HF_ACCESS_READ_WRITE] = PAGE_READWRITE,
    };
    size_t page = hf_page_bytes(), bytes = hf_region_bytes(r);
    HF_CHECK((unsigned)access < HF_COUNT(rights) && offset % page == 0 && len % page == 0, HF_ERR_BOUNDS);
    HF_CHECK(offset <= bytes && len <= bytes - offset, HF_ERR_BOUNDS);
    HF_CHECK(r->twin != NULL || r->backing == HF_BACKING_MALLOC || access != HF_ACCESS_NONE, HF_ERR_UNSUPPORTED);
    return protect_runs(r, offset, len, rights[access]) ? HF_OK : HF_ERR_SYSTEM;
}

hf_err hf_region_protect_between(hf_region *r, size_t offset, size_t len, hf_access access)
{
    return hf_region_protect(r, offset, len, access);
}

hf_err hf_region_set_apart(const hf_region *r, size_t offset, size_t len)
{
    size_t page = hf_page_bytes(), bytes = hf_region_bytes(r);
    HF_CHECK(offset % page == 0 && len % page == 0 && offset <= bytes && len <= bytes - offset, HF_ERR_BOUNDS);
    return HF_OK; /* other rights never cost anything of which there is a limit */
}

void hf_region_wipe(const hf_region *r)
{
    if (r->wipe != NULL) {
        r->wipe(r);
        return;
    }
    size_t at = 0, end = hf_region_bytes(r);
    DWORD before;
    for (size_t run; (run = next_run(r, &at, end)) != 0; at += run)
        if (VirtualProtect(r->base + at, run, PAGE_READWRITE, &before))
            hf_mem_zero(r->base + at, run);
}

bool hf_region_seal(const hf_region *r)
{
    (void)r;
    return false;
}

void hf_region_keep_out(const hf_region *r)
{
    (void)r; /* there are no forks */
}

/* Committed as a whole, so that it counts against the page file, but no page takes memory before it is used. */
void *hf_table_new(size_t bytes)
{
    return VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

void hf_table_free(void *table, size_t bytes)
{
    (void)bytes;
    if (table != NULL)
        (void)VirtualFree(table, 0, MEM_RELEASE);
}
