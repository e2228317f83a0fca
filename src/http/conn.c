#include "http/conn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define OUTPUT_HIGH 16384      /* answers of pipelined requests are gathered up to here, then sent */
#define READS_PER_RUN 32       /* then other connections get their turn */
#define LINGER_MS 1000
#define LINGER_BYTES (4u << 20)

/*
 * What is called while c->running, or by who calls conn_run next, only sets c->dead: the end of the run frees. The
 * loop's callbacks, outside a run, use conn_drop and touch the connection no more.
 */

/* ---- lists, deadlines ---- */

static void idle_leave(hf_http_conn *c)
{
    hf_http_server *s = c->server;

    if (!c->idle)
        return;
    *(c->idle_prev != NULL ? &c->idle_prev->idle_next : &s->idle_head) = c->idle_next;
    *(c->idle_next != NULL ? &c->idle_next->idle_prev : &s->idle_tail) = c->idle_prev;
    c->idle_prev = c->idle_next = NULL;
    c->idle = false;
}

/* At the end of the list: it has idled shortest. */
static void idle_join(hf_http_conn *c)
{
    hf_http_server *s = c->server;

    idle_leave(c);
    c->idle_prev = s->idle_tail;
    *(s->idle_tail != NULL ? &s->idle_tail->idle_next : &s->idle_head) = c;
    s->idle_tail = c;
    c->idle = true;
}

static int64_t allowed_ms(const hf_http_config *config, conn_timed what)
{
    switch (what) {
    case TIMED_HANDSHAKE:
    case TIMED_HEAD:
        return config->header_ms;
    case TIMED_BODY:
    case TIMED_OUTPUT:
        return config->body_ms;
    case TIMED_IDLE:
        return config->idle_ms;
    case TIMED_LINGER:
        return LINGER_MS;
    case TIMED_NOTHING:
        break;
    }
    return 0;
}

/*
 * A deadline is set when its stage begins and does not move until the stage ends. The timer is left where it is when
 * it is early enough: it looks again when it fires, which spares the heap two steps for each request.
 */
static void time_stage(hf_http_conn *c, conn_timed what)
{
    hf_loop *loop = c->server->config.loop;

    if (what != c->timed)
        c->deadline = hf_mono_after_ms(hf_loop_now(loop), allowed_ms(&c->server->config, what));
    c->timed = what;
    if (what == TIMED_NOTHING || (c->timer.slot != 0 && c->timer.at.ns <= c->deadline.ns))
        return;
    /* Without a deadline a connection may not live. */
    if (hf_loop_timer(loop, &c->timer, c->deadline) != HF_OK)
        c->dead = true;
}

/* ---- the end ---- */

static void release_input(hf_http_conn *c)
{
    if (c->saved != NULL) {
        hf_wipe(c->saved, c->saved_len);
        free(c->saved);
    }
    c->saved = NULL;
    c->saved_len = 0;
    c->in = hf_view_of(NULL, 0);
}

static void conn_free(hf_http_conn *c)
{
    hf_http_server *s = c->server;

    hf_loop_unwatch(s->config.loop, &c->watch);
    hf_loop_timer_stop(s->config.loop, &c->timer);
    idle_leave(c);
    conn_queue_leave(c);
    if (!c->stream.dead && c->phase != CONN_HANDSHAKE && c->phase != CONN_PROXY)
        hf_stream_finish(&c->stream);
    bool job = hf_stream_question(&c->stream) != NULL;
    hf_stream_close(&c->stream);
    free(c->proxy);
    hf_http_parser_next(&c->parser);
    release_input(c);
    hf_http_out_free(&c->out);
    s->slots[c->ref.slot] = NULL;
    s->generations[c->ref.slot]++;
    s->free_slots[s->n_free++] = c->ref.slot;
    free(c);
    if (job)
        conn_queue_run(s);
}

void conn_drop(hf_http_conn *c)
{
    c->dead = true;
    if (!c->running)
        conn_free(c);
}

/* ---- input ---- */

