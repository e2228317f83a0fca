/* The rate limiter: exact rates, bounded memory, and no way to reset one's own bucket cheaply. */
#include "policy/limits.h"
#include "policy/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

static hf_limits *make(uint32_t rate, uint32_t burst, uint32_t entries)
{
    hf_limits *l = NULL;
    const struct hf_limits_spec spec = { .rate = rate, .burst = burst, .entries = entries, .seed = { 1, 2, 3 } };
    assert_int_equal(hf_limits_new(&spec, &l), HF_OK);
    return l;
}

static hf_mono at_ms(int64_t ms)
{
    return (hf_mono) { 1000 * HF_NS_PER_S + ms * HF_NS_PER_MS };
}

static uint32_t retry;

static hf_err take(hf_limits *l, const char *who, int64_t ms)
{
    return hf_limits_take(l, hf_view_str(who), at_ms(ms), &retry);
}

static void burst_then_rate(void **state)
{
    (void)state;
    hf_limits *l = make(10, 5, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(take(l, "a", 0), HF_OK);
    assert_int_equal(take(l, "a", 0), HF_ERR_RATE);
    assert_int_equal(retry, 1);
    assert_int_equal(take(l, "a", 99), HF_ERR_RATE);
    assert_int_equal(take(l, "a", 100), HF_OK);
    assert_int_equal(take(l, "a", 100), HF_ERR_RATE);
    assert_int_equal(take(l, "b", 100), HF_OK); /* others are not touched */
    /* Long idleness fills the bucket and no more. */
    for (int i = 0; i < 5; i++)
        assert_int_equal(take(l, "a", 3600000), HF_OK);
    assert_int_equal(take(l, "a", 3600000), HF_ERR_RATE);
    hf_limits_free(l);
}

static void the_long_run_rate_is_exact(void **state)
{
    (void)state;
    hf_limits *l = make(100, 200, 0);
    unsigned allowed = 0;
    for (int64_t ms = 0; ms < 60000; ms++) {
        for (int k = 0; k < 3; k++)
            allowed += take(l, "flood", ms) == HF_OK;
    }
    assert_in_range(allowed, 200 + 5999, 200 + 6000);
    hf_limits_free(l);
}

static void retry_after_is_true(void **state)
{
    (void)state;
    hf_limits *l = make(1, 3, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(l, "a", 0), HF_OK);
    assert_int_equal(take(l, "a", 200), HF_ERR_RATE);
    assert_int_equal(retry, 1);
    assert_int_equal(take(l, "a", 200 + 1000 * (int64_t)retry), HF_OK);
    hf_limits_free(l);
}

static void a_clock_that_goes_back_gives_nothing(void **state)
{
    (void)state;
    hf_limits *l = make(10, 2, 0);
    assert_int_equal(take(l, "a", 1000), HF_OK);
    assert_int_equal(take(l, "a", 1000), HF_OK);
    assert_int_equal(take(l, "a", 500), HF_ERR_RATE);
    assert_int_equal(take(l, "a", 1000), HF_ERR_RATE);
    assert_int_equal(take(l, "a", 1100), HF_OK);
    hf_limits_free(l);
}

static void the_table_is_bounded_and_forgets_the_oldest(void **state)
{
    (void)state;
    hf_limits *l = make(1, 1, 4);
    const char *const names[] = { "a", "b", "c", "d" };
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(take(l, names[i], 0), HF_OK);
    assert_int_equal(take(l, "a", 1), HF_ERR_RATE); /* used: now b is the oldest */
    assert_int_equal(take(l, "e", 2), HF_OK);
    assert_int_equal(hf_limits_count(l), 4);
    assert_int_equal(take(l, "a", 3), HF_ERR_RATE);
    assert_int_equal(take(l, "c", 3), HF_ERR_RATE);
    assert_int_equal(take(l, "d", 3), HF_ERR_RATE);
    assert_int_equal(take(l, "e", 3), HF_ERR_RATE);
    assert_int_equal(take(l, "b", 3), HF_OK);
    hf_limits_free(l);
}

static void idle_entries_go(void **state)
{
    (void)state;
    hf_limits *l = make(10, 5, 0);
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_int_equal(take(l, name, i), HF_OK);
    }
    assert_int_equal(hf_limits_expire(l, at_ms(99), 1000), 0); /* the first is full again at 100 ms */
    assert_int_equal(hf_limits_expire(l, at_ms(149), 1000), 50);
    assert_int_equal(hf_limits_count(l), 50);
    assert_int_equal(hf_limits_expire(l, at_ms(9999), 7), 7);
    assert_int_equal(hf_limits_expire(l, at_ms(9999), 1000), 43);
    assert_int_equal(hf_limits_expire(l, at_ms(9999), 1000), 0);
    assert_int_equal(take(l, "n1", 10000), HF_OK);
    hf_limits_free(l);
}

