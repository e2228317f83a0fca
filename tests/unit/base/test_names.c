/* Words and numbers that are stored: both directions, and the numbers as they were published. */
#include "base/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

static hf_view v(const char *text)
{
    return hf_view_str(text);
}

/* Stored numbers never change. */
static void numbers(void **state)
{
    (void)state;
    assert_int_equal(hf_alg_parse(v("aes-256-gcm")), 1);
    assert_int_equal(hf_alg_parse(v("ec-p256")), 2);
    assert_int_equal(hf_alg_parse(v("ed25519")), 3);
    assert_int_equal(hf_alg_parse(v("ml-kem-768")), 4);
    assert_int_equal(hf_alg_parse(v("ec-p384")), 5);
    assert_int_equal(hf_alg_parse(v("rsa-2048")), 6);
    assert_int_equal(hf_alg_parse(v("rsa-3072")), 7);
    assert_int_equal(hf_alg_parse(v("ml-dsa-65")), 8);
    assert_int_equal(hf_alg_parse(v("hmac-sha256")), 9);
    assert_int_equal(hf_alg_parse(v("hmac-sha384")), 10);
    assert_int_equal(hf_alg_parse(v("hmac-sha512")), 11);
    assert_int_equal(hf_usage_parse(v("sign")), 1);
    assert_int_equal(hf_usage_parse(v("decapsulate")), 32);
    assert_int_equal(hf_usage_parse(v("import")), 64);
    assert_int_equal(hf_key_state_parse(v("staged")), 1);
    assert_int_equal(hf_key_state_parse(v("destroyed")), 5);
    assert_int_equal(hf_role_parse(v("administrator")), 1);
    assert_int_equal(hf_role_parse(v("admin")), 1);
    assert_int_equal(hf_role_parse(v("service")), 8);
}

static void both_ways(void **state)
{
    (void)state;
    for (int a = 1; a <= HF_ALG_HMAC_SHA512; a++) {
        assert_int_equal(hf_alg_parse(v(hf_alg_name((hf_alg)a))), a);
        uint32_t usages = hf_alg_usages((hf_alg)a), usual = hf_alg_usages_default((hf_alg)a);
        assert_true(usages != 0 && (usages & ~127u) == 0);
        assert_int_equal(usual, usages & ~(uint32_t)HF_USE_IMPORT);
        assert_true(usual != 0);
    }
    for (uint32_t bit = 1; bit <= HF_USE_IMPORT; bit <<= 1)
        assert_int_equal(hf_usage_parse(v(hf_usage_name(bit))), bit);
    for (int s = 1; s <= 5; s++)
        assert_int_equal(hf_key_state_parse(v(hf_key_state_name((hf_key_state)s))), s);
    for (uint32_t bit = 1; bit <= 8; bit <<= 1)
        assert_int_equal(hf_role_parse(v(hf_role_name(bit))), bit);
    assert_string_equal(hf_role_name(1), "administrator");
}

static void unknown_words(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "AES-256-GCM", "aes-256-gcm ", "ec-p25", "sign,verify", "root" };
    hf_hash hash = HF_HASH_SHA384;
    hf_scheme scheme = HF_SCHEME_ED25519;

    for (size_t i = 0; i < HF_COUNT(bad); i++) {
        assert_int_equal(hf_alg_parse(v(bad[i])), HF_ALG_NONE);
        assert_int_equal(hf_usage_parse(v(bad[i])), 0);
        assert_int_equal(hf_role_parse(v(bad[i])), 0);
        assert_int_equal(hf_key_state_parse(v(bad[i])), HF_STATE_NONE);
    }
    assert_int_equal(hf_alg_parse(hf_view_of("ec-p256\0x", 9)), HF_ALG_NONE);
    assert_null(hf_alg_name(HF_ALG_NONE));
    assert_null(hf_alg_name((hf_alg)(HF_ALG_HMAC_SHA512 + 1)));
    assert_null(hf_usage_name(3));
    assert_null(hf_role_name(16));
    assert_int_equal(hf_alg_usages(HF_ALG_NONE), 0);
    assert_int_equal(hf_hash_parse(v("md5"), &hash), HF_ERR_UNSUPPORTED);
    assert_int_equal(hf_scheme_parse(v("pss"), &scheme), HF_ERR_UNSUPPORTED);
    assert_true(hash == HF_HASH_SHA384 && scheme == HF_SCHEME_ED25519);
    assert_int_equal(hf_hash_parse(v(""), &hash), HF_OK);
    assert_int_equal(hf_scheme_parse(v(""), &scheme), HF_OK);
    assert_true(hash == HF_HASH_NONE && scheme == HF_SCHEME_DEFAULT);
    assert_int_equal(hf_hash_parse(v("sha512"), &hash), HF_OK);
    assert_int_equal(hf_scheme_parse(v("ecdsa-raw"), &scheme), HF_OK);
    assert_true(hash == HF_HASH_SHA512 && scheme == HF_SCHEME_ECDSA_RAW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(both_ways),
        cmocka_unit_test(unknown_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
