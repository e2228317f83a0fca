/* holdfastd: starts, wires, restarts and stops the processes of the HSM. It holds no key and parses nothing from outside. */
#include "base/log.h"
#include "supervisor/harden.h"
#include "supervisor/listen.h"
#include "supervisor/supervisor.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define LATE_MS 10000

static void options_take(int argc, char **argv, struct options *ret)
{
    char why[OPTIONS_WHY_CAP];

    if (options_read(argc, argv, ret, why) == HF_OK)
        return;
    if (why[0] != '\0')
        hf_log(HF_LOG_ERROR, "%s", why);
    else
        fputs(options_usage, stderr);
    exit(EXIT_USAGE);
}

static void settings_take(struct supervisor *s)
{
    HF_AUTO(hf_fd_closep) int conf = -1;
    HF_AUTO(hf_fd_closep) int keyset = -1;
    char why[SETTINGS_WHY_CAP];

    s->programs.strict = s->options.strict == STRICT_YES;
    if (files_open_config(&s->files, &s->options, &conf, &keyset) != HF_OK)
        exit(EXIT_FAILURE);
    if (settings_load(&s->programs, conf, keyset, s->options.strict, &s->settings, why) != HF_OK) {
        hf_log(HF_LOG_ERROR, "the configuration is refused: %s", why);
        exit(EXIT_FAILURE);
    }
    s->programs.strict = s->settings.strict;
}

static bool readable(const struct supervisor *s, const char *path)
{
    HF_AUTO(hf_fd_closep) int fd = files_open_named(&s->files, path);

    return fd >= 0;
}

static void files_check(const struct supervisor *s)
{
    if (!readable(s, s->settings.tls_certificate) || !readable(s, s->settings.tls_key) ||
        (s->settings.client_ca[0] != '\0' && !readable(s, s->settings.client_ca)))
        exit(EXIT_FAILURE);
    if (!s->options.check)
        return;
    hf_log(HF_LOG_INFO, "configuration, keyset and files are fine");
    exit(EXIT_SUCCESS);
}

static void sockets_open(struct supervisor *s)
{
    const char *address = s->options.listen != NULL ? s->options.listen : s->settings.listen;

    if (listen_tcp(address, &s->listen_fd) != HF_OK)
        exit(EXIT_FAILURE);
    if (s->options.socket != NULL && listen_local(s->options.socket, &s->local_fd) != HF_OK)
        exit(EXIT_FAILURE);
    if (s->settings.metrics_listen[0] != '\0' && listen_tcp(s->settings.metrics_listen, &s->metrics_fd) != HF_OK)
        exit(EXIT_FAILURE);
    hf_log(HF_LOG_INFO, "listening on https://%s", address);
    if (s->metrics_fd >= 0)
        hf_log(HF_LOG_INFO, "metrics at http://%s/metrics", s->settings.metrics_listen);
}

static void on_signal(void *arg, uint32_t events)
{
    struct supervisor *s = arg;
    struct signalfd_siginfo info;

    (void)events;
    if (read(s->signals.fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    if (info.ssi_signo == SIGHUP)
        reload_run(s);
    else
        stop_begin(s, EXIT_SUCCESS);
}

static hf_err signals_watch(struct supervisor *s)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    HF_CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0, HF_ERR_SYSTEM);
    s->signals = (hf_watch) { .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .fn = on_signal, .arg = s };
    HF_CHECK(s->signals.fd >= 0, HF_ERR_SYSTEM);
    return hf_loop_watch(s->loop, &s->signals, EPOLLIN);
}

/* Nobody is killed for being slow, a large store takes its time; but an operator should see who is awaited. */
static void on_late(void *arg)
{
    struct supervisor *s = arg;

    for (size_t i = 0; i < SERVED_ROLES; i++)
        if (!s->child[start_order[i]]->ready)
            hf_log(HF_LOG_WARN, "still waiting for %s", process_name(start_order[i]));
    if (s->core_state != CORE_IS_OPEN)
        hf_log(HF_LOG_WARN, "still waiting for core to open the store");
}

static void loop_make(struct supervisor *s)
{
    s->patience = (hf_timer) { .fn = on_late, .arg = s };
    if (hf_loop_new(&s->loop) != HF_OK || signals_watch(s) != HF_OK ||
        hf_loop_timer(s->loop, &s->patience, hf_mono_after_ms(hf_mono_now(), LATE_MS)) != HF_OK)
        hf_fatal("the event loop cannot be made");
    unsealer_init(s);
    tls_key_init(s);
}

static void children_start(struct supervisor *s)
{
    for (size_t i = 0; i < SERVED_ROLES; i++) {
        s->child[start_order[i]] = child_new(s, start_order[i]);
        if (s->child[start_order[i]] == NULL)
            hf_fatal("no memory");
    }
    for (size_t i = 0; i < SERVED_ROLES && s->phase == PHASE_STARTING; i++)
        child_start(s->child[start_order[i]]);
}

int main(int argc, char **argv)
{
    static struct supervisor s = {
        .listen_fd = -1, .local_fd = -1, .metrics_fd = -1, .ring_fd = -1, .core_state = CORE_IS_SEALED
    };

    hf_log_init("holdfastd");
    hf_log_open_journal();
    options_take(argc, argv, &s.options);
    if (supervisor_harden(&s.protections) != HF_OK)
        hf_fatal("the first protections cannot be had");
    if (programs_open(s.options.libexec, &s.programs) != HF_OK || files_open(&s.options, &s.files) != HF_OK)
        return EXIT_FAILURE;
    settings_take(&s);
    files_check(&s);
    sockets_open(&s);

    loop_make(&s);
    children_start(&s);
    if (hf_loop_run(s.loop) != HF_OK)
        hf_fatal("the event loop failed");
    if (s.options.socket != NULL)
        unlink(s.options.socket);
    hf_log(HF_LOG_INFO, "stopped");
    return s.exit_code;
}
