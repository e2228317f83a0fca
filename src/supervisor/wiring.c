#include "supervisor/supervisor.h"

#include "base/log.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAVED_FILES_CAP (EPOCH_MAX_BYTES + ANCHOR_MAX_BYTES + 64)

const hf_peer_role start_order[SERVED_ROLES] = { HF_PEER_CORE, HF_PEER_STORE, HF_PEER_VERIFIER, HF_PEER_GATEWAY };

/* Core talks to all, nobody else to anybody but core. */
static bool talk(hf_peer_role a, hf_peer_role b)
{
    return (a == HF_PEER_CORE) != (b == HF_PEER_CORE);
}

/* ---- what each is told first ---- */

static hf_err send_saved_files(struct child *core)
{
    uint8_t epoch[EPOCH_MAX_BYTES], anchor[ANCHOR_MAX_BYTES], body[SAVED_FILES_CAP];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_saved_files m = { .has_epoch = false };

    HF_TRY(files_read_epoch(&core->sup->files, epoch, sizeof(epoch), &m.has_epoch, &m.epoch.len));
    HF_TRY(files_read_anchor(&core->sup->files, anchor, sizeof(anchor), &m.has_anchor, &m.anchor.len));
    m.epoch.ptr = epoch;
    m.anchor.ptr = anchor;
    m.accept_rollback = files_rollback_accepted(&core->sup->files);
    HF_TRY(hf_saved_files_encode(&m, &w));
    child_send(core, HF_MSG_SAVED_FILES, 0, hf_writer_view(&w), NULL, 0);
    return HF_OK;
}

/* The audit ring outlives core: the next one takes over what is not stored yet. */
static void send_ring(struct child *c)
{
    uint8_t body[16];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_audit_ring m = { .bytes = c->sup->ring_bytes };

    if (c->sup->ring_fd >= 0 && hf_audit_ring_encode(&m, &w) == HF_OK)
        child_send(c, HF_MSG_AUDIT_RING, 0, hf_writer_view(&w), &c->sup->ring_fd, 1);
}

/* The supervisor's own protections, for `capabilities`. */
static hf_err send_own_protections(struct child *core)
{
    const hf_protections *own = &core->sup->protections;
    uint8_t list[4096], body[8192];
    hf_writer rows = hf_writer_on(list, sizeof(list)), w = hf_writer_on(body, sizeof(body));

    for (size_t i = 0; i < own->n; i++) {
        struct hf_protection_row row = { .process = hf_view_str(process_name(HF_PEER_SUPERVISOR)),
                                         .name = hf_view_str(own->row[i].name),
                                         .state = (uint8_t)own->row[i].state,
                                         .why = hf_view_str(own->row[i].why) };
        HF_TRY(hf_protection_row_encode(&row, &rows));
    }
    struct hf_process_up m = {
        .role = HF_PEER_SUPERVISOR, .pid = (uint32_t)getpid(), .starts = 1, .protections = hf_writer_view(&rows)
    };
    HF_TRY(hf_process_up_encode(&m, &w));
    child_send(core, HF_MSG_PROCESS_UP, 0, hf_writer_view(&w), NULL, 0);
    return HF_OK;
}

static void greet_core(struct child *c)
{
    struct supervisor *s = c->sup;

    child_send(c, HF_MSG_CONFIG_CORE, 0, body_view(&s->settings.core), NULL, 0);
    if (s->phase == PHASE_SERVING) /* core died: the configuration may name another seal since */
        unsealer_learn_kind(s);
    unsealer_tell_kind(s);
    if (send_saved_files(c) != HF_OK) {
        /* Going on without them would look like a fresh start to core. */
        hf_log(HF_LOG_ERROR, "epoch.key or the anchor cannot be read; core must not start without them");
        stop_begin(s, EXIT_FAILURE);
        return;
    }
    send_ring(c);
    child_send(c, HF_MSG_KEYSET, 0, body_view(&s->settings.keyset), NULL, 0);
}

/* The settings as config made them, and what only the supervisor knows: which sockets there are. */
static hf_err gateway_config(const struct supervisor *s, hf_writer *w, struct hf_config_gateway *ret)
{
    HF_TRY(hf_config_gateway_decode(body_view(&s->settings.gateway), ret));
    ret->local_socket = s->local_fd >= 0;
    ret->metrics_socket = s->metrics_fd >= 0;
    return hf_config_gateway_encode(ret, w);
}

