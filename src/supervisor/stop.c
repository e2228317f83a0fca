/*
 * The order of the end: first whoever brings work, last the store, so that core can seal its segments, write a
 * checkpoint and the last anchor. Each gets STOP when the one before is gone; after 10 s in all the rest is killed.
 */
#include "supervisor/supervisor.h"

#include "base/log.h"
#include "supervisor/notify.h"

#include <stdlib.h>
#include <unistd.h>

#define STOP_MS 10000

static const hf_peer_role stop_order[SERVED_ROLES] = { HF_PEER_GATEWAY, HF_PEER_VERIFIER, HF_PEER_CORE, HF_PEER_STORE };

static void on_patience(void *arg)
{
    struct supervisor *s = arg;

    for (size_t i = 0; i < SERVED_ROLES; i++)
        if (s->child[stop_order[i]] != NULL)
            child_kill(s->child[stop_order[i]], "it did not stop in time");
    s->exit_code = EXIT_FAILURE;
}

void stop_begin(struct supervisor *s, int exit_code)
{
    if (s->phase == PHASE_STOPPING)
        return;
    hf_loop_timer_stop(s->loop, &s->patience);
    reload_abort(s, NULL);
    s->phase = PHASE_STOPPING;
    s->exit_code = exit_code;
    notify_send("STOPPING=1");
    unsealer_end(s);
    for (size_t i = 0; i < SERVED_ROLES; i++)
        if (s->child[stop_order[i]] != NULL)
            hf_loop_timer_stop(s->loop, &s->child[stop_order[i]]->timer);
    s->patience = (hf_timer) { .fn = on_patience, .arg = s };
    if (hf_loop_timer(s->loop, &s->patience, hf_mono_after_ms(hf_mono_now(), STOP_MS)) != HF_OK)
        on_patience(s);
    stop_next(s);
}

/* Called again whenever one is gone. */
void stop_next(struct supervisor *s)
{
    for (size_t i = 0; i < SERVED_ROLES; i++) {
        struct child *c = s->child[stop_order[i]];
        if (c == NULL || (c->pidfd < 0 && c->channel == NULL))
            continue;
        if (!c->stop_sent) {
            hf_log(HF_LOG_INFO, "stopping %s", process_name(c->role));
            c->stop_sent = true;
            child_send_empty(c, HF_MSG_STOP);
        }
        return;
    }
    hf_loop_timer_stop(s->loop, &s->patience);
    hf_loop_stop(s->loop);
}
