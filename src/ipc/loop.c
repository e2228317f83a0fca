#include "ipc/loop.h"

#include "base/num.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BATCH 64

struct hf_loop {
    int epoll_fd;
    hf_watch wake;
    atomic_bool stopped;
    hf_mono now;
    /* The batch being worked on, so that unwatch can drop what is still to come. */
    struct epoll_event batch[BATCH];
    size_t batch_at, batch_len;
    /* Binary heap, earliest first. */
    hf_timer **heap;
    size_t heap_len, heap_cap;
    hf_task *tasks, **tasks_tail; /* in the order of hf_loop_later */
    void (*before_wait)(void *arg);
    void *before_wait_arg;
};

static void on_wake(void *arg, uint32_t events)
{
    hf_loop *l = arg;
    uint64_t n;

    (void)events;
    /* A failed read only means that somebody else emptied it. */
    if (read(l->wake.fd, &n, sizeof(n)) < 0)
        return;
}

hf_err hf_loop_new(hf_loop **ret)
{
    hf_loop *l = calloc(1, sizeof(*l));

    HF_CHECK(l != NULL, HF_ERR_SYSTEM);
    l->tasks_tail = &l->tasks;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake = (hf_watch) { .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .fn = on_wake, .arg = l };
    l->now = hf_mono_now();
    if (l->epoll_fd < 0 || l->wake.fd < 0 || hf_loop_watch(l, &l->wake, EPOLLIN) != HF_OK) {
        hf_loop_free(l);
        return HF_ERR_SYSTEM;
    }
    *ret = l;
    return HF_OK;
}

void hf_loop_free(hf_loop *l)
{
    if (l == NULL)
        return;
    if (l->wake.fd >= 0)
        close(l->wake.fd);
    if (l->epoll_fd >= 0)
        close(l->epoll_fd);
    free(l->heap);
    free(l);
}

hf_err hf_loop_watch(hf_loop *l, hf_watch *w, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.ptr = w };

    if (events == w->events)
        return HF_OK;
    HF_CHECK(events != 0, HF_ERR_BOUNDS);
    HF_CHECK(epoll_ctl(l->epoll_fd, w->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, w->fd, &ev) == 0, HF_ERR_SYSTEM);
    w->events = events;
    return HF_OK;
}

void hf_loop_unwatch(hf_loop *l, hf_watch *w)
{
    if (w->events == 0)
        return;
    /* Fails only when the descriptor is already closed, which the caller was told not to do. */
    (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    w->events = 0;
    for (size_t i = l->batch_at; i < l->batch_len; i++)
        if (l->batch[i].data.ptr == w)
            l->batch[i].data.ptr = NULL;
}

/* ---- timers ---- */

static void heap_put(hf_loop *l, size_t i, hf_timer *t)
{
    l->heap[i] = t;
    t->slot = i + 1;
}

static void heap_up(hf_loop *l, size_t i)
{
    hf_timer *t = l->heap[i];

    for (; i > 0 && t->at.ns < l->heap[(i - 1) / 2]->at.ns; i = (i - 1) / 2)
        heap_put(l, i, l->heap[(i - 1) / 2]);
    heap_put(l, i, t);
}

static void heap_down(hf_loop *l, size_t i)
{
    hf_timer *t = l->heap[i];

    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= l->heap_len)
            break;
        if (child + 1 < l->heap_len && l->heap[child + 1]->at.ns < l->heap[child]->at.ns)
            child++;
        if (l->heap[child]->at.ns >= t->at.ns)
            break;
        heap_put(l, i, l->heap[child]);
        i = child;
    }
    heap_put(l, i, t);
}

static hf_err heap_grow(hf_loop *l)
{
    size_t cap, bytes;

    if (l->heap_len < l->heap_cap)
        return HF_OK;
    HF_TRY(hf_mul_size(l->heap_cap == 0 ? 16 : l->heap_cap, 2, &cap));
    HF_TRY(hf_mul_size(cap, sizeof(*l->heap), &bytes));
    hf_timer **bigger = realloc(l->heap, bytes);
    HF_CHECK(bigger != NULL, HF_ERR_SYSTEM);
    l->heap = bigger;
    l->heap_cap = cap;
    return HF_OK;
}

