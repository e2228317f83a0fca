/* What the supervisor says after the start: new channels to core, new certificates, stop. */
#include "gateway/gateway.h"

#include "base/log.h"
#include <string.h>

hf_err supervisor_tls(int chain_fd, int key_fd, hf_tls_server **ret, bool *ret_locked)
{
    hf_server_key *key = NULL;

    HF_TRY(hf_server_key_load(chain_fd, key_fd, &key));
    hf_err e = hf_tls_server_new(key, ret);
    *ret_locked = hf_server_key_locked(key);
    hf_server_key_free(key); /* the context holds what it needs */
    return e;
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

/* A new certificate: connections that are open keep the old one. What cannot be read changes nothing. */
static hf_err take_certificate(gateway *g, hf_message *m)
{
    hf_tls_server *tls = NULL;
    bool locked;

    HF_CHECK(m->n_fds >= 3, HF_ERR_MALFORMED);
    hf_err e = supervisor_tls(m->fds[1], m->fds[2], &tls, &locked);
    if (e != HF_OK) {
        hf_log(HF_LOG_ERROR, "the new certificate or key is not usable (%s); the old one stays", hf_err_text(e));
        return HF_OK;
    }
    for (uint32_t i = 0; i < g->n_lanes; i++)
        lane_send_tls(g->lanes[i], hf_tls_server_share(tls));
    hf_tls_server_free(g->tls);
    g->tls = tls;
    hf_log(HF_LOG_INFO, "the new certificate is in use");
    return HF_OK;
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
        e = take_certificate(g, m);
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

hf_err supervisor_ready(gateway *g)
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
