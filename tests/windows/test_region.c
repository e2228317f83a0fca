/* Regions over VirtualAlloc and VirtualLock: what Windows says about their pages, and what touching them does. */
#include "shared/helper.h"

#include "mem/internal.h"
#include <psapi.h>

#define PAGES 16
#define STRIDE 3

static hf_region region_of(size_t reserve_pages, size_t first_pages, uint32_t stride, bool protects)
{
    size_t page = hf_page_bytes();
    const hf_region_spec spec = { .reserve = reserve_pages * page,
                                  .first = first_pages * page,
                                  .stride_pages = stride,
                                  .weakest = HF_BACKING_MLOCK,
                                  .protects = protects };
    hf_region r = { .base = NULL };
    const char *why = NULL;
    hf_err e = hf_region_new(&spec, &r, &why);
    if (e != HF_OK)
        fail_msg("%s: %s", hf_err_name(e), why);
    return r;
}

static MEMORY_BASIC_INFORMATION about(const void *p)
{
    MEMORY_BASIC_INFORMATION info;
    assert_int_equal(VirtualQuery(p, &info, sizeof(info)), sizeof(info));
    return info;
}

static bool has_rights(const void *p, DWORD rights)
{
    MEMORY_BASIC_INFORMATION info = about(p);
    return info.State == MEM_COMMIT && info.Protect == rights;
}

static bool is_guard(const void *p)
{
    return about(p).State == MEM_RESERVE || has_rights(p, PAGE_NOACCESS);
}

static bool under_wine(void)
{
    return GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version") != NULL;
}

/* ---- what Windows says ---- */

static void only_what_is_locked_is_committed(void **state)
{
    (void)state;
    size_t page = hf_page_bytes();
    hf_region r = region_of(PAGES, 4, 0, false);
    assert_int_equal(r.backing, HF_BACKING_MLOCK);
    assert_non_null(strstr(r.why, "Windows"));
    assert_true(is_guard(r.base - 1));
    for (size_t i = 0; i < PAGES + 1; i++)
        assert_true(i < 4 ? has_rights(r.base + i * page, PAGE_READWRITE) : is_guard(r.base + i * page));
    const char *why = NULL;
    assert_int_equal(hf_region_grow(&r, 4 * page, &why), HF_OK);
    assert_int_equal(hf_region_bytes(&r), 8 * page);
    assert_true(has_rights(r.base + 7 * page, PAGE_READWRITE) && is_guard(r.base + 8 * page));
    assert_int_equal(hf_region_grow(&r, 9 * page, &why), HF_ERR_LOCKED_MEMORY);
    assert_non_null(strstr(why, "maximum"));
    const uint8_t *was = r.base;
    hf_region_release(&r);
    assert_int_equal(about(was).State, MEM_FREE);
}

static void each_stride_ends_in_a_guard(void **state)
{
    (void)state;
    size_t page = hf_page_bytes();
    hf_region r = region_of(4 * STRIDE, 2 * STRIDE, STRIDE, true);
    for (size_t i = 0; i < 4 * STRIDE; i++)
        assert_true(i < 2 * STRIDE && i % STRIDE != STRIDE - 1 ? has_rights(r.base + i * page, PAGE_READWRITE)
                                                               : is_guard(r.base + i * page));
    assert_true(is_guard(r.base - 1));
    const char *why = NULL;
    assert_int_equal(hf_region_grow(&r, 1, &why), HF_OK);
    assert_int_equal(hf_region_bytes(&r), 3 * STRIDE * page);
    assert_true(has_rights(r.base + 2 * STRIDE * page, PAGE_READWRITE) && is_guard(r.base + (3 * STRIDE - 1) * page));
    hf_region_release(&r);
}

static void rights_come_and_go_and_the_bytes_stay(void **state)
{
    (void)state;
    static const struct {
        hf_access access;
        DWORD rights;
    } steps[] = { { HF_ACCESS_NONE, PAGE_NOACCESS },
                  { HF_ACCESS_READ, PAGE_READONLY },
                  { HF_ACCESS_NONE, PAGE_NOACCESS },
                  { HF_ACCESS_READ_WRITE, PAGE_READWRITE } };
    size_t page = hf_page_bytes();
    hf_region r = region_of(2 * STRIDE, 2 * STRIDE, STRIDE, true);
    memset(r.base + STRIDE * page, 'x', page);
    for (size_t i = 0; i < HF_COUNT(steps); i++) {
        assert_int_equal(hf_region_protect(&r, STRIDE * page, STRIDE * page, steps[i].access), HF_OK);
        assert_true(has_rights(r.base + STRIDE * page, steps[i].rights));
        assert_true(has_rights(r.base + (STRIDE + 1) * page, steps[i].rights));
        assert_true(is_guard(r.base + (2 * STRIDE - 1) * page) && has_rights(r.base, PAGE_READWRITE));
    }
    assert_int_equal(r.base[STRIDE * page], 'x');
    assert_int_equal(r.base[(STRIDE + 1) * page - 1], 'x');
    assert_int_equal(hf_region_protect(&r, 1, page, HF_ACCESS_NONE), HF_ERR_BOUNDS);
    assert_int_equal(hf_region_protect(&r, 0, 3 * STRIDE * page, HF_ACCESS_NONE), HF_ERR_BOUNDS);
    hf_region_release(&r);
}

