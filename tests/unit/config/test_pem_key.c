/* Private key files: every form that servers have becomes the PKCS #8 that OpenSSL itself would write. */
#include "config/pem_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static int setup(void **state)
{
    hf_arena_spec spec = { 1u << 20, HF_BACKING_MALLOC };
    hf_arena *arena = NULL;
    const char *why;

    (void)state;
    if (hf_arena_create(&spec, &arena, &why) != HF_OK)
        return -1;
    hf_secret_use_arena(arena);
    return 0;
}

static hf_err read_text(const char *text, size_t len, hf_secret **ret, const char **why)
{
    hf_secret *copy = NULL;

    assert_int_equal(hf_secret_copy(text, len, &copy), HF_OK);
    hf_err e = pem_key_read(copy, len, ret, why);
    hf_secret_free(copy);
    return e;
}

/* The key as PEM, with its traditional form where there is one. */
static size_t write_pem(EVP_PKEY *key, bool traditional, char *dst, size_t cap)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    assert_int_equal(traditional ? PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL)
                                 : PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL),
                     1);
    size_t len = (size_t)BIO_get_mem_data(bio, &text);
    assert_true(len < cap);
    memcpy(dst, text, len);
    dst[len] = '\0';
    BIO_free(bio);
    return len;
}

static void is_key(const hf_secret *pkcs8, const EVP_PKEY *key)
{
    const unsigned char *at = hf_secret_read(pkcs8);
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)hf_secret_len(pkcs8));

    assert_non_null(info);
    assert_ptr_equal(at, hf_secret_read(pkcs8) + hf_secret_len(pkcs8));
    EVP_PKEY *got = EVP_PKCS82PKEY(info);
    assert_non_null(got);
    assert_int_equal(EVP_PKEY_eq(got, key), 1);
    EVP_PKEY_free(got);
    PKCS8_PRIV_KEY_INFO_free(info);
}

static EVP_PKEY *make(const char *kind)
{
    if (kind[0] == 'P')
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
    if (kind[0] == 'R')
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)atol(kind + 1));
    return EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

static void all_forms_become_pkcs8(void **state)
{
    static const char *const kinds[] = { "P-256", "P-384", "P-521", "R2048", "R3072", "ED25519" };
    char text[16000];
    hf_secret *pkcs8 = NULL;
    const char *why;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(kinds); i++) {
        EVP_PKEY *key = make(kinds[i]);
        for (int traditional = 0; traditional <= (kinds[i][0] != 'E'); traditional++) {
            size_t len = write_pem(key, traditional, text, sizeof(text));
            assert_int_equal(read_text(text, len, &pkcs8, &why), HF_OK);
            is_key(pkcs8, key);
            hf_secret_free(pkcs8);
        }
        EVP_PKEY_free(key);
    }
}

/* The text of OpenSSL's own PKCS #8 writer, byte for byte. */
static void sec1_becomes_what_openssl_writes(void **state)
{
    char text[4000];
    hf_secret *a = NULL, *b = NULL;
    const char *why;

    (void)state;
    EVP_PKEY *key = make("P-256");
    assert_int_equal(read_text(text, write_pem(key, true, text, sizeof(text)), &a, &why), HF_OK);
    assert_int_equal(read_text(text, write_pem(key, false, text, sizeof(text)), &b, &why), HF_OK);
    assert_int_equal(hf_secret_len(a), hf_secret_len(b));
    assert_memory_equal(hf_secret_read(a), hf_secret_read(b), hf_secret_len(a));
    hf_secret_free(a);
    hf_secret_free(b);
    EVP_PKEY_free(key);
}

static void line_ends_and_text_around_do_not_matter(void **state)
{
    char text[4000], other[8000];
    hf_secret *pkcs8 = NULL;
    const char *why;
    size_t at;

    (void)state;
    EVP_PKEY *key = make("P-256");
    size_t len = write_pem(key, false, text, sizeof(text));
    at = (size_t)snprintf(other, sizeof(other),
                          "Bag Attributes\r\n    friendlyName: x\r\n"
                          "-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----\r\n");
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            other[at++] = '\r';
        other[at++] = text[i];
    }
    assert_int_equal(read_text(other, at, &pkcs8, &why), HF_OK);
    is_key(pkcs8, key);
    hf_secret_free(pkcs8);
    assert_int_equal(read_text(text, len - 1, &pkcs8, &why), HF_OK); /* no line end at the end */
    hf_secret_free(pkcs8);
    EVP_PKEY_free(key);
}

static void refused(const char *text, const char *reason)
{
    hf_secret *pkcs8 = NULL;
    const char *why = "";

    assert_int_equal(read_text(text, strlen(text), &pkcs8, &why), HF_ERR_BAD_KEY);
    assert_null(pkcs8);
    if (strstr(why, reason) == NULL)
        fail_msg("'%s' instead of '%s'", why, reason);
}

static void what_is_no_key_is_refused_with_a_reason(void **state)
{
    (void)state;
    refused("x", "holds no private key");
    refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no private key");
    refused("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "holds no private key");
    refused("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "is encrypted");
    refused("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
            "is encrypted");
    refused("-----BEGIN PRIVATE KEY-----\nAAAA\n", "ends inside");
    refused("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", "ends inside");
    refused("-----BEGIN PRIVATE KEY-----\nAA*A\n-----END PRIVATE KEY-----\n", "not base64");
    refused("-----BEGIN PRIVATE KEY-----\nAAA\n-----END PRIVATE KEY-----\n", "not base64");
    refused("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "form is not understood");
    refused("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", "form is not understood");
    refused("-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n", "holds no private key");
}

/* Every byte of the structure that is looked at: nothing odd is wrapped up as if it were right. */
static void bent_sec1_is_refused_or_stays_the_same(void **state)
{
    EVP_PKEY *key = make("P-256");
    unsigned char *der = NULL;
    int len = i2d_PrivateKey(key, &der); /* ECPrivateKey */
    char body[1024], text[2048];
    hf_secret *pkcs8 = NULL;
    const char *why;

    (void)state;
    assert_true(len > 0);
    for (int cut = 0; cut < len; cut++) {
        int n = EVP_EncodeBlock((unsigned char *)body, der, cut);
        snprintf(text, sizeof(text), "-----BEGIN EC PRIVATE KEY-----\n%.*s\n-----END EC PRIVATE KEY-----\n", n, body);
        assert_int_equal(read_text(text, strlen(text), &pkcs8, &why), HF_ERR_BAD_KEY);
    }
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_become_pkcs8),
        cmocka_unit_test(sec1_becomes_what_openssl_writes),
        cmocka_unit_test(line_ends_and_text_around_do_not_matter),
        cmocka_unit_test(what_is_no_key_is_refused_with_a_reason),
        cmocka_unit_test(bent_sec1_is_refused_or_stays_the_same),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
