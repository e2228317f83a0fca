/* Counting refusals by prefix and reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/address.h"
#include "gateway/failures.h"
#include <string.h>

static void test_counts_by_prefix_and_reason(void **state)
{
    failures *f = NULL;
    failure rows[FAILURES_MAX];
    uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1, [14] = 2, [15] = 3 };
    uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4, 5 };

    (void)state;
    assert_int_equal(failures_new(&f), HF_OK);
    failures_count(f, v4, HF_ERR_RATE);
    v4[15] = 99; /* same /24 */
    failures_count(f, v4, HF_ERR_RATE);
    failures_count(f, v4, HF_ERR_NO_TOKEN);
    v4[14] = 99;
    failures_count(f, v4, HF_ERR_RATE);
    failures_count(f, v6, HF_ERR_RATE);
    v6[6] = 99; /* same /48 */
    failures_count(f, v6, HF_ERR_RATE);
    assert_int_equal(failures_take(f, rows), 4);
    assert_int_equal(rows[0].count, 2);
    assert_int_equal(rows[0].prefix[14], 2);
    assert_int_equal(rows[0].prefix[15], 0);
    assert_int_equal(rows[1].reason, HF_ERR_NO_TOKEN);
    assert_int_equal(rows[3].count, 2);
    assert_int_equal(rows[3].prefix[5], 2);
    assert_int_equal(rows[3].prefix[6], 0);
    assert_int_equal(failures_take(f, rows), 0);
    failures_free(f);
}

static void test_local_users_are_counted_singly(void **state)
{
    failures *f = NULL;
    failure rows[FAILURES_MAX];
    uint8_t one[16], other[16];

    (void)state;
    hf_address_of_user(1000, one);
    hf_address_of_user(1001, other);
    assert_int_equal(failures_new(&f), HF_OK);
    failures_count(f, one, HF_ERR_RATE);
    failures_count(f, other, HF_ERR_RATE);
    failures_count(f, one, HF_ERR_RATE);
    assert_int_equal(failures_take(f, rows), 2);
    assert_memory_equal(rows[0].prefix, one, 16);
    assert_int_equal(rows[0].count, 2);
    failures_free(f);
}

static void test_flood_is_bounded_and_loses_no_count(void **state)
{
    failures *f = NULL;
    failure rows[FAILURES_MAX];
    uint8_t a[16] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t everyone[16];
    uint64_t sum = 0;

    (void)state;
    assert_int_equal(failures_new(&f), HF_OK);
    for (unsigned i = 0; i < 10000; i++) {
        a[12] = (uint8_t)(i >> 8);
        a[13] = (uint8_t)i;
        failures_count(f, a, HF_ERR_RATE);
    }
    assert_int_equal(failures_take(f, rows), FAILURES_MAX);
    for (size_t i = 0; i < FAILURES_MAX; i++)
        sum += rows[i].count;
    assert_int_equal(sum, 10000);
    assert_memory_equal(rows[FAILURES_MAX - 1].prefix, everyone, 16);
    failures_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_by_prefix_and_reason),
        cmocka_unit_test(test_local_users_are_counted_singly),
        cmocka_unit_test(test_flood_is_bounded_and_loses_no_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
