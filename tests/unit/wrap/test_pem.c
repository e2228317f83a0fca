/* Which texts are one private key block, and what is said about the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wrap/pem.h"
#include <string.h>

#define BEGIN "-----BEGIN PRIVATE KEY-----\n"
#define END "-----END PRIVATE KEY-----\n"

static hf_err read_text(const char *text, char ret[static 16], const char **reterr_why)
{
    hf_secret *der = NULL;

    HF_TRY(pem_read_private(hf_view_str(text), &der, reterr_why));
    size_t n = hf_secret_len(der);
    assert_true(n < 16);
    memcpy(ret, hf_secret_read(der), n);
    ret[n] = '\0';
    hf_secret_free(der);
    return HF_OK;
}

static void test_taken(void **state)
{
    static const char *const texts[] = {
        BEGIN "a2V5IQ==\n" END,
        BEGIN "a2V5\r\nIQ==\r\n" END,
        BEGIN " a2 V5IQ==" END,
        "Bag Attributes: <No Attributes>\n" BEGIN "a2V5IQ==\n" END "text behind\n",
    };
    const char *why = NULL;
    char key[16];

    (void)state;
    for (size_t i = 0; i < HF_COUNT(texts); i++) {
        assert_int_equal(read_text(texts[i], key, &why), HF_OK);
        assert_string_equal(key, "key!");
        assert_true(pem_is(hf_view_str(texts[i])));
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *word;
    } rows[] = {
        { "", "no PEM block" },
        { "a2V5IQ==", "no PEM block" },
        { BEGIN END, "not base64" },
        { BEGIN "a2V5IQ\n" END, "not base64" },
        { BEGIN "a2V5!Q==\n" END, "not base64" },
        { BEGIN "a2V5IQ==\n", "no end" },
        { BEGIN "a2V5IQ==\n-----END EC PRIVATE", "no end" },
        { "-----BEGIN PRIVATE KEY", "dashes" },
        { BEGIN "a2V5IQ==\n" END BEGIN "a2V5IQ==\n" END, "more than one" },
        { "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" BEGIN "a2V5IQ==\n" END, "certificate" },
        { "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "encrypted" },
        { "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "-topk8" },
        { "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", "-topk8" },
        { "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "ssh-keygen" },
        { "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "--public" },
        { "-----BEGIN SOMETHING-----\nAAAA\n-----END SOMETHING-----\n", "no PRIVATE KEY" },
    };
    char key[16] = "untouched";

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        const char *why = NULL;
        assert_int_equal(read_text(rows[i].text, key, &why), HF_ERR_BAD_KEY);
        if (strstr(why, rows[i].word) == NULL)
            fail_msg("row %zu says '%s'", i, why);
        assert_string_equal(key, "untouched");
    }
}

static void test_der_is_no_pem(void **state)
{
    (void)state;
    assert_false(pem_is(hf_view_str("\x30\x82-----BEGIN PRIVATE KEY-----")));
    assert_false(pem_is(hf_view_of(NULL, 0)));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_der_is_no_pem),
    };
    hf_arena *arena = NULL;
    const char *why;

    if (hf_arena_create(&(hf_arena_spec) { 1u << 20, HF_BACKING_MALLOC }, &arena, &why) != HF_OK)
        return 1;
    hf_secret_use_arena(arena);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
