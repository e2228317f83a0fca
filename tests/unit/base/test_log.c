/* One line a call, whatever is in it. */
#include "base/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
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

/* ---- the journal ---- */

/* A journal of the test's own: the other end of a pair stands in for its socket. */
static int journal_start(int type)
{
    char number[16];
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, pair), 0);
    snprintf(number, sizeof(number), "%d", pair[1]);
    assert_int_equal(setenv(HF_LOG_JOURNAL_VARIABLE, number, 1), 0);
    hf_log_init("tester");
    assert_int_equal(unsetenv(HF_LOG_JOURNAL_VARIABLE), 0);
    return pair[0];
}

static void entry_take(int from)
{
    ssize_t n = recv(from, got, sizeof(got) - 1, 0);

    assert_true(n > 0);
    got[n] = '\0';
}

static void facts_are_fields(void **state)
{
    (void)state;
    int ours = journal_start(SOCK_DGRAM);
    const hf_log_field fields[] = { { "request_id", "r-1" }, { "absent", NULL }, { "why", "two\nlines" } };

    hf_log_fields(HF_LOG_WARN, fields, 3, "request %d", 7);
    entry_take(ours);
    assert_string_equal(got, "MESSAGE=request 7\nPRIORITY=4\nSYSLOG_IDENTIFIER=tester\nHOLDFAST_REQUEST_ID=r-1\n"
                             "HOLDFAST_WHY=two?lines\n");
    close(ours);
}

static void a_slow_journal_stops_nobody(void **state)
{
    (void)state;
    int ours = journal_start(SOCK_DGRAM);

    for (int i = 0; i < 5000; i++)
        hf_log(HF_LOG_INFO, "line %d", i); /* a writer that waits would hang here */
    entry_take(ours);
    assert_non_null(strstr(got, "MESSAGE=line 0\n"));
    while (recv(ours, got, sizeof(got), 0) > 0)
        ;
    hf_log(HF_LOG_INFO, "after");
    entry_take(ours);
    assert_non_null(strstr(got, "MESSAGE=after\n"));
    assert_non_null(strstr(got, "HOLDFAST_DROPPED="));
    hf_log(HF_LOG_INFO, "again");
    entry_take(ours);
    assert_null(strstr(got, "HOLDFAST_DROPPED"));
    close(ours);
}

static void into_a_stream(void)
{
    (void)journal_start(SOCK_STREAM);
    hf_log(HF_LOG_INFO, "here");
}

static void from_a_journal_that_went(void)
{
    close(journal_start(SOCK_DGRAM));
    hf_log(HF_LOG_INFO, "here");
}

static void without_a_journal_lines_go_to_stderr(void **state)
{
    (void)state;
    assert_int_equal(capture(into_a_stream), 0);
    assert_non_null(strstr(got, "tester: here\n"));
    assert_int_equal(capture(from_a_journal_that_went), 0);
    assert_non_null(strstr(got, "tester: here\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(facts_are_fields),
        cmocka_unit_test(a_slow_journal_stops_nobody),
        cmocka_unit_test(without_a_journal_lines_go_to_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
