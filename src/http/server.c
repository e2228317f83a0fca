#include "http/server.h"

#include "base/address.h"
#include "base/num.h"
#include "http/conn.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_PAUSE_MS 100

/* ---- taking connections ---- */

/* IPv4 as ::ffff:a.b.c.d; over a local socket the user, as the kernel says (base/address.h); else zero. */
static void address_of(int fd, const struct sockaddr_storage *from, uint8_t ret[static 16])
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    memset(ret, 0, 16);
    if (from->ss_family == AF_UNIX && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
        hf_address_of_user(peer.uid, ret);
    if (from->ss_family == AF_INET6)
        memcpy(ret, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
    if (from->ss_family == AF_INET) {
        ret[10] = ret[11] = 0xff;
        memcpy(ret + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
    }
}

static hf_err listen_start(hf_http_server *s)
{
    /* Exclusive: of several threads with this socket in their loops, not all are woken for one connection. */
    return hf_loop_watch(s->config.loop, &s->listen, EPOLLIN | EPOLLEXCLUSIVE);
}

/*
 * Out of descriptors or memory: the pending connection stays readable, so looking away for a moment avoids a
 * busy loop.
 */
static void accept_later(hf_http_server *s)
{
    hf_mono again = hf_mono_after_ms(hf_loop_now(s->config.loop), ACCEPT_PAUSE_MS);

    if (hf_loop_timer(s->config.loop, &s->accept_pause, again) == HF_OK)
        hf_loop_unwatch(s->config.loop, &s->listen);
}

static void on_accept_again(void *arg)
{
    hf_http_server *s = arg;

    if (!s->draining && listen_start(s) != HF_OK)
        accept_later(s);
}

static void on_listen(void *arg, uint32_t events)
{
    hf_http_server *s = arg;
    struct sockaddr_storage from = { 0 };
    socklen_t len = sizeof(from);
    uint8_t address[16];

    (void)events;
    /* One a wake-up: threads that share the socket then get about as many each. */
    int fd = accept4(s->config.listen_fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            accept_later(s);
        return;
    }
    address_of(fd, &from, address);
    hf_http_server_adopt(s, fd, address);
}

void hf_http_server_adopt(hf_http_server *s, int fd, const uint8_t address[static 16])
{
    bool proxied = s->config.proxied != NULL && s->config.proxied(s->config.arg, address);

    /* A proxy's client is looked at when the proxy has named it. */
    if (!proxied && s->config.admit != NULL && !s->config.admit(s->config.arg, address)) {
        close(fd);
        return;
    }
    if (s->n_free == 0 && s->idle_head != NULL)
        conn_drop(s->idle_head);
    if (s->n_free == 0 || s->draining) {
        close(fd);
        return;
    }
    conn_start(s, fd, address, proxied);
}

/* ---- the server ---- */

static hf_err make_slots(hf_http_server *s)
{
    size_t n = s->config.max_connections;

    HF_CHECK(n > 0 && n <= 1u << 20, HF_ERR_BOUNDS);
    s->slots = calloc(n, sizeof(*s->slots));
    s->generations = calloc(n, sizeof(*s->generations));
    s->free_slots = calloc(n, sizeof(*s->free_slots));
    HF_CHECK(s->slots != NULL && s->generations != NULL && s->free_slots != NULL, HF_ERR_SYSTEM);
    for (size_t i = 0; i < n; i++)
        s->free_slots[i] = (uint32_t)(n - 1 - i);
    s->n_free = n;
    return HF_OK;
}

hf_err hf_http_server_new(const hf_http_config *config, hf_http_server **ret)
{
    hf_http_server *s = calloc(1, sizeof(*s));

    HF_CHECK(s != NULL, HF_ERR_SYSTEM);
    s->config = *config;
    s->pool.body_limit = config->bodies_max;
    s->listen = (hf_watch) { .fd = config->listen_fd, .fn = on_listen, .arg = s };
    s->accept_pause = (hf_timer) { .fn = on_accept_again, .arg = s };
    hf_err e = make_slots(s);
    if (e == HF_OK && config->listen_fd >= 0)
        e = listen_start(s);
    if (e != HF_OK) {
        hf_http_server_free(s);
        return e;
    }
    *ret = s;
    return HF_OK;
}

void hf_http_server_free(hf_http_server *s)
{
    if (s == NULL)
        return;
    s->queue_running = true; /* nothing begins any more */
    for (size_t i = 0; s->slots != NULL && i < s->config.max_connections; i++)
        if (s->slots[i] != NULL)
            conn_drop(s->slots[i]);
    hf_loop_unwatch(s->config.loop, &s->listen);
    hf_loop_timer_stop(s->config.loop, &s->accept_pause);
    hf_http_pool_drain(&s->pool);
    hf_wipe(s->read_buffer, sizeof(s->read_buffer));
    free(s->slots);
    free(s->generations);
    free(s->free_slots);
    free(s);
}

void hf_http_server_set_tls(hf_http_server *s, const hf_tls_server *tls)
{
    s->config.tls = tls;
}

void hf_http_server_set_listen(hf_http_server *s, int listen_fd)
{
    hf_loop_unwatch(s->config.loop, &s->listen);
    hf_loop_timer_stop(s->config.loop, &s->accept_pause);
    s->config.listen_fd = listen_fd;
    s->listen.fd = listen_fd;
    if (!s->draining && listen_start(s) != HF_OK)
        accept_later(s);
}

hf_err hf_http_server_set_headers(hf_http_server *s, hf_view lines)
{
    HF_CHECK(lines.len <= sizeof(s->headers), HF_ERR_BOUNDS);
    memcpy(s->headers, lines.ptr, lines.len);
    s->headers_len = lines.len;
    return HF_OK;
}

bool hf_http_respond(hf_http_server *s, hf_http_ref ref, const hf_http_response *r)
{
    if (ref.slot >= s->config.max_connections || s->generations[ref.slot] != ref.generation)
        return false;
    hf_http_conn *c = s->slots[ref.slot];
    if (c == NULL || c->dead || c->phase != CONN_WAITING)
        return false;
    conn_answer(c, r);
    if (!c->running)
        conn_run(c, false);
    return true;
}

void hf_http_server_drain(hf_http_server *s)
{
    s->draining = true;
    hf_loop_unwatch(s->config.loop, &s->listen);
    hf_loop_timer_stop(s->config.loop, &s->accept_pause);
    while (s->idle_head != NULL)
        conn_drop(s->idle_head);
}

size_t hf_http_server_connections(const hf_http_server *s)
{
    return s->config.max_connections - s->n_free;
}

const char *hf_http_reason(uint16_t status)
{
    static const struct {
        uint16_t status;
        const char *reason;
    } reasons[] = {
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 204, "No Content" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 406, "Not Acceptable" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 411, "Length Required" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 415, "Unsupported Media Type" },
        { 417, "Expectation Failed" },
        { 422, "Unprocessable Content" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
    };

    for (size_t i = 0; i < HF_COUNT(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}
