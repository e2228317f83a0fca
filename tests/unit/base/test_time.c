/* Wall time as text, against the C library's own calendar. */
#include "base/time.h"

#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

static hf_err parse(const char *text, hf_wall *ret)
{
    return hf_wall_parse(text, strlen(text), ret);
}

/* A day of every month from 1970 to 2261, and both ends of each February, judged by gmtime. */
static void agrees_with_gmtime(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 292 * 366 - 500; day += day % 59 < 2 ? 1 : 13) {
        time_t s = (time_t)(day * 86400 + day % 86400);
        struct tm tm;
        char want[48], got[HF_RFC3339_CAP];
        hf_wall t = { (int64_t)s * HF_NS_PER_S + (day % 1000) * HF_NS_PER_MS }, back;

        assert_non_null(gmtime_r(&s, &tm));
        snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(day % 1000));
        hf_wall_format(t, got);
        assert_string_equal(got, want);
        assert_int_equal(parse(got, &back), HF_OK);
        assert_true(back.ns == t.ns);
    }
}

static void leap_years(void **state)
{
    (void)state;
    hf_wall t;

    assert_int_equal(parse("2000-02-29T00:00:00Z", &t), HF_OK);
    assert_true(t.ns == INT64_C(951782400) * HF_NS_PER_S);
    assert_int_equal(parse("2024-02-29T23:59:59Z", &t), HF_OK);
    assert_int_equal(parse("2023-02-29T00:00:00Z", &t), HF_ERR_MALFORMED);
    assert_int_equal(parse("2100-02-29T00:00:00Z", &t), HF_ERR_MALFORMED);
    assert_int_equal(parse("2100-03-01T00:00:00Z", &t), HF_OK);
    assert_true(t.ns == INT64_C(4107542400) * HF_NS_PER_S);
}

static void fractions(void **state)
{
    (void)state;
    hf_wall t;
    char text[HF_RFC3339_CAP];

    assert_int_equal(parse("1970-01-01T00:00:01.000000001Z", &t), HF_OK);
    assert_true(t.ns == HF_NS_PER_S + 1);
    assert_int_equal(parse("1970-01-01T00:00:00.5Z", &t), HF_OK);
    assert_true(t.ns == HF_NS_PER_S / 2);
    hf_wall_format((hf_wall) { -1 }, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    hf_wall_format((hf_wall) { INT64_MAX }, text);
    assert_string_equal(text, "2262-04-11T23:47:16.854Z");
    hf_wall_format((hf_wall) { INT64_MIN }, text);
    assert_string_equal(text, "1677-09-21T00:12:43.145Z");
}

static void nothing_else_is_time(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-23",
        "2026-11-23T06:19:00",
        "2026-11-23 06:19:00Z",
        "2026-11-23t06:19:00Z",
        "2026-11-23T06:19:00z",
        "2026-11-23T06:19:00+00:00",
        "2026-13-23T06:19:00Z",
        "2026-00-23T06:19:00Z",
        "2026-11-31T06:19:00Z",
        "2026-11-00T06:19:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T23:60:00Z",
        "2026-11-23T23:59:60Z",
        "1969-12-31T23:59:59Z",
        "2262-01-01T00:00:00Z",
        "2026-11-23T06:19:00.Z",
        "2026-11-23T06:19:00.1234567890Z",
        "2026-11-23T06:19:00Z ",
        " 2026-11-23T06:19:00Z",
        "2026-1-23T06:19:00Z",
        "+026-11-23T06:19:00Z",
        "2026-11-23T06:19:0xZ",
    };
    hf_wall t = { 42 };

    for (size_t i = 0; i < HF_COUNT(bad); i++)
        if (parse(bad[i], &t) != HF_ERR_MALFORMED)
            fail_msg("'%s' was taken", bad[i]);
    assert_true(t.ns == 42);
    assert_int_equal(hf_wall_parse("2026-11-23T06:19:00Z!", 20, &t), HF_OK); /* the length counts, not a NUL */
}

static void clocks(void **state)
{
    (void)state;
    hf_mono a = hf_mono_now(), b = hf_mono_now();

    assert_true(b.ns >= a.ns && a.ns > 0);
    assert_true(hf_mono_after_ms(a, 3).ns - a.ns == 3 * HF_NS_PER_MS);
    assert_true(hf_wall_s(hf_wall_now()) >= (int64_t)time(NULL) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_gmtime),   cmocka_unit_test(leap_years), cmocka_unit_test(fractions),
        cmocka_unit_test(nothing_else_is_time), cmocka_unit_test(clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
