/* When a process that keeps dying is started again, and when no more. */
#include "supervisor/supervisor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static hf_mono at_ms(int64_t ms)
{
    return (hf_mono) { (1000000 + ms) * HF_NS_PER_MS };
}

static void test_delay_doubles(void **state)
{
    const int64_t want[] = { 100, 200, 400, 800 };
    struct backoff b = { .crashes = 0 };
    int64_t delay = 0;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(want); i++) {
        assert_true(backoff_next(&b, at_ms((int64_t)i * 1000), at_ms((int64_t)i * 1000 + 1), &delay));
        assert_int_equal(delay, want[i]);
    }
    delay = -1;
    assert_false(backoff_next(&b, at_ms(5000), at_ms(5001), &delay));
    assert_int_equal(delay, -1);
}

static void test_slow_crashes_go_on_up_to_the_limit(void **state)
{
    struct backoff b = { .crashes = 0 };
    int64_t delay = 0;

    (void)state;
    /* Every 20 s: four within any minute. */
    for (int64_t i = 0; i < 20; i++)
        assert_true(backoff_next(&b, at_ms(i * 20000), at_ms(i * 20000 + 19999), &delay));
    assert_int_equal(delay, BACKOFF_LAST_MS);
}

static void test_the_window_is_sixty_seconds(void **state)
{
    int64_t delay = 0;

    (void)state;
    for (int64_t last = 59999; last <= 60000; last++) {
        struct backoff b = { .crashes = 0 };
        for (int64_t i = 0; i < 4; i++)
            assert_true(backoff_next(&b, at_ms(i), at_ms(i * 10), &delay));
        assert_int_equal(backoff_next(&b, at_ms(last), at_ms(last), &delay), last == 60000);
    }
}

static void test_a_long_run_starts_anew(void **state)
{
    struct backoff b = { .crashes = 0 };
    int64_t delay = 0;

    (void)state;
    for (int64_t i = 0; i < 4; i++)
        assert_true(backoff_next(&b, at_ms(i * 1000), at_ms(i * 1000 + 1), &delay));
    assert_true(backoff_next(&b, at_ms(5000), at_ms(5000 + 60000), &delay));
    assert_int_equal(delay, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delay_doubles),
        cmocka_unit_test(test_slow_crashes_go_on_up_to_the_limit),
        cmocka_unit_test(test_the_window_is_sixty_seconds),
        cmocka_unit_test(test_a_long_run_starts_anew),
    };

    return cmocka_run_group_tests_name("supervisor backoff", tests, NULL, NULL);
}
