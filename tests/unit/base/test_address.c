/* The forms of an address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/address.h"
#include <string.h>

static void test_forms(void **state)
{
    static const struct {
        uint8_t address[16];
        const char *text;
    } rows[] = {
        { { 0 }, "-" },
        { { [10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 7 }, "192.0.2.7" },
        { { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 }, "2001:db8::7" },
        { { 0x01, [8] = 'u', 'i', 'd', 0, 0, 0, 0x03, 0xe8 }, "uid:1000" },
        { { 0x01, [8] = 'u', 'i', 'd', 1, 0, 0, 0x03, 0xe8 }, "100::7569:6401:0:3e8" },
        { { 0x01, [8] = 'u', 'i', 'd', 0, 0xff, 0xff, 0xff, 0xff }, "uid:4294967295" },
    };
    char text[HF_ADDRESS_CAP];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        hf_address_format(rows[i].address, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_users(void **state)
{
    static const uint32_t uids[] = { 0, 1, 65534, 2111000001, UINT32_MAX };
    uint8_t address[16];
    uint32_t uid = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
        hf_address_of_user(uids[i], address);
        assert_true(hf_address_is_user(address, &uid));
        assert_int_equal(uid, uids[i]);
        assert_false(hf_address_is_ipv4(address));
        for (size_t k = 0; k < 12; k++) {
            address[k] ^= 1;
            uid = 7;
            assert_false(hf_address_is_user(address, &uid));
            assert_int_equal(uid, 7);
            address[k] ^= 1;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_forms), cmocka_unit_test(test_users) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