/* Taking all rights away would unlock the pages. In the other view, which may only be read, they stay locked, and the same. */
static void pages_without_rights_stay_in_a_second_view(void **state)
{
    (void)state;
    size_t page = hf_page_bytes();
    hf_region r = region_of(2 * STRIDE, STRIDE, STRIDE, true);
    assert_non_null(r.twin);
    assert_true(is_guard(r.twin - 1) && is_guard(r.twin + (STRIDE - 1) * page) && is_guard(r.twin + STRIDE * page));
    memset(r.base, 'x', page);
    assert_int_equal(hf_region_protect(&r, 0, page, HF_ACCESS_NONE), HF_OK);
    assert_true(has_rights(r.twin, PAGE_READONLY));
    assert_int_equal(r.twin[page - 1], 'x');
    hf_region_wipe(&r);
    assert_int_equal(r.twin[page - 1], 0);
    const uint8_t *was[] = { r.base, r.twin };
    hf_region_release(&r);
    assert_int_equal(about(was[0]).State, MEM_FREE);
    assert_int_equal(about(was[1]).State, MEM_FREE);
}

static void without_the_second_view_rights_are_not_taken(void **state)
{
    (void)state;
    size_t page = hf_page_bytes();
    hf_region r = region_of(2, 2, 0, false);
    assert_null(r.twin);
    assert_int_equal(hf_region_protect(&r, 0, page, HF_ACCESS_NONE), HF_ERR_UNSUPPORTED);
    assert_true(has_rights(r.base, PAGE_READWRITE));
    assert_int_equal(hf_region_protect(&r, 0, page, HF_ACCESS_READ), HF_OK); /* which keeps the lock */
    assert_true(has_rights(r.base, PAGE_READONLY));
    hf_region_release(&r);
}

static void wiping_reaches_pages_of_any_rights(void **state)
{
    (void)state;
    size_t page = hf_page_bytes();
    hf_region r = region_of(3 * STRIDE, 3 * STRIDE, STRIDE, true);
    for (size_t i = 0; i < 3; i++) {
        memset(r.base + i * STRIDE * page, 'x', 2 * page);
        assert_int_equal(hf_region_protect(&r, i * STRIDE * page, 2 * page, (hf_access)i), HF_OK);
    }
    hf_region_wipe(&r);
    for (size_t i = 0; i < 3 * STRIDE * page; i++)
        assert_true(i / page % STRIDE == STRIDE - 1 || r.base[i] == 0);
    hf_region_release(&r);
}

/* By itself Windows allows about 200 KiB. Wine has no such quota, and always tells the same minimum: there nothing is shown by it. */
static void the_quota_is_raised_as_needed(void **state)
{
    (void)state;
    size_t before = 0, now = 0, limit = 0;
    SIZE_T least = 0, most = 0;
    DWORD flags = 0;
    hf_region_limits(&before, &limit);
    hf_region r = region_of(1024, 1024, 0, false);
    hf_region_limits(&now, &limit);
    assert_int_equal(now - before, r.bytes);
    assert_int_equal(limit, SIZE_MAX);
    assert_true(GetProcessWorkingSetSizeEx(GetCurrentProcess(), &least, &most, &flags));
    assert_true(least >= r.bytes && most >= least);
    hf_region_release(&r);
    hf_region_limits(&now, &limit);
    assert_int_equal(now, before);
}

static void a_lock_is_what_the_working_set_shows(void **state)
{
    (void)state;
    hf_region r = region_of(1, 1, 0, false);
    PSAPI_WORKING_SET_EX_INFORMATION page = { .VirtualAddress = r.base };
    assert_true(QueryWorkingSetEx(GetCurrentProcess(), &page, sizeof(page)));
    assert_true(page.VirtualAttributes.Valid);
    bool locked = page.VirtualAttributes.Locked;
    hf_region_release(&r);
    SKIP_IF(!locked && under_wine(),
            "Wine fills in that the page is there, not that it is locked: windows-locks sees that");
    assert_true(locked);
}

