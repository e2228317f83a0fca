/* Strict JSON: our own rules, and the JSONTestSuite where it is present. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "jose/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const hf_json_limits limits = { .depth = 4, .members = 5 };

static hf_err read_text(hf_view text, const hf_json_limits *l, const char **why)
{
    yyjson_doc *doc = NULL;
    hf_err e = hf_json_read(text, l, NULL, &doc, why);

    assert_true((e == HF_OK) == (doc != NULL));
    yyjson_doc_free(doc);
    return e;
}

static void test_rules(void **state)
{
    static const struct {
        const char *text, *why; /* NULL: taken */
    } rows[] = {
        { "{}", NULL },
        { " [1, 2.5, -3e2, \"x\", null] ", NULL },
        { "[[[[]]]]", NULL },
        { "[[[[[]]]]]", "the JSON is nested too deeply" },
        { "{\"a\":{\"a\":{\"a\":{\"a\":1}}}}", NULL },
        { "{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}", "the JSON is nested too deeply" },
        { "[1,2,3,4,5]", NULL },
        { "[1,2,3,4,5,6]", "the JSON has an array with too many elements" },
        { "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1}", NULL },
        { "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1}", "the JSON has an object with too many members" },
        { "{\"a\":1,\"b\":2,\"a\":3}", "the JSON has a duplicate member" },
        { "{\"a\":1,\"\\u0061\":3}", "the JSON has a duplicate member" },
        { "[{\"\":1,\"\":3}]", "the JSON has a duplicate member" },
        { "{\"a\":1,\"A\":3}", NULL },
        { "{\"a\":1,\"a\\u0000\":3}", NULL },
        { "[9007199254740992,-9007199254740992]", NULL },
        { "[9007199254740993]", "the JSON has an integer beyond 2^53" },
        { "[-9007199254740993]", "the JSON has an integer beyond 2^53" },
        { "[99999999999999999999999999999999]", "the JSON has an integer beyond 2^53" },
        { "[100000000000000000000000000000000]", "the JSON has a number of more than 32 characters" },
        { "[0.10000000000000000000000000000000]", "the JSON has a number of more than 32 characters" },
        { "", "the JSON is empty" },
        { "{", "the text is not valid JSON" },
        { "[1,]", "the text is not valid JSON" },
        { "[01]", "the text is not valid JSON" },
        { "[NaN]", "the text is not valid JSON" },
        { "[\"\\ud800\"]", "the text is not valid JSON" },
        { "[\"\\udc00\\ud800\"]", "the text is not valid JSON" },
        { "[\"\xed\xa0\x80\"]", "the text is not valid JSON" },
        { "[\"\xc0\xae\"]", "the text is not valid JSON" },
        { "[\"\x01\"]", "the text is not valid JSON" },
        { "\xef\xbb\xbf[]", "the text is not valid JSON" },
        { "[] x", "the text is not valid JSON" },
        { "/**/[]", "the text is not valid JSON" },
    };

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        const char *why = NULL;
        hf_err e = read_text(hf_view_str(rows[i].text), &limits, &why);
        if (rows[i].why == NULL ? e != HF_OK : e != HF_ERR_MALFORMED || strcmp(why, rows[i].why) != 0)
            fail_msg("%s: %s", rows[i].text, why == NULL ? "was taken" : why);
    }
}

static void test_uint(void **state)
{
    static const char text[] = "[0,9007199254740992,-1,-0,1.0,1e3]";
    static const int64_t expected[] = { 0, HF_JSON_INT_MAX, -1, -1, -1, -1 };
    static const hf_json_limits wide = { .depth = 1, .members = 16 };
    const char *why = "";
    yyjson_doc *doc;
    int64_t value;

    (void)state;
    assert_int_equal(hf_json_read(hf_view_str(text), &wide, NULL, &doc, &why), HF_OK);
    for (size_t i = 0; i < HF_COUNT(expected); i++) {
        hf_err e = hf_json_uint(yyjson_arr_get(yyjson_doc_get_root(doc), i), &value);
        assert_true(expected[i] < 0 ? e == HF_ERR_MALFORMED : e == HF_OK && value == expected[i]);
    }
    assert_int_equal(hf_json_uint(NULL, &value), HF_ERR_MALFORMED);
    assert_int_equal(hf_json_uint(yyjson_doc_get_root(doc), &value), HF_ERR_MALFORMED);
    yyjson_doc_free(doc);
}

/*
 * Whatever memory the text costs, the pool that callers size by yyjson's formula must do; too small a pool is an
 * error, not a crash.
 */
static void test_small_pool_is_an_error(void **state)
{
    uint8_t pool[256];
    yyjson_alc alloc;
    yyjson_doc *doc = NULL;
    const char *why = "";

    (void)state;
    assert_true(yyjson_alc_pool_init(&alloc, pool, sizeof pool));
    assert_int_equal(
        hf_json_read(hf_view_str("[1,2,3,4,5,[1,2,3,4,5],[1,2,3,4,5],[1,2,3,4,5]]"), &limits, &alloc, &doc, &why),
        HF_ERR_MALFORMED);
    assert_null(doc);
}

/* A file that the suite accepts may still break a rule of ours; nothing else may be the reason. */
static bool own_rule(const char *why)
{
    return strcmp(why, "the text is not valid JSON") != 0 && strcmp(why, "the JSON is empty") != 0;
}

static void suite_line(char *line, size_t counts[3])
{
    static const hf_json_limits wide = { .depth = 600, .members = 100000 };
    static uint8_t bytes[1 << 20];
    char *hex = strrchr(line, '\t'), *name = line;
    const char *why = "";
    bool accept = strncmp(name, "y_", 2) == 0, reject = strncmp(name, "n_", 2) == 0;
    size_t len = 0;
    hf_err e;

    line[strcspn(line, "\t")] = '\0';
    hex[1 + strcspn(hex + 1, "\n")] = '\0';
    if (hf_hex_decode(hf_view_str(hex + 1), bytes, sizeof bytes, &len) != HF_OK)
        fail_msg("%s: not hex", name);
    e = read_text(hf_view_of(bytes, len), &wide, &why);
    if (reject && e == HF_OK)
        fail_msg("%s was taken", name);
    if (accept && e != HF_OK && !own_rule(why))
        fail_msg("%s was refused: %s", name, why);
    counts[e == HF_OK ? 0 : own_rule(why) ? 2 : 1]++;
}

static void test_suite(void **state)
{
    const char *dir = getenv("HOLDFAST_DATA_DIR");
    size_t counts[3] = { 0 };
    char path[4096], *line = NULL;
    size_t cap = 0;
    FILE *f;

    (void)state;
    snprintf(path, sizeof path, "%s/vectors/json/JSONTestSuite_parsing.tsv", dir == NULL ? "../shared/data" : dir);
    f = fopen(path, "r");
    if (f == NULL) {
        print_message("# skipped: the test data JSONTestSuite_parsing.tsv is absent\n");
        skip();
    }
    while (getline(&line, &cap, f) > 0) {
        if (line[0] != '#')
            suite_line(line, counts);
    }
    free(line);
    fclose(f);
    print_message("# JSONTestSuite: %zu taken, %zu no JSON, %zu against our own rules\n", counts[0], counts[1],
                  counts[2]);
    assert_true(counts[0] >= 50 && counts[1] >= 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_uint),
        cmocka_unit_test(test_small_pool_is_an_error),
        cmocka_unit_test(test_suite),
    };

    return cmocka_run_group_tests_name("jose-json", tests, NULL, NULL);
}
