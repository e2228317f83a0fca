/* Loading keysets: all of it or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "proto/gen/messages.h"
#include "tokens.h"
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct test_key ec, ed;

static int setup(void **state)
{
    int rc = tokens_group_setup(state);

    ec = test_key_make(HF_ALG_EC_P256);
    ed = test_key_make(HF_ALG_ED25519);
    return rc;
}

static int teardown(void **state)
{
    (void)state;
    hf_key_free(ec.key);
    hf_key_free(ed.key);
    return 0;
}

static struct hf_keyset_row good_row(void)
{
    return (struct hf_keyset_row) {
        .kid = hf_view_str("k-2"),
        .alg = HF_ALG_EC_P256,
        .actor = hf_view_str("alice"),
        .roles = HF_ROLE_OPERATOR,
        .spki = hf_view_of(ec.spki, ec.spki_len),
    };
}

/* Loads a good row and then this one. */
static hf_err load_with(const struct hf_keyset_row *second, struct hf_jose_keyset **ret, const char **why)
{
    uint8_t bytes[8192];
    hf_writer list = hf_writer_on(bytes, sizeof bytes);
    struct hf_keyset_row first = good_row();

    first.kid = hf_view_str("k-1");
    assert_int_equal(hf_keyset_row_encode(&first, &list), HF_OK);
    assert_int_equal(hf_keyset_row_encode(second, &list), HF_OK);
    return hf_jose_keyset_load(9, hf_writer_view(&list), true, ret, why);
}

static void expect_refused(const struct hf_keyset_row *row, hf_err expected, const char *expected_why)
{
    struct hf_jose_keyset *ks = NULL;
    const char *why = "";

    assert_int_equal(load_with(row, &ks, &why), expected);
    assert_string_equal(why, expected_why);
    assert_null(ks);
}

static void test_good(void **state)
{
    struct hf_keyset_row row = good_row();
    struct hf_jose_keyset *ks;
    const char *why = "";

    (void)state;
    row.alg = HF_ALG_ED25519;
    row.spki = hf_view_of(ed.spki, ed.spki_len);
    assert_int_equal(load_with(&row, &ks, &why), HF_OK);
    assert_int_equal(ks->generation, 9);
    assert_int_equal(ks->n, 2);
    assert_string_equal(hf_jose_keyset_find(ks, hf_view_str("k-2"))->actor, "alice");
    assert_null(hf_jose_keyset_find(ks, hf_view_str("k-")));
    assert_null(hf_jose_keyset_find(ks, hf_view_str("k-22")));
    assert_null(hf_jose_keyset_find(ks, hf_view_str("")));
    hf_jose_keyset_free(ks);
}

static void test_names(void **state)
{
    static const char bad_kid[] = "a kid of the keyset is not 1 to 64 visible characters";
    static const char bad_actor[] = "an actor of the keyset is not 1 to 64 bytes of text";
    static const char long_text[] = "01234567890123456789012345678901234567890123456789012345678901234";
    struct hf_keyset_row row = good_row();

    (void)state;
    row.kid = hf_view_str("k-1");
    expect_refused(&row, HF_ERR_MALFORMED, "two keys of the keyset have the same kid");
    row.kid = hf_view_str("");
    expect_refused(&row, HF_ERR_MALFORMED, bad_kid);
    row.kid = hf_view_str("a b");
    expect_refused(&row, HF_ERR_MALFORMED, bad_kid);
    row = good_row();
    row.actor = hf_view_str("");
    expect_refused(&row, HF_ERR_MALFORMED, bad_actor);
    row.actor = hf_view_str(long_text);
    expect_refused(&row, HF_ERR_MALFORMED, bad_actor);
}

static void test_rights_and_keys(void **state)
{
    static const char bad_alg[] = "a key of the keyset has an algorithm that does not sign tokens";
    static const char bad_roles[] = "a key of the keyset has no role or one that does not exist";
    static const char bad_key[] = "a public key of the keyset cannot be used with its algorithm";
    struct hf_keyset_row row = good_row();

    (void)state;
    row.alg = HF_ALG_AES_256_GCM;
    expect_refused(&row, HF_ERR_MALFORMED, bad_alg);
    row.alg = HF_ALG_ML_KEM_768;
    expect_refused(&row, HF_ERR_MALFORMED, bad_alg);
    row.alg = 200;
    expect_refused(&row, HF_ERR_MALFORMED, bad_alg);
    row.alg = HF_ALG_ED25519; /* of an EC key */
    expect_refused(&row, HF_ERR_BAD_KEY, bad_key);
    row = good_row();
    row.roles = 0;
    expect_refused(&row, HF_ERR_MALFORMED, bad_roles);
    row.roles = HF_ROLE_ALL + 1;
    expect_refused(&row, HF_ERR_MALFORMED, bad_roles);
    row = good_row();
    row.spki.len--;
    expect_refused(&row, HF_ERR_BAD_KEY, bad_key);
    row.spki.len = 0;
    expect_refused(&row, HF_ERR_BAD_KEY, bad_key);
}

/* With the identity point as key, one signature would verify for every message. */
static void test_low_order_key_refused(void **state)
{
    struct hf_keyset_row row = good_row();
    uint8_t spki[44];
    size_t len;

    (void)state;
    assert_int_equal(
        hf_hex_decode(
            hf_view_str("302a300506032b65700321000100000000000000000000000000000000000000000000000000000000000000"),
            spki, sizeof spki, &len),
        HF_OK);
    row.alg = HF_ALG_ED25519;
    row.spki = hf_view_of(spki, len);
    expect_refused(&row, HF_ERR_BAD_KEY, "a public key of the keyset cannot be used with its algorithm");
}

