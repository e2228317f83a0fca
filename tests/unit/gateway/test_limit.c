/* Token buckets by address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/address.h"
#include "gateway/limit.h"
#include <string.h>

static void ipv4(uint8_t dst[static 16], uint32_t n)
{
    memset(dst, 0, 16);
    dst[10] = dst[11] = 0xff;
    for (int i = 0; i < 4; i++)
        dst[12 + i] = (uint8_t)(n >> (24 - 8 * i));
}

static hf_mono at_ms(int64_t ms)
{
    return (hf_mono) { 1000 * HF_NS_PER_S + ms * HF_NS_PER_MS };
}

static unsigned taken(limit *l, const uint8_t address[static 16], unsigned tries, hf_mono now)
{
    unsigned n = 0;
    uint32_t wait_s = 0;

    for (unsigned i = 0; i < tries; i++)
        n += limit_take(l, address, now, &wait_s) == HF_OK;
    return n;
}

static void test_burst_then_rate(void **state)
{
    limit *l = NULL;
    uint8_t a[16];
    uint32_t wait_s = 0;

    (void)state;
    assert_int_equal(limit_new(10, 20, &l), HF_OK);
    ipv4(a, 0x0a000001);
    assert_int_equal(taken(l, a, 100, at_ms(0)), 20);
    assert_int_equal(limit_take(l, a, at_ms(0), &wait_s), HF_ERR_RATE);
    assert_int_equal(wait_s, 1);
    assert_int_equal(taken(l, a, 100, at_ms(99)), 0);
    assert_int_equal(taken(l, a, 100, at_ms(100)), 1);
    assert_int_equal(taken(l, a, 100, at_ms(1100)), 10);
    assert_int_equal(taken(l, a, 100, at_ms(60000)), 20);
    limit_free(l);
}

/* Asking often must not lose what accrues in between. */
static void test_small_steps_add_up(void **state)
{
    limit *l = NULL;
    uint8_t a[16];
    unsigned n = 0;

    (void)state;
    assert_int_equal(limit_new(7, 1, &l), HF_OK);
    ipv4(a, 1);
    for (int ms = 0; ms < 10000; ms++)
        n += taken(l, a, 1, at_ms(ms));
    assert_in_range(n, 69, 71);
    limit_free(l);
}

static void test_clock_backwards_gives_nothing(void **state)
{
    limit *l = NULL;
    uint8_t a[16];

    (void)state;
    assert_int_equal(limit_new(10, 5, &l), HF_OK);
    ipv4(a, 1);
    assert_int_equal(taken(l, a, 9, at_ms(5000)), 5);
    assert_int_equal(taken(l, a, 9, at_ms(0)), 0);
    limit_free(l);
}

static void test_addresses_are_apart_but_a_64_is_one(void **state)
{
    limit *l = NULL;
    uint8_t a[16], b[16], c[16] = { 0x20, 0x01, 0x0d, 0xb8 }, d[16], e[16];

    (void)state;
    assert_int_equal(limit_new(1, 3, &l), HF_OK);
    ipv4(a, 1);
    ipv4(b, 2);
    assert_int_equal(taken(l, a, 5, at_ms(0)), 3);
    assert_int_equal(taken(l, b, 5, at_ms(0)), 3);
    memcpy(d, c, 16);
    memcpy(e, c, 16);
    d[15] = 9; /* same /64 */
    e[7] = 9;  /* another */
    assert_int_equal(taken(l, c, 5, at_ms(0)), 3);
    assert_int_equal(taken(l, d, 5, at_ms(0)), 0);
    assert_int_equal(taken(l, e, 5, at_ms(0)), 3);
    limit_free(l);
}

/* All users of this machine lie in one /64 of the address form, and are apart all the same. */
static void test_local_users_are_apart(void **state)
{
    limit *l = NULL;
    uint8_t one[16], other[16];

    (void)state;
    assert_int_equal(limit_new(1, 3, &l), HF_OK);
    hf_address_of_user(1000, one);
    hf_address_of_user(1001, other);
    assert_int_equal(taken(l, one, 5, at_ms(0)), 3);
    assert_int_equal(taken(l, other, 5, at_ms(0)), 3);
    limit_free(l);
}

/* A flood from many addresses pushes out the ones used longest ago, not those in use, and memory does not grow. */
static void test_oldest_makes_room(void **state)
{
    limit *l = NULL;
    uint8_t busy[16], a[16];

    (void)state;
    assert_int_equal(limit_new(1, 1, &l), HF_OK);
    ipv4(busy, 0xffffffff);
    assert_int_equal(taken(l, busy, 1, at_ms(0)), 1);
    for (uint32_t i = 0; i < 10 * LIMIT_BUCKETS; i++) {
        ipv4(a, i);
        assert_int_equal(taken(l, a, 2, at_ms(0)), 1);
        if (i % 1000 == 0)
            assert_int_equal(taken(l, busy, 1, at_ms(0)), 0); /* still known */
    }
    ipv4(a, 10 * LIMIT_BUCKETS - 1);
    assert_int_equal(taken(l, a, 1, at_ms(0)), 0);
    ipv4(a, 0);
    assert_int_equal(taken(l, a, 1, at_ms(0)), 1); /* forgotten long ago */
    limit_free(l);
}

static void test_bounds(void **state)
{
    limit *l = NULL;
    uint8_t a[16];

    (void)state;
    assert_int_equal(limit_new(0, 1, &l), HF_ERR_BOUNDS);
    assert_int_equal(limit_new(1, 0, &l), HF_ERR_BOUNDS);
    assert_int_equal(limit_new(UINT32_MAX, UINT32_MAX, &l), HF_OK);
    ipv4(a, 1);
    assert_int_equal(taken(l, a, 100, at_ms(0)), 100);
    assert_int_equal(taken(l, a, 100, (hf_mono) { INT64_MAX }), 100);
    limit_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_rate),
        cmocka_unit_test(test_small_steps_add_up),
        cmocka_unit_test(test_clock_backwards_gives_nothing),
        cmocka_unit_test(test_addresses_are_apart_but_a_64_is_one),
        cmocka_unit_test(test_local_users_are_apart),
        cmocka_unit_test(test_oldest_makes_room),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