/* Moves what is left of the input out of the server's buffer, which the next connection uses. */
static void keep_input(hf_http_conn *c)
{
    if (c->in.len == 0) {
        release_input(c);
        return;
    }
    if (c->saved != NULL && c->in.ptr >= c->saved && c->in.ptr < c->saved + c->saved_len)
        return;
    uint8_t *copy = malloc(c->in.len);
    if (copy == NULL) {
        c->dead = true;
        return;
    }
    size_t len = c->in.len;
    memcpy(copy, c->in.ptr, len);
    release_input(c);
    c->saved = copy;
    c->saved_len = len;
    c->in = hf_view_of(copy, len);
}

/* True when there is input now. *readable becomes false when waiting is the only way to more. */
static bool fill(hf_http_conn *c, bool *readable)
{
    hf_http_server *s = c->server;
    size_t n = 0;
    bool more = false;

    if (!*readable)
        return false;
    hf_io io = hf_stream_read(&c->stream, s->read_buffer, sizeof(s->read_buffer), &n, &more);
    c->wants_write = io == HF_IO_WANT_WRITE;
    c->ended = io == HF_IO_CLOSED;
    c->closing = c->closing || c->ended;
    *readable = io == HF_IO_DONE && more;
    if (n > s->read_len)
        s->read_len = n;
    c->in = hf_view_of(s->read_buffer, n);
    return n > 0;
}

static void hand_over(hf_http_conn *c)
{
    hf_http_request r;

    hf_http_parser_request(&c->parser, &r);
    r.ref = c->ref;
    memcpy(r.address, c->address, sizeof(r.address));
    r.has_cert = c->has_cert;
    memcpy(r.cert_hash, c->cert_hash, sizeof(r.cert_hash));
    c->head_only = r.method == HF_HTTP_HEAD;
    c->closing = c->closing || r.refused != 0 || !c->parser.keep_alive || c->server->draining;
    if (c->closing)
        c->in = hf_view_of(NULL, 0);
    /* The handler may answer other connections, and so the server's buffer be used again. */
    keep_input(c);
    if (c->dead)
        return;
    c->phase = CONN_WAITING;
    c->server->config.handler(c->server->config.arg, &r);
}

static void say_continue(hf_http_conn *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    uint8_t *at = hf_http_out_room(&c->out, sizeof(text) - 1);

    c->parser.wants_continue = false;
    if (at != NULL)
        memcpy(at, text, sizeof(text) - 1);
}

static void take(hf_http_conn *c)
{
    switch (hf_http_parser_feed(&c->parser, &c->in)) {
    case HF_HTTP_NEED_MORE:
        if (c->parser.head_done && c->parser.wants_continue)
            say_continue(c);
        return;
    case HF_HTTP_COMPLETE:
    case HF_HTTP_REFUSED:
        hand_over(c);
        return;
    }
}

/* Takes in and answers until there is nothing to take, an answer is owed, or enough waits to be sent. */
static void work(hf_http_conn *c, bool *readable, unsigned *reads)
{
    while (c->phase == CONN_READING && !c->dead && !c->closing && hf_http_out_view(&c->out).len < OUTPUT_HIGH) {
        if (c->in.len == 0) {
            if (*reads == 0 || !fill(c, readable))
                return;
            --*reads;
        }
        take(c);
    }
}

/* ---- output ---- */

/* True when everything is sent. */
static bool flush(hf_http_conn *c)
{
    while (!c->dead && hf_http_out_view(&c->out).len > 0) {
        hf_view v = hf_http_out_view(&c->out);
        size_t n = 0;
        hf_io io = hf_stream_write(&c->stream, v.ptr, v.len, &n);
        if (n > 0)
            hf_http_out_sent(&c->out, n);
        if (io == HF_IO_CLOSED)
            c->dead = true;
        if (io != HF_IO_DONE)
            return false;
    }
    return !c->dead;
}

static void put(hf_writer *w, const char *text)
{
    hf_put_bytes(w, text, strlen(text));
}

static void put_number(hf_writer *w, size_t n)
{
    char digits[20];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    hf_put_bytes(w, digits + at, sizeof(digits) - at);
}

