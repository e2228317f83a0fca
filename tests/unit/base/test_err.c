/* The list of errors: every one has a class, a word of its own and a sentence. */
#include "base/macros.h"
#include <stdbool.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

static void every_error_says_something(void **state)
{
    (void)state;
    for (int e = 0; e < HF_ERR_COUNT; e++) {
        const char *word = hf_err_name((hf_err)e);
        assert_true(strlen(word) >= 2 && strspn(word, "abcdefghijklmnopqrstuvwxyz_") == strlen(word));
        assert_true(strlen(hf_err_text((hf_err)e)) >= 4);
        assert_true((hf_err_class_of((hf_err)e) == HF_CLASS_OK) == (e == HF_OK));
        for (int other = 0; other < e; other++)
            assert_string_not_equal(word, hf_err_name((hf_err)other));
    }
}

static void a_number_outside_the_list_is_internal(void **state)
{
    (void)state;
    assert_string_equal(hf_err_name((hf_err)HF_ERR_COUNT), "internal");
    assert_string_equal(hf_err_name((hf_err)-1), "internal");
    assert_int_equal(hf_err_class_of((hf_err)70000), HF_CLASS_INTERNAL);
}

static hf_err tries(hf_err e, bool *ret_went_on)
{
    HF_TRY(e);
    *ret_went_on = true;
    HF_CHECK(e == HF_OK, HF_ERR_INTERNAL);
    return HF_ERR_EXISTS;
}

static void flow(void **state)
{
    (void)state;
    bool went_on = false;

    assert_int_equal(tries(HF_ERR_DENIED, &went_on), HF_ERR_DENIED);
    assert_false(went_on);
    assert_int_equal(tries(HF_OK, &went_on), HF_ERR_EXISTS);
    assert_true(went_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_says_something),
        cmocka_unit_test(a_number_outside_the_list_is_internal),
        cmocka_unit_test(flow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
