/* What the helpers of guarded buffers and of wiping need, and those who look at them from outside. */
#ifndef TEST_MEM_OUTSIDE_H
#define TEST_MEM_OUTSIDE_H

#include "helper.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define MIB ((size_t)1 << 20)
#define NOBODY 65534
#define PAGE ((size_t)4096)

static inline bool have_secretmem(void)
{
    int fd = (int)syscall(SYS_memfd_secret, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

#define SKIP_NO_SECRETMEM() SKIP_IF(!have_secretmem(), "skipped: this kernel has no memfd_secret")
#define SKIP_USER() SKIP_IF(geteuid() != 0, "skipped: needs root to look into another process")

/* ---- in a helper ---- */

/*
 * From now on `number` gives `action`, SECCOMP_RET_ERRNO with an error or SECCOMP_RET_KILL_PROCESS; with `others` all
 * calls but these.
 */
static inline void filter_call(int number, uint32_t action)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { HF_COUNT(code), code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        exit(125);
}

/* Every further system call but these two ends the process with SIGSYS. */
static inline void filter_all_but_exit(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog filter = { HF_COUNT(code), code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        exit(125);
}

static inline void deny_memfd_secret(void)
{
    filter_call(SYS_memfd_secret, SECCOMP_RET_ERRNO | ENOSYS);
}

static inline void limit_locked(size_t bytes)
{
    const struct rlimit limit = { bytes, bytes };
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        exit(125);
}

/* An ordinary user, whom limits bind. Drops all capabilities with the ids. */
static inline void become_nobody(void)
{
    if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0)
        exit(125);
}

/*
 * Signals end a helper as they would end any program: cmocka and the sanitizers have handlers of their own, and what
 * started the tests may ignore some. No core files.
 */
static inline void be_ordinary(void)
{
    sigset_t none;
    for (int number = 1; number < SIGSYS + 1; number++)
        (void)signal(number, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
    (void)dup2(1, 2); /* what is said on stderr is read with the rest */
}

static inline void wait_for_word(void)
{
    char c;
    fflush(stdout);
    if (read(0, &c, 1) < 0)
        exit(125);
}

typedef struct mode {
    const char *name;
    int (*run)(const char *arg);
} mode;

static inline int run_mode(const mode *modes, size_t n, const char *name, const char *arg)
{
    be_ordinary();
    for (size_t i = 0; i < n; i++)
        if (strcmp(modes[i].name, name) == 0) {
            int code = modes[i].run(arg);
            fflush(stdout);
            return code;
        }
    return 124;
}

/* ---- outside ---- */

/* Without the newline; false at the end. */
static inline bool read_line(int fd, char *dst, size_t cap)
{
    size_t len = 0;
    char c = 0;
    while (len < cap - 1 && read(fd, &c, 1) == 1 && c != '\n')
        dst[len++] = c;
    dst[len] = '\0';
    return len > 0 || c == '\n';
}

/* All that is left, after the helper was let go on. */
static inline int rest_and_end(helper *h, char *dst, size_t cap)
{
    size_t len = 0;
    close(h->out);
    for (ssize_t n; len < cap - 1 && (n = read(h->in, dst + len, cap - 1 - len)) > 0;)
        len += (size_t)n;
    dst[len] = '\0';
    close(h->in);
    int status = 0;
    assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
    return status;
}

static inline int run_and_read(const char *mode_name, const char *arg, char *dst, size_t cap)
{
    helper h = helper_start(mode_name, arg);
    return rest_and_end(&h, dst, cap);
}

/* Reads another process as a debugger does: rights do not matter. */
static inline bool peek(pid_t pid, uintptr_t at, void *dst, size_t n)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t got = pread(fd, dst, n, (off_t)at);
    close(fd);
    return got == (ssize_t)n;
}

static inline bool is_zero(const void *p, size_t n)
{
    const uint8_t *byte = p;
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= byte[i];
    return any == 0;
}

/* Whether the kernel may read or write a byte here for us: tells the rights of a page without a fault. */
static inline bool readable(const void *p)
{
    int fd[2];
    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    bool ok = write(fd[1], p, 1) == 1;
    close(fd[0]);
    close(fd[1]);
    return ok;
}

static inline bool writable(void *p) /* what was readable keeps its value */
{
    int fd[2];
    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    bool ok = write(fd[1], readable(p) ? p : "", 1) == 1 && read(fd[0], p, 1) == 1;
    close(fd[0]);
    close(fd[1]);
    return ok;
}

static inline size_t count_maps(void)
{
    size_t n = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    for (int c; (c = getc(maps)) != EOF;)
        n += c == '\n';
    fclose(maps);
    return n;
}

/* kB of a line of /proc/self/status. */
static inline size_t status_kb(const char *name)
{
    char line[256];
    size_t kb = 0;
    FILE *status = fopen("/proc/self/status", "re");
    assert_non_null(status);
    while (fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtoul(line + strlen(name), NULL, 10);
    fclose(status);
    return kb;
}

#endif
