/* What the supervisor says after the start: new channels to core, new certificates, stop. */
#include "gateway/gateway.h"

#include "base/log.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Into the log, and by the supervisor into the audit. */
static void HF_PRINTF(2, 3) raise_alarm(gateway *g, const char *format, ...)
{
    char text[512];
    uint8_t body[600];
    hf_writer w = hf_writer_on(body, sizeof(body));
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (hf_alarm_encode(&(struct hf_alarm) { .what = hf_view_str(text) }, &w) != HF_OK ||
        hf_channel_send(g->supervisor, HF_MSG_ALARM, 0, hf_writer_view(&w), NULL, 0) != HF_OK)
        hf_log(HF_LOG_ERROR, "%s", text);
}

static int take_fd(hf_message *m, size_t i)
{
    int fd = m->fds[i];

    m->fds[i] = -1;
    return fd;
}

/* Channels come in the order of the lanes, all of them again after core was restarted. */
static hf_err take_core(gateway *g, hf_message *m)
{
    struct hf_peer_channel peer;

    HF_TRY(hf_peer_channel_decode(m->body, &peer));
    HF_CHECK(peer.role == HF_PEER_CORE && m->n_fds == 1, HF_ERR_MALFORMED);
    lane_send_core(g->lanes[g->next_lane], take_fd(m, 0));
    g->next_lane = (g->next_lane + 1) % g->n_lanes;
    return HF_OK;
}

/* A new certificate, new authorities: connections that are open keep the old ones. What cannot be used changes nothing. */
static hf_err take_front(gateway *g, hf_message *m)
{
    struct hf_config_gateway config;
    front_fds fds;
    front *next = NULL;
    const char *what = "";

    HF_TRY(hf_config_gateway_decode(m->body, &config));
    HF_TRY(front_fds_of(&config, m, &fds));
    hf_err e = front_new(&config, &fds, &next, &what);
    if (e == HF_OK) {
        next->listen_fd = front_fds_take(m, fds.listen);
        supervisor_try(g, next);
    } else
        raise_alarm(g, "%s is not usable (%s); the old certificate and its settings stay", what, hf_err_text(e));
    return HF_OK;
}

/* ---- trials ---- */

/* The form of a server's CertificateVerify over a transcript hash that no transcript has. */
static hf_err trial_input(trial *t)
{
    hf_writer w = hf_writer_on(t->input, sizeof(t->input));
    uint8_t nothing[32];

    HF_CHECK(getrandom(nothing, sizeof(nothing), 0) == (ssize_t)sizeof(nothing), HF_ERR_SYSTEM);
    for (size_t i = 0; i < HF_TLS_PADDING_BYTES; i++)
        hf_put_u8(&w, ' ');
    hf_put_bytes(&w, HF_TLS_SERVER_CONTEXT, sizeof(HF_TLS_SERVER_CONTEXT));
    hf_put_bytes(&w, nothing, sizeof(nothing));
    t->input_len = w.len;
    return w.failed ? HF_ERR_INTERNAL : HF_OK;
}

void supervisor_try(gateway *g, front *f)
{
    if (g->trial != NULL) { /* the newest comes next; what it replaces was never used */
        front_free(g->waiting);
        g->waiting = f;
        return;
    }
    trial *t = calloc(1, sizeof(*t));
    if (t == NULL || trial_input(t) != HF_OK)
        hf_fatal("there is no memory for a new certificate");
    t->front = f;
    t->certificate = f->certificate;
    atomic_init(&t->ended, false);
    g->trial = t;
    lane_send_trial(g->lanes[0], t);
}

static hf_err send_ready(gateway *g);

static void use(gateway *g, front *f)
{
    bool changed = !hf_certificate_equal(f->certificate, g->front->certificate);

    for (uint32_t i = 0; i < g->n_lanes; i++)
        lane_send_front(g->lanes[i], front_share(f));
    front_free(g->front);
    g->front = f;
    if (changed)
        hf_log(HF_LOG_INFO, "the new certificate is in use");
    if (!g->ready && send_ready(g) != HF_OK)
        hf_fatal("the supervisor cannot be told that all is ready");
    g->ready = true;
}

void supervisor_turn(gateway *g)
{
    trial *t = g->trial;

    if (t == NULL || !atomic_load(&t->ended))
        return;
    g->trial = NULL;
    if (t->result == HF_OK) {
        use(g, t->front);
    } else {
        if (!g->ready)
            hf_fatal("core has no private key for the certificate (%s): do server.tls_certificate and server.tls_key "
                     "belong together?",
                     hf_err_text(t->result));
        raise_alarm(g, "the new certificate and server.tls_key do not belong together (%s); the old pair stays",
                    hf_err_text(t->result));
        front_free(t->front);
    }
    free(t);
    front *next = g->waiting;
    g->waiting = NULL;
    if (next != NULL)
        supervisor_try(g, next);
}

static void stop(gateway *g)
{
    if (g->stopping)
        return;
    g->stopping = true;
    for (uint32_t i = 0; i < g->n_lanes; i++)
        lane_send_stop(g->lanes[i]);
}

static void on_message(void *arg, hf_message *m)
{
    gateway *g = arg;
    hf_err e = HF_ERR_MALFORMED;

    if (m->type == HF_MSG_PEER_CHANNEL)
        e = take_core(g, m);
    else if (m->type == HF_MSG_CONFIG_GATEWAY)
        e = take_front(g, m);
    else if (m->type == HF_MSG_STOP) {
        stop(g);
        e = HF_OK;
    }
    if (e != HF_OK)
        hf_fatal("the supervisor sent a message that is not understood");
}

static void on_end(void *arg, hf_err cause)
{
    gateway *g = arg;

    (void)cause;
    hf_channel_free(g->supervisor);
    g->supervisor = NULL;
    hf_fatal("the supervisor is gone");
}

hf_err supervisor_attach(gateway *g)
{
    return hf_channel_attach(g->supervisor, g->loop, on_message, on_end, g);
}

static hf_err send_ready(gateway *g)
{
    uint8_t rows[4096], body[8192];
    hf_writer list = hf_writer_on(rows, sizeof(rows)), w = hf_writer_on(body, sizeof(body));

    for (size_t i = 0; i < g->protections.n; i++) {
        const hf_protection *p = &g->protections.row[i];
        struct hf_protection_row row = { .process = hf_view_str("gateway"),
                                         .name = hf_view_str(p->name),
                                         .state = (uint8_t)p->state,
                                         .why = hf_view_str(p->why) };
        HF_TRY(hf_protection_row_encode(&row, &list));
    }
    struct hf_ready m = { .protections = hf_writer_view(&list) };
    HF_TRY(hf_ready_encode(&m, &w));
    return hf_channel_send(g->supervisor, HF_MSG_READY, 0, hf_writer_view(&w), NULL, 0);
}
