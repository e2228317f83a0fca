/* Slips of the hand are near, other words are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/suggest.h"
#include <string.h>

static void test_distance(void **state)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        { "", "", 0 },
        { "", "abc", 3 },
        { "sign", "sign", 0 },
        { "sgin", "sign", 1 },
        { "sing", "sign", 1 },
        { "signn", "sign", 1 },
        { "sin", "sign", 1 },
        { "kitten", "sitting", 3 },
        { "ca", "abc", 3 },
        { "encrpyt", "encrypt", 1 },
        { "abcdef", "fedcba", 5 },
    };
    char longest[80];

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        assert_int_equal(suggest_distance(rows[i].a, rows[i].b), rows[i].distance);
        assert_int_equal(suggest_distance(rows[i].b, rows[i].a), rows[i].distance);
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(suggest_distance(longest, "a"), SUGGEST_FAR);
    assert_int_equal(suggest_distance(longest + sizeof(longest) - 1 - 64, "a"), 63);
}

static const char *nearest(const char *wanted, const char *const *words)
{
    suggestion s = { .wanted = wanted };

    for (; *words != NULL; words++)
        suggest_look(&s, *words);
    return s.nearest;
}

static void test_nearest(void **state)
{
    static const char *const words[] = { "sign", "seal", "verify", "encapsulate", "decapsulate", NULL };
    char text[SUGGEST_CAP];

    (void)state;
    assert_string_equal(nearest("sgin", words), "sign");
    assert_string_equal(nearest("verfiy", words), "verify");
    assert_string_equal(nearest("encapsualte", words), "encapsulate");
    assert_null(nearest("x", words));
    assert_null(nearest("gnis", words));
    assert_null(nearest("list", words));
    suggest_text(&(suggestion) { .wanted = "x" }, "--", text);
    assert_string_equal(text, "");
    suggest_text(&(suggestion) { .wanted = "x", .nearest = "yes" }, "--", text);
    assert_string_equal(text, "; did you mean '--yes'?");
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(test_distance), cmocka_unit_test(test_nearest) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
