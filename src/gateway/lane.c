#include "gateway/answer.h"
#include "gateway/gateway.h"

#include "base/address.h"
#include "base/log.h"
#include "base/num.h"
#include "sys/uids.h"
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CORE_QUEUE_BYTES (16u << 20)
#define BODIES_MAX_BYTES (64u << 20)
#define METRICS_CONNECTIONS 16
#define TICK_IDLE_MS 1000
#define TICK_BUSY_MS 250

/* ---- core ---- */

static void on_core_message(void *arg, hf_message *m)
{
    lane *l = arg;

    hf_err e = handshake_is_answer(m->id) ? handshake_answer(l, m) : dispatch_answer(l, m);
    if (e == HF_OK)
        return;
    /* Ending our direction makes the channel end, and with it everything that waits. */
    hf_log(HF_LOG_ERROR, "core sent a message that breaks the rules; its channel is closed");
    shutdown(hf_channel_fd(l->core), SHUT_RDWR);
}

static void on_core_end(void *arg, hf_err cause)
{
    lane *l = arg;

    (void)cause;
    hf_channel_free(l->core);
    l->core = NULL;
    l->status.until = (hf_mono) { 0 };
    dispatch_expire(l, HF_ERR_PEER_GONE, true);
    handshake_end_if_alone(l);
}

static void take_core(lane *l, int fd)
{
    if (l->core != NULL)
        on_core_end(l, HF_ERR_PEER_GONE);
    if (hf_channel_new(fd, CORE_QUEUE_BYTES, hf_message_max_body, &l->core) != HF_OK) {
        hf_log(HF_LOG_ERROR, "there is no memory for the channel to core");
        l->core = NULL;
        return;
    }
    if (hf_channel_attach(l->core, l->loop, on_core_message, on_core_end, l) != HF_OK) {
        hf_channel_free(l->core);
        l->core = NULL;
        return;
    }
    handshake_core_new(l);
}

/* ---- what the main thread wants ---- */

static void leave_mail(lane *l)
{
    atomic_store_explicit(&l->mail.waiting, true, memory_order_release);
    hf_loop_wake(l->loop);
}

void lane_send_core(lane *l, int fd)
{
    pthread_mutex_lock(&l->mail.lock);
    if (l->mail.core_fd >= 0)
        close(l->mail.core_fd);
    l->mail.core_fd = fd;
    pthread_mutex_unlock(&l->mail.lock);
    leave_mail(l);
}

void lane_send_front(lane *l, front *f)
{
    pthread_mutex_lock(&l->mail.lock);
    front_free(l->mail.front);
    l->mail.front = f;
    pthread_mutex_unlock(&l->mail.lock);
    leave_mail(l);
}

void lane_send_trial(lane *l, trial *t)
{
    pthread_mutex_lock(&l->mail.lock);
    l->mail.trial = t;
    pthread_mutex_unlock(&l->mail.lock);
    leave_mail(l);
}

void lane_send_stop(lane *l)
{
    pthread_mutex_lock(&l->mail.lock);
    l->mail.stop = true;
    pthread_mutex_unlock(&l->mail.lock);
    leave_mail(l);
}

static void begin_stop(lane *l)
{
    l->stop_at = hf_mono_after_ms(hf_loop_now(l->loop), GATEWAY_STOP_MS);
    hf_http_server_drain(l->https);
    if (l->local != NULL)
        hf_http_server_drain(l->local);
    if (l->metrics != NULL)
        hf_http_server_drain(l->metrics);
    handshake_end_if_alone(l);
}

static void take_mail(lane *l)
{
    if (!atomic_load_explicit(&l->mail.waiting, memory_order_acquire))
        return;
    pthread_mutex_lock(&l->mail.lock);
    atomic_store_explicit(&l->mail.waiting, false, memory_order_relaxed);
    int core_fd = l->mail.core_fd;
    front *next = l->mail.front;
    trial *asked = l->mail.trial;
    bool stop = l->mail.stop;
    l->mail.core_fd = -1;
    l->mail.front = NULL;
    l->mail.trial = NULL;
    pthread_mutex_unlock(&l->mail.lock);
    if (core_fd >= 0)
        take_core(l, core_fd);
    if (next != NULL) {
        hf_http_server_set_tls(l->https, next->tls);
        hf_http_server_set_listen(l->https, next->listen_fd);
        front_free(l->front);
        l->front = next;
    }
    if (asked != NULL)
        handshake_try(l, asked);
    if (stop && l->stop_at.ns == 0)
        begin_stop(l);
}

