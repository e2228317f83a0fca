/* The event loop: timers in order, nothing after unwatch, and a wake-up that is not lost. */
#include "ipc/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

static hf_loop *make(void)
{
    hf_loop *l = NULL;

    assert_int_equal(hf_loop_new(&l), HF_OK);
    return l;
}

/* ---- timers ---- */

#define TIMERS 200

static struct {
    hf_loop *loop;
    hf_timer timers[TIMERS];
    int64_t last_ns;
    size_t fired, wanted;
    bool late;
} t;

static void on_timer(void *arg)
{
    hf_timer *timer = arg;

    assert_int_equal(timer->slot, 0); /* not armed while it runs */
    t.late = t.late || timer->at.ns > hf_loop_now(t.loop).ns;
    assert_true(timer->at.ns >= t.last_ns);
    t.last_ns = timer->at.ns;
    if (++t.fired == t.wanted)
        hf_loop_stop(t.loop);
}

static void timers_fire_in_order(void **state)
{
    (void)state;
    hf_mono start = hf_mono_now();

    memset(&t, 0, sizeof(t));
    t.loop = make();
    for (size_t i = 0; i < TIMERS; i++) {
        t.timers[i] = (hf_timer) { .fn = on_timer, .arg = &t.timers[i] };
        assert_int_equal(
            hf_loop_timer(t.loop, &t.timers[i], (hf_mono) { start.ns + (int64_t)(i * 7919 % TIMERS) * 200000 }), HF_OK);
    }
    for (size_t i = 0; i < TIMERS; i += 3) /* moved both ways */
        assert_int_equal(
            hf_loop_timer(t.loop, &t.timers[i], (hf_mono) { start.ns + (int64_t)(i * 104729 % TIMERS) * 200000 }),
            HF_OK);
    size_t stopped = 0;
    for (size_t i = 1; i < TIMERS; i += 5, stopped++)
        hf_loop_timer_stop(t.loop, &t.timers[i]);
    hf_loop_timer_stop(t.loop, &t.timers[1]); /* twice is fine */
    t.wanted = TIMERS - stopped;
    assert_int_equal(hf_loop_run(t.loop), HF_OK);
    assert_int_equal(t.fired, t.wanted);
    assert_false(t.late);
    for (size_t i = 0; i < TIMERS; i++)
        assert_int_equal(t.timers[i].slot, 0);
    hf_loop_free(t.loop);
}

static void on_again(void *arg)
{
    hf_timer *timer = arg;

    if (++t.fired == 5)
        hf_loop_stop(t.loop);
    else
        assert_int_equal(hf_loop_timer(t.loop, timer, hf_mono_after_ms(hf_loop_now(t.loop), 2)), HF_OK);
}

static void a_timer_may_arm_itself(void **state)
{
    (void)state;
    hf_mono start = hf_mono_now();

    memset(&t, 0, sizeof(t));
    t.loop = make();
    t.timers[0] = (hf_timer) { .fn = on_again, .arg = &t.timers[0] };
    assert_int_equal(hf_loop_timer(t.loop, &t.timers[0], start), HF_OK);
    assert_int_equal(hf_loop_run(t.loop), HF_OK);
    assert_true(t.fired == 5 && hf_mono_now().ns - start.ns >= 8 * HF_NS_PER_MS);
    hf_loop_free(t.loop);
}

/* ---- descriptors ---- */

static struct {
    hf_loop *loop;
    hf_watch a, b;
    size_t calls;
    uint32_t events;
} w;

static void take_other_away(void *arg, uint32_t events)
{
    hf_watch *other = arg == &w.a ? &w.b : &w.a;

    w.events = events;
    w.calls++;
    hf_loop_unwatch(w.loop, other);
    hf_loop_unwatch(w.loop, arg);
    close(other->fd);
    memset(other, 0xee, sizeof(*other)); /* as freed memory would be */
    hf_loop_stop(w.loop);
}

static void nothing_comes_after_unwatch(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.loop = make();
    w.a = (hf_watch) { .fd = eventfd(1, EFD_NONBLOCK), .fn = take_other_away, .arg = &w.a };
    w.b = (hf_watch) { .fd = eventfd(1, EFD_NONBLOCK), .fn = take_other_away, .arg = &w.b };
    int fds[2] = { w.a.fd, w.b.fd };
    assert_int_equal(hf_loop_watch(w.loop, &w.a, EPOLLIN), HF_OK);
    assert_int_equal(hf_loop_watch(w.loop, &w.b, EPOLLIN), HF_OK);
    assert_int_equal(hf_loop_run(w.loop), HF_OK); /* both are ready in one batch */
    assert_int_equal(w.calls, 1);
    assert_true((w.events & EPOLLIN) != 0);
    close(w.a.fd == fds[0] ? fds[0] : fds[1]);
    hf_loop_free(w.loop);
}

static void on_write(void *arg, uint32_t events)
{
    hf_watch *watch = arg;

    w.calls++;
    w.events |= events;
    if (w.calls == 1)
        assert_int_equal(hf_loop_watch(w.loop, watch, EPOLLIN | EPOLLOUT), HF_OK);
    else
        hf_loop_stop(w.loop);
}

