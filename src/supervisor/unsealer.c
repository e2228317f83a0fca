#include "supervisor/supervisor.h"

#include "base/log.h"
#include "sys/fd.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define FAILURES_MAX 5
#define RETRY_MS 1000
/* Argon2id at its highest cost on a slow machine ends before this. */
#define PATIENCE_MS 120000
/* Exit codes of holdfast-unseal: the seal itself does not open; the passphrase does not open it. */
#define EXIT_SEAL 1
#define EXIT_REFUSED 4

static const char *const opens_alone[] = { "file", "tpm2", "keyring", "credential" };

bool seal_opens_alone(const char *kind)
{
    for (size_t i = 0; i < HF_COUNT(opens_alone); i++)
        if (strcmp(kind, opens_alone[i]) == 0)
            return true;
    return false;
}

static void on_end(void *arg, uint32_t events);

/* ---- which seal: 'holdfast reseal' writes another one into the configuration while everything runs ---- */

void unsealer_tell_kind(struct supervisor *s)
{
    uint8_t body[64];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_seal_in_use m = { .seal = hf_view_str(s->settings.seal_kind),
                                .opens_alone = seal_opens_alone(s->settings.seal_kind) };

    if (hf_seal_in_use_encode(&m, &w) == HF_OK)
        child_send(s->child[HF_PEER_CORE], HF_MSG_SEAL_IN_USE, 0, hf_writer_view(&w), NULL, 0);
}

void unsealer_learn_kind(struct supervisor *s)
{
    HF_AUTO(hf_fd_closep) int conf = -1;
    HF_AUTO(hf_fd_closep) int keyset = -1;
    struct settings now = { .strict = false };
    char why[SETTINGS_WHY_CAP] = "a file cannot be opened";

    if (files_open_config(&s->files, &s->options, &conf, &keyset) != HF_OK ||
        settings_load(&s->programs, conf, keyset, s->options.strict, &now, why) != HF_OK) {
        hf_log(HF_LOG_WARN, "the configuration cannot be read again, so the seal is taken to be '%s' still: %s",
               s->settings.seal_kind, why);
        return;
    }
    if (strcmp(now.seal_kind, s->settings.seal_kind) != 0) {
        hf_log(HF_LOG_INFO, "the seal is now '%s'; it was '%s'", now.seal_kind, s->settings.seal_kind);
        memcpy(s->settings.seal_kind, now.seal_kind, sizeof(s->settings.seal_kind));
        unsealer_tell_kind(s);
    }
    settings_free(&now);
}

/* ---- the process ---- */

static void on_retry(void *arg)
{
    struct supervisor *s = arg;

    if (s->core_state != CORE_IS_OPEN)
        unsealer_run(s);
}

static void on_patience(void *arg)
{
    struct supervisor *s = arg;

    hf_log(HF_LOG_ERROR, "holdfast-unseal has not ended in %d s and is killed", PATIENCE_MS / 1000);
    pidfd_send_signal(s->unsealer.pidfd, SIGKILL, NULL, 0);
}

void unsealer_init(struct supervisor *s)
{
    s->unsealer = (struct unsealer) {
        .pidfd = -1,
        .end_watch = { .fd = -1, .fn = on_end, .arg = s },
        .retry = { .fn = on_retry, .arg = s },
        .patience = { .fn = on_patience, .arg = s },
    };
}

/* The passphrase is gone with the process: only the operator can try again, and core has told them. */
static void failed_with_operator(struct supervisor *s, const struct program_end *end)
{
    if (end->signalled || end->code != EXIT_REFUSED)
        alarm_raise(s, "holdfast-unseal failed (%s); the HSM stays sealed", end->text);
}

