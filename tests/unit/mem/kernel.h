/* What the kernel says about this process's memory, and how to take things away from it. For cases in a process of their own. */
#ifndef TEST_MEM_KERNEL_H
#define TEST_MEM_KERNEL_H

#include "helper.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define NOBODY 65534

/* For processes without cmocka. */
#define MUST(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
            exit(1); \
        } \
    } while (0)

static inline void deny_syscall(unsigned number, unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { HF_COUNT(code), code };
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

static inline void deny_memfd_secret(void)
{
    deny_syscall(SYS_memfd_secret, ENOSYS);
}

static inline bool have_memfd_secret(void)
{
    int fd = (int)syscall(SYS_memfd_secret, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Root ignores RLIMIT_MEMLOCK. */
static inline void become_nobody(size_t memlock)
{
    const struct rlimit limit = { memlock, memlock };
    MUST(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    MUST(geteuid() != 0 || setresuid(NOBODY, NOBODY, NOBODY) == 0);
    MUST(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0); /* or else its own /proc/self/smaps is root's */
}

static inline void no_core_file(void)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
}

/* In bytes. */
static inline size_t locked_by_process(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    size_t kib = SIZE_MAX;
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "VmLck:", 6) == 0)
            kib = strtoull(line + 6, NULL, 10);
    MUST(kib != SIZE_MAX);
    fclose(f);
    return kib * KIB;
}

/* Maps that have a part of [p, p + n). */
static inline unsigned count_maps(const void *p, size_t n)
{
    FILE *f = fopen("/proc/self/maps", "re");
    char line[512];
    unsigned count = 0;
    MUST(f != NULL);
    while (fgets(line, sizeof line, f) != NULL) {
        char *rest = line;
        uintptr_t start = strtoull(line, &rest, 16), end = strtoull(rest + 1, NULL, 16);
        count += start < (uintptr_t)p + n && end > (uintptr_t)p;
    }
    fclose(f);
    return count;
}

/* True when VmFlags of the map at p in smaps have the two letters. */
static inline bool has_flag(const void *p, const char *flag)
{
    FILE *f = fopen("/proc/self/smaps", "re");
    char line[512];
    bool here = false, found = false;
    MUST(f != NULL);
    while (fgets(line, sizeof line, f) != NULL) {
        char *rest = line;
        uintptr_t start = strtoull(line, &rest, 16);
        if (rest > line + 4 && *rest == '-')
            here = start <= (uintptr_t)p && (uintptr_t)p < strtoull(rest + 1, NULL, 16);
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, flag) != NULL;
    }
    fclose(f);
    return found;
}

static inline bool all_bytes(const void *p, size_t n, uint8_t value)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++)
        if (b[i] != value)
            return false;
    return true;
}

/* Runs in a child made by fork, or by a clone that libc knows nothing of; its wait status. */
static inline int in_child(bool raw, int (*run)(void *), void *argument)
{
    pid_t pid = raw ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
    if (pid == 0)
        _exit(run(argument));
    int status = 0;
    MUST(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

/* ---- cases that run in a process of their own ---- */

typedef struct own_case {
    const char *name;
    void (*run)(void);
} own_case;

/* In main, before the tests: runs the case that own_process asked for. */
static inline int own_main(const own_case *cases, size_t n, const char *name)
{
    no_core_file();
    for (size_t i = 0; i < n; i++)
        if (strcmp(cases[i].name, name) == 0) {
            cases[i].run();
            return 0;
        }
    return 124;
}

static inline void own_process(const char *name)
{
    int status = helper_run("own", name);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s: wait status 0x%x", name, (unsigned)status);
}

#endif
