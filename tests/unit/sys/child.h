/* Work that ends in a sandbox runs in a forked child, which says how far it came by its exit code. */
#ifndef TEST_SYS_CHILD_H
#define TEST_SYS_CHILD_H

#include "sys/fd.h"
#include "sys/rules.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SKIP_IF(condition, why) \
    do { \
        if (condition) { \
            print_message("# %s\n", why); \
            skip(); \
        } \
    } while (0)

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_SANITIZED true
#endif
#endif
#if !defined(TEST_SANITIZED) && (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
#define TEST_SANITIZED true
#endif
#ifndef TEST_SANITIZED
#define TEST_SANITIZED false
#endif
#if defined(__SANITIZE_THREAD__)
#define TEST_THREAD_SANITIZER true
#else
#define TEST_THREAD_SANITIZER false
#endif
/* Its library starts a thread before main, which the sandbox rightly reports as not confined. */
#define SKIP_THREAD_SANITIZER() SKIP_IF(TEST_THREAD_SANITIZER, "skipped: ThreadSanitizer has a thread of its own")

typedef int (*child_main)(const void *arg);

static inline pid_t child_start(child_main run, const void *arg)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit core = { 0, 0 };
        (void)getrlimit(RLIMIT_CORE, &core);
        core.rlim_cur = 0; /* the hard limit stays: the sandbox is to lower it */
        (void)setrlimit(RLIMIT_CORE, &core);
        _exit(run(arg));
    }
    return pid;
}

static inline int child_wait(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static inline int child_run(child_main run, const void *arg)
{
    return child_wait(child_start(run, arg));
}

/* From now on the call fails with err; with arg >= 0 only when its first argument is that. */
static inline bool deny_call(int nr, int arg, int err)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)arg, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JA, arg < 0 ? 0 : 1, 0, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)err),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { sizeof code / sizeof code[0], code };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static inline void assert_exit(int status, int code)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
        fail_msg("wanted exit %d, got wait status 0x%x", code, (unsigned)status);
}

#endif
