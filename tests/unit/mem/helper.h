/*
 * Cases that end the process, or that a stranger looks at, run in a new copy of the test program: the memory of
 * an arena does not survive fork.
 */
#ifndef TEST_MEM_HELPER_H
#define TEST_MEM_HELPER_H

#include "base/macros.h"
#include <fcntl.h>
#include <holdfast/arena.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_SANITIZED true
#endif
#endif
#if !defined(TEST_SANITIZED) && (defined(__SANITIZE_ADDRESS__) || defined(HF_ARENA_MALLOC))
#define TEST_SANITIZED true
#endif
#ifndef TEST_SANITIZED
#define TEST_SANITIZED false
#endif

#define SKIP_IF(condition, why) \
    do { \
        if (condition) { \
            print_message("# %s\n", why); \
            skip(); \
        } \
    } while (0)

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_THREAD_SANITIZER true
#endif
#endif
#if !defined(TEST_THREAD_SANITIZER) && defined(__SANITIZE_THREAD__)
#define TEST_THREAD_SANITIZER true
#endif
#ifndef TEST_THREAD_SANITIZER
#define TEST_THREAD_SANITIZER false
#endif
/* Its shadow memory is terabytes long, too much to scan; it catches SIGSEGV; it knows no stacks set from outside. */
#define SKIP_THREAD_SANITIZER() SKIP_IF(TEST_THREAD_SANITIZER, "skipped: not for ThreadSanitizer builds")

/* Valgrind's own pages fault when they please. */
static inline bool under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

#define SKIP_SANITIZED() SKIP_IF(TEST_SANITIZED, "skipped: a sanitizer build has no real arena")

typedef struct helper {
    pid_t pid;
    int in;  /* what the helper writes on its standard output */
    int out; /* its standard input; it ends when this closes */
} helper;

static inline helper helper_start(const char *mode, const char *arg)
{
    int to[2], from[2];
    assert_int_equal(pipe2(to, O_CLOEXEC), 0);
    assert_int_equal(pipe2(from, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(to[0], 0);
        (void)dup2(from[1], 1);
        char self[4096]; /* by its name: /proc/self/exe as such would start valgrind where that runs us */
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        self[n < 0 ? 0 : n] = '\0';
        (void)execl(self, "test-helper", mode, arg, (char *)NULL);
        _exit(126);
    }
    close(to[0]);
    close(from[1]);
    return (helper) { pid, from[0], to[1] };
}

/* The wait status. */
static inline int helper_end(helper *h)
{
    close(h->out);
    close(h->in);
    int status = 0;
    assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
    return status;
}

static inline int helper_run(const char *mode, const char *arg)
{
    helper h = helper_start(mode, arg);
    char text[256];
    while (read(h.in, text, sizeof text) > 0)
        ;
    return helper_end(&h);
}

static inline void assert_signal(int status, int signal_number)
{
    if (!WIFSIGNALED(status) || WTERMSIG(status) != signal_number)
        fail_msg("wanted signal %d, got wait status 0x%x", signal_number, (unsigned)status);
}

static inline void assert_exit(int status, int code)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
        fail_msg("wanted exit %d, got wait status 0x%x", code, (unsigned)status);
}

static inline hf_arena *arena_of(size_t bytes, hf_backing weakest)
{
    hf_arena *a = NULL;
    const char *why = NULL;
    const hf_arena_spec spec = { bytes, weakest };
    if (hf_arena_create(&spec, &a, &why) != HF_OK) {
        fprintf(stderr, "no arena: %s\n", why);
        exit(125);
    }
    return a;
}

#endif