/* A plain model with no hashing and no eviction must agree on every answer, through drops and re-use. */
static void agrees_with_a_model(void **state)
{
    (void)state;
    enum { KEYS = 300 };
    static int64_t tokens_ms[KEYS]; /* in thousandths of a token */
    static int64_t last[KEYS];
    hf_limits *l = make(1, 3, 0);
    unsigned seed = 7;
    int64_t now = 0;
    for (int i = 0; i < KEYS; i++)
        tokens_ms[i] = 3000;
    for (int step = 0; step < 200000; step++) {
        seed = seed * 1103515245u + 12345u;
        const int k = (int)((seed >> 8) % KEYS);
        now += (seed >> 20) % 9;
        char name[16];
        snprintf(name, sizeof(name), "key-%d", k);
        tokens_ms[k] += now - last[k];
        last[k] = now;
        if (tokens_ms[k] > 3000)
            tokens_ms[k] = 3000;
        const bool want = tokens_ms[k] >= 1000;
        if (want)
            tokens_ms[k] -= 1000;
        assert_int_equal(take(l, name, now) == HF_OK, want);
        if (step % 1000 == 0)
            hf_limits_expire(l, at_ms(now), 50);
    }
    hf_limits_free(l);
}

static void a_flood_of_keys_is_survived(void **state)
{
    (void)state;
    hf_limits *l = make(100, 200, 0);
    for (uint32_t i = 0; i < 50000; i++) {
        uint8_t key[HF_LIMITS_KEY_MAX] = { 0 };
        memcpy(key, &i, sizeof(i));
        assert_int_equal(hf_limits_take(l, hf_view_of(key, sizeof(key)), at_ms(i / 100), &retry), HF_OK);
    }
    assert_int_equal(hf_limits_count(l), HF_LIMITS_ENTRIES_MAX);
    assert_int_equal(hf_limits_expire(l, at_ms(1000000), UINT32_MAX), HF_LIMITS_ENTRIES_MAX);
    hf_limits_free(l);
}

static void bounds(void **state)
{
    (void)state;
    const struct hf_limits_spec bad[] = { { .rate = 0, .burst = 1 },
                                          { .rate = 1, .burst = 0 },
                                          { .rate = 1000001, .burst = 1 },
                                          { .rate = 1, .burst = 1000001 },
                                          { .rate = 1, .burst = 1, .entries = HF_LIMITS_ENTRIES_MAX + 1 } };
    hf_limits *l = NULL;
    for (size_t i = 0; i < HF_COUNT(bad); i++)
        assert_int_equal(hf_limits_new(&bad[i], &l), HF_ERR_BOUNDS);
    l = make(1000000, 1, 1);
    uint8_t key[HF_LIMITS_KEY_MAX + 1] = { 0 };
    assert_int_equal(hf_limits_take(l, hf_view_of(key, 0), at_ms(0), &retry), HF_ERR_BOUNDS);
    assert_int_equal(hf_limits_take(l, hf_view_of(key, sizeof(key)), at_ms(0), &retry), HF_ERR_BOUNDS);
    /* Keys that start alike are different keys. */
    assert_int_equal(hf_limits_take(l, hf_view_of(key, 4), at_ms(0), &retry), HF_OK);
    assert_int_equal(hf_limits_take(l, hf_view_of(key, 5), at_ms(0), &retry), HF_OK);
    assert_int_equal(hf_limits_count(l), 1);
    hf_limits_free(l);
    hf_limits_free(NULL);
}

/*
 * Appendix A of the SipHash paper, and vectors of its reference implementation (inputs 00, 00 01, ... of 0, 1, 8 and 63
 * bytes).
 */
static void siphash_gives_the_published_values(void **state)
{
    (void)state;
    uint8_t key[16], in[64];
    for (uint8_t i = 0; i < 16; i++)
        key[i] = i;
    for (uint8_t i = 0; i < 64; i++)
        in[i] = i;
    assert_true(hf_siphash24(key, hf_view_of(in, 15)) == UINT64_C(0xa129ca6149be45e5));
    assert_true(hf_siphash24(key, hf_view_of(in, 0)) == UINT64_C(0x726fdb47dd0e0e31));
    assert_true(hf_siphash24(key, hf_view_of(in, 1)) == UINT64_C(0x74f839c593dc67fd));
    assert_true(hf_siphash24(key, hf_view_of(in, 8)) == UINT64_C(0x93f5f5799a932462));
    assert_true(hf_siphash24(key, hf_view_of(in, 63)) == UINT64_C(0x958a324ceb064572));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_then_rate),
        cmocka_unit_test(the_long_run_rate_is_exact),
        cmocka_unit_test(retry_after_is_true),
        cmocka_unit_test(a_clock_that_goes_back_gives_nothing),
        cmocka_unit_test(the_table_is_bounded_and_forgets_the_oldest),
        cmocka_unit_test(idle_entries_go),
        cmocka_unit_test(agrees_with_a_model),
        cmocka_unit_test(a_flood_of_keys_is_survived),
        cmocka_unit_test(bounds),
        cmocka_unit_test(siphash_gives_the_published_values),
    };
    return cmocka_run_group_tests_name("policy-limits", tests, NULL, NULL);
}
