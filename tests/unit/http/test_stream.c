/* The TLS stream: what a peer may not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signer.h"
#include "tlsio/stream.h"
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- one connection ---- */

typedef struct pair {
    hf_tls_server *server;
    hf_stream stream;
    SSL_CTX *client_ctx;
    SSL *client;
} pair;

static void pair_open(pair *p)
{
    signer *s = signer_new("P-256");
    hf_certificate *certificate = NULL;
    uint8_t signature[HF_TLS_SIGNATURE_MAX];
    int fds[2];

    assert_int_equal(hf_certificate_parse(hf_view_of(s->pem, s->pem_len), &certificate), HF_OK);
    hf_tls_config config = { .certificate = certificate, .clients = HF_CLIENTS_OFF };
    assert_int_equal(hf_tls_server_new(&config, &p->server), HF_OK);
    hf_certificate_free(certificate);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(hf_stream_open(fds[0], p->server, &p->stream), HF_OK);
    p->client_ctx = SSL_CTX_new(TLS_client_method());
    p->client = SSL_new(p->client_ctx);
    assert_int_equal(SSL_set_fd(p->client, fds[1]), 1);
    SSL_set_connect_state(p->client);
    for (int i = 0; i < 20; i++) {
        SSL_do_handshake(p->client);
        hf_io io = hf_stream_handshake(&p->stream);
        if (io == HF_IO_DONE && SSL_is_init_finished(p->client)) {
            signer_free(s);
            return;
        }
        const hf_signing *q = hf_stream_question(&p->stream);
        if (q != NULL)
            hf_stream_answer(&p->stream, hf_view_of(signature, signer_sign(s, q, signature)));
    }
    fail_msg("no handshake");
}

static void pair_close(pair *p)
{
    int fd = SSL_get_fd(p->client);

    SSL_free(p->client);
    SSL_CTX_free(p->client_ctx);
    close(fd);
    hf_stream_close(&p->stream);
    hf_tls_server_free(p->server);
}

static void test_bytes_pass(void **state)
{
    pair p;
    char got[16];
    size_t n;
    bool more;

    (void)state;
    pair_open(&p);
    assert_int_equal(hf_stream_read(&p.stream, got, sizeof(got), &n, &more), HF_IO_WANT_READ);
    assert_int_equal(SSL_write(p.client, "hello", 5), 5);
    assert_int_equal(hf_stream_read(&p.stream, got, sizeof(got), &n, &more), HF_IO_DONE);
    assert_int_equal(n, 5);
    assert_memory_equal(got, "hello", 5);
    assert_int_equal(hf_stream_write(&p.stream, "world", 5, &n), HF_IO_DONE);
    assert_int_equal(SSL_read(p.client, got, sizeof(got)), 5);
    SSL_shutdown(p.client);
    assert_int_equal(hf_stream_read(&p.stream, got, sizeof(got), &n, &more), HF_IO_CLOSED);
    pair_close(&p);
}

/* Rounds of one KeyUpdate and one byte until the server has enough; gives how many it took. */
static unsigned key_update_flood(pair *p, unsigned rounds)
{
    char got[16];
    size_t n;
    bool more;

    for (unsigned i = 0; i < rounds; i++) {
        if (SSL_key_update(p->client, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_write(p->client, "x", 1) != 1)
            return i;
        hf_io io = hf_stream_read(&p->stream, got, sizeof(got), &n, &more);
        if (io == HF_IO_CLOSED)
            return i;
    }
    return rounds;
}

static void test_key_updates_are_limited(void **state)
{
    pair p;

    (void)state;
    pair_open(&p);
    assert_int_equal(key_update_flood(&p, HF_TLS_KEY_UPDATES_MAX), HF_TLS_KEY_UPDATES_MAX);
    assert_in_range(key_update_flood(&p, 1000), 0, 3);
    pair_close(&p);
}

static void test_garbage_ends_the_stream(void **state)
{
    pair p;
    char got[16];
    size_t n;
    bool more;

    (void)state;
    pair_open(&p);
    assert_int_equal(write(SSL_get_fd(p.client), "GET / HTTP/1.1\r\n", 16), 16);
    assert_int_equal(hf_stream_read(&p.stream, got, sizeof(got), &n, &more), HF_IO_CLOSED);
    assert_int_equal(hf_stream_write(&p.stream, "x", 1, &n), HF_IO_CLOSED);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_pass),
        cmocka_unit_test(test_key_updates_are_limited),
        cmocka_unit_test(test_garbage_ends_the_stream),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