static void test_shared_secrets(void **state)
{
    static const char length[] = "a secret of the keyset does not have 32 to 64 bytes";
    struct hf_jose_keyset *ks = NULL;
    struct test_key hs = test_secret_make(HF_HS256_MAX_BYTES + 1);
    struct hf_keyset_row row = good_row();
    const char *why = "";
    uint8_t bytes[256];

    (void)state;
    row.alg = HF_ALG_HMAC_SHA256;
    for (size_t len = HF_HS256_MIN_BYTES; len <= HF_HS256_MAX_BYTES; len++) {
        row.spki = hf_view_of(hs.spki, len);
        assert_int_equal(load_with(&row, &ks, &why), HF_OK);
        assert_null(ks->keys[1].key);
        assert_int_equal(hf_secret_len(ks->keys[1].secret), len);
        assert_memory_equal(hf_secret_read(ks->keys[1].secret), hs.spki, len);
        hf_jose_keyset_free(ks);
    }
    row.spki = hf_view_of(hs.spki, HF_HS256_MIN_BYTES - 1);
    expect_refused(&row, HF_ERR_BAD_KEY, length);
    row.spki = hf_view_of(hs.spki, HF_HS256_MAX_BYTES + 1);
    expect_refused(&row, HF_ERR_BAD_KEY, length);
    row.spki = hf_view_of(hs.spki, 0);
    expect_refused(&row, HF_ERR_BAD_KEY, length);
    row.spki = hf_view_of(ed.spki, ed.spki_len); /* 44 bytes: the length alone does not tell */
    expect_refused(&row, HF_ERR_BAD_KEY, "a secret of the keyset is a public key");
    row.spki = hf_view_of(hs.spki, HF_HS256_MIN_BYTES);
    hf_writer list = hf_writer_on(bytes, sizeof bytes);
    assert_int_equal(hf_keyset_row_encode(&row, &list), HF_OK);
    ks = NULL;
    assert_int_equal(hf_jose_keyset_load(1, hf_writer_view(&list), false, &ks, &why), HF_ERR_UNSUPPORTED);
    assert_string_equal(why, "the keyset has an HS256 key, and tokens.hs256 is off");
    assert_null(ks);
}

/* The size of an RSA key belongs to its algorithm, and no other key passes for one. */
static void test_rsa(void **state)
{
    static const char bad[] = "a public key of the keyset cannot be used with its algorithm";
    struct test_key rsa = test_key_make(HF_ALG_RSA_2048);
    struct hf_keyset_row row = good_row();
    struct hf_jose_keyset *ks = NULL;
    const char *why = "";

    (void)state;
    row.alg = HF_ALG_RSA_2048;
    row.spki = hf_view_of(rsa.spki, rsa.spki_len);
    assert_int_equal(load_with(&row, &ks, &why), HF_OK);
    assert_int_equal(ks->keys[1].alg, HF_ALG_RSA_2048);
    hf_jose_keyset_free(ks);
    row.alg = HF_ALG_RSA_3072;
    expect_refused(&row, HF_ERR_BAD_KEY, bad);
    row.alg = HF_ALG_EC_P256;
    expect_refused(&row, HF_ERR_BAD_KEY, bad);
    row.alg = HF_ALG_RSA_2048;
    row.spki = hf_view_of(ec.spki, ec.spki_len);
    expect_refused(&row, HF_ERR_BAD_KEY, bad);
    hf_key_free(rsa.key);
}

static void test_every_truncation_refused(void **state)
{
    uint8_t bytes[1024];
    hf_writer list = hf_writer_on(bytes, sizeof bytes);
    struct hf_keyset_row row = good_row();
    struct hf_jose_keyset *ks = NULL;
    const char *why = "";

    (void)state;
    assert_int_equal(hf_keyset_row_encode(&row, &list), HF_OK);
    for (size_t len = 1; len < list.len; len++)
        assert_int_equal(hf_jose_keyset_load(1, hf_view_of(bytes, len), true, &ks, &why), HF_ERR_MALFORMED);
    assert_int_equal(hf_jose_keyset_load(1, hf_view_of(bytes, list.len), true, &ks, &why), HF_OK);
    hf_jose_keyset_free(ks);
    hf_jose_keyset_free(NULL);
}

static void test_bound(void **state)
{
    static uint8_t bytes[(HF_JOSE_KEYS_MAX + 1) * 160];
    hf_writer list = hf_writer_on(bytes, sizeof bytes);
    struct hf_jose_keyset *ks = NULL;
    const char *why = "";
    size_t full = 0;
    char kid[16];

    (void)state;
    for (int i = 0; i <= HF_JOSE_KEYS_MAX; i++) {
        struct hf_keyset_row row = good_row();
        snprintf(kid, sizeof kid, "%d", i);
        row.kid = hf_view_str(kid);
        row.alg = HF_ALG_ED25519;
        row.spki = hf_view_of(ed.spki, ed.spki_len);
        full = list.len;
        assert_int_equal(hf_keyset_row_encode(&row, &list), HF_OK);
    }
    assert_int_equal(hf_jose_keyset_load(1, hf_writer_view(&list), true, &ks, &why), HF_ERR_BOUNDS);
    assert_int_equal(hf_jose_keyset_load(1, hf_view_of(bytes, full), true, &ks, &why), HF_OK);
    assert_int_equal(ks->n, HF_JOSE_KEYS_MAX);
    hf_jose_keyset_free(ks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_rights_and_keys),
        cmocka_unit_test(test_low_order_key_refused),
        cmocka_unit_test(test_shared_secrets),
        cmocka_unit_test(test_rsa),
        cmocka_unit_test(test_every_truncation_refused),
        cmocka_unit_test(test_bound),
    };

    return cmocka_run_group_tests_name("jose-keyset", tests, setup, teardown);
}
