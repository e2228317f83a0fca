/*
 * The real store program on a folder that is in use, missing, full or read-only, and with system calls that fail.
 *
 *   test-store-disk PATH-OF-STORE
 */
#include "place.h"

#include "failing.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static store_ops ops;

/* ---- disks ---- */

static void says_why_and_ends(place *p, const char *why)
{
    store_spawn(&p->r, &p->how);
    assert_false(store_wait_ready(&p->r, NULL));
    assert_int_equal(store_wait_exit(&p->r), 1);
    assert_true(store_log_has(&p->r, why));
}

static void second_store_on_a_folder_says_so(void **state)
{
    place *p = *state, second = *p;

    second.how.folder = p->folder;
    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    says_why_and_ends(&second, "another holdfast store process has this data folder open");
    assert_int_equal(store_put(&p->r, 1, 2, 0, "x", 1), HF_OK);
}

/* Opened, then removed: the descriptor leads nowhere. */
static void missing_folder_says_so(void **state)
{
    place *p = *state;
    char by_descriptor[64];

    store_stop(&p->r);
    int fd = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    folder_remove(p->folder);
    snprintf(by_descriptor, sizeof(by_descriptor), "/proc/self/fd/%d", fd);
    p->how.folder = by_descriptor;
    p->how.log = p->folder;
    says_why_and_ends(p, "the folder of store.db is missing");
    close(fd);
}

/* A private mount namespace for this test program; false when it may not have one. */
static bool mount_small(const char *at, const char *options)
{
    static bool apart;

    if (!apart && (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0))
        return false;
    apart = true;
    return mount("holdfast-test", at, "tmpfs", 0, options) == 0;
}

static void full_disk_refuses_and_recovers(void **state)
{
    place *p = *state;
    static uint8_t blob[60000], filler[65536];
    char path[128];
    hf_err e = HF_OK;
    uint64_t sent, got;
    char why[256];
    unsigned stored = 0;

    store_stop(&p->r);
    if (!mount_small(p->folder, "size=2m,mode=0700")) {
        print_message("# skipped: no private mount namespace: %s\n", strerror(errno));
        store_run_start(&p->r, &p->how);
        skip();
    }
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    snprintf(path, sizeof(path), "%s/filler", p->folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < 16; i++)
        assert_int_equal(write(fd, filler, sizeof(filler)), sizeof(filler));
    close(fd);
    for (uint64_t v = 1; v < 100 && e == HF_OK; v++) {
        store_ops_begin(&ops);
        store_ops_add(&ops, HF_CHANGE_PUT, 2, 1, v, blob, sizeof(blob));
        assert_true(store_send_commit(&p->r, &ops, &sent));
        assert_true(store_take_done(&p->r, &got, &e, why));
        stored += e == HF_OK ? 1 : 0;
    }
    assert_int_equal(e, HF_ERR_STORE);
    assert_string_equal(why, "the disk is full");
    assert_true(stored > 2);
    assert_int_equal(store_count(&p->r, 2), stored); /* alive and readable */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(store_put(&p->r, 1, 2, 0, "room again", 10), HF_OK);
    assert_int_equal(store_put(&p->r, 2, 9, 9, blob, sizeof(blob)), HF_OK);
    store_stop(&p->r);
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_count(&p->r, 2), stored + 1);
    assert_int_equal(store_count(&p->r, 1), 2);
    store_stop(&p->r);
    assert_int_equal(umount(p->folder), 0);
}

/* Stopping with a disk on which the database cannot grow: an error is said, nothing acknowledged is lost. */
static void stop_with_a_full_disk_loses_nothing(void **state)
{
    place *p = *state;
    static uint8_t blob[60000];
    unsigned stored = 0;

    store_stop(&p->r);
    if (!mount_small(p->folder, "size=1m,mode=0700")) {
        print_message("# skipped: no private mount namespace: %s\n", strerror(errno));
        store_run_start(&p->r, &p->how);
        skip();
    }
    store_run_start(&p->r, &p->how);
    while (stored < 100 && store_put(&p->r, 2, 1, stored + 1, blob, sizeof(blob)) == HF_OK)
        stored++;
    assert_true(stored > 2 && stored < 100);
    store_send_stop(&p->r);
    assert_int_equal(store_wait_exit(&p->r), 1);
    assert_true(store_log_has(&p->r, "nothing acknowledged is lost"));
    assert_int_equal(mount(NULL, p->folder, NULL, MS_REMOUNT, "size=8m"), 0);
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_count(&p->r, 2), stored);
    store_stop(&p->r);
    assert_int_equal(umount(p->folder), 0);
}

