/* Starting a program by descriptor, with exactly the descriptors it is meant to have. */
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_GIVEN 3
#define GIVE_MAX 64

/* What the child does up to exec; runs after fork, so only async-signal-safe calls. */
typedef struct start {
    int exe_fd;
    int report_fd; /* takes errno when exec fails; closed by a good exec */
    char *const *argv;
    char *const *env;
    const int *give;
    int n_give;
    pid_t parent;
} start;

static bool reset_signals(void)
{
    struct sigaction standard = { .sa_handler = SIG_DFL };
    for (int i = 1; i < NSIG; i++)
        (void)sigaction(i, &standard, NULL); /* refused for SIGKILL, SIGSTOP and libc's own */
    sigset_t none;
    return sigemptyset(&none) == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

/* A copy above everything that the layout will overwrite. */
static int lift(int fd, int n_give)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, FIRST_GIVEN + n_give);
}

/*
 * First all descriptors are copied out of the way, then put in place: any give[i] may have a number that
 * another one is to get.
 */
static bool lay_out(start *s)
{
    int lifted[GIVE_MAX];
    s->exe_fd = lift(s->exe_fd, s->n_give);
    s->report_fd = lift(s->report_fd, s->n_give);
    if (s->exe_fd < 0 || s->report_fd < 0)
        return false;
    for (int i = 0; i < s->n_give; i++) {
        lifted[i] = lift(s->give[i], s->n_give);
        if (lifted[i] < 0)
            return false;
    }
    for (int i = 0; i < s->n_give; i++)
        if (dup2(lifted[i], FIRST_GIVEN + i) < 0) /* without close-on-exec */
            return false;
    return close_range((unsigned)(FIRST_GIVEN + s->n_give), ~0u, CLOSE_RANGE_CLOEXEC) == 0;
}

static HF_NORETURN void child_run(start *s)
{
    char *const no_env[] = { NULL };
    if (lay_out(s) && reset_signals() && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == s->parent)
        (void)syscall(SYS_execveat, s->exe_fd, "", s->argv, s->env == NULL ? no_env : s->env, AT_EMPTY_PATH);
    int why = errno == 0 ? ECHILD : errno;
    ssize_t n = write(s->report_fd, &why, sizeof why);
    (void)n;
    _exit(127);
}

/* 0 when exec closed the report, else the errno of the child. */
static int read_report(int fd)
{
    int why = 0;
    ssize_t n;
    do
        n = read(fd, &why, sizeof why);
    while (n < 0 && errno == EINTR);
    return n == 0 ? 0 : n == (ssize_t)sizeof why ? why : EIO;
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* fork with all signals blocked, so that no handler of ours runs in the child. */
static pid_t fork_quietly(start *s)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        child_run(s);
    int saved = errno;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return pid;
}

hf_err hf_spawn(int exe_fd, char *const argv[], char *const env[], const int *give, size_t n_give, pid_t *ret_pid,
                int *ret_pidfd)
{
    HF_CHECK(n_give <= GIVE_MAX, HF_ERR_BOUNDS);
    int report[2];
    HF_CHECK(pipe2(report, O_CLOEXEC) == 0, HF_ERR_SYSTEM);
    HF_AUTO(hf_fd_closep) int report_in = report[0];
    HF_AUTO(hf_fd_closep) int report_out = report[1];
    start s = { exe_fd, report_out, argv, env, give, (int)n_give, getpid() };
    pid_t pid = fork_quietly(&s);
    HF_CHECK(pid > 0, HF_ERR_SYSTEM);
    hf_fd_closep(&report_out);
    int why = read_report(report_in);
    int pidfd = why == 0 ? (int)syscall(SYS_pidfd_open, pid, 0u) : -1; /* the number is ours until it is reaped */
    if (pidfd < 0) {
        why = why == 0 ? errno : why;
        (void)kill(pid, SIGKILL);
        reap(pid);
        errno = why;
        return HF_ERR_SYSTEM;
    }
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return HF_OK;
}
