/* One line a call, whatever is in it. */
#include "base/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

static char got[8192];

/* What fn writes to stderr, in a process of its own; gives the exit status. */
static int capture(void (*fn)(void))
{
    int ends[2], status = -1;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        fn();
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    for (ssize_t n; (n = read(ends[0], got + len, sizeof(got) - 1 - len)) > 0;)
        len += (size_t)n;
    got[len] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

static void plain(void)
{
    unsetenv("JOURNAL_STREAM");
    hf_log_init("tester");
    hf_log(HF_LOG_WARN, "the %s is %d", "answer", 42);
}

static void hostile(void)
{
    unsetenv("JOURNAL_STREAM");
    hf_log_init("tester");
    hf_log(HF_LOG_INFO, "%s", "a\nfake line\033[2J\177");
}

static void longer(void)
{
    static char text[5000];

    memset(text, 'x', sizeof(text) - 1);
    unsetenv("JOURNAL_STREAM");
    hf_log_init("tester");
    hf_log(HF_LOG_INFO, "%s", text);
}

static void journal(void)
{
    setenv("JOURNAL_STREAM", "1:2", 1);
    hf_log_init("tester");
    hf_log(HF_LOG_ERROR, "bad");
}

static void fatal(void)
{
    unsetenv("JOURNAL_STREAM");
    hf_log_init("tester");
    hf_fatal("over %d", 1);
}

static void lines(void **state)
{
    (void)state;
    assert_int_equal(capture(plain), 0);
    assert_string_equal(got, "tester: the answer is 42\n");
    capture(hostile);
    assert_string_equal(got, "tester: a?fake line?[2J?\n");
    capture(longer);
    assert_true(strlen(got) <= 1025 && got[strlen(got) - 1] == '\n' && strchr(got, '\n') == got + strlen(got) - 1);
    capture(journal);
    assert_string_equal(got, "<3>tester: bad\n");
    assert_int_equal(capture(fatal), 1);
    assert_string_equal(got, "tester: over 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lines) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
