/* What comes before the first request: the header of a proxy, and the TLS handshake with its remote signature. */
#include "http/conn.h"

#include "base/address.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SKIP_BYTES 512

/* ---- handshakes that wait for a job of their thread ---- */

static void queue_join(hf_http_conn *c)
{
    hf_http_server *s = c->server;

    if (c->queued)
        return;
    c->queue_next = NULL;
    c->queue_prev = s->queue_tail;
    *(s->queue_tail != NULL ? &s->queue_tail->queue_next : &s->queue_head) = c;
    s->queue_tail = c;
    c->queued = true;
}

void conn_queue_leave(hf_http_conn *c)
{
    hf_http_server *s = c->server;

    if (!c->queued)
        return;
    *(c->queue_prev != NULL ? &c->queue_prev->queue_next : &s->queue_head) = c->queue_next;
    *(c->queue_next != NULL ? &c->queue_next->queue_prev : &s->queue_tail) = c->queue_prev;
    c->queued = false;
}

static void handshake(hf_http_conn *c);

/* A job is free: the handshake that has waited longest goes on. Not nested, so that a long queue needs no deep stack. */
void conn_queue_run(hf_http_server *s)
{
    if (s->queue_running)
        return;
    s->queue_running = true;
    while (s->queue_head != NULL && !s->queue_full) {
        hf_http_conn *c = s->queue_head;
        conn_queue_leave(c);
        handshake(c);
    }
    s->queue_running = false;
    s->queue_full = false;
}

/* ---- the handshake ---- */

static void ask(hf_http_conn *c)
{
    hf_http_server *s = c->server;
    const hf_signing *question = hf_stream_question(&c->stream);

    if (question == NULL)
        return;
    if (s->config.sign == NULL)
        hf_stream_answer(&c->stream, hf_view_of(NULL, 0));
    else if (!c->asked)
        s->config.sign(s->config.arg, c->ref, question);
    c->asked = true;
}

/* As far as it goes; an answer may come while it is being asked for. */
static hf_io shake(hf_http_conn *c)
{
    hf_io io;

    do {
        io = hf_stream_handshake(&c->stream);
        if (io == HF_IO_WANT_SIGNATURE)
            ask(c);
    } while (io == HF_IO_WANT_SIGNATURE && hf_stream_question(&c->stream) == NULL);
    return io;
}

/*
 * The client's Finished is acknowledged now: we answer it with nothing (no ticket), and a client that leaves Nagle's
 * algorithm on would hold its first request back until the delayed acknowledgement, 40 ms later. Refused: it is only slower.
 */
static void acknowledge_now(const hf_http_conn *c)
{
    int on = 1;

    if (c->server->config.tls != NULL)
        (void)setsockopt(c->stream.fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

static void handshake(hf_http_conn *c)
{
    hf_http_server *s = c->server;

    c->running = true;
    hf_io io = shake(c);
    c->wants_write = io == HF_IO_WANT_WRITE;
    if (io == HF_IO_WANT_JOB) {
        queue_join(c);
        s->queue_full = true;
    } else if (io == HF_IO_CLOSED) {
        /* The peer may have sent more: closing now would reset the connection and lose the alert that says why. */
        conn_linger(c);
    } else if (io == HF_IO_DONE) {
        c->phase = CONN_READING;
        c->timed = TIMED_NOTHING;
        acknowledge_now(c);
        c->has_cert = hf_stream_client(&c->stream, c->cert_hash);
    }
    if (io != HF_IO_DONE)
        conn_settle(c);
    c->running = false;
    if (c->dead)
        conn_drop(c);
    else if (io == HF_IO_DONE)
        conn_run(c, false);
}

void conn_handshake(hf_http_conn *c)
{
    hf_http_server *s = c->server;

    if (c->phase == CONN_PROXY) {
        conn_proxy(c);
        return;
    }
    if (hf_stream_question(&c->stream) != NULL || c->queued) {
        /* Something arrives while the signature is awaited: only a reset is of interest until then. */
        if (hf_loop_watch(s->config.loop, &c->watch, EPOLLERR) != HF_OK)
            conn_drop(c);
        return;
    }
    handshake(c);
    conn_queue_run(s);
}

void hf_http_server_signed(hf_http_server *s, hf_http_ref ref, hf_view signature)
{
    if (ref.slot >= s->config.max_connections || s->generations[ref.slot] != ref.generation)
        return;
    hf_http_conn *c = s->slots[ref.slot];
    if (c == NULL || c->dead || c->phase != CONN_HANDSHAKE || hf_stream_question(&c->stream) == NULL)
        return;
    hf_stream_answer(&c->stream, signature);
    if (c->running)
        return; /* it is asking just now */
    handshake(c);
    conn_queue_run(s);
}

void hf_http_server_sign_again(hf_http_server *s)
{
    for (size_t i = 0; i < s->config.max_connections; i++) {
        hf_http_conn *c = s->slots[i];
        const hf_signing *question = c != NULL && c->asked ? hf_stream_question(&c->stream) : NULL;
        if (question != NULL)
            s->config.sign(s->config.arg, c->ref, question);
    }
}

void hf_http_server_sign_fails(hf_http_server *s)
{
    for (size_t i = 0; i < s->config.max_connections; i++)
        if (s->slots[i] != NULL && s->slots[i]->asked)
            hf_http_server_signed(s, s->slots[i]->ref, hf_view_of(NULL, 0));
}

/* ---- the header of a proxy ---- */

static void proxy_end(hf_http_conn *c)
{
    free(c->proxy);
    c->proxy = NULL;
}

/* True when the header is complete; false to wait, or with c->dead when it is none. */
static bool proxy_read(hf_http_conn *c)
{
    uint8_t bytes[SKIP_BYTES];
    size_t wanted;

    while ((wanted = hf_proxy_wants(c->proxy)) > 0) {
        ssize_t n = recv(c->stream.fd, bytes, wanted < sizeof(bytes) ? wanted : sizeof(bytes), 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return false;
        if (n <= 0 || hf_proxy_take(c->proxy, hf_view_of(bytes, (size_t)n)) != HF_OK) {
            c->dead = true;
            return false;
        }
    }
    return true;
}

/* From here on the client is who the proxy says, also for the limits that new connections have. */
static bool admitted(hf_http_conn *c)
{
    const hf_http_config *config = &c->server->config;
    uint32_t uid;

    /* A form that stands for users of this machine: nobody may claim it from afar. */
    if (hf_address_is_user(c->proxy->address, &uid))
        return false;
    if (!c->proxy->local)
        memcpy(c->address, c->proxy->address, sizeof(c->address));
    return config->admit == NULL || config->admit(config->arg, c->address);
}

void conn_proxy(hf_http_conn *c)
{
    hf_http_server *s = c->server;
    bool complete = proxy_read(c);

    if (!complete && !c->dead) {
        conn_settle_alone(c);
        return;
    }
    if (c->dead || !admitted(c)) {
        conn_drop(c);
        return;
    }
    proxy_end(c);
    int fd = c->stream.fd;
    c->stream.fd = -1;
    if (hf_stream_open(fd, s->config.tls, &c->stream) != HF_OK) { /* which has closed fd */
        hf_loop_unwatch(s->config.loop, &c->watch);
        c->stream.fd = -1;
        conn_drop(c);
        return;
    }
    c->phase = s->config.tls == NULL ? CONN_READING : CONN_HANDSHAKE;
    conn_settle_alone(c); /* the deadline stays that of the connection's first byte */
}
