/*
 * In place of tests/unit/mem/helper.h, whose guard it takes: cases that end the process run in a new copy of the test program, and what
 * it ended with has the names that POSIX gives it.
 */
#ifndef TEST_MEM_HELPER_H
#define TEST_MEM_HELPER_H

#include "base/macros.h"
#include <fcntl.h>
#include <holdfast/arena.h>
#include <io.h>
#include <process.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <windows.h>
/* after the types it needs */
#include <cmocka.h>

#define TEST_SANITIZED false
#define TEST_THREAD_SANITIZER false
#define SKIP_IF(condition, why) \
    do { \
        if (condition) { \
            print_message("# %s\n", why); \
            skip(); \
        } \
    } while (0)
#define SKIP_SANITIZED() ((void)0)
#define SKIP_THREAD_SANITIZER() ((void)0)

static inline bool under_valgrind(void)
{
    return false; /* it does not run these programs */
}

#define SIGBUS 7 /* there is none: nothing ends with it */

/* An exception that nobody handles ends the process with its code, and neither a dialogue nor a debugger is started. */
static LONG WINAPI end_with_its_code(EXCEPTION_POINTERS *what)
{
    (void)what;
    return EXCEPTION_EXECUTE_HANDLER;
}

static __attribute__((constructor)) void end_quietly(void)
{
    (void)SetUnhandledExceptionFilter(end_with_its_code);
    (void)SetErrorMode(SEM_NOGPFAULTERRORBOX | SEM_FAILCRITICALERRORS);
}

typedef struct helper {
    intptr_t pid; /* a handle */
    int in;
    int out;
} helper;

static inline helper helper_start(const char *mode, const char *arg)
{
    char self[MAX_PATH], quoted[256]; /* arguments are one line that the child takes apart */
    int to[2], from[2], ours[2] = { _dup(0), _dup(1) };
    assert_true(GetModuleFileNameA(NULL, self, sizeof(self)) > 0);
    assert_in_range(snprintf(quoted, sizeof(quoted), "\"%s\"", arg), 2, sizeof(quoted) - 1);
    assert_int_equal(_pipe(to, 4096, O_BINARY | O_NOINHERIT), 0);
    assert_int_equal(_pipe(from, 4096, O_BINARY | O_NOINHERIT), 0);
    (void)fflush(stdout);
    assert_true(_dup2(to[0], 0) == 0 && _dup2(from[1], 1) == 0);
    intptr_t child = _spawnl(_P_NOWAIT, self, "test-helper", mode, quoted, (char *)NULL);
    assert_true(_dup2(ours[0], 0) == 0 && _dup2(ours[1], 1) == 0);
    _close(ours[0]);
    _close(ours[1]);
    _close(to[0]);
    _close(from[1]);
    assert_true(child != (intptr_t)-1);
    return (helper) { child, from[0], to[1] };
}

/* The exit code; that of an exception for what was not handled. */
static inline int helper_end(helper *h)
{
    int status = 0;
    _close(h->out);
    _close(h->in);
    assert_true(_cwait(&status, h->pid, 0) != -1);
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

#define ABORTED 3 /* what abort() of the C library ends with */

static inline void assert_signal(int status, int signal_number)
{
    int wanted = signal_number == SIGABRT ? ABORTED : signal_number == SIGSEGV ? (int)EXCEPTION_ACCESS_VIOLATION : -1;
    if (status != wanted)
        fail_msg("wanted the end that stands for signal %d, got 0x%x", signal_number, (unsigned)status);
}

static inline void assert_exit(int status, int code)
{
    if (status != code)
        fail_msg("wanted exit %d, got 0x%x", code, (unsigned)status);
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