static void read_only_disk_says_so(void **state)
{
    place *p = *state;

    store_stop(&p->r);
    if (!mount_small(p->folder, "size=1m,mode=0700")) {
        print_message("# skipped: no private mount namespace: %s\n", strerror(errno));
        store_run_start(&p->r, &p->how);
        skip();
    }
    assert_int_equal(mount(NULL, p->folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    says_why_and_ends(p, "read-only file system; mount it for writing");
    assert_int_equal(umount(p->folder), 0);
}

/* ---- system calls that fail in the running program ---- */

/* Skips the test where it cannot be done. */
static pid_t inject(place *p, long nr, unsigned first, unsigned times, int error)
{
    pid_t tracer = 0;

    if (!failing_calls(p->r.pid, nr, first, times, error, &tracer)) {
        kill(p->r.pid, SIGCONT);
        print_message("# skipped: tracing the store is refused (root only) or not known on this machine\n");
        skip();
    }
    return tracer;
}

/* The tracer met its call. */
static void injected(pid_t tracer)
{
    int status;

    assert_int_equal(waitpid(tracer, &status, 0), tracer);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Whoever waits is told, nobody is told success, and the next process finds what was acknowledged. */
static void failed_fsync_is_told_and_ends_the_process(void **state)
{
    place *p = *state;
    uint64_t sent, got;
    char why[256];
    hf_err e;

    assert_int_equal(store_put(&p->r, 1, 1, 0, "kept", 4), HF_OK);
    assert_int_equal(kill(p->r.pid, SIGSTOP), 0);
    for (uint8_t i = 10; i < 15; i++) {
        store_ops_begin(&ops);
        store_ops_add(&ops, HF_CHANGE_PUT, 1, i, 0, "lost", 4);
        assert_true(store_send_commit(&p->r, &ops, &sent));
    }
    pid_t tracer = inject(p, SYS_fdatasync, 1, 0, EIO);
    for (int i = 0; i < 5; i++) {
        assert_true(store_take_done(&p->r, &got, &e, why));
        assert_int_equal(e, HF_ERR_STORE);
        assert_non_null(strstr(why, "fsync failed (Input/output error)"));
    }
    assert_int_equal(store_wait_exit(&p->r), 1);
    injected(tracer);
    assert_true(store_log_has(&p->r, "ending, because fsync failed"));
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_get(&p->r, 1, 1, 0).error, HF_OK);
}

/* The disk fills between two writes of one commit, in the middle of work. */
static void no_space_at_a_single_write(void **state)
{
    place *p = *state;
    uint64_t sent, got;
    char why[256];
    hf_err e;

    assert_int_equal(store_put(&p->r, 1, 1, 0, "kept", 4), HF_OK);
    pid_t tracer = inject(p, SYS_pwrite64, 2, 1, ENOSPC);
    store_ops_begin(&ops);
    store_ops_add(&ops, HF_CHANGE_PUT, 1, 2, 0, "refused", 7);
    assert_true(store_send_commit(&p->r, &ops, &sent));
    assert_true(store_take_done(&p->r, &got, &e, why));
    assert_int_equal(e, HF_ERR_STORE);
    assert_string_equal(why, "the disk is full");
    assert_int_equal(store_count(&p->r, 1), 1);
    assert_int_equal(store_put(&p->r, 1, 3, 0, "room again", 10), HF_OK);
    store_stop(&p->r);
    injected(tracer);
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_get(&p->r, 1, 2, 0).error, HF_ERR_NOT_FOUND);
    assert_int_equal(store_get(&p->r, 1, 3, 0).error, HF_OK);
}

#define TEST(test) { #test, test, place_set_up, place_tear_down, NULL }

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(second_store_on_a_folder_says_so), TEST(missing_folder_says_so),
        TEST(full_disk_refuses_and_recovers),   TEST(stop_with_a_full_disk_loses_nothing),
        TEST(read_only_disk_says_so),           TEST(failed_fsync_is_told_and_ends_the_process),
        TEST(no_space_at_a_single_write),
    };

    if (argc != 2)
        return 2;
    place_program = argv[1];
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("store-disk", tests, NULL, NULL);
}