static void what_cannot_be_had_says_why(void **state)
{
    (void)state;
    const char *why = NULL;
    hf_region r = { .base = NULL };
    assert_int_equal(hf_region_new(&(hf_region_spec) { .reserve = 4096, .first = 4096 }, &r, &why),
                     HF_ERR_LOCKED_MEMORY);
    assert_non_null(strstr(why, "memfd_secret"));
    const hf_region_spec huge = { .reserve = (size_t)1 << 40, .first = (size_t)1 << 40, .weakest = HF_BACKING_MLOCK };
    assert_int_equal(hf_region_new(&huge, &r, &why), HF_ERR_LOCKED_MEMORY);
    assert_true(why[0] != '\0' && strlen(why) < 96);
    assert_int_equal(
        hf_region_new(&(hf_region_spec) { .reserve = 1, .first = 2, .weakest = HF_BACKING_MLOCK }, &r, &why),
        HF_ERR_BOUNDS);
    assert_int_equal(
        hf_region_new(&(hf_region_spec) { .reserve = 9, .first = 9, .stride_pages = 1, .weakest = HF_BACKING_MLOCK },
                      &r, &why),
        HF_ERR_BOUNDS);
    assert_null(r.base);
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[64] = { 0 }, b[64] = { 0 };
    assert_true(hf_random_fill(a, sizeof(a)) && hf_random_fill(b, sizeof(b)));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a + 32, b + 32, 32);
}

/* ---- what touching does ---- */

static void touching_a_guard_is_an_access_violation(void **state)
{
    static const char *const where[] = { "below", "above", "stride", "closed", "closed-write", "read-only", "twin" };
    (void)state;
    for (size_t i = 0; i < HF_COUNT(where); i++) {
        printf("# %s\n", where[i]);
        assert_signal(helper_run("touch", where[i]), SIGSEGV);
    }
    assert_exit(helper_run("touch", "inside"), 0);
}

static void nothing_can_be_touched_before_it_is_locked(void **state)
{
    (void)state;
    assert_signal(helper_run("touch-private", "later"), SIGSEGV);
    assert_exit(helper_run("touch-private", "inside"), 0);
    SKIP_IF(under_wine(), "Wine commits pages of a section when they are touched");
    assert_signal(helper_run("touch", "later"), SIGSEGV);
}

static int touch_main(const char *where, bool protects)
{
    size_t page = hf_page_bytes();
    hf_region r = region_of(2 * STRIDE, STRIDE, STRIDE, protects);
    volatile uint8_t *at = r.base;
    bool closed = strncmp(where, "closed", 6) == 0;
    if (closed && hf_region_protect(&r, 0, page, HF_ACCESS_NONE) != HF_OK)
        return 1;
    if (strcmp(where, "read-only") == 0 && hf_region_protect(&r, 0, page, HF_ACCESS_READ) != HF_OK)
        return 1;
    if (strcmp(where, "below") == 0)
        at = r.base - 1;
    else if (strcmp(where, "above") == 0)
        at = r.base + 2 * STRIDE * page;
    else if (strcmp(where, "stride") == 0)
        at = r.base + (STRIDE - 1) * page;
    else if (strcmp(where, "later") == 0)
        at = r.base + STRIDE * page;
    else if (strcmp(where, "twin") == 0)
        at = r.twin;
    if (strcmp(where, "closed") == 0)
        return *at == 0 ? 2 : 3;
    *at = 1;
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_locked_is_committed),
        cmocka_unit_test(each_stride_ends_in_a_guard),
        cmocka_unit_test(rights_come_and_go_and_the_bytes_stay),
        cmocka_unit_test(pages_without_rights_stay_in_a_second_view),
        cmocka_unit_test(without_the_second_view_rights_are_not_taken),
        cmocka_unit_test(wiping_reaches_pages_of_any_rights),
        cmocka_unit_test(the_quota_is_raised_as_needed),
        cmocka_unit_test(a_lock_is_what_the_working_set_shows),
        cmocka_unit_test(what_cannot_be_had_says_why),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(touching_a_guard_is_an_access_violation),
        cmocka_unit_test(nothing_can_be_touched_before_it_is_locked),
    };
    if (argc > 2)
        return touch_main(argv[2], strcmp(argv[1], "touch") == 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
