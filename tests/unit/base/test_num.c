/* Sums and products that would wrap are errors. */
#include "base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

static void sums(void **state)
{
    (void)state;
    size_t n = 5;

    assert_int_equal(hf_add_size(SIZE_MAX - 1, 1, &n), HF_OK);
    assert_true(n == SIZE_MAX);
    assert_int_equal(hf_add_size(SIZE_MAX, 1, &n), HF_ERR_BOUNDS);
    assert_int_equal(hf_add_size(0, 0, &n), HF_OK);
    assert_int_equal(n, 0);
}

static void products(void **state)
{
    (void)state;
    size_t n = 5;

    assert_int_equal(hf_mul_size(SIZE_MAX / 2, 2, &n), HF_OK);
    assert_true(n == SIZE_MAX - 1);
    assert_int_equal(hf_mul_size(SIZE_MAX / 2 + 1, 2, &n), HF_ERR_BOUNDS);
    assert_int_equal(hf_mul_size(SIZE_MAX, SIZE_MAX, &n), HF_ERR_BOUNDS);
    assert_int_equal(hf_mul_size(0, SIZE_MAX, &n), HF_OK);
    assert_true(n == 0 && hf_min_size(3, 4) == 3 && hf_min_size(4, 3) == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sums), cmocka_unit_test(products) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