static void failed(struct supervisor *s, const struct program_end *end)
{
    struct unsealer *u = &s->unsealer;
    bool seal = !end->signalled && end->code == EXIT_SEAL;

    if (!seal_opens_alone(s->settings.seal_kind)) {
        failed_with_operator(s, end);
        return;
    }
    u->failures++;
    if (seal && s->phase == PHASE_STARTING) {
        hf_log(HF_LOG_ERROR, "the root key cannot be unsealed; its reason stands above");
        stop_begin(s, EXIT_FAILURE);
        return;
    }
    if (!seal && u->failures < FAILURES_MAX && s->core_state != CORE_IS_OPEN &&
        hf_loop_timer(s->loop, &u->retry, hf_mono_after_ms(hf_loop_now(s->loop), RETRY_MS)) == HF_OK)
        return;
    alarm_raise(s, "holdfast-unseal failed (%s); the HSM stays sealed", end->text);
    if (s->phase == PHASE_STARTING)
        stop_begin(s, EXIT_FAILURE);
}

static void on_end(void *arg, uint32_t events)
{
    struct supervisor *s = arg;
    struct program_end end;

    (void)events;
    hf_loop_timer_stop(s->loop, &s->unsealer.patience);
    hf_loop_unwatch(s->loop, &s->unsealer.end_watch);
    program_reap(s->unsealer.pidfd, &end);
    hf_fd_closep(&s->unsealer.pidfd);
    if (s->phase != PHASE_STOPPING && !s->unsealer.killed && (end.signalled || end.code != 0))
        failed(s, &end);
    if (s->unsealer.wanted_again && s->core_state == CORE_IS_SEALED)
        unsealer_run(s);
}

static hf_err send_core_its_end(struct supervisor *s, int fd)
{
    uint8_t body[8];
    hf_writer w = hf_writer_on(body, sizeof(body));

    HF_TRY(hf_peer_channel_encode(&(struct hf_peer_channel) { .role = HF_PEER_UNSEAL }, &w));
    child_send(s->child[HF_PEER_CORE], HF_MSG_PEER_CHANNEL, 0, hf_writer_view(&w), &fd, 1);
    return HF_OK;
}

static hf_err start(struct supervisor *s)
{
    HF_AUTO(hf_fd_closep) int ours = -1;
    HF_AUTO(hf_fd_closep) int theirs = -1;
    int pair[2];
    pid_t pid;

    HF_TRY(hf_fd_pair(pair));
    ours = pair[0];
    theirs = pair[1];
    int give[2] = { theirs, s->files.seal_fd };
    HF_TRY(program_start(&s->programs, HF_PEER_UNSEAL, s->settings.seal_kind, give, 2, &pid, &s->unsealer.pidfd));
    s->unsealer.end_watch.fd = s->unsealer.pidfd;
    HF_TRY(hf_loop_watch(s->loop, &s->unsealer.end_watch, EPOLLIN));
    HF_TRY(hf_loop_timer(s->loop, &s->unsealer.patience, hf_mono_after_ms(hf_loop_now(s->loop), PATIENCE_MS)));
    return send_core_its_end(s, ours);
}

/* Core asked for a seal that opens alone, and one that does not has taken its place: core knows by now. */
static bool needs_operator_now(struct supervisor *s)
{
    bool before = seal_opens_alone(s->settings.seal_kind);

    unsealer_learn_kind(s);
    return before && !seal_opens_alone(s->settings.seal_kind);
}

void unsealer_run(struct supervisor *s)
{
    /* The next passphrase may come before the process that refused the last one has ended. */
    s->unsealer.wanted_again = s->unsealer.pidfd >= 0 && !seal_opens_alone(s->settings.seal_kind);
    if (s->unsealer.pidfd >= 0 || s->phase == PHASE_STOPPING || !child_alive(s->child[HF_PEER_CORE]))
        return;
    hf_loop_timer_stop(s->loop, &s->unsealer.retry);
    if (needs_operator_now(s))
        return;
    s->unsealer.killed = false;
    if (start(s) != HF_OK)
        alarm_raise(s, "holdfast-unseal cannot be started; the HSM stays sealed");
}

void unsealer_end(struct supervisor *s)
{
    hf_loop_timer_stop(s->loop, &s->unsealer.retry);
    s->unsealer.killed = true;
    if (s->unsealer.pidfd >= 0)
        pidfd_send_signal(s->unsealer.pidfd, SIGKILL, NULL, 0);
}
