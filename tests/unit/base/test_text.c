/* Text forms: the vectors of RFC 4648, one spelling for each value, and nothing else. */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

static void base64_vectors(void **state)
{
    (void)state;
    /* RFC 4648 section 10. */
    static const char *const rows[][2] = { { "", "" },
                                           { "f", "Zg==" },
                                           { "fo", "Zm8=" },
                                           { "foo", "Zm9v" },
                                           { "foob", "Zm9vYg==" },
                                           { "fooba", "Zm9vYmE=" },
                                           { "foobar", "Zm9vYmFy" } };
    char text[16];
    uint8_t bytes[16];
    size_t n;

    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        hf_view plain = hf_view_str(rows[i][0]);
        assert_int_equal(hf_b64_encode(plain, text), strlen(rows[i][1]));
        assert_int_equal(HF_B64_LEN(plain.len), strlen(rows[i][1]));
        assert_memory_equal(text, rows[i][1], strlen(rows[i][1]));
        assert_int_equal(hf_b64_decode(hf_view_str(rows[i][1]), bytes, sizeof(bytes), &n), HF_OK);
        assert_true(hf_view_eq(hf_view_of(bytes, n), plain));
        size_t url = hf_b64url_encode(plain, text);
        assert_int_equal(url, strcspn(rows[i][1], "="));
        assert_int_equal(hf_b64url_decode(hf_view_of(text, url), bytes, sizeof(bytes), &n), HF_OK);
        assert_true(hf_view_eq(hf_view_of(bytes, n), plain));
    }
    /* The two last characters of the alphabets. */
    hf_b64_encode(hf_view_of("\xfb\xff\xbf", 3), text);
    assert_memory_equal(text, "+/+/", 4);
    hf_b64url_encode(hf_view_of("\xfb\xff\xbf", 3), text);
    assert_memory_equal(text, "-_-_", 4);
}

static hf_err std_of(const char *text)
{
    uint8_t bytes[64];
    size_t n;
    return hf_b64_decode(hf_view_str(text), bytes, sizeof(bytes), &n);
}

static hf_err url_of(const char *text)
{
    uint8_t bytes[64];
    size_t n;
    return hf_b64url_decode(hf_view_str(text), bytes, sizeof(bytes), &n);
}

static void base64_has_no_slack(void **state)
{
    (void)state;
    static const char *const std_bad[] = { "=",     "==",    "===",  "====", "A",    "AA",       "AAA",   "A===",
                                           "AA=",   "AAA==", "AA=A", "A=AA", "=AAA", "Zg==Zg==", "Zg= =", "Zm9v\n",
                                           "Zm 9v", "Zm9-",  "Zm9_", "Zh==", "Zm9=", "Zg==\n",   "Zg===" };
    static const char *const url_bad[] = { "A",  "AAAAA", "Zg==",   "Zm8=", "Zm9+", "Zm9/",
                                           "Zh", "Zm9",   "Zm9v\n", "Zm9.", " Zg",  "Zg " };

    for (size_t i = 0; i < HF_COUNT(std_bad); i++)
        if (std_of(std_bad[i]) != HF_ERR_MALFORMED)
            fail_msg("'%s' was taken", std_bad[i]);
    for (size_t i = 0; i < HF_COUNT(url_bad); i++)
        if (url_of(url_bad[i]) != HF_ERR_MALFORMED)
            fail_msg("'%s' was taken as url", url_bad[i]);
    /* Of the 16 last characters that leave the first byte alone exactly one is right, and of 4 with two bytes. */
    size_t taken = 0;
    for (int c = 1; c < 256; c++) {
        char two[] = { 'Z', (char)c, 0 }, three[] = { 'Z', 'm', (char)c, 0 };
        taken += url_of(two) == HF_OK;
        taken += url_of(three) == HF_OK;
    }
    assert_int_equal(taken, 4 + 16);
}