/* ---- time ---- */

static void set_date(lane *l)
{
    hf_wall now = hf_wall_now();
    uint8_t lines[512];
    hf_writer w = hf_writer_on(lines, sizeof(lines));

    if (hf_wall_s(now) == l->date_s)
        return;
    answer_headers(now, &w);
    bool ok = !w.failed && hf_http_server_set_headers(l->https, hf_writer_view(&w)) == HF_OK;
    if (ok && l->local != NULL)
        ok = hf_http_server_set_headers(l->local, hf_writer_view(&w)) == HF_OK;
    if (ok && l->metrics != NULL)
        ok = hf_http_server_set_headers(l->metrics, hf_writer_view(&w)) == HF_OK;
    if (ok)
        l->date_s = hf_wall_s(now);
}

static void send_failures(lane *l)
{
    failure rows[FAILURES_MAX];
    uint8_t body[64];

    if (l->number != 0 || l->core == NULL || hf_loop_now(l->loop).ns < l->failures_due.ns)
        return;
    l->failures_due = hf_mono_after_ms(hf_loop_now(l->loop), FAILURES_PERIOD_MS);
    size_t n = failures_take(l->gateway->failures, rows);
    for (size_t i = 0; i < n; i++) {
        hf_writer w = hf_writer_on(body, sizeof(body));
        struct hf_failures m = { .error = (uint16_t)rows[i].reason, .count = rows[i].count };
        memcpy(m.prefix, rows[i].prefix, sizeof(m.prefix));
        if (hf_failures_encode(&m, &w) != HF_OK ||
            hf_channel_send(l->core, HF_MSG_FAILURES, 0, hf_writer_view(&w), NULL, 0) != HF_OK)
            return; /* core is going: its successor starts with new counts */
    }
}

static size_t connections(const lane *l)
{
    return hf_http_server_connections(l->https) + (l->local == NULL ? 0 : hf_http_server_connections(l->local)) +
           (l->metrics == NULL ? 0 : hf_http_server_connections(l->metrics));
}

static void on_tick(void *arg)
{
    lane *l = arg;
    bool busy = pending_count(l->pending) > 0 || l->stop_at.ns != 0;

    set_date(l);
    dispatch_expire(l, HF_ERR_TIMEOUT, false);
    send_failures(l);
    atomic_store_explicit(&l->open_connections, connections(l), memory_order_relaxed);
    /* Its place in the heap was just given back, so there is room for it. */
    if (hf_loop_timer(l->loop, &l->tick, hf_mono_after_ms(hf_loop_now(l->loop), busy ? TICK_BUSY_MS : TICK_IDLE_MS)) !=
        HF_OK)
        hf_fatal("a timer cannot be set");
}

static void before_wait(void *arg)
{
    lane *l = arg;

    take_mail(l);
    if (l->stop_at.ns != 0 && (connections(l) == 0 || hf_loop_now(l->loop).ns >= l->stop_at.ns))
        hf_loop_stop(l->loop);
}

/* ---- a lane ---- */

static void on_https(void *arg, const hf_http_request *r)
{
    lane *l = arg;

    dispatch_request(l, l->https, r);
}

static void on_local(void *arg, const hf_http_request *r)
{
    lane *l = arg;

    dispatch_request(l, l->local, r);
}

static void on_metrics(void *arg, const hf_http_request *r)
{
    lane *l = arg;

    dispatch_request(l, l->metrics, r);
}

static bool proxied(void *arg, const uint8_t address[static 16])
{
    lane *l = arg;

    return hf_networks_have(&l->front->proxies, address);
}

/* Handshakes are dear, so an address may begin only so many. The form of a local user (base/address.h) is no address. */
static bool admit(void *arg, const uint8_t address[static 16])
{
    lane *l = arg;
    uint32_t wait_s, uid;

    if (hf_address_is_user(address, &uid))
        return false;
    if (limit_take(l->gateway->connections, address, hf_loop_now(l->loop), &wait_s) == HF_OK)
        return true;
    failures_count(l->gateway->failures, address, HF_ERR_RATE);
    return false;
}