static void interest_changes(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.loop = make();
    w.a = (hf_watch) { .fd = eventfd(1, EFD_NONBLOCK), .fn = on_write, .arg = &w.a };
    assert_int_equal(hf_loop_watch(w.loop, &w.a, 0), HF_OK); /* no interest yet: nothing to do */
    assert_int_equal(hf_loop_watch(w.loop, &w.a, EPOLLIN), HF_OK);
    assert_int_equal(hf_loop_watch(w.loop, &w.a, 0), HF_ERR_BOUNDS);
    assert_int_equal(hf_loop_run(w.loop), HF_OK);
    assert_int_equal(w.events, EPOLLIN | EPOLLOUT);
    hf_loop_unwatch(w.loop, &w.a);
    assert_int_equal(w.a.events, 0);
    hf_loop_unwatch(w.loop, &w.a);
    close(w.a.fd);
    hf_watch none = { .fd = -1 };
    assert_int_equal(hf_loop_watch(w.loop, &none, EPOLLIN), HF_ERR_SYSTEM);
    assert_int_equal(none.events, 0);
    hf_loop_free(w.loop);
}

/* ---- waking ---- */

static struct {
    hf_loop *loop;
    size_t turns;
} turning;

static void count_turn(void *arg)
{
    (void)arg;
    if (++turning.turns == 3)
        hf_loop_stop(turning.loop);
    else if (turning.turns > 1)
        hf_loop_wake(turning.loop);
}

static void *wake_late(void *arg)
{
    usleep(20000);
    hf_loop_wake(arg);
    return NULL;
}

static void a_wake_turns_the_loop(void **state)
{
    (void)state;
    pthread_t thread;

    turning.loop = make();
    turning.turns = 0;
    hf_loop_before_wait(turning.loop, count_turn, NULL);
    assert_int_equal(pthread_create(&thread, NULL, wake_late, turning.loop), 0);
    assert_int_equal(hf_loop_run(turning.loop), HF_OK); /* without the thread it would sleep for ever */
    pthread_join(thread, NULL);
    assert_int_equal(turning.turns, 3);
    hf_loop_free(turning.loop);
}

static void *run(void *arg)
{
    return hf_loop_run(arg) == HF_OK ? NULL : arg;
}

static void a_stop_before_the_run_counts(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        hf_loop *l = make();
        pthread_t thread;
        void *failed = l;
        assert_int_equal(pthread_create(&thread, NULL, run, l), 0);
        hf_loop_stop(l); /* before, while or after it begins to wait */
        pthread_join(thread, &failed);
        assert_null(failed);
        hf_loop_free(l);
    }
}

/* ---- tasks ---- */

typedef struct note {
    hf_loop *loop;
    hf_task task;
    char letter;
    char *log;
    size_t *len;
    struct note *then, *drop; /* queued, taken out when this one runs */
} note;

static void on_task(void *arg)
{
    note *n = arg;

    n->log[(*n->len)++] = n->letter;
    if (n->then != NULL)
        hf_loop_later(n->loop, &n->then->task);
    if (n->drop != NULL)
        hf_loop_forget(n->loop, &n->drop->task);
}

static void on_stop_timer(void *arg)
{
    note *n = arg;

    for (size_t i = 0; i < 5; i++) {
        hf_loop_later(n->loop, &n[i].task);
        hf_loop_later(n->loop, &n[i].task); /* twice is once */
    }
    hf_loop_forget(n->loop, &n[4].task);
    hf_loop_forget(n->loop, &n[4].task);
    hf_loop_later(n->loop, &n[0].task);
    hf_loop_stop(n->loop); /* the turn is finished all the same */
}

static void tasks_run_once_in_order_at_the_end_of_a_turn(void **state)
{
    (void)state;
    char log[16] = "";
    size_t len = 0;
    hf_loop *loop;
    note n[6];

    assert_int_equal(hf_loop_new(&loop), HF_OK);
    for (size_t i = 0; i < 6; i++)
        n[i] = (note) {
            .loop = loop, .task = { .fn = on_task, .arg = &n[i] }, .letter = (char)('a' + i), .log = log, .len = &len
        };
    n[0].then = &n[5]; /* a queues f, */
    n[1].drop = &n[2]; /* b takes c out */
    hf_timer timer = { .fn = on_stop_timer, .arg = n };
    assert_int_equal(hf_loop_timer(loop, &timer, hf_mono_now()), HF_OK);
    assert_int_equal(hf_loop_run(loop), HF_OK);
    assert_string_equal(log, "abdf");
    hf_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order),
        cmocka_unit_test(a_timer_may_arm_itself),
        cmocka_unit_test(nothing_comes_after_unwatch),
        cmocka_unit_test(interest_changes),
        cmocka_unit_test(a_wake_turns_the_loop),
        cmocka_unit_test(a_stop_before_the_run_counts),
        cmocka_unit_test(tasks_run_once_in_order_at_the_end_of_a_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