static void base64_bounds(void **state)
{
    (void)state;
    uint8_t bytes[4] = { 9, 9, 9, 9 };
    size_t n = 77;

    assert_int_equal(hf_b64_decode(hf_view_str("Zm9v"), bytes, 2, &n), HF_ERR_BOUNDS);
    assert_int_equal(hf_b64url_decode(hf_view_str("Zm9vYg"), bytes, 3, &n), HF_ERR_BOUNDS);
    assert_true(n == 77 && bytes[0] == 9);
    assert_int_equal(hf_b64_decode(hf_view_str("Zm9v"), bytes, 3, &n), HF_OK);
    assert_true(n == 3 && bytes[3] == 9);
}

static void base64_round_trips(void **state)
{
    (void)state;
    uint8_t in[70], out[70];
    char text[HF_B64_LEN(70)];
    size_t n;

    for (size_t len = 0; len <= sizeof(in); len++) {
        for (size_t i = 0; i < len; i++)
            in[i] = (uint8_t)(i * 37 + len * 11);
        size_t chars = hf_b64_encode(hf_view_of(in, len), text);
        assert_int_equal(hf_b64_decode(hf_view_of(text, chars), out, sizeof(out), &n), HF_OK);
        assert_true(n == len && memcmp(in, out, n) == 0);
        chars = hf_b64url_encode(hf_view_of(in, len), text);
        assert_int_equal(hf_b64url_decode(hf_view_of(text, chars), out, sizeof(out), &n), HF_OK);
        assert_true(n == len && memcmp(in, out, n) == 0);
    }
}

static void hex(void **state)
{
    (void)state;
    char text[17];
    uint8_t bytes[8];
    size_t n;

    hf_hex_encode(hf_view_of("\0\x0f\xf0\xab\xff", 5), text);
    assert_string_equal(text, "000ff0abff");
    assert_int_equal(hf_hex_decode(hf_view_str("000fF0aBff"), bytes, sizeof(bytes), &n), HF_OK);
    assert_true(n == 5 && memcmp(bytes, "\0\x0f\xf0\xab\xff", 5) == 0);
    assert_int_equal(hf_hex_decode(hf_view_str("0"), bytes, sizeof(bytes), &n), HF_ERR_MALFORMED);
    assert_int_equal(hf_hex_decode(hf_view_str("0g"), bytes, sizeof(bytes), &n), HF_ERR_MALFORMED);
    assert_int_equal(hf_hex_decode(hf_view_str("0x"), bytes, sizeof(bytes), &n), HF_ERR_MALFORMED);
    assert_int_equal(hf_hex_decode(hf_view_str("0001"), bytes, 1, &n), HF_ERR_BOUNDS);
}

