/* Nothing that was in a wiped block is there when it is given back, and until then small ones lie in locked memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/wiped.h"
#include <holdfast/mem.h>
#include <malloc.h>
#include <string.h>

#define LARGE ((size_t)3 << 20) /* never locked */

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

static hf_pool_status pool_now(void)
{
    hf_pool_status s = { .used_bytes = 0 };
    hf_pool *pool = NULL;

    assert_int_equal(hf_pool_of_process(&pool), HF_OK);
    hf_pool_status_get(pool, &s);
    return s;
}

/* A sanitizer build has each block from malloc: then the wrapped free has seen it. */
static void assert_gone(const char *block, size_t n)
{
    if (pool_now().backing != HF_BACKING_MALLOC)
        for (size_t i = 0; i < n; i++)
            assert_int_equal(block[i], 0);
    assert_int_equal(freed_with_mark, 0);
}

static void test_free_wipes(void **state)
{
    (void)state;
    size_t before = pool_now().live_blocks;
    char *copy = wiped_copy(mark);
    assert_string_equal(copy, mark);
    assert_int_equal(pool_now().live_blocks, before + 1);
    wiped_free(copy);
    assert_int_equal(pool_now().live_blocks, before);
    assert_gone(copy, sizeof(mark));
    wiped_free(NULL);
}

static void test_large_ones_are_wiped_too(void **state)
{
    (void)state;
    size_t before = pool_now().live_blocks;
    char *p = wiped_alloc(LARGE);
    assert_non_null(p);
    assert_int_equal(pool_now().live_blocks, before);
    memcpy(p + LARGE - sizeof(mark), mark, sizeof(mark));
    wiped_free(p);
    assert_int_equal(freed, 1);
    assert_int_equal(freed_with_mark, 0);
}

/* In and out of the pool. */
static void test_resize(void **state)
{
    (void)state;
    char *small = wiped_copy(mark);
    char *large = wiped_resize(small, LARGE);
    assert_string_equal(large, mark);
    assert_gone(small, sizeof(mark));
    char *p = wiped_resize(large, 7);
    assert_memory_equal(p, "a mark ", 7);
    wiped_free(p);
    assert_gone(p, 7);
    assert_true(freed >= 1);
}

/* As many as the limit allows lie in the pool, and the next ones all the same somewhere. */
static void test_full_pool(void **state)
{
    enum { N = 40 };
    char *p[N];

    (void)state;
    for (int i = 0; i < N; i++) {
        p[i] = wiped_alloc((size_t)1 << 19);
        assert_non_null(p[i]);
        memcpy(p[i], mark, sizeof(mark));
    }
    for (int i = 0; i < N; i++) {
        assert_string_equal(p[i], mark);
        wiped_free(p[i]);
    }
    assert_true(freed >= 1);
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
    const char *was = (const char *)b.ptr;
    size_t len = b.len;
    bytes_free(&b);
    assert_gone(was, len);
}

static void test_json(void **state)
{
    (void)state;
    size_t before = pool_now().live_blocks;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(&wiped_pool);
    yyjson_mut_doc_set_root(doc, yyjson_mut_strcpy(doc, mark));
    char *text = yyjson_mut_write_opts(doc, 0, &wiped_pool, NULL, NULL);
    assert_non_null(strstr(text, mark));
    assert_true(pool_now().live_blocks >= before + 2);
    yyjson_mut_doc_free(doc);
    wiped_free(text);
    assert_int_equal(pool_now().live_blocks, before);
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
        cmocka_unit_test_setup(test_free_wipes, reset), cmocka_unit_test_setup(test_large_ones_are_wiped_too, reset),
        cmocka_unit_test_setup(test_resize, reset),     cmocka_unit_test_setup(test_full_pool, reset),
        cmocka_unit_test_setup(test_bytes, reset),      cmocka_unit_test_setup(test_json, reset),
        cmocka_unit_test_setup(test_sizes, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
