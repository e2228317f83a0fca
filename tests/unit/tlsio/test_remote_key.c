/* Handshakes whose signature is made elsewhere: every kind of key, wrong answers, and connections that end meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signer.h"
#include "tlsio/stream.h"
#include <openssl/core_names.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct line {
    signer *signer;
    hf_tls_server *server;
    hf_stream stream;
    SSL_CTX *ctx;
    SSL *client;
} line;

static void server_for(const signer *s, hf_tls_server **ret)
{
    hf_certificate *c = NULL;

    assert_int_equal(hf_certificate_parse(hf_view_of(s->pem, s->pem_len), &c), HF_OK);
    hf_tls_config config = { .certificate = c, .clients = HF_CLIENTS_OFF };
    assert_int_equal(hf_tls_server_new(&config, ret), HF_OK);
    hf_certificate_free(c);
}

static void line_open(line *l, const char *kind)
{
    int fds[2];

    *l = (line) { .signer = signer_new(kind) };
    server_for(l->signer, &l->server);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(hf_stream_open(fds[0], l->server, &l->stream), HF_OK);
    l->ctx = SSL_CTX_new(TLS_client_method());
    l->client = SSL_new(l->ctx);
    assert_int_equal(SSL_set_fd(l->client, fds[1]), 1);
    SSL_set_connect_state(l->client);
}

static void line_close(line *l)
{
    int fd = SSL_get_fd(l->client);

    SSL_free(l->client);
    SSL_CTX_free(l->ctx);
    close(fd);
    hf_stream_close(&l->stream);
    hf_tls_server_free(l->server);
    signer_free(l->signer);
}

/* Until the server waits for its signature. */
static const hf_signing *until_asked(line *l)
{
    for (int i = 0; i < 20; i++) {
        SSL_do_handshake(l->client);
        if (hf_stream_handshake(&l->stream) == HF_IO_WANT_SIGNATURE)
            return hf_stream_question(&l->stream);
    }
    fail_msg("no question");
    return NULL;
}

static bool finish(line *l)
{
    for (int i = 0; i < 20; i++) {
        hf_io io = hf_stream_handshake(&l->stream);
        int r = SSL_do_handshake(l->client);
        if (io == HF_IO_DONE && r == 1)
            return true;
        if (io == HF_IO_CLOSED)
            return false;
    }
    return false;
}

static bool answer_with(line *l, const signer *by)
{
    uint8_t signature[HF_TLS_SIGNATURE_MAX];
    size_t len = signer_sign(by, until_asked(l), signature);

    hf_stream_answer(&l->stream, hf_view_of(signature, len));
    return finish(l);
}

static void each_kind_of_key_works(void **state)
{
    static const char *const kinds[] = { "P-256", "P-384", "ED25519", "RSA-2048", "RSA-3072" };
    char got[8];
    size_t n;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(kinds); i++) {
        line l;
        line_open(&l, kinds[i]);
        assert_true(answer_with(&l, l.signer));
        assert_int_equal(hf_stream_write(&l.stream, "hello", 5, &n), HF_IO_DONE);
        assert_int_equal(SSL_read(l.client, got, sizeof(got)), 5);
        assert_null(l.stream.signing); /* an idle connection does not carry it */
        assert_int_equal(SSL_get_mode(l.stream.tls) & SSL_MODE_ASYNC, 0);
        line_close(&l);
    }
}

/* The client offers RSA-PSS with a longer digest only: the scheme follows what was agreed upon. */
static void the_scheme_is_the_one_agreed_upon(void **state)
{
    line l;

    (void)state;
    line_open(&l, "RSA-2048");
    assert_int_equal(SSL_set1_sigalgs_list(l.client, "rsa_pss_rsae_sha512"), 1);
    assert_int_equal(until_asked(&l)->scheme, HF_TLS_RSA_PSS_RSAE_SHA512);
    assert_true(answer_with(&l, l.signer));
    line_close(&l);
}

/* What is asked for is the server's CertificateVerify and nothing else (RFC 8446 section 4.4.3). */
static void the_question_is_a_certificate_verify(void **state)
{
    line l;

    (void)state;
    line_open(&l, "P-256");
    const hf_signing *q = until_asked(&l);
    assert_int_equal(q->input_len, HF_TLS_PADDING_BYTES + sizeof(HF_TLS_SERVER_CONTEXT) + 48); /* AES-256: SHA-384 */
    for (size_t i = 0; i < HF_TLS_PADDING_BYTES; i++)
        assert_int_equal(q->input[i], ' ');
    assert_memory_equal(q->input + HF_TLS_PADDING_BYTES, HF_TLS_SERVER_CONTEXT, sizeof(HF_TLS_SERVER_CONTEXT));
    line_close(&l);
}

