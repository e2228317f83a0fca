#include "supervisor/supervisor.h"

#include "base/log.h"
#include "sys/fd.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define QUEUE_BYTES (2u << 20)
#define RETIRE_MS 2000

static void on_end(void *arg, uint32_t events);
static void on_timer(void *arg);

struct child *child_new(struct supervisor *sup, hf_peer_role role)
{
    struct child *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->sup = sup;
    c->role = role;
    c->pidfd = -1;
    c->end_watch = (hf_watch) { .fd = -1, .fn = on_end, .arg = c };
    c->timer = (hf_timer) { .fn = on_timer, .arg = c };
    return c;
}

static void child_free(struct child *c)
{
    hf_loop_timer_stop(c->sup->loop, &c->timer);
    free(c->protections.ptr);
    free(c);
}

bool child_alive(const struct child *c)
{
    return c != NULL && c->channel != NULL && c->pidfd >= 0;
}

void child_kill(struct child *c, const char *why)
{
    if (c->pidfd < 0)
        return;
    hf_log(HF_LOG_ERROR, "%s (process %d) is killed: %s", process_name(c->role), (int)c->pid, why);
    pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
}

void child_send(struct child *c, uint16_t type, uint64_t id, hf_view body, const int *fds, size_t n_fds)
{
    if (!child_alive(c))
        return;
    hf_err err = hf_channel_send(c->channel, type, id, body, fds, n_fds);
    /* One that is gone is seen by its descriptor. */
    if (err != HF_OK && err != HF_ERR_PEER_GONE)
        child_kill(c, hf_err_text(err));
}

void child_send_empty(struct child *c, uint16_t type)
{
    child_send(c, type, 0, (hf_view) { NULL, 0 }, NULL, 0);
}

/* ---- the end of a process ---- */

static void crashed(struct child *c)
{
    struct supervisor *s = c->sup;
    hf_mono now = hf_loop_now(s->loop);
    int64_t delay_ms = 0;

    if (s->phase == PHASE_STARTING && !c->end.signalled) {
        /* It refused to start and said why: trying again would only say it again. */
        hf_log(HF_LOG_ERROR, "%s does not start (%s); its reason stands above", process_name(c->role), c->end.text);
        stop_begin(s, EXIT_FAILURE);
        return;
    }
    if (backoff_next(&c->backoff, c->started, now, &delay_ms) &&
        hf_loop_timer(s->loop, &c->timer, hf_mono_after_ms(now, delay_ms)) == HF_OK) {
        hf_log(HF_LOG_WARN, "%s ended (%s); it is started again in %lld ms", process_name(c->role), c->end.text,
               (long long)delay_ms);
        return;
    }
    c->down = true;
    alarm_raise(s, "%s crashed %d times within %d s and stays down (last: %s); restart holdfastd",
                process_name(c->role), CRASHES_MAX, (int)(CRASH_WINDOW_NS / HF_NS_PER_S), c->end.text);
    if (s->phase == PHASE_STARTING)
        stop_begin(s, EXIT_FAILURE);
}

/* Only when the process has ended and its last messages are read: what core wrote before it died still counts. */
static void gone(struct child *c)
{
    struct supervisor *s = c->sup;

    if (c->channel != NULL || c->pidfd >= 0)
        return;
    c->ready = false;
    if (c->retiring) {
        child_free(c);
        return;
    }
    if (s->renewal.verifier == c) {
        s->renewal.verifier = NULL;
        reload_verifier_failed(s);
        child_free(c);
        return;
    }
    if (c->role == HF_PEER_CORE) {
        s->core_state = CORE_IS_SEALED;
        unsealer_end(s);
        tls_key_end(s);
        reload_abort(s, "core ended");
    }
    if (s->phase == PHASE_STOPPING)
        stop_next(s);
    else
        crashed(c);
}

static void on_end(void *arg, uint32_t events)
{
    struct child *c = arg;

    (void)events;
    hf_loop_unwatch(c->sup->loop, &c->end_watch);
    program_reap(c->pidfd, &c->end);
    hf_fd_closep(&c->pidfd);
    gone(c);
}

static void on_channel_end(void *arg, hf_err cause)
{
    struct child *c = arg;

    hf_channel_free(c->channel);
    c->channel = NULL;
    if (c->pidfd >= 0 && cause != HF_ERR_PEER_GONE)
        child_kill(c, hf_err_text(cause));
    else if (c->pidfd >= 0 && c->sup->phase != PHASE_STOPPING && !c->retiring)
        pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0); /* without its channel it can only be started again */
    gone(c);
}

static void on_message(void *arg, hf_message *m)
{
    struct child *c = arg;
    hf_err err = hf_message_allowed(m->type, c->role) ? request_handle(c, m) : HF_ERR_DENIED;

    if (err != HF_OK)
        child_kill(c, "it sent a message that breaks the rules");
}

/* ---- start ---- */

static hf_err spawn(struct child *c)
{
    struct supervisor *s = c->sup;
    int pair[2];

    HF_TRY(hf_fd_pair(pair));
    int give[2] = { pair[1], s->files.store_fd };
    hf_err err = program_start(&s->programs, c->role, NULL, give, c->role == HF_PEER_STORE ? 2 : 1, &c->pid, &c->pidfd);
    close(pair[1]);
    if (err != HF_OK) {
        close(pair[0]);
        return err;
    }
    HF_TRY(hf_channel_new(pair[0], QUEUE_BYTES, hf_message_max_body, &c->channel));
    HF_TRY(hf_channel_attach(c->channel, s->loop, on_message, on_channel_end, c));
    c->end_watch.fd = c->pidfd;
    return hf_loop_watch(s->loop, &c->end_watch, EPOLLIN);
}

void child_start(struct child *c)
{
    c->started = hf_mono_now();
    c->starts++;
    c->ready = false;
    if (spawn(c) != HF_OK) {
        /* Descriptors or memory are short: nothing that a closer look at this child would cure. */
        hf_log(HF_LOG_ERROR, "%s cannot be started", process_name(c->role));
        stop_begin(c->sup, EXIT_FAILURE);
        return;
    }
    hf_log(HF_LOG_INFO, "%s started as process %d", process_name(c->role), (int)c->pid);
    wiring_greet(c);
    wiring_neighbours(c);
}

static void on_timer(void *arg)
{
    struct child *c = arg;

    if (c->retiring)
        child_kill(c, "it does not stop");
    else if (c->sup->phase != PHASE_STOPPING)
        child_start(c);
}

void child_retire(struct child *c)
{
    if (c == NULL)
        return;
    c->retiring = true;
    if (c->pidfd < 0 && c->channel == NULL) {
        child_free(c);
        return;
    }
    child_send_empty(c, HF_MSG_STOP);
    if (hf_loop_timer(c->sup->loop, &c->timer, hf_mono_after_ms(hf_loop_now(c->sup->loop), RETIRE_MS)) != HF_OK)
        child_kill(c, "no timer");
}
