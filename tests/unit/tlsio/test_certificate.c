/* Certificate files of servers: what is taken, what is refused, and the proof that a key belongs to one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signer.h"
#include "tlsio/certificate.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static hf_err parse(const signer *s, hf_certificate **ret)
{
    return hf_certificate_parse(hf_view_of(s->pem, s->pem_len), ret);
}

static void keys_that_servers_have_are_taken(void **state)
{
    static const struct {
        const char *kind;
        uint16_t scheme;
    } rows[] = { { "P-256", HF_TLS_ECDSA_SECP256R1_SHA256 },
                 { "P-384", HF_TLS_ECDSA_SECP384R1_SHA384 },
                 { "ED25519", HF_TLS_ED25519 },
                 { "RSA-2048", HF_TLS_RSA_PSS_RSAE_SHA256 } };

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        signer *s = signer_new(rows[i].kind);
        hf_certificate *c = NULL;
        unsigned char *der = NULL;
        uint8_t id[32];
        assert_int_equal(parse(s, &c), HF_OK);
        assert_int_equal(hf_certificate_scheme(c), rows[i].scheme);
        int len = i2d_PUBKEY(s->key, &der);
        assert_int_equal(EVP_Digest(der, (size_t)len, id, NULL, EVP_sha256(), NULL), 1);
        assert_memory_equal(hf_certificate_key_id(c), id, sizeof(id));
        OPENSSL_free(der);
        hf_certificate_free(c);
        signer_free(s);
    }
}

static void keys_that_we_do_not_sign_with_are_refused(void **state)
{
    static const char *const kinds[] = { "P-521", "ED448", "RSA-1024" };
    hf_certificate *c = NULL;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(kinds); i++) {
        signer *s = signer_new(kinds[i]);
        assert_int_equal(parse(s, &c), HF_ERR_BAD_KEY);
        signer_free(s);
    }
    assert_null(c);
}

static void bad_files_are_refused(void **state)
{
    static const char junk[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    static char large[HF_CERTIFICATE_FILE_MAX + 1];
    signer *s = signer_new("P-256");
    hf_certificate *c = NULL;
    char text[20000];

    (void)state;
    assert_int_equal(hf_certificate_parse(hf_view_of(NULL, 0), &c), HF_ERR_BAD_KEY);
    assert_int_equal(hf_certificate_parse(hf_view_str(junk), &c), HF_ERR_BAD_KEY);
    assert_int_equal(hf_certificate_parse(hf_view_of(large, sizeof(large)), &c), HF_ERR_TOO_LARGE);
    /* A chain whose second certificate is broken is not half a chain. */
    memcpy(text, s->pem, s->pem_len);
    memcpy(text + s->pem_len, junk, sizeof(junk));
    assert_int_equal(hf_certificate_parse(hf_view_str(text), &c), HF_ERR_BAD_KEY);
    /* Nine of them are more than a chain has. */
    for (size_t i = 0; i < 9; i++)
        memcpy(text + i * s->pem_len, s->pem, s->pem_len);
    assert_int_equal(hf_certificate_parse(hf_view_of(text, 9 * s->pem_len), &c), HF_ERR_BAD_KEY);
    assert_null(c);
    assert_int_equal(hf_certificate_parse(hf_view_of(text, 8 * s->pem_len), &c), HF_OK);
    hf_certificate_free(c);
    signer_free(s);
}

static void a_file_is_read_from_its_start_each_time(void **state)
{
    signer *s = signer_new("P-256"), *t = signer_new("P-256");
    hf_certificate *a = NULL, *b = NULL, *other = NULL;
    int fd = memfd_create("pem", MFD_CLOEXEC);

    (void)state;
    assert_int_equal(write(fd, s->pem, s->pem_len), (ssize_t)s->pem_len);
    assert_int_equal(hf_certificate_read(fd, &a), HF_OK);
    assert_int_equal(hf_certificate_read(fd, &b), HF_OK);
    assert_int_equal(parse(t, &other), HF_OK);
    assert_true(hf_certificate_equal(a, b));
    assert_false(hf_certificate_equal(a, other));
    hf_certificate_free(a);
    hf_certificate_free(b);
    hf_certificate_free(other);
    close(fd);
    signer_free(s);
    signer_free(t);
}

static void only_its_own_key_proves_itself(void **state)
{
    static const char *const kinds[] = { "P-256", "P-384", "ED25519", "RSA-2048" };
    uint8_t signature[HF_TLS_SIGNATURE_MAX];

    (void)state;
    for (size_t i = 0; i < HF_COUNT(kinds); i++) {
        signer *mine = signer_new(kinds[i]), *other = signer_new(kinds[i]);
        hf_certificate *c = NULL;
        assert_int_equal(parse(mine, &c), HF_OK);
        hf_signing q = { .scheme = hf_certificate_scheme(c), .input = "something", .input_len = 130 };
        hf_view input = hf_view_of(q.input, q.input_len);
        size_t len = signer_sign(mine, &q, signature);
        assert_int_equal(hf_certificate_check(c, input, hf_view_of(signature, len)), HF_OK);
        signature[len - 1] ^= 1;
        assert_int_equal(hf_certificate_check(c, input, hf_view_of(signature, len)), HF_ERR_BAD_SIGNATURE);
        len = signer_sign(other, &q, signature);
        assert_int_equal(hf_certificate_check(c, input, hf_view_of(signature, len)), HF_ERR_BAD_SIGNATURE);
        assert_int_equal(hf_certificate_check(c, input, hf_view_of(signature, 0)), HF_ERR_BAD_SIGNATURE);
        hf_certificate_free(c);
        signer_free(mine);
        signer_free(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_servers_have_are_taken),
        cmocka_unit_test(keys_that_we_do_not_sign_with_are_refused),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(a_file_is_read_from_its_start_each_time),
        cmocka_unit_test(only_its_own_key_proves_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