static void put_head(hf_writer *w, const hf_http_conn *c, const hf_http_response *r)
{
    put(w, "HTTP/1.1 ");
    put_number(w, r->status);
    put(w, " ");
    put(w, hf_http_reason(r->status));
    put(w, "\r\n");
    hf_put_bytes(w, c->server->headers, c->server->headers_len);
    if (r->content_type != NULL) {
        put(w, "Content-Type: ");
        put(w, r->content_type);
        put(w, "\r\n");
    }
    put(w, "Content-Length: ");
    put_number(w, r->body.len);
    put(w, c->closing ? "\r\nConnection: close\r\n" : "\r\n");
    hf_put_view(w, r->headers);
    put(w, "\r\n");
}

void conn_answer(hf_http_conn *c, const hf_http_response *r)
{
    uint8_t head[4096];
    hf_writer w = hf_writer_on(head, sizeof(head));

    c->closing = c->closing || r->close;
    put_head(&w, c, r);
    size_t body_len = c->head_only ? 0 : r->body.len;
    uint8_t *at = w.failed ? NULL : hf_http_out_room(&c->out, w.len + body_len);
    if (at == NULL) {
        c->dead = true;
        return;
    }
    memcpy(at, head, w.len);
    if (body_len > 0)
        memcpy(at + w.len, r->body.ptr, body_len);
    hf_http_parser_next(&c->parser);
    c->phase = CONN_READING;
    c->timed = TIMED_NOTHING;
}

/* ---- driving ---- */

void conn_linger(hf_http_conn *c)
{
    /* Closing with unread input makes the kernel reset the connection, and the answer can be lost on the way. */
    hf_stream_finish(&c->stream);
    release_input(c);
    c->phase = CONN_LINGERING;
}

static void settle_reading(hf_http_conn *c)
{
    if (!hf_http_parser_idle(&c->parser)) {
        idle_leave(c);
        time_stage(c, c->parser.head_done ? TIMED_BODY : TIMED_HEAD);
        return;
    }
    if (!c->idle || c->timed != TIMED_IDLE)
        idle_join(c);
    time_stage(c, TIMED_IDLE);
}

static uint32_t interest(hf_http_conn *c)
{
    if (hf_http_out_view(&c->out).len > 0)
        return EPOLLOUT;
    if (c->phase == CONN_WAITING || c->queued || hf_stream_question(&c->stream) != NULL)
        return c->watch.events != 0 ? c->watch.events : EPOLLIN; /* narrowed when something arrives: that is rare */
    return c->wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN;
}

void conn_settle(hf_http_conn *c)
{
    hf_loop *loop = c->server->config.loop;
    bool output = hf_http_out_view(&c->out).len > 0;

    if (c->closing && !output && c->phase == CONN_READING)
        conn_linger(c);
    if (c->phase == CONN_LINGERING && c->ended)
        c->dead = true;
    if (output) {
        idle_leave(c);
        time_stage(c, TIMED_OUTPUT);
    } else if (c->phase == CONN_WAITING) {
        idle_leave(c);
        time_stage(c, TIMED_NOTHING);
    } else if (c->phase == CONN_READING) {
        settle_reading(c);
    } else {
        idle_join(c);
        time_stage(c, c->phase == CONN_LINGERING ? TIMED_LINGER : TIMED_HANDSHAKE);
    }
    if (!c->dead && hf_loop_watch(loop, &c->watch, interest(c)) != HF_OK)
        c->dead = true;
    if (!c->dead && c->resume && hf_loop_timer(loop, &c->timer, hf_loop_now(loop)) != HF_OK)
        c->dead = true;
}

void conn_run(hf_http_conn *c, bool readable)
{
    hf_http_server *s = c->server;
    unsigned reads = READS_PER_RUN;

    c->running = true;
    c->resume = false;
    readable = readable || hf_stream_buffered(&c->stream);
    do
        work(c, &readable, &reads);
    while (flush(c) && c->phase == CONN_READING && !c->closing && (c->in.len > 0 || (readable && reads > 0)));
    c->resume = readable && reads == 0;
    if (!c->dead)
        keep_input(c);
    hf_wipe(s->read_buffer, s->read_len);
    s->read_len = 0;
    if (!c->dead)
        conn_settle(c);
    c->running = false;
    if (c->dead)
        conn_free(c);
}