static void the_key_of_another_is_refused_by_the_client(void **state)
{
    signer *other = signer_new("P-256");
    line l;

    (void)state;
    line_open(&l, "P-256");
    assert_false(answer_with(&l, other));
    assert_int_not_equal(SSL_do_handshake(l.client), 1);
    line_close(&l);
    signer_free(other);
}

static void no_signature_fails_the_handshake(void **state)
{
    static uint8_t large[HF_TLS_SIGNATURE_MAX + 1];
    line l;

    (void)state;
    for (size_t len = 0; len <= sizeof(large); len += sizeof(large)) {
        line_open(&l, "P-256");
        (void)until_asked(&l);
        hf_stream_answer(&l.stream, hf_view_of(large, len));
        assert_int_equal(hf_stream_handshake(&l.stream), HF_IO_CLOSED);
        assert_int_equal(hf_stream_handshake(&l.stream), HF_IO_CLOSED);
        assert_int_not_equal(SSL_do_handshake(l.client), 1);
        line_close(&l);
    }
}

/* A sleeping handshake may be dropped at any time; under a sanitizer this shows what would dangle or leak. */
static void a_sleeping_handshake_can_be_dropped(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) { /* more than a thread has jobs: each is given back */
        line l;
        line_open(&l, "ED25519");
        (void)until_asked(&l);
        assert_int_equal(hf_stream_handshake(&l.stream), HF_IO_WANT_SIGNATURE); /* asking again changes nothing */
        line_close(&l);
    }
}

static void jobs_are_bounded_and_given_back(void **state)
{
    static line lines[HF_TLS_JOBS_MAX + 1];
    line *last = &lines[HF_TLS_JOBS_MAX];

    (void)state;
    for (size_t i = 0; i < HF_TLS_JOBS_MAX; i++) {
        line_open(&lines[i], "ED25519");
        (void)until_asked(&lines[i]);
    }
    line_open(last, "ED25519");
    SSL_do_handshake(last->client);
    assert_int_equal(hf_stream_handshake(&last->stream), HF_IO_WANT_JOB);
    assert_true(answer_with(&lines[7], lines[7].signer));
    assert_true(answer_with(last, last->signer));
    for (size_t i = 0; i < HF_COUNT(lines); i++)
        line_close(&lines[i]);
}

/* ---- the stand-in itself ---- */

static EVP_PKEY *stand_in(const signer *s)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(s->key, &der);
    EVP_PKEY *key = NULL;

    assert_int_equal(hf_remote_key_start(), HF_OK);
    assert_int_equal(hf_remote_key_new(hf_view_of(der, (size_t)len), &key), HF_OK);
    OPENSSL_free(der);
    return key;
}

static void a_stand_in_has_no_private_half(void **state)
{
    signer *s = signer_new("P-256");
    EVP_PKEY *key = stand_in(s);
    BIGNUM *d = NULL;
    OSSL_PARAM *all = NULL;

    (void)state;
    assert_int_equal(EVP_PKEY_get_bits(key), 256);
    assert_int_not_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d), 1);
    assert_int_not_equal(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &all), 1);
    assert_int_equal(EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &all), 1);
    OSSL_PARAM_free(all);
    EVP_PKEY_free(key);
    signer_free(s);
}

/* Outside a handshake there is nobody who could be asked. */
static void a_stand_in_signs_in_handshakes_only(void **state)
{
    signer *s = signer_new("P-256");
    EVP_PKEY *key = stand_in(s);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t signature[256];
    size_t len = sizeof(signature);

    (void)state;
    assert_int_equal(EVP_DigestSignInit_ex(md, NULL, "SHA256", NULL, NULL, key, NULL), 1);
    assert_int_not_equal(EVP_DigestSign(md, signature, &len, (const uint8_t *)"x", 1), 1);
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    signer_free(s);
}

static void no_ordinary_key_comes_from_here(void **state)
{
    signer *s = signer_new("P-256");
    uint8_t signature[256];
    size_t len = sizeof(signature);
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    (void)state;
    assert_int_equal(hf_remote_key_start(), HF_OK);
    EVP_PKEY *fresh = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, fresh), 1);
    assert_int_equal(EVP_DigestSign(md, signature, &len, (const uint8_t *)"x", 1), 1);
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(fresh);
    signer_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_key_works),
        cmocka_unit_test(the_scheme_is_the_one_agreed_upon),
        cmocka_unit_test(the_question_is_a_certificate_verify),
        cmocka_unit_test(the_key_of_another_is_refused_by_the_client),
        cmocka_unit_test(no_signature_fails_the_handshake),
        cmocka_unit_test(a_sleeping_handshake_can_be_dropped),
        cmocka_unit_test(jobs_are_bounded_and_given_back),
        cmocka_unit_test(a_stand_in_has_no_private_half),
        cmocka_unit_test(a_stand_in_signs_in_handshakes_only),
        cmocka_unit_test(no_ordinary_key_comes_from_here),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