/* Descriptors with CONFIG_GATEWAY: in the order that its row in core.def says. The private key is not among them. */
void wiring_gateway_files(struct supervisor *s)
{
    HF_AUTO(hf_fd_closep) int certificate = files_open_named(&s->files, s->settings.tls_certificate);
    HF_AUTO(hf_fd_closep) int authorities = -1;
    uint8_t body[4096];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_config_gateway config;
    int fds[HF_MESSAGE_MAX_FDS] = { s->listen_fd, certificate };
    size_t n = 2;

    bool ok = certificate >= 0 && gateway_config(s, &w, &config) == HF_OK;
    if (ok && config.client_certificates > 1) {
        authorities = files_open_named(&s->files, s->settings.client_ca);
        fds[n++] = authorities;
        ok = authorities >= 0;
    }
    if (!ok) {
        alarm_raise(s, "the certificate or the authorities of clients cannot be opened; the gateway keeps what it has");
        return;
    }
    if (s->local_fd >= 0)
        fds[n++] = s->local_fd;
    if (s->metrics_fd >= 0)
        fds[n++] = s->metrics_fd;
    child_send(s->child[HF_PEER_GATEWAY], HF_MSG_CONFIG_GATEWAY, 0, hf_writer_view(&w), fds, n);
}

static void greet_verifier(struct child *c)
{
    const struct renewal *r = &c->sup->renewal;
    const struct settings *from = r->verifier == c && r->has_settings ? &r->next : &c->sup->settings;

    child_send(c, HF_MSG_CONFIG_VERIFIER, 0, body_view(&from->verifier), NULL, 0);
    child_send(c, HF_MSG_KEYSET, 0, body_view(&from->keyset), NULL, 0);
}

void wiring_greet(struct child *c)
{
    if (c->role == HF_PEER_CORE)
        greet_core(c);
    else if (c->role == HF_PEER_GATEWAY)
        wiring_gateway_files(c->sup);
    else if (c->role == HF_PEER_VERIFIER)
        greet_verifier(c);
    else if (c->role == HF_PEER_STORE) {
        child_send(c, HF_MSG_CONFIG_STORE, 0, body_view(&c->sup->settings.store), NULL, 0);
        send_ring(c);
    }
}

/* ---- channels between two ---- */

static void send_peer(struct child *to, hf_peer_role role, int fd)
{
    uint8_t body[8];
    hf_writer w = hf_writer_on(body, sizeof(body));

    if (hf_peer_channel_encode(&(struct hf_peer_channel) { .role = (uint8_t)role }, &w) == HF_OK)
        child_send(to, HF_MSG_PEER_CHANNEL, 0, hf_writer_view(&w), &fd, 1);
}

static void connect_once(struct child *a, struct child *b)
{
    int pair[2];

    if (hf_fd_pair(pair) != HF_OK) {
        child_kill(b, "no channel can be made for it");
        return;
    }
    send_peer(a, b->role, pair[0]);
    send_peer(b, a->role, pair[1]);
    close(pair[0]);
    close(pair[1]);
}

/* The gateway has one channel a thread; they reach core in the order of its lanes. */
void wiring_connect(struct supervisor *s, struct child *a, struct child *b)
{
    bool gateway = a->role == HF_PEER_GATEWAY || b->role == HF_PEER_GATEWAY;
    uint32_t n = gateway ? s->settings.gateway_threads : 1;

    for (uint32_t i = 0; i < n; i++)
        connect_once(a, b);
}

void wiring_neighbours(struct child *c)
{
    struct supervisor *s = c->sup;

    if (s->renewal.verifier == c)
        return; /* it is connected when it takes over */
    for (size_t i = 0; i < SERVED_ROLES; i++) {
        struct child *other = s->child[start_order[i]];
        if (other != NULL && talk(c->role, other->role) && child_alive(other) && child_alive(c))
            wiring_connect(s, c, other);
    }
    /* Both halves of the pair are read when one of them is needed: files may have changed since the last time. */
    if (c->role == HF_PEER_CORE || (c->role == HF_PEER_GATEWAY && s->phase == PHASE_SERVING))
        tls_key_run(s);
    if (c->role != HF_PEER_CORE)
        return;
    if (send_own_protections(c) != HF_OK)
        hf_log(HF_LOG_WARN, "core could not be told the supervisor's protections");
    for (size_t i = 0; i < SERVED_ROLES; i++)
        if (s->child[start_order[i]] != c)
            wiring_tell_core(s->child[start_order[i]]);
}

void wiring_tell_core(struct child *c)
{
    uint8_t body[8192];
    hf_writer w = hf_writer_on(body, sizeof(body));

    if (c == NULL || c->role == HF_PEER_CORE || !c->ready)
        return; /* core knows its own protections */
    struct hf_process_up m = { .role = (uint8_t)c->role,
                               .pid = (uint32_t)c->pid,
                               .starts = c->starts,
                               .protections = body_view(&c->protections) };
    if (hf_process_up_encode(&m, &w) == HF_OK)
        child_send(c->sup->child[HF_PEER_CORE], HF_MSG_PROCESS_UP, 0, hf_writer_view(&w), NULL, 0);
}
