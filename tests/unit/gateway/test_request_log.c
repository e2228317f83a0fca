/* How many lines about failures may be written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/request_log.h"

static void test_every_failure_is_a_line_or_counted(void **state)
{
    request_log_state s = { 0 };
    uint64_t skipped = 0, lines = 0, told = 0;

    (void)state;
    for (int64_t second = 1; second <= 3; second++)
        for (unsigned i = 0; i < 1000; i++)
            if (request_log_room(&s, second, &skipped)) {
                lines++;
                told += skipped;
            }
    assert_int_equal(lines, 3 * REQUEST_LOG_RATE);
    assert_true(request_log_room(&s, 4, &skipped));
    assert_int_equal(lines + 1 + told + skipped, 3001);
    assert_true(request_log_room(&s, 4, &skipped));
    assert_int_equal(skipped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_failure_is_a_line_or_counted) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