/*
 * Our own processes have no business on the local socket: whoever took one of them over must not speak as a client. As an
 * ordinary user all of them have the uid of their user, whose clients must get in.
 */
static bool admit_local(void *arg, const uint8_t address[static 16])
{
    lane *l = arg;
    uint32_t uid;

    if (!hf_address_is_user(address, &uid))
        return false; /* the kernel did not say who it is */
    if (!hf_uid_transient(uid))
        return true;
    failures_count(l->gateway->failures, address, HF_ERR_DENIED);
    return false;
}

static hf_err open_local(lane *l, const hf_http_config *https)
{
    const gateway *g = l->gateway;
    hf_http_config config = *https;

    config.tls = NULL;
    config.admit = NULL;
    config.proxied = NULL;
    config.sign = NULL;
    if (g->local_fd >= 0) {
        config.listen_fd = g->local_fd;
        config.handler = on_local;
        config.admit = admit_local;
        HF_TRY(hf_http_server_new(&config, &l->local));
    }
    config.admit = NULL;
    if (g->metrics_fd < 0 || l->number != 0)
        return HF_OK;
    config.listen_fd = g->metrics_fd;
    config.max_connections = METRICS_CONNECTIONS;
    config.handler = on_metrics;
    return hf_http_server_new(&config, &l->metrics);
}

static hf_err open_servers(lane *l)
{
    const gateway *g = l->gateway;
    size_t each = g->config.max_connections / g->n_lanes + 1;
    hf_http_config config = {
        .loop = l->loop,
        .listen_fd = l->front->listen_fd,
        .tls = l->front->tls,
        .max_connections = each,
        .body_max = GATEWAY_BODY_MAX,
        .bodies_max = BODIES_MAX_BYTES,
        .header_ms = g->config.header_ms,
        .body_ms = g->config.body_ms,
        .idle_ms = g->config.idle_ms,
        .handler = on_https,
        .arg = l,
        .admit = admit,
        .proxied = proxied,
        .sign = handshake_ask,
    };

    HF_TRY(pending_new(2 * each, &l->pending));
    HF_TRY(hf_http_server_new(&config, &l->https));
    return open_local(l, &config);
}

static hf_err lane_init(lane *l)
{
    HF_CHECK(pthread_mutex_init(&l->mail.lock, NULL) == 0, HF_ERR_SYSTEM);
    HF_TRY(hf_loop_new(&l->loop));
    HF_TRY(json_pool_init(&l->json));
    l->scratch = malloc(GATEWAY_SCRATCH_BYTES);
    l->message = malloc(HF_MESSAGE_MAX_BYTES);
    HF_CHECK(l->scratch != NULL && l->message != NULL, HF_ERR_SYSTEM);
    HF_TRY(open_servers(l));
    set_date(l);
    l->tick = (hf_timer) { .fn = on_tick, .arg = l };
    HF_TRY(hf_loop_timer(l->loop, &l->tick, hf_mono_after_ms(hf_loop_now(l->loop), TICK_IDLE_MS)));
    hf_loop_before_wait(l->loop, before_wait, l);
    return HF_OK;
}

hf_err lane_new(gateway *g, uint32_t number, lane **ret)
{
    lane *l = calloc(1, sizeof(*l));

    HF_CHECK(l != NULL, HF_ERR_SYSTEM);
    l->gateway = g;
    l->number = number;
    l->mail.core_fd = -1;
    l->front = front_share(g->front);
    /* Only at start, where a failure ends the process: nothing is taken apart. */
    HF_TRY(lane_init(l));
    *ret = l;
    return HF_OK;
}

void *lane_run(void *arg)
{
    lane *l = arg;
    gateway *g = l->gateway;

    pthread_barrier_wait(&g->gate);
    pthread_barrier_wait(&g->gate);
    if (hf_loop_run(l->loop) != HF_OK)
        hf_fatal("an event loop failed");
    atomic_fetch_sub(&g->lanes_running, 1);
    hf_loop_wake(g->loop);
    return NULL;
}
