/* The option table parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/args.h"
#include <stdio.h>

static const option_row own[] = {
    { .name = "in", .value = "F", .help = "x", .required = true },
    { .name = "tag", .value = "T", .help = "x", .repeats = true },
    { .name = "yes", .help = "x" },
    { 0 },
};
static const option_row shared[] = { { .name = "in", .value = "G", .help = "hidden by the command's" },
                                     { .name = "server", .value = "URL", .help = "x" },
                                     { 0 } };

#define WORDS(...) ((char *const[]) { __VA_ARGS__, NULL })

static hf_err parse(args *a, char *const *words, bool stop, size_t *ret_used)
{
    cli c = { 0 };

    *a = (args) { .own = own, .shared = shared };
    return args_read(&c, a, words, stop, ret_used);
}

static void test_forms(void **state)
{
    args a;
    size_t used = 0;

    (void)state;
    assert_int_equal(
        parse(&a, WORDS("one", "--in", "f", "--tag=a=b", "--tag", "", "-", "--yes", "--", "--in"), false, &used),
        HF_OK);
    assert_int_equal(used, 10);
    assert_int_equal(a.n_operands, 3);
    assert_string_equal(a.operands[0], "one");
    assert_string_equal(a.operands[1], "-");
    assert_string_equal(a.operands[2], "--in");
    assert_string_equal(args_value(&a, "in"), "f");
    assert_string_equal(args_value_at(&a, "tag", 0), "a=b");
    assert_string_equal(args_value_at(&a, "tag", 1), "");
    assert_null(args_value_at(&a, "tag", 2));
    assert_true(args_has(&a, "yes"));
    assert_false(args_has(&a, "server"));
}

static void test_value_may_look_like_an_option(void **state)
{
    args a;
    size_t used;

    (void)state;
    assert_int_equal(parse(&a, WORDS("--in", "--yes"), false, &used), HF_OK);
    assert_string_equal(args_value(&a, "in"), "--yes");
    assert_false(args_has(&a, "yes"));
}

static void test_refused(void **state)
{
    char *const bad[][4] = {
        { (char[]) { "--in" } },  { (char[]) { "--yes=" } },  { (char[]) { "--i" }, (char[]) { "f" } },
        { (char[]) { "--inn" } }, { (char[]) { "-i" } },      { (char[]) { "--yes" }, (char[]) { "--yes" } },
        { (char[]) { "--=x" } },  { (char[]) { "---in=x" } }, { (char[]) { "--in=a" }, (char[]) { "--in=b" } },
    };
    args a;
    size_t used;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(bad); i++)
        assert_int_equal(parse(&a, bad[i], false, &used), HF_ERR_INVALID);
    assert_int_equal(parse(&a, WORDS("1", "2", "3", "4", "5"), false, &used), HF_ERR_INVALID);
}

static void test_stops_at_operand(void **state)
{
    args a;
    size_t used = 0;

    (void)state;
    assert_int_equal(parse(&a, WORDS("--server", "u", "key", "--nonsense"), true, &used), HF_OK);
    assert_int_equal(used, 2);
    assert_int_equal(a.n_operands, 0);
}

static void test_help_ends_reading(void **state)
{
    args a;
    size_t used;

    (void)state;
    assert_int_equal(parse(&a, WORDS("--help", "--nonsense"), false, &used), HF_OK);
    assert_true(a.help);
}

static void test_many_options(void **state)
{
    char word[] = "--tag=x", *words[ARGS_GIVEN_MAX + 2] = { 0 };
    args a;
    size_t used;

    (void)state;
    for (size_t i = 0; i < ARGS_GIVEN_MAX; i++)
        words[i] = word;
    assert_int_equal(parse(&a, words, false, &used), HF_OK);
    words[ARGS_GIVEN_MAX] = word;
    assert_int_equal(parse(&a, words, false, &used), HF_ERR_INVALID);
}

static void test_required(void **state)
{
    cli c = { 0 };
    args a;
    size_t used;

    (void)state;
    assert_int_equal(parse(&a, WORDS("--yes"), false, &used), HF_OK);
    assert_int_equal(args_check(&c, &a), HF_ERR_INVALID);
    assert_int_equal(parse(&a, WORDS("--in=f"), false, &used), HF_OK);
    assert_int_equal(args_check(&c, &a), HF_OK);
}

static void check_number(const char *text, hf_err expected, uint64_t value)
{
    cli c = { 0 };
    args a;
    size_t used;
    uint64_t n = 77;
    char word[64];

    (void)snprintf(word, sizeof(word), "--in=%s", text);
    assert_int_equal(parse(&a, WORDS(word), false, &used), HF_OK);
    assert_int_equal(args_number(&c, &a, "in", 1, 4294967296, &n), expected);
    assert_true(n == value);
}

static void test_numbers(void **state)
{
    static const char *const bad[] = { "",
                                       "0",
                                       "-1",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "1x",
                                       "0x1",
                                       "4294967297",
                                       "18446744073709551616",
                                       "18446744073709551617",
                                       "99999999999999999999999999" };

    (void)state;
    check_number("1", HF_OK, 1);
    check_number("007", HF_OK, 7);
    check_number("4294967296", HF_OK, 4294967296);
    for (size_t i = 0; i < HF_COUNT(bad); i++)
        check_number(bad[i], HF_ERR_INVALID, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_value_may_look_like_an_option),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_stops_at_operand),
        cmocka_unit_test(test_help_ends_reading),
        cmocka_unit_test(test_many_options),
        cmocka_unit_test(test_required),
        cmocka_unit_test(test_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