static void uuids(void **state)
{
    (void)state;
    const char *good = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"; /* RFC 9562 */
    static const char *const bad[] = { "",
                                       "f81d4fae-7dec-11d0-a765-00a0c91e6bf",
                                       "f81d4fae-7dec-11d0-a765-00a0c91e6bf60",
                                       "f81d4fae-7dec-11d0-a76500a0c91e6bf6-",
                                       "f81d4fae+7dec-11d0-a765-00a0c91e6bf6",
                                       "{81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                                       "f81d4fae7dec-11d0-a765-00a0c91e6bf6-0" };
    uint8_t id[16];
    char text[HF_UUID_CAP];

    assert_int_equal(hf_uuid_parse(hf_view_str(good), id), HF_OK);
    assert_memory_equal(id, "\xf8\x1d\x4f\xae\x7d\xec\x11\xd0\xa7\x65\x00\xa0\xc9\x1e\x6b\xf6", 16);
    hf_uuid_format(id, text);
    assert_string_equal(text, good);
    assert_int_equal(hf_uuid_parse(hf_view_str("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"), id), HF_OK);
    memset(id, 9, sizeof(id));
    for (size_t i = 0; i < HF_COUNT(bad); i++)
        assert_int_equal(hf_uuid_parse(hf_view_str(bad[i]), id), HF_ERR_MALFORMED);
    assert_int_equal(id[0], 9);
}

static void names(void **state)
{
    (void)state;
    char text[66];

    memset(text, 'a', sizeof(text));
    assert_true(hf_name_ok(hf_view_of(text, 1)) && hf_name_ok(hf_view_of(text, 64)));
    assert_false(hf_name_ok(hf_view_of(text, 0)) || hf_name_ok(hf_view_of(text, 65)));
    assert_true(hf_name_ok(hf_view_str("0.a_B-9")));
    static const char *const bad[] = { ".a",
                                       "-a",
                                       "_a",
                                       "a b",
                                       "a/b",
                                       "a\n",
                                       "a\xc3\xa4",
                                       "../x",
                                       "a:b",
                                       "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                                       "F81D4FAE-7dec-11d0-a765-00a0c91e6bf6" };
    for (size_t i = 0; i < HF_COUNT(bad); i++)
        assert_false(hf_name_ok(hf_view_str(bad[i])));
    assert_false(hf_name_ok(hf_view_of("a\0b", 3)));
    assert_true(hf_request_id_ok(hf_view_str("-._x")) && hf_request_id_ok(hf_view_of(text, 64)));
    assert_false(hf_request_id_ok(hf_view_str("")) || hf_request_id_ok(hf_view_of(text, 65)) ||
                 hf_request_id_ok(hf_view_str("a b")));
}

/* RFC 3629: what is not in the table of section 4 is no text. */
static void utf8(void **state)
{
    (void)state;
    static const char *const good[] = { "",
                                        "abc",
                                        "\xc2\xa0",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xef\xbf\xbf",
                                        "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf",
                                        "f\xc3\xbcr" };
    static const char *const bad[] = { "\x80",
                                       "\xbf",
                                       "\xc0\x80",
                                       "\xc1\xbf",
                                       "\xc2",
                                       "\xc2\x41",
                                       "\xe0\x9f\xbf",
                                       "\xe0\xa0",
                                       "\xed\xa0\x80",
                                       "\xed\xbf\xbf",
                                       "\xf0\x8f\xbf\xbf",
                                       "\xf4\x90\x80\x80",
                                       "\xf5\x80\x80\x80",
                                       "\xff",
                                       "\xfe",
                                       "\xf0\x90\x80",
                                       "\x1f",
                                       "\n",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xc2\x9f",
                                       "a\xc2",
                                       "\xe1\x80\xc0",
                                       "\xf1\x80\x80\xc0",
                                       "\xf1\x80\xc0\x80" };

    for (size_t i = 0; i < HF_COUNT(good); i++)
        assert_true(hf_text_ok(hf_view_str(good[i])));
    for (size_t i = 0; i < HF_COUNT(bad); i++)
        if (hf_text_ok(hf_view_str(bad[i])))
            fail_msg("bad text %zu was taken", i);
    assert_false(hf_text_ok(hf_view_of("a\0b", 3)));
}

/* Text is looked at in groups: every byte at every place of every length must be seen. */
static void no_place_hides_a_control_character(void **state)
{
    (void)state;
    uint8_t text[32];

    for (size_t len = 1; len <= sizeof(text); len++)
        for (size_t at = 0; at < len; at++)
            for (unsigned c = 0; c < 256; c++) {
                memset(text, at % 2 == 0 ? 0x20 : 0x7e, sizeof(text));
                text[at] = (uint8_t)c;
                if (hf_text_ok(hf_view_of(text, len)) != (c >= 0x20 && c < 0x7f))
                    fail_msg("byte %u at %zu of %zu", c, at, len);
            }
    memcpy(text, "seven..\xc3\xa9 eight..", 17); /* a character across two groups */
    assert_true(hf_text_ok(hf_view_of(text, 17)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_vectors),
        cmocka_unit_test(base64_has_no_slack),
        cmocka_unit_test(base64_bounds),
        cmocka_unit_test(base64_round_trips),
        cmocka_unit_test(hex),
        cmocka_unit_test(uuids),
        cmocka_unit_test(names),
        cmocka_unit_test(utf8),
        cmocka_unit_test(no_place_hides_a_control_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
