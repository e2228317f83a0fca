#include "core/core.h"
#include "core/tls_keys.h"
#include "core/unsealing.h"

#include "base/log.h"
#include "crypto/crypto.h"
#include <stdlib.h>

#define STACK_BYTES (256u * 1024)
#define TICK_MS 100

static _Thread_local lane *here;

lane *lane_here(void)
{
    return here;
}

void core_lock(core *c)
{
    pthread_mutex_lock(&c->lock);
}

void core_unlock(core *c)
{
    pthread_mutex_unlock(&c->lock);
}

void core_begin_work(core *c)
{
    c->busy++;
    core_unlock(c);
}

void core_end_work(core *c)
{
    core_lock(c);
    c->busy--;
}

static void on_tick(void *arg)
{
    core *c = arg;
    hf_mono now = hf_loop_now(c->lanes[0].loop);

    core_lock(c);
    requests_expire(c, now);
    tls_keys_tick(c, now);
    unsealing_expire(c, now);
    durable_expire(c, now);
    verdicts_tick(c, now);
    sessions_tick(c, now);
    failures_tick(c, now);
    hf_limits_expire(c->limits, now, 64);
    anchor_pump(c, false);
    commit_pump(c);
    stop_if_done(c);
    core_unlock(c);
    if (hf_loop_timer(c->lanes[0].loop, &c->tick, hf_mono_after_ms(now, TICK_MS)) != HF_OK)
        hf_fatal("the core's timer cannot be set");
}

static void on_seal_timer(void *arg)
{
    core *c = arg;

    core_lock(c);
    commit_pump(c);
    core_unlock(c);
}

/* Lane 0 only: the segment timer runs while something is unsealed. */
static void arm_seal_timer(core *c)
{
    core_lock(c);
    /* Not while no transaction can begin, or the timer would fire without end: what ends that begins one itself. */
    bool wanted = c->state == CORE_OPEN && c->store != NULL && !c->epoch_busy && journal_unsealed(c) &&
                  !c->commit.in_flight && c->seal_timer.slot == 0;
    hf_mono at = hf_mono_after_ms(c->journal.oldest_unsealed, c->config.segment_ms);
    if (c->durable_head != NULL)
        at = hf_mono_now();
    if (at.ns < c->commit.retry_at.ns)
        at = c->commit.retry_at;
    core_unlock(c);
    if (wanted && hf_loop_timer(c->lanes[0].loop, &c->seal_timer, at) != HF_OK)
        hf_log(HF_LOG_WARN, "the segment timer cannot be set");
}

/* Nothing of a job stays in registers or below the stack pointer while the lane sleeps. */
static void before_wait(void *arg)
{
    lane *l = arg;

    if (l->number == 0) {
        core_lock(l->core);
        slow_tick(l->core, hf_loop_now(l->loop));
        core_unlock(l->core);
        arm_seal_timer(l->core);
    }
    hf_crypto_end_job();
}

static void *lane_main(void *arg)
{
    lane *l = arg;

    here = l;
    pthread_barrier_wait(&l->core->gate);
    pthread_barrier_wait(&l->core->gate);
    if (hf_loop_run(l->loop) != HF_OK)
        hf_fatal("lane %u: the event loop failed", l->number);
    return NULL;
}

/* On a stack in the arena, detached: a join is a shared futex, which the kernel refuses in memfd_secret memory. */
static hf_err lane_thread(core *c, lane *l)
{
    pthread_attr_t attr;
    pthread_t thread;
    void *stack;

    HF_TRY(hf_arena_stack(c->arena, STACK_BYTES, &stack));
    HF_CHECK(pthread_attr_init(&attr) == 0, HF_ERR_SYSTEM);
    bool ok = pthread_attr_setstack(&attr, stack, STACK_BYTES) == 0 &&
              pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
              pthread_create(&thread, &attr, lane_main, l) == 0;
    pthread_attr_destroy(&attr);
    return ok ? HF_OK : HF_ERR_SYSTEM;
}

hf_err lanes_make(core *c)
{
    c->tick = (hf_timer) { .fn = on_tick, .arg = c };
    c->seal_timer = (hf_timer) { .fn = on_seal_timer, .arg = c };
    HF_TRY(hf_loop_timer(c->lanes[0].loop, &c->tick, hf_mono_after_ms(hf_mono_now(), TICK_MS)));
    HF_CHECK(pthread_barrier_init(&c->gate, NULL, c->n_lanes + 1) == 0, HF_ERR_SYSTEM);
    for (uint32_t i = 0; i < c->n_lanes; i++) {
        hf_loop_before_wait(c->lanes[i].loop, before_wait, &c->lanes[i]);
        HF_TRY(lane_thread(c, &c->lanes[i]));
    }
    pthread_barrier_wait(&c->gate);
    return HF_OK;
}

void lanes_run(core *c)
{
    pthread_barrier_wait(&c->gate);
}