hf_err hf_loop_timer(hf_loop *l, hf_timer *t, hf_mono at)
{
    if (t->slot == 0) {
        HF_TRY(heap_grow(l));
        t->at = at;
        heap_put(l, l->heap_len++, t);
        heap_up(l, l->heap_len - 1);
        return HF_OK;
    }
    t->at = at;
    heap_up(l, t->slot - 1);
    heap_down(l, t->slot - 1);
    return HF_OK;
}

void hf_loop_timer_stop(hf_loop *l, hf_timer *t)
{
    if (t->slot == 0)
        return;
    size_t i = t->slot - 1;
    hf_timer *last = l->heap[--l->heap_len];
    t->slot = 0;
    if (last == t)
        return;
    heap_put(l, i, last);
    heap_up(l, i);
    heap_down(l, last->slot - 1);
}

static void run_timers(hf_loop *l)
{
    while (l->heap_len > 0 && l->heap[0]->at.ns <= l->now.ns) {
        hf_timer *t = l->heap[0];
        hf_loop_timer_stop(l, t);
        t->fn(t->arg);
    }
}

/* Milliseconds until the next timer, rounded up so that it is due after the wait; -1 without timers. */
static int wait_ms(const hf_loop *l)
{
    if (l->heap_len == 0)
        return -1;
    int64_t left = l->heap[0]->at.ns - hf_mono_now().ns;
    if (left <= 0)
        return 0;
    int64_t ms = (left + HF_NS_PER_MS - 1) / HF_NS_PER_MS;
    return ms > 3600000 ? 3600000 : (int)ms;
}

/* ---- tasks ---- */

void hf_loop_later(hf_loop *l, hf_task *t)
{
    if (t->queued)
        return;
    t->queued = true;
    t->next = NULL;
    *l->tasks_tail = t;
    l->tasks_tail = &t->next;
}

void hf_loop_forget(hf_loop *l, hf_task *t)
{
    hf_task **at = &l->tasks;

    if (!t->queued)
        return;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    if (t->next == NULL)
        l->tasks_tail = at;
    t->queued = false;
}

static void run_tasks(hf_loop *l)
{
    while (l->tasks != NULL) {
        hf_task *t = l->tasks;
        hf_loop_forget(l, t);
        t->fn(t->arg);
    }
}

/* ---- the loop ---- */

hf_mono hf_loop_now(const hf_loop *l)
{
    return l->now;
}

void hf_loop_before_wait(hf_loop *l, void (*fn)(void *arg), void *arg)
{
    l->before_wait = fn;
    l->before_wait_arg = arg;
}

static void run_batch(hf_loop *l)
{
    for (l->batch_at = 0; l->batch_at < l->batch_len;) {
        struct epoll_event *ev = &l->batch[l->batch_at++];
        hf_watch *w = ev->data.ptr;
        if (w != NULL)
            w->fn(w->arg, ev->events);
    }
    l->batch_len = 0;
}

hf_err hf_loop_run(hf_loop *l)
{
    while (!atomic_load_explicit(&l->stopped, memory_order_acquire)) {
        if (l->before_wait != NULL)
            l->before_wait(l->before_wait_arg);
        run_tasks(l);
        int n = epoll_wait(l->epoll_fd, l->batch, BATCH, wait_ms(l));
        if (n < 0 && errno != EINTR)
            return HF_ERR_SYSTEM;
        l->batch_len = n > 0 ? (size_t)n : 0;
        l->now = hf_mono_now();
        run_batch(l);
        run_timers(l);
        run_tasks(l);
    }
    return HF_OK;
}

void hf_loop_stop(hf_loop *l)
{
    atomic_store_explicit(&l->stopped, true, memory_order_release);
    hf_loop_wake(l);
}

void hf_loop_wake(hf_loop *l)
{
    uint64_t one = 1;
    int saved = errno;

    /* Full means that a wake-up is already waiting. */
    if (write(l->wake.fd, &one, sizeof(one)) < 0)
        errno = saved;
}
