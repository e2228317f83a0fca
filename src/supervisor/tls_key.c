#include "supervisor/supervisor.h"

#include "base/log.h"
#include "sys/fd.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <unistd.h>

static void on_end(void *arg, uint32_t events);

void tls_key_init(struct supervisor *s)
{
    s->tls_key = (struct tls_key) { .pidfd = -1, .end_watch = { .fd = -1, .fn = on_end, .arg = s } };
}

static void failed(struct supervisor *s, const char *why)
{
    if (s->phase == PHASE_STARTING) {
        hf_log(HF_LOG_ERROR, "core got no private key for the gateway (%s)", why);
        stop_begin(s, EXIT_FAILURE);
        return;
    }
    alarm_raise(s, "the file of server.tls_key cannot be used (%s, see the log); the old certificate and key stay",
                why);
}

static void on_end(void *arg, uint32_t events)
{
    struct supervisor *s = arg;
    struct program_end end;

    (void)events;
    hf_loop_unwatch(s->loop, &s->tls_key.end_watch);
    program_reap(s->tls_key.pidfd, &end);
    hf_fd_closep(&s->tls_key.pidfd);
    if (s->phase == PHASE_STOPPING)
        return;
    if (s->tls_key.again) /* also for the core that came after the one that this was killed for */
        tls_key_run(s);
    else if (s->tls_key.killed)
        return;
    else if (end.signalled || end.code != 0)
        failed(s, end.text);
    else if (s->phase == PHASE_SERVING)
        wiring_gateway_files(s);
}

static hf_err send_core_its_end(struct supervisor *s, int fd)
{
    uint8_t body[8];
    hf_writer w = hf_writer_on(body, sizeof(body));

    HF_TRY(hf_peer_channel_encode(&(struct hf_peer_channel) { .role = HF_PEER_CONFIG }, &w));
    child_send(s->child[HF_PEER_CORE], HF_MSG_PEER_CHANNEL, 0, hf_writer_view(&w), &fd, 1);
    return HF_OK;
}

static hf_err start(struct supervisor *s)
{
    HF_AUTO(hf_fd_closep) int file = files_open_named(&s->files, s->settings.tls_key);
    HF_AUTO(hf_fd_closep) int ours = -1;
    HF_AUTO(hf_fd_closep) int theirs = -1;
    int pair[2];
    pid_t pid;

    HF_CHECK(file >= 0, HF_ERR_NOT_FOUND);
    HF_TRY(hf_fd_pair(pair));
    ours = pair[0];
    theirs = pair[1];
    int give[2] = { theirs, file };
    HF_TRY(program_start(&s->programs, HF_PEER_CONFIG, "--tls-key", give, 2, &pid, &s->tls_key.pidfd));
    s->tls_key.end_watch.fd = s->tls_key.pidfd;
    HF_TRY(hf_loop_watch(s->loop, &s->tls_key.end_watch, EPOLLIN));
    return send_core_its_end(s, ours);
}

void tls_key_run(struct supervisor *s)
{
    struct tls_key *k = &s->tls_key;

    k->again = k->pidfd >= 0;
    if (k->again || s->phase == PHASE_STOPPING || !child_alive(s->child[HF_PEER_CORE]))
        return;
    k->killed = false;
    hf_err e = start(s);
    if (e != HF_OK)
        failed(s, hf_err_text(e));
}

/* Core is gone: the next one is brought its key anew. */
void tls_key_end(struct supervisor *s)
{
    s->tls_key.killed = true;
    s->tls_key.again = false;
    if (s->tls_key.pidfd >= 0)
        pidfd_send_signal(s->tls_key.pidfd, SIGKILL, NULL, 0);
}
