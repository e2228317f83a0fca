/* Lists of addresses and networks as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/networks.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static void address_of(const char *text, uint8_t ret[static 16])
{
    memset(ret, 0, 16);
    if (inet_pton(AF_INET, text, ret + 12) == 1)
        ret[10] = ret[11] = 0xff;
    else
        assert_int_equal(inet_pton(AF_INET6, text, ret), 1);
}

static bool has(const char *list, const char *address)
{
    hf_networks networks;
    hf_view at;
    uint8_t bytes[16];

    assert_int_equal(hf_networks_parse(hf_view_str(list), &networks, &at), HF_OK);
    address_of(address, bytes);
    return hf_networks_have(&networks, bytes);
}

static void members_are_found(void **state)
{
    static const struct {
        const char *list, *address;
        bool in;
    } rows[] = {
        { "", "192.0.2.7", false },
        { "   ", "192.0.2.7", false },
        { "192.0.2.7", "192.0.2.7", true },
        { "192.0.2.7", "192.0.2.6", false },
        { " 192.0.2.7 ,\t198.51.100.0/24", "198.51.100.255", true },
        { "192.0.2.7,198.51.100.0/24", "198.51.101.0", false },
        { "10.0.0.0/9", "10.127.255.255", true },
        { "10.0.0.0/9", "10.128.0.0", false },
        { "10.32.0.0/11", "10.63.1.2", true },
        { "10.32.0.0/11", "10.64.1.2", false },
        { "0.0.0.0/0", "203.0.113.1", true },
        { "0.0.0.0/0", "2001:db8::1", false },
        { "::/0", "2001:db8::1", true },
        { "::/0", "203.0.113.1", false }, /* IPv4 is not a part of IPv6, however it is stored */
        { "2001:db8::/32", "2001:db8:ffff::1", true },
        { "2001:db8::/32", "2001:db9::1", false },
        { "2001:db8::1", "2001:db8::1", true },
        { "2001:db8::1/128", "2001:db8::2", false },
        { "::1", "127.0.0.1", false },
    };

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++)
        if (has(rows[i].list, rows[i].address) != rows[i].in)
            fail_msg("%s in '%s'", rows[i].address, rows[i].list);
}

static void typing_errors_are_named(void **state)
{
    static const struct {
        const char *list, *at;
    } rows[] = {
        { "192.0.2.256", "192.0.2.256" },
        { "192.0.2.7, 192.0.2", "192.0.2" },
        { "192.0.2.7,", "" },
        { ",192.0.2.7", "" },
        { "192.0.2.7;192.0.2.8", "192.0.2.7;192.0.2.8" },
        { "192.0.2.0/33", "192.0.2.0/33" },
        { "192.0.2.0/", "192.0.2.0/" },
        { "192.0.2.0/+8", "192.0.2.0/+8" },
        { "192.0.2.0/08", "192.0.2.0/08" },
        { "192.0.2.0/24/8", "192.0.2.0/24/8" },
        { "192.0.2.0/4294967320", "192.0.2.0/4294967320" },
        { "192.0.2.1/24", "192.0.2.1/24" }, /* bits behind the prefix: which of both was meant? */
        { "2001:db8::1/64", "2001:db8::1/64" },
        { "2001:db8::/129", "2001:db8::/129" },
        { "localhost", "localhost" },
        { "[::1]", "[::1]" },
        { "fe80::1%eth0", "fe80::1%eth0" },
    };
    hf_networks networks = { .n = 7 };
    hf_view at;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        if (hf_networks_parse(hf_view_str(rows[i].list), &networks, &at) != HF_ERR_INVALID ||
            !hf_view_eq_str(at, rows[i].at))
            fail_msg("'%s'", rows[i].list);
        assert_int_equal(networks.n, 7);
    }
}

static void a_list_is_bounded(void **state)
{
    char text[4096] = "";
    hf_networks networks;
    hf_view at;

    (void)state;
    for (int i = 0; i < HF_NETWORKS_MAX; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s192.0.2.%d", i > 0 ? "," : "", i);
    assert_int_equal(hf_networks_parse(hf_view_str(text), &networks, &at), HF_OK);
    assert_int_equal(networks.n, HF_NETWORKS_MAX);
    snprintf(text + strlen(text), sizeof(text) - strlen(text), ",192.0.2.200");
    assert_int_equal(hf_networks_parse(hf_view_str(text), &networks, &at), HF_ERR_BOUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_found),
        cmocka_unit_test(typing_errors_are_named),
        cmocka_unit_test(a_list_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
