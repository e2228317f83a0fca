/* Nothing that was in a wiped block is there when it is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/wiped.h"
#include <malloc.h>
#include <string.h>

static const char mark[] = "a mark that must not stay";
static unsigned freed, freed_with_mark;

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
    if (p != NULL) {
        freed++;
        if (memmem(p, malloc_usable_size(p), mark, sizeof(mark)) != NULL)
            freed_with_mark++;
    }
    __real_free(p);
}

static int reset(void **state)
{
    (void)state;
    freed = freed_with_mark = 0;
    return 0;
}

static void test_free_wipes(void **state)
{
    (void)state;
    char *copy = wiped_copy(mark);
    assert_string_equal(copy, mark);
    wiped_free(copy);
    assert_int_equal(freed, 1);
    assert_int_equal(freed_with_mark, 0);
    wiped_free(NULL);
}

static void test_resize(void **state)
{
    (void)state;
    char *p = wiped_copy(mark);
    p = wiped_resize(p, 100000);
    assert_string_equal(p, mark);
    p = wiped_resize(p, 7);
    assert_memory_equal(p, "a mark ", 7);
    wiped_free(p);
    assert_int_equal(freed, 3);
    assert_int_equal(freed_with_mark, 0);
}

static void test_bytes(void **state)
{
    bytes b = { 0 };

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(bytes_put(&b, hf_view_of(mark, sizeof(mark)), 1u << 20), HF_OK);
    assert_int_equal(b.len, 1000 * sizeof(mark));
    assert_memory_equal(b.ptr + 999 * sizeof(mark), mark, sizeof(mark));
    assert_int_equal(bytes_put(&b, hf_view_of(mark, sizeof(mark)), b.len), HF_ERR_TOO_LARGE);
    assert_int_equal(b.len, 1000 * sizeof(mark));
    bytes_free(&b);
    assert_true(freed > 1);
    assert_int_equal(freed_with_mark, 0);
}

static void test_json(void **state)
{
    (void)state;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(&wiped_pool);
    yyjson_mut_doc_set_root(doc, yyjson_mut_strcpy(doc, mark));
    char *text = yyjson_mut_write_opts(doc, 0, &wiped_pool, NULL, NULL);
    assert_non_null(strstr(text, mark));
    yyjson_mut_doc_free(doc);
    wiped_free(text);
    assert_true(freed >= 2);
    assert_int_equal(freed_with_mark, 0);
}

static void test_sizes(void **state)
{
    (void)state;
    assert_null(wiped_alloc(SIZE_MAX));
    assert_null(wiped_alloc(SIZE_MAX - 8));
    assert_null(wiped_array(SIZE_MAX / 2, 3));
    uint8_t *p = wiped_array(3, 5);
    for (size_t i = 0; i < 15; i++)
        assert_int_equal(p[i], 0);
    wiped_free(p);
    p = wiped_alloc(0);
    assert_non_null(p);
    wiped_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_free_wipes, reset), cmocka_unit_test_setup(test_resize, reset),
        cmocka_unit_test_setup(test_bytes, reset),      cmocka_unit_test_setup(test_json, reset),
        cmocka_unit_test_setup(test_sizes, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
