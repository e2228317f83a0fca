#include "base/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;

    /* Both clocks always exist on Linux; a zero time would open nothing, it would only expire everything. */
    if (clock_gettime(id, &ts) != 0)
        return 0;
    return (int64_t)ts.tv_sec * HF_NS_PER_S + ts.tv_nsec;
}

hf_wall hf_wall_now(void)
{
    return (hf_wall) { read_clock(CLOCK_REALTIME) };
}

hf_mono hf_mono_now(void)
{
    return (hf_mono) { read_clock(CLOCK_MONOTONIC) };
}

/* Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's public-domain formula). */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned yoe = (unsigned)(y - era * 400);
    unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

static void civil_from_days(int64_t z, int64_t *y, unsigned *m, unsigned *d)
{
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = (int64_t)yoe + era * 400 + (*m <= 2);
}

void hf_wall_format(hf_wall t, char dst[static HF_RFC3339_CAP])
{
    int64_t s = t.ns / HF_NS_PER_S, ns = t.ns % HF_NS_PER_S;

    if (ns < 0) {
        ns += HF_NS_PER_S;
        s--;
    }
    int64_t days = s / 86400, left = s % 86400, y;
    unsigned m, d;
    if (left < 0) {
        left += 86400;
        days--;
    }
    civil_from_days(days, &y, &m, &d);
    /* int64 nanoseconds end in 2262, so four digits of year always fit. */
    snprintf(dst, HF_RFC3339_CAP, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", (int)(y % 10000), m % 100, d % 100,
             (int)(left / 3600) % 100, (int)(left / 60 % 60), (int)(left % 60), (int)(ns / HF_NS_PER_MS) % 1000);
}

static bool take_digits(const char **p, const char *end, int n, unsigned *ret)
{
    unsigned v = 0;

    for (int i = 0; i < n; i++, (*p)++) {
        if (*p >= end || **p < '0' || **p > '9')
            return false;
        v = v * 10 + (unsigned)(**p - '0');
    }
    *ret = v;
    return true;
}

static bool take_char(const char **p, const char *end, char c)
{
    if (*p >= end || **p != c)
        return false;
    (*p)++;
    return true;
}

static bool take_fraction(const char **p, const char *end, int64_t *ret_ns)
{
    int64_t unit = HF_NS_PER_S / 10, ns = 0;
    int digits = 0;

    if (!take_char(p, end, '.')) {
        *ret_ns = 0;
        return true;
    }
    for (; *p < end && **p >= '0' && **p <= '9'; (*p)++, digits++, unit /= 10)
        ns += (**p - '0') * unit;
    *ret_ns = ns;
    return digits > 0 && digits <= 9;
}

static unsigned days_in_month(unsigned y, unsigned m)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    if (m == 2 && (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0)))
        return 29;
    return days[m - 1];
}

hf_err hf_wall_parse(const char *text, size_t len, hf_wall *ret)
{
    const char *p = text, *end = text + len;
    unsigned y, mo, d, h, mi, s;
    int64_t ns;

    HF_CHECK(take_digits(&p, end, 4, &y) && take_char(&p, end, '-') && take_digits(&p, end, 2, &mo) &&
                 take_char(&p, end, '-') && take_digits(&p, end, 2, &d) && take_char(&p, end, 'T') &&
                 take_digits(&p, end, 2, &h) && take_char(&p, end, ':') && take_digits(&p, end, 2, &mi) &&
                 take_char(&p, end, ':') && take_digits(&p, end, 2, &s) && take_fraction(&p, end, &ns) &&
                 take_char(&p, end, 'Z') && p == end,
             HF_ERR_MALFORMED);
    HF_CHECK(y >= 1970 && y <= 2261 && mo >= 1 && mo <= 12 && d >= 1 && d <= days_in_month(y, mo) && h < 24 &&
                 mi < 60 && s < 60,
             HF_ERR_MALFORMED);
    int64_t days = days_from_civil((int64_t)y, mo, d);
    ret->ns = ((days * 24 + h) * 60 + mi) * 60 * HF_NS_PER_S + (int64_t)s * HF_NS_PER_S + ns;
    return HF_OK;
}
