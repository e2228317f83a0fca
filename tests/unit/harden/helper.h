/* Everything here changes a process for good, so each case runs in a child; and what root and an ordinary user may differs. */
#ifndef TEST_HARDEN_HELPER_H
#define TEST_HARDEN_HELPER_H

#include "../sys/child.h"
#include "sys/process.h"
#include <holdfast/harden.h>
#include <sys/mman.h>

#define NOBODY 65534
#define FAILED 1

/* In a child: says what is wrong and ends it. cmocka's own assertions jump, which is for the parent. */
#define WANT(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "# %s:%d: not so: %s (errno %d)\n", __func__, __LINE__, #condition, errno); \
            _exit(FAILED); \
        } \
    } while (0)

/* An ordinary user for good; does nothing for one. */
static inline void become_nobody(void)
{
    if (geteuid() != 0)
        return;
    WANT(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
    WANT(prctl(PR_SET_DUMPABLE, 1) == 0); /* the change of ids took it */
}

static inline void set_limit(int resource, rlim_t soft, rlim_t hard)
{
    const struct rlimit wanted = { soft, hard };
    WANT(setrlimit((__rlimit_resource_t)resource, &wanted) == 0);
}

/* From now on `nr` fails with `err`, when argument `arg` is `value`; with arg < 0 always. Root needs no no_new_privs for it. */
static inline void refuse_call(int nr, int arg, uint32_t value, int err)
{
    const uint32_t offset =
        (uint32_t)(offsetof(struct seccomp_data, args) + sizeof(uint64_t) * (size_t)(arg < 0 ? 0 : arg));
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JA, arg < 0 ? 0 : 1, 0, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)err),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0)
        return;
    WANT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

/* The text behind "NAME:" in /proc/PID/status, read without the code under test. */
static inline void status_of(pid_t pid, const char *name, char dst[static 64])
{
    char path[64], line[512];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    dst[0] = '\0';
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            sscanf(line + strlen(name) + 1, " %63[^\n]", dst);
    if (f != NULL)
        fclose(f);
}

static inline size_t own_kib(const char *name)
{
    char text[64];
    status_of(getpid(), name, text);
    return (size_t)strtoull(text, NULL, 10);
}

/* Whether the VmFlags of the map that begins at p have the flag, as /proc/self/smaps says. */
static inline bool has_vm_flag(const void *p, const char *flag)
{
    char line[512];
    bool here = false, found = false;
    FILE *f = fopen("/proc/self/smaps", "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = from <= (unsigned long)(uintptr_t)p && (unsigned long)(uintptr_t)p < to;
        if (here && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, flag) != NULL;
    }
    if (f != NULL)
        fclose(f);
    return found;
}

static inline void assert_passes(child_main run, const void *arg)
{
    assert_exit(child_run(run, arg), 0);
}

#endif
