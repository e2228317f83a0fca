#include "tlsio/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD_MAX 16384

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

hf_err hf_stream_open(int fd, const hf_tls_server *server, hf_stream *ret)
{
    SSL *ssl = NULL;

    if (server != NULL) {
        ssl = hf_tls_server_connection(server, fd);
        if (ssl == NULL) {
            close(fd);
            return HF_ERR_SYSTEM;
        }
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
    case SSL_ERROR_WANT_ASYNC:
        return HF_IO_WANT_SIGNATURE;
    case SSL_ERROR_WANT_ASYNC_JOB:
        return HF_IO_WANT_JOB;
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

/* ---- the handshake ---- */

static void signing_end(hf_stream *s)
{
    if (s->signing != NULL)
        hf_wipe(s->signing, sizeof(*s->signing));
    free(s->signing);
    s->signing = NULL;
}

static hf_io shake(hf_stream *s)
{
    ERR_clear_error();
    hf_remote_key_for(s->signing);
    hf_io io = outcome(s, SSL_do_handshake(s->tls));
    hf_remote_key_for(NULL);
    return io;
}

/*
 * OpenSSL keeps the client's key share as long as the connection, for who may ask for it: 7 KB with ML-KEM-768. Giving its
 * holder another type frees what it holds.
 */
static void share_forget(SSL *tls)
{
    EVP_PKEY *share = NULL;

    if (SSL_get_peer_tmp_key(tls, &share) != 1)
        return;
    if (EVP_PKEY_set_type(share, EVP_PKEY_X25519) != 1)
        ERR_clear_error(); /* then it stays: nothing but memory */
    EVP_PKEY_free(share);
}

hf_io hf_stream_handshake(hf_stream *s)
{
    if (s->tls == NULL)
        return HF_IO_DONE;
    if (s->signing == NULL && SSL_in_before(s->tls)) {
        s->signing = hf_remote_key_thread() == HF_OK ? calloc(1, sizeof(*s->signing)) : NULL;
        if (s->signing == NULL)
            return HF_IO_CLOSED;
    }
    if (hf_stream_question(s) != NULL)
        return HF_IO_WANT_SIGNATURE;
    hf_io io = shake(s);
    if (s->signing != NULL && io != HF_IO_WANT_SIGNATURE &&
        (s->signing->state != HF_SIGNING_IDLE || io == HF_IO_DONE || io == HF_IO_CLOSED)) {
        /* The rest needs no stack of its own. */
        SSL_clear_mode(s->tls, SSL_MODE_ASYNC);
        signing_end(s);
    }
    if (io == HF_IO_DONE)
        share_forget(s->tls);
    return io;
}

const hf_signing *hf_stream_question(const hf_stream *s)
{
    return s->signing != NULL && s->signing->state == HF_SIGNING_ASKED ? s->signing : NULL;
}

void hf_stream_answer(hf_stream *s, hf_view signature)
{
    if (hf_stream_question(s) == NULL)
        return;
    s->signing->state = HF_SIGNING_FAILED;
    if (signature.len == 0 || signature.len > sizeof(s->signing->signature))
        return;
    memcpy(s->signing->signature, signature.ptr, signature.len);
    s->signing->signature_len = signature.len;
    s->signing->state = HF_SIGNING_DONE;
}

/* A job that sleeps holds pointers into the connection: it runs to its end, which is a failure, before that is freed. */
static void job_end(hf_stream *s)
{
    if (hf_stream_question(s) != NULL) {
        shutdown(s->fd, SHUT_RDWR); /* nothing is said to a peer that is being dropped */
        hf_stream_answer(s, hf_view_of(NULL, 0));
        if (shake(s) == HF_IO_WANT_SIGNATURE)
            abort(); /* it asks once: that it sleeps again is a defect that must not become a dangling pointer */
    }
    signing_end(s);
}

bool hf_stream_client(const hf_stream *s, uint8_t ret_hash[static 32])
{
    X509 *certificate = s->tls == NULL ? NULL : SSL_get0_peer_certificate(s->tls);
    unsigned int len = 32;

    return certificate != NULL && SSL_get_verify_result(s->tls) == X509_V_OK &&
           X509_digest(certificate, EVP_sha256(), ret_hash, &len) == 1;
}

/* ---- bytes ---- */

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
    job_end(s);
    SSL_free(s->tls);
    close(s->fd);
    *s = (hf_stream) { .fd = -1 };
}
