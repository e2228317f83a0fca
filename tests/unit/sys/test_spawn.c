/* Starting programs: which descriptors, arguments and signals arrive, and who dies with whom. */
#include "child.h"
#include <poll.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

static int self_fd;

/* ---- the started program ---- */

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* Prints one byte read from each of the given descriptors, then the numbers of all that are open from 3 on. */
static int layout_main(int n)
{
    char line[256];
    int len = 0;
    for (int i = 0; i < n; i++) {
        char c = '?';
        if (pread(3 + i, &c, 1, 0) != 1)
            c = '!';
        line[len++] = c;
    }
    for (int fd = 3; fd < 1024; fd++)
        if (is_open(fd))
            len += snprintf(line + len, sizeof line - (size_t)len, " %d", fd);
    return write(1, line, (size_t)len) == len ? 0 : 1;
}

static int signals_main(void)
{
    sigset_t blocked;
    struct sigaction action;
    int parent_death = 0;
    if (sigprocmask(SIG_SETMASK, NULL, &blocked) != 0)
        return 1;
    if (sigismember(&blocked, SIGUSR1) || sigismember(&blocked, SIGTERM))
        return 1;
    if (sigaction(SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
        return 2;
    if (prctl(PR_GET_PDEATHSIG, &parent_death) != 0 || parent_death != SIGKILL)
        return 3;
    extern char **environ;
    return environ[0] == NULL ? 0 : 4;
}

static int program_main(int argc, char **argv)
{
    if (strcmp(argv[1], "layout") == 0)
        return layout_main(atoi(argv[2]));
    if (strcmp(argv[1], "signals") == 0)
        return signals_main();
    if (strcmp(argv[1], "env") == 0)
        return getenv("ONLY") != NULL && strcmp(getenv("ONLY"), "this") == 0 && getenv("PATH") == NULL ? 0 : 1;
    for (;;)
        pause();
    return argc;
}

/* ---- the starter ---- */

static pid_t start(char *const argv[], char *const env[], const int *give, size_t n_give, int *ret_pidfd)
{
    pid_t pid = -1;
    hf_err e = hf_spawn(self_fd, argv, env, give, n_give, &pid, ret_pidfd);
    if (e != HF_OK)
        fail_msg("hf_spawn: %s, errno %d", hf_err_name(e), errno);
    assert_true(pid > 0 && *ret_pidfd >= 0);
    return pid;
}

/* A file that holds the one character c, open as exactly descriptor `number` (-1: any). */
static int file_with(char c, int number)
{
    int low = memfd_create("f", MFD_CLOEXEC);
    int fd = fcntl(low, F_DUPFD_CLOEXEC, 10);
    close(low);
    assert_int_equal(write(fd, &c, 1), 1);
    if (number < 0)
        return fd;
    assert_int_equal(dup3(fd, number, O_CLOEXEC), number);
    close(fd);
    return number;
}

static void assert_layout(const int *give, size_t n, const char *wanted)
{
    char count[16], text[256] = "";
    snprintf(count, sizeof count, "%zu", n);
    char *const argv[] = { "program", "layout", count, NULL };
    int tube[2], pidfd = -1;
    assert_int_equal(pipe2(tube, O_CLOEXEC), 0);
    int saved = fcntl(1, F_DUPFD_CLOEXEC, 100);
    fflush(stdout);
    (void)dup2(tube[1], 1);
    pid_t pid = start(argv, NULL, give, n, &pidfd);
    (void)dup2(saved, 1);
    close(saved);
    close(tube[1]);
    assert_true(read(tube[0], text, sizeof text - 1) >= 0);
    close(tube[0]);
    close(pidfd);
    assert_exit(child_wait(pid), 0);
    assert_string_equal(text, wanted);
}

static void descriptors_are_laid_out(void **state)
{
    (void)state;
    int a = file_with('a', 20), b = file_with('b', 21), c = file_with('c', 22);
    int stray = fcntl(a, F_DUPFD, 40); /* open, without close-on-exec, and not given */
    assert_layout((int[]) { a, b, c }, 3, "abc 3 4 5");
    assert_layout((int[]) { b }, 1, "b 3");
    assert_layout(NULL, 0, "");
    assert_layout((int[]) { a, a, a, b }, 4, "aaab 3 4 5 6");
    close(stray);
    close(a);
    close(b);
    close(c);
}

/* Numbers 3 to 6 are free of anything that the test needs: see main. */
static void numbers_may_overlap(void **state)
{
    (void)state;
    int x = file_with('x', 3), y = file_with('y', 4), z = file_with('z', 5);
    assert_layout((int[]) { y, x }, 2, "yx 3 4");
    assert_layout((int[]) { z, x, y }, 3, "zxy 3 4 5");
    assert_layout((int[]) { y, z, x }, 3, "yzx 3 4 5");
    assert_layout((int[]) { z, z, x, x, y }, 5, "zzxxy 3 4 5 6 7");
    assert_int_equal(dup3(self_fd, 6, O_CLOEXEC), 6); /* the program itself where a given one must go */
    int kept = self_fd;
    self_fd = 6;
    assert_layout((int[]) { x, y, z, x }, 4, "xyzx 3 4 5 6");
    self_fd = kept;
    for (int fd = 3; fd <= 6; fd++)
        close(fd);
}

static void signals_and_environment_are_clean(void **state)
{
    (void)state;
    sigset_t some, before;
    (void)sigemptyset(&some);
    (void)sigaddset(&some, SIGUSR1);
    (void)sigaddset(&some, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &some, &before);
    (void)signal(SIGPIPE, SIG_IGN);
    int pidfd = -1;
    pid_t pid = start((char *[]) { "program", "signals", NULL }, NULL, NULL, 0, &pidfd);
    close(pidfd);
    assert_exit(child_wait(pid), 0);
    pid = start((char *[]) { "program", "env", NULL }, (char *[]) { "ONLY=this", NULL }, NULL, 0, &pidfd);
    close(pidfd);
    assert_exit(child_wait(pid), 0);
    sigset_t now;
    (void)sigprocmask(SIG_SETMASK, &before, &now);
    assert_true(sigismember(&now, SIGUSR1)); /* our own mask is as it was */
}

static void pidfd_is_the_child(void **state)
{
    (void)state;
    int pidfd = -1;
    pid_t pid = start((char *[]) { "program", "wait", NULL }, NULL, NULL, 0, &pidfd);
    struct pollfd p = { pidfd, POLLIN, 0 };
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_int_equal(syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0), 0);
    assert_int_equal(poll(&p, 1, 5000), 1);
    int status = child_wait(pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
    close(pidfd);
}

static int starts_and_dies(const void *pipe_out)
{
    pid_t pid = -1;
    int pidfd = -1;
    char *const argv[] = { "program", "wait", NULL };
    if (hf_spawn(self_fd, argv, NULL, NULL, 0, &pid, &pidfd) != HF_OK)
        return 1;
    if (write(*(const int *)pipe_out, &pid, sizeof pid) != sizeof pid)
        return 2;
    for (;;)
        pause();
}

static void children_die_with_the_starter(void **state)
{
    (void)state;
    int tube[2];
    assert_int_equal(pipe2(tube, O_CLOEXEC), 0);
    pid_t starter = child_start(starts_and_dies, &tube[1]);
    pid_t grandchild = -1;
    assert_int_equal(read(tube[0], &grandchild, sizeof grandchild), sizeof grandchild);
    int pidfd = (int)syscall(SYS_pidfd_open, grandchild, 0);
    assert_true(pidfd >= 0);
    assert_int_equal(kill(starter, SIGKILL), 0);
    (void)child_wait(starter);
    struct pollfd p = { pidfd, POLLIN, 0 };
    assert_int_equal(poll(&p, 1, 5000), 1);
    close(pidfd);
    close(tube[0]);
    close(tube[1]);
}

static void failures_are_told(void **state)
{
    (void)state;
    pid_t pid = -7;
    int pidfd = -7, text = file_with('x', -1);
    char *const argv[] = { "program", NULL };
    assert_int_equal(hf_spawn(text, argv, NULL, NULL, 0, &pid, &pidfd), HF_ERR_SYSTEM);
    assert_int_equal(errno, ENOEXEC);
    assert_int_equal(hf_spawn(-1, argv, NULL, NULL, 0, &pid, &pidfd), HF_ERR_SYSTEM);
    assert_int_equal(errno, EBADF);
    assert_int_equal(hf_spawn(self_fd, argv, NULL, (int[]) { 999 }, 1, &pid, &pidfd), HF_ERR_SYSTEM);
    assert_int_equal(hf_spawn(self_fd, argv, NULL, NULL, 65, &pid, &pidfd), HF_ERR_BOUNDS);
    assert_int_equal(pid, -7);
    assert_int_equal(pidfd, -7);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie stays */
    assert_int_equal(errno, ECHILD);
    close(text);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return program_main(argc, argv);
    int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    self_fd = fcntl(exe, F_DUPFD_CLOEXEC, 60); /* 3 to 8 belong to the layouts */
    (void)close_range(3, 8, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_laid_out),          cmocka_unit_test(numbers_may_overlap),
        cmocka_unit_test(signals_and_environment_are_clean), cmocka_unit_test(pidfd_is_the_child),
        cmocka_unit_test(children_die_with_the_starter),     cmocka_unit_test(failures_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
