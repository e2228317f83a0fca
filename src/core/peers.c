#include "core/unsealing.h"

#include "base/log.h"
#include <stdlib.h>
#include <unistd.h>

#define QUEUE_BYTES (16u << 20)

peer *peer_find(core *c, uint32_t slot, uint32_t generation)
{
    peer *p = slot < CORE_PEERS_MAX ? &c->peers[slot] : NULL;

    return p != NULL && p->channel != NULL && p->generation == generation ? p : NULL;
}

void peer_send(peer *p, uint16_t type, uint64_t id, hf_view body)
{
    if (p == NULL || p->channel == NULL)
        return;
    /* On its own lane the message leaves with others, after the lock is given back. From elsewhere at once. */
    bool soon = p->role == HF_PEER_GATEWAY && p->lane == lane_here();
    hf_err e =
        soon ? hf_channel_send_soon(p->channel, type, id, body) : hf_channel_send(p->channel, type, id, body, NULL, 0);
    /* A peer that is gone, or so slow that its queue is full, loses the message: its own deadline answers its client. */
    if (e == HF_ERR_OVERLOADED)
        hf_log(HF_LOG_WARN, "the queue to a peer (role %d) is full, a message was dropped", p->role);
}

void peers_flush(core *c)
{
    for (size_t i = 0; i < CORE_PEERS_MAX; i++)
        if (c->peers[i].channel != NULL && c->peers[i].role == HF_PEER_GATEWAY)
            (void)!hf_channel_flush(c->peers[i].channel); /* a peer that is gone ends its channel by itself */
}

/* Which pointer of core stands for a role that exists once; NULL for gateways. */
static peer **single_peer(core *c, hf_peer_role role)
{
    switch (role) {
    case HF_PEER_SUPERVISOR:
        return &c->supervisor;
    case HF_PEER_STORE:
        return &c->store;
    case HF_PEER_VERIFIER:
        return &c->verifier;
    case HF_PEER_UNSEAL:
        return &c->unsealer;
    case HF_PEER_CORE:
    case HF_PEER_GATEWAY:
    case HF_PEER_CONFIG:
        break;
    }
    return NULL;
}

static void peer_close(peer *p)
{
    peer **single = single_peer(p->core, p->role);

    hf_channel_free(p->channel);
    p->channel = NULL;
    p->generation++;
    if (single != NULL && *single == p)
        *single = NULL;
}

/* What the store that is gone was asked has no answer. */
static void store_gone(core *c)
{
    commit_store_gone(c);
    loading_fail_all(c, HF_ERR_PEER_GONE);
    audit_fail_all(c, HF_ERR_PEER_GONE);
    epoch_abort(c, HF_ERR_PEER_GONE);
    opening_abort(c);
}

void peer_end(peer *p, hf_err cause)
{
    core *c = p->core;
    hf_peer_role role = p->role;

    if (cause != HF_ERR_PEER_GONE) {
        hf_log(HF_LOG_ERROR, "a peer of role %d broke the protocol (%s): its channel is closed", role,
               hf_err_name(cause));
        journal_note(c, 0, cause, "core", "a peer broke the protocol of its channel, which was closed");
    }
    bool was_current = single_peer(c, role) == NULL || *single_peer(c, role) == p;
    peer_close(p);
    if (role == HF_PEER_SUPERVISOR) {
        core_forget_keys(c);
        hf_fatal("the supervisor is gone");
    }
    if (role == HF_PEER_STORE && was_current)
        store_gone(c);
    if (role == HF_PEER_VERIFIER && was_current)
        verdicts_verifier_gone(c);
    if (role == HF_PEER_UNSEAL && was_current)
        unsealing_peer_gone(c);
}

static void on_end(void *arg, hf_err cause)
{
    peer *p = arg;
    core *c = p->core;

    core_lock(c);
    peer_end(p, cause);
    core_unlock(c);
}

static void on_message(void *arg, hf_message *m)
{
    dispatch_message(arg, m);
}

hf_err peer_adopt(core *c, lane *l, hf_peer_role role, hf_channel *channel, peer **ret)
{
    peer *p = NULL;
    peer **single = single_peer(c, role);

    for (uint32_t i = 0; i < CORE_PEERS_MAX && p == NULL; i++)
        if (c->peers[i].channel == NULL) {
            p = &c->peers[i];
            p->slot = i;
        }
    HF_CHECK(p != NULL, HF_ERR_QUOTA);
    p->core = c;
    p->lane = l;
    p->role = role;
    p->generation++;
    p->channel = channel;
    if (role == HF_PEER_STORE && c->store != NULL)
        store_gone(c); /* the end of the one before is still to be seen */
    if (single != NULL)
        *single = p;
    *ret = p;
    hf_err e = hf_channel_attach(channel, l->loop, on_message, on_end, p);
    if (e != HF_OK) {
        p->channel = NULL;
        if (single != NULL)
            *single = NULL;
    }
    return e;
}

static void buffer_free(void *buffer)
{
    hf_secret_free(buffer);
}

/* The root key and the TLS key come this way: not even for a moment may it lie in ordinary memory. */
static hf_err receive_in_arena(hf_channel *channel)
{
    hf_secret *buffer;

    HF_TRY(hf_secret_new(HF_FRAME_MAX_BYTES, &buffer));
    hf_channel_receive_in(channel, hf_secret_bytes(buffer), buffer_free, buffer);
    return HF_OK;
}

hf_err peer_add(core *c, lane *l, hf_peer_role role, int fd, peer **ret)
{
    hf_channel *channel;

    HF_TRY(hf_channel_new(fd, QUEUE_BYTES, hf_message_max_body, &channel));
    hf_err e = role == HF_PEER_UNSEAL || role == HF_PEER_CONFIG ? receive_in_arena(channel) : HF_OK;
    if (e == HF_OK)
        e = peer_adopt(c, l, role, channel, ret);
    if (e != HF_OK)
        hf_channel_free(channel);
    return e;
}
