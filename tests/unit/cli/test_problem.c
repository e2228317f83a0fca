/* Every error has a word that comes back as itself, and the exit code that its class promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/problem.h"

static void test_words(void **state)
{
    (void)state;
    for (hf_err e = HF_OK + 1; e < HF_ERR_COUNT; e++)
        assert_int_equal(problem_of_word(hf_view_str(hf_err_name(e))), e);
    assert_int_equal(problem_of_word(hf_view_str("ok")), HF_ERR_COUNT);
    assert_int_equal(problem_of_word(hf_view_str("")), HF_ERR_COUNT);
    assert_int_equal(problem_of_word(hf_view_str("unprocessable")), HF_ERR_COUNT);
}

static void test_exit_codes(void **state)
{
    static const struct {
        hf_err error;
        int code;
    } promised[] = {
        { HF_OK, 0 },
        { HF_ERR_INTERNAL, 1 },
        { HF_ERR_SYSTEM, 1 },
        { HF_ERR_SELFTEST, 1 },
        { HF_ERR_INVALID, 2 },
        { HF_ERR_TOO_LARGE, 2 },
        { HF_ERR_UNSUPPORTED, 2 },
        { HF_ERR_NOT_FOUND, 3 },
        { HF_ERR_NO_TOKEN, 4 },
        { HF_ERR_DENIED, 4 },
        { HF_ERR_EXISTS, 5 },
        { HF_ERR_WRONG_STATE, 5 },
        { HF_ERR_SEALED, 7 },
        { HF_ERR_RATE, 7 },
        { HF_ERR_TIMEOUT, 7 },
        { HF_ERR_CLOCK_UNAVAILABLE, 7 },
        { HF_ERR_INTEGRITY, 8 },
        { HF_ERR_BAD_SIGNATURE, 8 },
        { HF_ERR_ROLLBACK, 8 },
    };

    (void)state;
    for (size_t i = 0; i < HF_COUNT(promised); i++)
        assert_int_equal(cli_exit_code(promised[i].error), promised[i].code);
}

static void test_statuses(void **state)
{
    static const struct {
        long status;
        int code;
    } promised[] = { { 400, 2 }, { 401, 4 }, { 403, 4 }, { 404, 3 }, { 409, 5 }, { 413, 2 }, { 415, 2 }, { 422, 2 },
                     { 429, 7 }, { 500, 1 }, { 503, 7 }, { 504, 7 }, { 0, 1 },   { 302, 1 }, { 999, 1 } };

    (void)state;
    for (size_t i = 0; i < HF_COUNT(promised); i++)
        assert_int_equal(cli_exit_code(problem_of_status(promised[i].status)), promised[i].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_exit_codes),
                                        cmocka_unit_test(test_statuses) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
