/*
 * Private keys in PEM: what we write is read back as the same key; anything else is refused. Files of openssl
 * are judged in tests/it/verifier.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/keyfile.h"
#include "tokens.h"
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void round_trip(hf_alg a)
{
    struct test_key k = test_key_make(a);
    hf_secret *pem;
    hf_key *back;
    uint8_t spki[HF_SPKI_MAX_BYTES];
    size_t len;

    assert_int_equal(hf_key_private_pem(k.key, &pem), HF_OK);
    assert_int_equal(hf_key_load_pem_private(hf_view_of(hf_secret_read(pem), hf_secret_len(pem)), &back), HF_OK);
    assert_int_equal(hf_key_alg(back), a);
    assert_int_equal(hf_key_public_der(back, spki, sizeof spki, &len), HF_OK);
    assert_int_equal(len, k.spki_len);
    assert_memory_equal(spki, k.spki, len);
    hf_secret_free(pem);
    hf_key_free(back);
    hf_key_free(k.key);
}

static void test_round_trip(void **state)
{
    (void)state;
    round_trip(HF_ALG_EC_P256);
    round_trip(HF_ALG_ED25519);
}

static void test_public_and_other_keys_have_no_pem(void **state)
{
    struct test_key k = test_key_make(HF_ALG_EC_P256);
    hf_key *public_key, *aes;
    hf_secret *pem = NULL, *material;

    (void)state;
    assert_int_equal(hf_key_load_public(HF_ALG_EC_P256, hf_view_of(k.spki, k.spki_len), &public_key), HF_OK);
    assert_int_equal(hf_key_private_pem(public_key, &pem), HF_ERR_UNSUPPORTED);
    assert_int_equal(hf_key_generate(HF_ALG_AES_256_GCM, &material), HF_OK);
    assert_int_equal(hf_key_load_private(HF_ALG_AES_256_GCM, material, &aes), HF_OK);
    assert_int_equal(hf_key_private_pem(aes, &pem), HF_ERR_UNSUPPORTED);
    assert_null(pem);
    hf_secret_free(material);
    hf_key_free(aes);
    hf_key_free(public_key);
    hf_key_free(k.key);
}

static void expect_refused(const char *before, hf_view pem, size_t cut, const char *after, hf_err expected)
{
    uint8_t text[16384];
    size_t len = strlen(before);
    hf_key *key = NULL;

    memcpy(text, before, len);
    memcpy(text + len, pem.ptr, pem.len - cut);
    len += pem.len - cut;
    memcpy(text + len, after, strlen(after));
    len += strlen(after);
    assert_int_equal(hf_key_load_pem_private(hf_view_of(text, len), &key), expected);
    assert_null(key);
}

static void test_form(void **state)
{
    struct test_key k = test_key_make(HF_ALG_ED25519);
    static char padding[5000], twice[1024];
    hf_secret *pem;
    hf_view text;
    hf_key *key;

    (void)state;
    assert_int_equal(hf_key_private_pem(k.key, &pem), HF_OK);
    text = hf_view_of(hf_secret_read(pem), hf_secret_len(pem));
    assert_int_equal(hf_key_load_pem_private(hf_view_of(text.ptr, text.len - 1), &key), HF_OK);
    hf_key_free(key);
    expect_refused("x", text, 0, "", HF_ERR_BAD_KEY);
    expect_refused("\n", text, 0, "", HF_ERR_BAD_KEY);
    expect_refused("", text, 0, "\n", HF_ERR_BAD_KEY);
    expect_refused("", text, 0, "x", HF_ERR_BAD_KEY);
    memcpy(twice, text.ptr, text.len);
    expect_refused(twice, text, 0, "", HF_ERR_BAD_KEY);
    expect_refused("", text, 2, "", HF_ERR_BAD_KEY);
    expect_refused("", text, 40, "-----END PRIVATE KEY-----\n", HF_ERR_BAD_KEY);
    memset(padding, ' ', sizeof padding - 1);
    expect_refused("", text, 0, padding, HF_ERR_TOO_LARGE);
    expect_refused("", hf_view_str(""), 0, "", HF_ERR_BAD_KEY);
    hf_secret_free(pem);
    hf_key_free(k.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_public_and_other_keys_have_no_pem),
        cmocka_unit_test(test_form),
    };

    return cmocka_run_group_tests_name("jose-keyfile", tests, tokens_group_setup, NULL);
}
