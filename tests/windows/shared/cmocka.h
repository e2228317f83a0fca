/* The part of cmocka that the unit tests of src/mem use, for a compiler that Debian has no cmocka for. Prints TAP. */
#ifndef TEST_WINDOWS_CMOCKA_H
#define TEST_WINDOWS_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

typedef int (*CMFixtureFunction)(void **state);

#define cmocka_unit_test(f) { #f, f }

enum { TEST_FAILED = 1, TEST_SKIPPED };

static jmp_buf test_end;
static uint32_t test_thread; /* only this one may jump */

/* From windows.h, which not every test includes. */
__declspec(dllimport) unsigned long __stdcall GetCurrentThreadId(void);

static inline __attribute__((noreturn)) void test_leave(int how)
{
    (void)fflush(stdout);
    if (GetCurrentThreadId() != test_thread)
        _Exit(1);
    longjmp(test_end, how);
}

static inline __attribute__((noreturn, format(gnu_printf, 3, 4))) void test_fail(const char *file, int line,
                                                                                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("# %s:%d: ", file, line);
    (void)vprintf(format, args);
    printf("\n");
    va_end(args);
    test_leave(TEST_FAILED);
}

static inline __attribute__((format(gnu_printf, 1, 2))) void print_message(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
}

#define fail_msg(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define skip() test_leave(TEST_SKIPPED)

#define assert_true(c) \
    do { \
        if (!(c)) \
            fail_msg("%s", #c); \
    } while (0)
#define assert_false(c) assert_true(!(c))
#define assert_non_null(p) assert_true((p) != NULL)
#define assert_null(p) assert_true((p) == NULL)
#define assert_ptr_equal(a, b) assert_true((const void *)(a) == (const void *)(b))
#define assert_ptr_not_equal(a, b) assert_true((const void *)(a) != (const void *)(b))
#define assert_int_equal(a, b) \
    do { \
        long long test_a = (long long)(a), test_b = (long long)(b); \
        if (test_a != test_b) \
            fail_msg("%s is %lld, not %lld (%s)", #a, test_a, test_b, #b); \
    } while (0)
#define assert_int_not_equal(a, b) assert_true((long long)(a) != (long long)(b))
#define assert_in_range(x, low, high) \
    assert_true((uintmax_t)(x) >= (uintmax_t)(low) && (uintmax_t)(x) <= (uintmax_t)(high))
#define assert_string_equal(a, b) assert_true(strcmp(a, b) == 0)
#define assert_memory_equal(a, b, n) assert_true(memcmp(a, b, n) == 0)
#define assert_memory_not_equal(a, b, n) assert_true(memcmp(a, b, n) != 0)

static inline int test_run_all(const struct CMUnitTest *tests, size_t n)
{
    volatile int failed = 0; /* kept over longjmp */
    test_thread = GetCurrentThreadId();
    printf("1..%d\n", (int)n);
    for (volatile size_t i = 0; i < n; i = i + 1) {
        void *state = NULL;
        int how = setjmp(test_end);
        if (how == 0)
            tests[i].run(&state);
        failed = failed + (how == TEST_FAILED);
        printf("%s %d - %s%s\n", how == TEST_FAILED ? "not ok" : "ok", (int)i + 1, tests[i].name,
               how == TEST_SKIPPED ? " # SKIP" : "");
        (void)fflush(stdout);
    }
    return failed;
}

/* No test of these has fixtures. */
#define cmocka_run_group_tests(tests, setup, teardown) \
    ((void)(setup), (void)(teardown), test_run_all(tests, sizeof(tests) / sizeof((tests)[0])))

#endif
