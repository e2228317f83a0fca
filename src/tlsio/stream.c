#include "tlsio/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD_MAX 16384

struct hf_tls_server {
    SSL_CTX *ctx;
    atomic_uint owners;
};

/* ---- the context ---- */

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned int in_len, void *arg)
{
    static const unsigned char http11[] = "\x08http/1.1";

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, http11, sizeof(http11) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

/*
 * Sees every handshake message. A KeyUpdate makes us derive keys and may make us answer, all inside one SSL_read,
 * so the limit is kept here: with the socket shut, that read ends.
 */
static void on_message(int is_write, int version, int content_type, const void *buf, size_t len, SSL *ssl, void *arg)
{
    hf_stream *s = arg;

    (void)version;
    (void)ssl;
    if (is_write || content_type != SSL3_RT_HANDSHAKE || len == 0)
        return;
    if (((const uint8_t *)buf)[0] == SSL3_MT_KEY_UPDATE && ++s->key_updates > HF_TLS_KEY_UPDATES_MAX)
        shutdown(s->fd, SHUT_RDWR);
}

static hf_err set_up(SSL_CTX *ctx, const hf_server_key *key)
{
    HF_CHECK(SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1, HF_ERR_SYSTEM);
    HF_CHECK(SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1, HF_ERR_SYSTEM);
    HF_CHECK(SSL_CTX_set1_groups_list(ctx, "X25519MLKEM768:X25519:P-256") == 1, HF_ERR_SYSTEM);
    HF_CHECK(SSL_CTX_set_num_tickets(ctx, 0) == 1, HF_ERR_SYSTEM);
    SSL_CTX_set_options(ctx,
                        SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    /* One read(2) takes a whole record, its header included. */
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
    return hf_server_key_install(key, ctx);
}

hf_err hf_tls_server_new(const hf_server_key *key, hf_tls_server **ret)
{
    hf_tls_server *s = calloc(1, sizeof(*s));

    HF_CHECK(s != NULL, HF_ERR_SYSTEM);
    atomic_init(&s->owners, 1);
    s->ctx = SSL_CTX_new(TLS_server_method());
    hf_err e = s->ctx == NULL ? HF_ERR_SYSTEM : set_up(s->ctx, key);
    ERR_clear_error();
    if (e != HF_OK) {
        hf_tls_server_free(s);
        return e;
    }
    *ret = s;
    return HF_OK;
}

hf_tls_server *hf_tls_server_share(hf_tls_server *s)
{
    atomic_fetch_add(&s->owners, 1);
    return s;
}

void hf_tls_server_free(hf_tls_server *s)
{
    if (s == NULL || atomic_fetch_sub(&s->owners, 1) > 1)
        return;
    SSL_CTX_free(s->ctx);
    free(s);
}

/* ---- one connection ---- */

hf_err hf_stream_open(int fd, const hf_tls_server *server, hf_stream *ret)
{
    SSL *ssl = NULL;

    if (server != NULL) {
        ssl = SSL_new(server->ctx);
        if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
            SSL_free(ssl);
            ERR_clear_error();
            close(fd);
            return HF_ERR_SYSTEM;
        }
        SSL_set_accept_state(ssl);
        SSL_set_msg_callback(ssl, on_message);
        SSL_set_msg_callback_arg(ssl, ret);
    }
    *ret = (hf_stream) { .fd = fd, .tls = ssl };
    return HF_OK;
}

/*
 * What the return value of an SSL call means. Anything fatal also leaves the error queue, which others would
 * trip over.
 */
static hf_io outcome(hf_stream *s, int r)
{
    switch (SSL_get_error(s->tls, r)) {
    case SSL_ERROR_NONE:
        return HF_IO_DONE;
    case SSL_ERROR_WANT_READ:
        return HF_IO_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return HF_IO_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return HF_IO_CLOSED;
    default:
        s->dead = true;
        ERR_clear_error();
        return HF_IO_CLOSED;
    }
}

static hf_io plain_outcome(hf_stream *s, ssize_t n, hf_io again)
{
    if (n > 0)
        return HF_IO_DONE;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return again;
    s->dead = n < 0;
    return HF_IO_CLOSED;
}

hf_io hf_stream_handshake(hf_stream *s)
{
    if (s->tls == NULL)
        return HF_IO_DONE;
    ERR_clear_error();
    return outcome(s, SSL_do_handshake(s->tls));
}

hf_io hf_stream_read(hf_stream *s, void *dst, size_t cap, size_t *ret_len, bool *ret_more)
{
    size_t n = 0;

    if (s->tls == NULL) {
        ssize_t got = recv(s->fd, dst, cap, 0);
        *ret_len = got > 0 ? (size_t)got : 0;
        *ret_more = *ret_len == cap;
        return plain_outcome(s, got, HF_IO_WANT_READ);
    }
    ERR_clear_error();
    hf_io io = outcome(s, SSL_read_ex(s->tls, dst, cap, &n));
    *ret_len = io == HF_IO_DONE ? n : 0;
    /* After a full record another one is likely to be waiting. */
    *ret_more = io == HF_IO_DONE && (n == cap || n == RECORD_MAX || SSL_has_pending(s->tls));
    return io;
}

hf_io hf_stream_write(hf_stream *s, const void *src, size_t len, size_t *ret_len)
{
    size_t n = 0;

    *ret_len = 0;
    if (s->dead)
        return HF_IO_CLOSED;
    if (s->tls == NULL) {
        ssize_t put = send(s->fd, src, len, MSG_NOSIGNAL);
        *ret_len = put > 0 ? (size_t)put : 0;
        return plain_outcome(s, put, HF_IO_WANT_WRITE);
    }
    ERR_clear_error();
    hf_io io = outcome(s, SSL_write_ex(s->tls, src, len, &n));
    *ret_len = io == HF_IO_DONE ? n : 0;
    return io;
}

bool hf_stream_buffered(const hf_stream *s)
{
    return s->tls != NULL && SSL_has_pending(s->tls);
}

void hf_stream_finish(hf_stream *s)
{
    if (s->tls != NULL && !s->dead && SSL_is_init_finished(s->tls)) {
        ERR_clear_error();
        if (SSL_shutdown(s->tls) < 0)
            ERR_clear_error();
    }
    s->dead = true;
    shutdown(s->fd, SHUT_WR);
}

hf_io hf_stream_discard(hf_stream *s, size_t *discarded)
{
    uint8_t waste[RECORD_MAX];
    ssize_t n = recv(s->fd, waste, sizeof(waste), MSG_DONTWAIT);

    if (n > 0)
        *discarded += (size_t)n;
    return plain_outcome(s, n, HF_IO_WANT_READ);
}

void hf_stream_close(hf_stream *s)
{
    if (s->fd < 0)
        return;
    SSL_free(s->tls);
    close(s->fd);
    *s = (hf_stream) { .fd = -1 };
}
