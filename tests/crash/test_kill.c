/*
 * kill -9 of the real store at random moments while it works. A kill counts only when a request was in flight; each
 * commit is two rows that must be there together or not at all.
 *
 *   test-store-kill PATH-OF-STORE [KILLS]
 */
#include "../unit/store/harness.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define BUCKETS 8

static const char *program;
static unsigned kills = 200;
static store_ops ops;
static uint8_t blob[20000];

typedef struct work {
    uint64_t sent;         /* commits sent, numbered from 1 over all runs */
    uint64_t acknowledged; /* all up to here were answered with HF_OK */
} work;

static uint64_t draw(void)
{
    static uint64_t x = 0x2545f4914f6cdd1d;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* Commit n is a row of kind 2 and one of kind 3, both with version n; sizes differ so that some span many pages. */
static bool send_one(store_run *r, work *w)
{
    uint64_t id, n = w->sent + 1;

    store_ops_begin(&ops);
    store_ops_add(&ops, HF_CHANGE_INSERT, 2, 0, n, blob, 100 + (n * 977) % 3000);
    store_ops_add(&ops, HF_CHANGE_PUT, 1, (uint8_t)(n % 16), 0, &n, sizeof(n));
    store_ops_add(&ops, HF_CHANGE_INSERT, 3, 0, n, blob, (n * 7919) % sizeof(blob));
    if (!store_send_commit(r, &ops, &id))
        return false;
    w->sent = n;
    return true;
}

static bool take_one(store_run *r, work *w)
{
    uint64_t id;
    hf_err e;

    if (!store_take_done(r, &id, &e, NULL))
        return false;
    assert_int_equal(e, HF_OK);
    w->acknowledged++;
    return true;
}

/* The process that pulls the trigger, so that the moment is none of ours. */
static pid_t killer(pid_t target, unsigned after_us)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    struct timespec t = { .tv_nsec = (long)after_us * 1000 };
    nanosleep(&t, NULL);
    kill(target, SIGKILL);
    _exit(0);
}

/* Keeps `depth` commits in flight until the store is gone. */
static void work_until_killed(store_run *r, work *w, unsigned depth)
{
    for (;;) {
        while (w->sent - w->acknowledged < depth)
            if (!send_one(r, w))
                goto gone;
        if (!take_one(r, w))
            return;
    }
gone:
    /* Answers that were sent before the end are acknowledgements. */
    while (take_one(r, w))
        continue;
}

/* Versions of a kind must be 1..n without a gap. */
static uint64_t newest(store_run *r, uint8_t kind)
{
    uint64_t n = 0;
    hf_row_key last = { 0 };
    struct hf_store_rows rows;

    do {
        struct hf_store_row row;
        rows = store_scan(r, kind, n == 0 ? NULL : &last, 0);
        assert_int_equal(rows.error, HF_OK);
        hf_reader list = hf_reader_of(rows.rows);
        while (hf_store_row_next(&list, &row)) {
            assert_int_equal(row.version, n + 1);
            n = last.version = row.version;
        }
    } while (rows.more);
    return n;
}

/* What was never acknowledged may be there or not, but whole. */
static void check(store_run *r, work *w)
{
    uint64_t first = newest(r, 2), second = newest(r, 3);

    assert_int_equal(first, second);
    assert_true(first >= w->acknowledged);
    assert_true(first <= w->sent);
    w->sent = w->acknowledged = first;
}

static void killed_at_random(void **state)
{
    char folder[64];
    unsigned counted = 0, idle = 0, in_flight[BUCKETS] = { 0 }, unanswered_kept = 0;
    work w = { 0 };

    (void)state;
    folder_make(folder, sizeof(folder));
    const store_start how = { .program = program, .folder = folder };
    while (counted < kills) {
        store_run r;
        store_run_start(&r, &how);
        uint64_t acknowledged = w.acknowledged;
        check(&r, &w);
        unanswered_kept += w.acknowledged > acknowledged ? 1 : 0;
        unsigned depth = 1u << (draw() % 6); /* 1 to 32 */
        pid_t trigger = killer(r.pid, (unsigned)(draw() % 12000));
        work_until_killed(&r, &w, depth);
        assert_int_equal(waitpid(trigger, NULL, 0), trigger);
        assert_int_equal(store_wait_exit(&r), 128 + SIGKILL);
        uint64_t waiting = w.sent - w.acknowledged;
        if (waiting == 0) {
            idle++;
            continue;
        }
        counted++;
        unsigned bucket = 0;
        for (; waiting > 1; waiting /= 2)
            bucket++;
        in_flight[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    }
    print_message(
        "# %u kills counted, %u without a request in flight; %u times an unanswered commit was there; %llu commits\n",
        counted, idle, unanswered_kept, (unsigned long long)w.acknowledged);
    for (unsigned i = 0; i < 6; i++)
        print_message("# in flight %2u-%2u: %u\n", 1u << i, (2u << i) - 1, in_flight[i]);
    folder_remove(folder);
    /* Kills that all hit the same state show little. */
    assert_true(in_flight[0] > 0 && in_flight[4] + in_flight[5] > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(killed_at_random) };

    if (argc < 2)
        return 2;
    program = argv[1];
    if (argc > 2)
        kills = (unsigned)strtoul(argv[2], NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("store-kill", tests, NULL, NULL);
}