void conn_settle_alone(hf_http_conn *c)
{
    c->running = true;
    conn_settle(c);
    c->running = false;
    if (c->dead)
        conn_free(c);
}

static void on_linger(hf_http_conn *c)
{
    if (hf_stream_discard(&c->stream, &c->discarded) == HF_IO_CLOSED || c->discarded > LINGER_BYTES)
        conn_drop(c);
}

static void on_event(void *arg, uint32_t events)
{
    hf_http_conn *c = arg;

    if ((events & EPOLLERR) != 0 ||
        (c->phase <= CONN_WAITING && c->phase != CONN_READING && (events & EPOLLHUP) != 0)) {
        /* Reset by the peer. An answer that comes later finds another generation in this slot. */
        c->stream.dead = true;
        conn_drop(c);
        return;
    }
    if (c->phase == CONN_PROXY || c->phase == CONN_HANDSHAKE)
        conn_handshake(c);
    else if (c->phase == CONN_LINGERING)
        on_linger(c);
    else if (c->phase == CONN_READING || hf_http_out_view(&c->out).len > 0)
        conn_run(c, (events & (EPOLLIN | EPOLLHUP)) != 0);
    /* Input while an answer is owed: only a reset is of interest until then. */
    else if (hf_loop_watch(c->server->config.loop, &c->watch, EPOLLERR) != HF_OK)
        conn_drop(c);
}

/* The request did not come in time: the client is told, in the way of any other refusal. */
static void time_out(hf_http_conn *c)
{
    c->parser.status = 408;
    c->parser.why = "the request did not arrive in time";
    c->running = true;
    hand_over(c);
    c->running = false;
    if (c->dead)
        conn_free(c);
    else
        conn_run(c, false);
}

static void on_timer(void *arg)
{
    hf_http_conn *c = arg;
    hf_loop *loop = c->server->config.loop;

    if (c->resume) {
        conn_run(c, true);
        return;
    }
    if (c->timed == TIMED_NOTHING)
        return;
    if (hf_loop_now(loop).ns < c->deadline.ns) {
        if (hf_loop_timer(loop, &c->timer, c->deadline) != HF_OK)
            conn_drop(c);
    } else if (c->timed == TIMED_HEAD || c->timed == TIMED_BODY) {
        time_out(c);
    } else {
        conn_drop(c);
    }
}

/* A trusted proxy speaks first, in clear: TLS begins behind its header. */
static hf_err begin(hf_http_conn *c, int fd, bool proxied)
{
    const hf_tls_server *tls = c->server->config.tls;

    if (!proxied) {
        c->phase = tls == NULL ? CONN_READING : CONN_HANDSHAKE;
        return hf_stream_open(fd, tls, &c->stream);
    }
    c->phase = CONN_PROXY;
    c->proxy = calloc(1, sizeof(*c->proxy));
    if (c->proxy == NULL) {
        close(fd);
        return HF_ERR_SYSTEM;
    }
    return hf_stream_open(fd, NULL, &c->stream);
}

void conn_start(hf_http_server *s, int fd, const uint8_t address[static 16], bool proxied)
{
    hf_http_conn *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        close(fd);
        return;
    }
    c->server = s;
    if (begin(c, fd, proxied) != HF_OK) {
        free(c);
        return;
    }
    c->ref.slot = s->free_slots[--s->n_free];
    c->ref.generation = s->generations[c->ref.slot];
    s->slots[c->ref.slot] = c;
    c->watch = (hf_watch) { .fd = fd, .fn = on_event, .arg = c };
    c->timer = (hf_timer) { .fn = on_timer, .arg = c };
    memcpy(c->address, address, sizeof(c->address));
    hf_http_parser_init(&c->parser, &s->pool, s->config.body_max);
    conn_settle_alone(c);
}
