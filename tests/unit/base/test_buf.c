/* Views, writers and readers: nothing outside the bytes, and a failure that stays. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

static void views(void **state)
{
    (void)state;
    char text[8];
    hf_view none = { 0 }, empty = hf_view_str(""), abc = hf_view_str("abc");

    assert_int_equal(hf_view_str(NULL).len, 0);
    assert_true(hf_view_eq(none, empty));
    assert_true(hf_view_eq(abc, hf_view_of("abcd", 3)));
    assert_false(hf_view_eq(abc, hf_view_of("abd", 3)) || hf_view_eq(abc, hf_view_of("abc", 2)));
    assert_true(hf_view_eq_str(abc, "abc") && !hf_view_eq_str(abc, "ab") && hf_view_eq_str(none, ""));
    assert_int_equal(hf_view_to_str(abc, text, 4), HF_OK);
    assert_string_equal(text, "abc");
    snprintf(text, sizeof(text), "before");
    assert_int_equal(hf_view_to_str(abc, text, 3), HF_ERR_BOUNDS);
    assert_int_equal(hf_view_to_str(hf_view_of("a\0c", 3), text, sizeof(text)), HF_ERR_BOUNDS);
    assert_string_equal(text, "before");
    assert_int_equal(hf_view_to_str(none, text, 1), HF_OK);
    assert_int_equal(hf_view_to_str(none, text, 0), HF_ERR_BOUNDS);
}

static void comparing_and_wiping(void **state)
{
    (void)state;
    uint8_t a[33], b[33];

    memset(a, 7, sizeof(a));
    memcpy(b, a, sizeof(b));
    assert_true(hf_ct_equal(a, b, sizeof(a)) && hf_ct_equal(a, b, 0));
    for (size_t i = 0; i < sizeof(a); i++)
        for (int bit = 0; bit < 8; bit++) {
            b[i] = (uint8_t)(b[i] ^ (1 << bit));
            assert_false(hf_ct_equal(a, b, sizeof(a)));
            b[i] = a[i];
        }
    hf_wipe(a + 1, 31);
    assert_int_equal(a[0], 7);
    assert_int_equal(a[32], 7);
    for (size_t i = 1; i < 32; i++)
        assert_int_equal(a[i], 0);
    hf_wipe(NULL, 0);
}

static void numbers_come_back(void **state)
{
    (void)state;
    static const uint64_t values[] = {
        0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0x01020304, 0xffffffff, 0x0102030405060708, UINT64_MAX
    };
    uint8_t bytes[15];

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        hf_writer w = hf_writer_on(bytes, sizeof(bytes));
        hf_put_u8(&w, (uint8_t)values[i]);
        hf_put_u16(&w, (uint16_t)values[i]);
        hf_put_u32(&w, (uint32_t)values[i]);
        hf_put_u64(&w, values[i]);
        assert_false(w.failed);
        assert_int_equal(w.len, 15);
        hf_reader r = hf_reader_of(hf_writer_view(&w));
        assert_int_equal(hf_get_u8(&r), (uint8_t)values[i]);
        assert_int_equal(hf_get_u16(&r), (uint16_t)values[i]);
        assert_int_equal(hf_get_u32(&r), (uint32_t)values[i]);
        assert_true(hf_get_u64(&r) == values[i]);
        assert_int_equal(hf_reader_done(&r), HF_OK);
    }
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    hf_put_u32(&w, 0x01020304);
    assert_memory_equal(bytes, "\1\2\3\4", 4); /* big endian */
}

static void a_writer_stops_at_its_end(void **state)
{
    (void)state;
    uint8_t bytes[9];

    memset(bytes, 0xee, sizeof(bytes));
    hf_writer w = hf_writer_on(bytes, 8);
    hf_put_u64(&w, 1);
    assert_false(w.failed);
    hf_put_bytes(&w, NULL, 0);
    assert_false(w.failed);
    hf_put_u8(&w, 1);
    assert_true(w.failed && w.len == 8 && bytes[8] == 0xee);
    w = hf_writer_on(bytes, 3);
    hf_put_u32(&w, 0xffffffff); /* does not fit: not even in part */
    hf_put_u8(&w, 9);           /* would fit, but the failure stays */
    assert_true(w.failed && w.len == 0 && bytes[0] == 0);
    w = hf_writer_on(bytes, 8);
    hf_put_bytes(&w, "x", SIZE_MAX);
    assert_true(w.failed && w.len == 0);
}

static void lengths_go_before(void **state)
{
    (void)state;
    static uint8_t long_text[UINT16_MAX + 1], bytes[sizeof(long_text) + 16];
    hf_view v = { long_text, UINT16_MAX };
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));

    hf_put_view16(&w, v);
    assert_false(w.failed);
    assert_memory_equal(bytes, "\xff\xff", 2);
    v.len++;
    w = hf_writer_on(bytes, sizeof(bytes));
    hf_put_view16(&w, v);
    assert_true(w.failed && w.len == 0);
    w = hf_writer_on(bytes, sizeof(bytes));
    hf_put_view32(&w, v);
    assert_memory_equal(bytes, "\0\1\0\0", 4);
    hf_reader r = hf_reader_of(hf_writer_view(&w));
    assert_true(hf_view_eq(hf_get_view32(&r), v));
    assert_int_equal(hf_reader_done(&r), HF_OK);
}

static void a_reader_stops_at_its_end(void **state)
{
    (void)state;
    uint8_t into[4] = { 9, 9, 9, 9 };
    hf_reader r = hf_reader_of(hf_view_of("\0\3ab", 4));

    assert_int_equal(hf_get_view16(&r).len, 0); /* three wanted, two there */
    assert_true(r.failed);
    assert_int_equal(hf_get_u8(&r), 0);
    hf_get_bytes(&r, into, 4);
    assert_memory_equal(into, "\0\0\0\0", 4);
    assert_int_equal(hf_reader_done(&r), HF_ERR_MALFORMED);
    r = hf_reader_of(hf_view_of("ab", 2));
    assert_int_equal(hf_get_u32(&r), 0);
    assert_true(r.failed);
    r = hf_reader_of(hf_view_of("ab", 2));
    assert_int_equal(hf_get_view(&r, SIZE_MAX).len, 0);
    assert_true(r.failed);
    r = hf_reader_of(hf_view_of("\xff\xff\xff\xff", 4));
    assert_int_equal(hf_get_view32(&r).len, 0);
    assert_true(r.failed);
    r = hf_reader_of(hf_view_of("ab", 2));
    assert_int_equal(hf_get_u8(&r), 'a');
    assert_int_equal(hf_reader_done(&r), HF_ERR_MALFORMED); /* something is left */
    r = hf_reader_of((hf_view) { 0 });
    assert_int_equal(hf_get_view(&r, 0).len, 0);
    assert_int_equal(hf_reader_done(&r), HF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views),
        cmocka_unit_test(comparing_and_wiping),
        cmocka_unit_test(numbers_come_back),
        cmocka_unit_test(a_writer_stops_at_its_end),
        cmocka_unit_test(lengths_go_before),
        cmocka_unit_test(a_reader_stops_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
