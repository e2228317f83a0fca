#include "policy/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void doubles_up_to_its_end(void **state)
{
    (void)state;
    static const int64_t want[] = { 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };

    for (uint32_t n = 0; n < sizeof(want) / sizeof(want[0]); n++)
        assert_int_equal(hf_backoff_ms(n, 1000, 60000), want[n]);
    assert_int_equal(hf_backoff_ms(UINT32_MAX, 1000, 60000), 60000);
    assert_int_equal(hf_backoff_ms(1, 1000, 500), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(doubles_up_to_its_end) };

    return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
