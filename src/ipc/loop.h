/* An epoll loop with timers. One thread runs a loop; only hf_loop_stop and hf_loop_wake may come from others. */
#ifndef HF_IPC_LOOP_H
#define HF_IPC_LOOP_H

#include "base/macros.h"
#include "base/time.h"

typedef struct hf_loop hf_loop;

/* Owned by the caller, usually a member of its own struct; must stay until unwatched. */
typedef struct hf_watch {
    int fd;
    void (*fn)(void *arg, uint32_t events); /* EPOLLIN and so on */
    void *arg;
    uint32_t events; /* current interest; 0: not watched */
} hf_watch;

typedef struct hf_timer {
    void (*fn)(void *arg);
    void *arg;
    hf_mono at;
    size_t slot; /* 1 + place in the heap; 0: not armed */
} hf_timer;

/* Work for the end of a turn; a member of its owner's struct, like a watch. */
typedef struct hf_task {
    void (*fn)(void *arg);
    void *arg;
    struct hf_task *next;
    bool queued;
} hf_task;

hf_err hf_loop_new(hf_loop **ret) HF_MUST_USE;
void hf_loop_free(hf_loop *l);
/* Adds or changes interest. Setting w->fd, fn and arg is the caller's work. */
hf_err hf_loop_watch(hf_loop *l, hf_watch *w, uint32_t events) HF_MUST_USE;
/* Safe inside any callback: pending events of w in this batch are dropped. Call before closing the fd. */
void hf_loop_unwatch(hf_loop *l, hf_watch *w);
/* Arms or moves. */
hf_err hf_loop_timer(hf_loop *l, hf_timer *t, hf_mono at) HF_MUST_USE;
void hf_loop_timer_stop(hf_loop *l, hf_timer *t);
/* The time of this wake-up. */
hf_mono hf_loop_now(const hf_loop *l);
/* Runs t->fn once after the callbacks of this turn and before the loop waits or ends; nothing when it is queued already. */
void hf_loop_later(hf_loop *l, hf_task *t);
/* Safe inside any callback, also when it is not queued. */
void hf_loop_forget(hf_loop *l, hf_task *t);
/* Runs before each wait, after all callbacks of a batch and their tasks: clear registers. */
void hf_loop_before_wait(hf_loop *l, void (*fn)(void *arg), void *arg);
/* Until hf_loop_stop. Waits in epoll_wait, or in epoll_pwait2 where timers need it. */
hf_err hf_loop_run(hf_loop *l) HF_MUST_USE;
void hf_loop_stop(hf_loop *l);
/* Makes the loop turn once soon; async-signal-safe, any thread. */
void hf_loop_wake(hf_loop *l);

#endif
