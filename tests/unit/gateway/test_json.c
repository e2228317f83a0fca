/* Bodies: third-party vectors, our own bounds, and what is left in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "gateway/json_in.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_pool pool;

static hf_err read_copy(const uint8_t *text, size_t len, bool *ret_object)
{
    yyjson_val *v = NULL;
    const char *why = NULL;
    uint8_t *copy = calloc(1, len + YYJSON_PADDING_SIZE);

    assert_non_null(copy);
    memcpy(copy, text, len);
    hf_err e = json_read(&pool, copy, len, &v, &why);
    assert_true((e == HF_OK) == (why == NULL));
    *ret_object = e == HF_OK && yyjson_is_obj(v);
    json_pool_reset(&pool);
    free(copy);
    return e;
}

static hf_err read_text(const char *text)
{
    bool object;

    return read_copy((const uint8_t *)text, strlen(text), &object);
}

static void check_row(char *line, size_t *counts)
{
    char *name = strtok(line, "\t"), *expect = strtok(NULL, "\t"), *hex = strtok(NULL, "\t\n");
    size_t len = 0, cap = hex == NULL ? 1 : strlen(hex) / 2 + 1;
    uint8_t *bytes = malloc(cap);
    bool object;

    assert_true(name != NULL && expect != NULL && bytes != NULL);
    if (hex != NULL)
        assert_int_equal(hf_hex_decode(hf_view_str(hex), bytes, cap, &len), HF_OK);
    hf_err e = read_copy(bytes, len, &object);
    assert_true(e == HF_OK || e == HF_ERR_MALFORMED);
    bool duplicate = strstr(name, "duplicated_key") != NULL;
    if (strcmp(expect, "reject") == 0 || duplicate) {
        if (e == HF_OK)
            fail_msg("%s was taken", name);
    } else if (strcmp(expect, "accept") == 0 && e != HF_OK) {
        fail_msg("%s was refused", name);
    }
    counts[expect[0] == 'r' ? 0 : expect[0] == 'a' ? 1 : 2]++;
    free(bytes);
}

static void test_third_party_vectors(void **state)
{
    const char *folder = getenv("HOLDFAST_DATA_DIR");
    char path[4096];
    size_t counts[3] = { 0 }, cap = 0;
    char *line = NULL;

    (void)state;
    snprintf(path, sizeof(path), "%s/vectors/json/JSONTestSuite_parsing.tsv",
             folder == NULL ? "../shared/data" : folder);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        print_message("skipped: no third-party data at %s\n", path);
        skip();
    }
    while (getline(&line, &cap, f) > 0)
        if (line[0] != '#')
            check_row(line, counts);
    free(line);
    fclose(f);
    assert_true(counts[0] > 100 && counts[1] > 50 && counts[2] > 10);
}

static void test_duplicates(void **state)
{
    (void)state;
    assert_int_equal(read_text("{\"a\":1,\"b\":2}"), HF_OK);
    assert_int_equal(read_text("{\"a\":1,\"a\":1}"), HF_ERR_MALFORMED);
    assert_int_equal(read_text("{\"a\":1,\"\\u0061\":1}"), HF_ERR_MALFORMED);
    assert_int_equal(read_text("[{\"b\":{\"a\":1,\"c\":2,\"a\":3}}]"), HF_ERR_MALFORMED);
    assert_int_equal(read_text("{\"\":1,\"\":2}"), HF_ERR_MALFORMED);
    assert_int_equal(read_text("{\"a\\u0000b\":1,\"a\\u0000c\":2}"), HF_OK);
    assert_int_equal(read_text("{\"a\\u0000b\":1,\"a\\u0000b\":2}"), HF_ERR_MALFORMED);
}

static void test_depth(void **state)
{
    char text[2 * JSON_DEPTH_MAX + 8];

    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        size_t n = (size_t)(JSON_DEPTH_MAX + extra);
        memset(text, '[', n);
        memset(text + n, ']', n);
        text[2 * n] = 0;
        assert_int_equal(read_text(text), extra == 0 ? HF_OK : HF_ERR_MALFORMED);
    }
    /* Brackets inside text count for nothing. */
    assert_int_equal(read_text("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[\"}"), HF_OK);
}

static void test_many_members(void **state)
{
    char text[4096];
    size_t len = 1;

    (void)state;
    text[0] = '{';
    for (int i = 0; i <= JSON_MEMBERS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"m%d\":1", i == 0 ? "" : ",", i);
    snprintf(text + len, sizeof(text) - len, "}");
    assert_int_equal(read_text(text), HF_ERR_TOO_LARGE);
}

/* The densest and the longest body that the limits let in: both end, one way or the other, within the pool. */
static void test_largest_bodies(void **state)
{
    size_t len = 2u << 20;
    uint8_t *text = malloc(len);
    bool object;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = i % 2 == 0 ? '1' : ',';
    text[0] = '[';
    text[1] = '1';
    text[2] = ',';
    text[3] = '1';
    text[4] = ',';
    for (size_t i = 5; i < len; i++)
        text[i] = i % 2 == 1 ? '1' : ',';
    text[len - 1] = ']';
    assert_int_equal(read_copy(text, len, &object), HF_ERR_TOO_LARGE);
    memset(text, 'a', len);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + len - 2, "\"}", 2);
    assert_int_equal(read_copy(text, len, &object), HF_OK);
    assert_true(object);
    free(text);
}

static void test_pool_is_wiped(void **state)
{
    uint8_t text[64] = "{\"a\":[1,2,3,4,5,6,7],\"b\":{\"c\":null}}";
    yyjson_val *v = NULL;
    const char *why = NULL;

    (void)state;
    assert_int_equal(json_read(&pool, text, strlen((char *)text), &v, &why), HF_OK);
    size_t used = pool.used;
    assert_true(used > 0);
    json_pool_reset(&pool);
    for (size_t i = 0; i < used; i++)
        assert_int_equal(pool.base[i], 0);
}

static int set_up(void **state)
{
    (void)state;
    return json_pool_init(&pool) == HF_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    json_pool_free(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_third_party_vectors),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_largest_bodies),
        cmocka_unit_test(test_pool_is_wiped),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
