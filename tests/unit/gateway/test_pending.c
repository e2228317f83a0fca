/* Slots of waiting requests: an old id never finds a new request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/pending.h"

static void test_old_id_finds_nothing(void **state)
{
    pending_table *t = NULL;
    uint64_t first, second;

    (void)state;
    assert_int_equal(pending_new(1, &t), HF_OK);
    pending *p = pending_take(t, &first);
    assert_non_null(p);
    assert_ptr_equal(pending_find(t, first), p);
    pending_give(t, p);
    assert_null(pending_find(t, first));
    assert_ptr_equal(pending_take(t, &second), p);
    assert_true(first != second);
    assert_null(pending_find(t, first));
    assert_ptr_equal(pending_find(t, second), p);
    assert_null(pending_find(t, second + 1));
    assert_null(pending_find(t, UINT64_MAX));
    pending_give(t, p);
    pending_give(t, p); /* twice is once */
    assert_int_equal(pending_count(t), 0);
    pending_free(t);
}

static void test_full_and_walk(void **state)
{
    pending_table *t = NULL;
    pending *p[8];
    uint64_t id;
    size_t at = 0, seen = 0;

    (void)state;
    assert_int_equal(pending_new(8, &t), HF_OK);
    for (size_t i = 0; i < 8; i++)
        assert_non_null(p[i] = pending_take(t, &id));
    assert_null(pending_take(t, &id));
    assert_int_equal(pending_count(t), 8);
    for (size_t i = 0; i < 8; i += 2)
        pending_give(t, p[i]);
    while (pending_next(t, &at) != NULL)
        seen++;
    assert_int_equal(seen, 4);
    pending_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_old_id_finds_nothing),
                                        cmocka_unit_test(test_full_and_walk) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
