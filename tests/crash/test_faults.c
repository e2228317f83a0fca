/*
 * Faults that are not crashes: a full disk, a used-up quota, failing writes, short and interrupted writes, no free
 * descriptor. Each gives an error with its cause, leaves a readable store, and needs no hand work afterwards.
 */
#include "history.h"
#include "vfs_crash.h"

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char database[96];

static void empty_folder(void)
{
    char path[128];

    unlink(database);
    snprintf(path, sizeof(path), "%s-wal", database);
    unlink(path);
    snprintf(path, sizeof(path), "%s-journal", database);
    unlink(path);
}

static hf_err open_on(const char *vfs, hf_engine **ret, const char **ret_why)
{
    const hf_engine_spec spec = {
        .kind = HF_ENGINE_SQLITE, .path = database, .vfs = vfs, .owner = (uid_t)-1, .group = (gid_t)-1
    };

    return hf_engine_open(&spec, ret, ret_why);
}

static hf_engine *must_open(const char *vfs)
{
    const char *why = "";
    hf_engine *e = NULL;

    if (open_on(vfs, &e, &why) != HF_OK)
        fail_msg("the store does not open: %s", why);
    return e;
}

static void still_there(int state)
{
    hf_engine *e = must_open(NULL);

    assert_int_equal(history_state(e), state);
    assert_int_equal(hf_engine_close(e), HF_OK);
}

/* ---- no space ---- */

/* Space ends at each write of a commit in turn. */
static void no_space(crash_fault fault, const char *cause)
{
    unsigned met = 0;

    for (uint64_t at = 1;; at++) {
        empty_folder();
        crash_vfs_arm(CRASH_NONE, 0);
        hf_engine *e = must_open(CRASH_VFS);
        assert_int_equal(history_commit(e, 0), HF_OK);
        assert_int_equal(history_commit(e, 1), HF_OK);
        crash_vfs_rearm(fault, at);
        hf_err r = history_commit(e, 2);
        if (!crash_vfs_happened()) {
            crash_vfs_rearm(CRASH_NONE, 0);
            assert_int_equal(r, HF_OK);
            assert_int_equal(hf_engine_close(e), HF_OK);
            break;
        }
        met++;
        assert_int_equal(r, HF_ERR_STORE);
        assert_string_equal(hf_engine_why(e), cause);
        assert_false(hf_engine_broken(e));
        assert_int_equal(history_state(e), 2); /* readable, nothing of the commit there */
        assert_int_equal(history_commit(e, 2), HF_ERR_STORE);
        crash_vfs_rearm(CRASH_NONE, 0); /* somebody makes room */
        assert_int_equal(history_commit(e, 2), HF_OK);
        assert_int_equal(hf_engine_close(e), HF_OK);
        still_there(3);
    }
    assert_true(met >= 3);
}

static void full_disk_refuses_and_recovers(void **state)
{
    (void)state;
    no_space(CRASH_WRITE_FULL, "the disk is full");
}

static void used_up_quota_refuses_and_recovers(void **state)
{
    (void)state;
    no_space(CRASH_WRITE_QUOTA, "the disk quota is used up");
}

/* The database file cannot grow, the log could: tidying fails, nothing is lost, and the next tidying succeeds. */
static void full_disk_at_checkpoint(void **state)
{
    hf_engine *e;

    (void)state;
    empty_folder();
    crash_vfs_arm(CRASH_NONE, 0);
    e = must_open(CRASH_VFS);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(history_commit(e, i), HF_OK);
    crash_vfs_rearm(CRASH_WRITE_FULL, 1);
    assert_int_equal(hf_engine_close(e), HF_ERR_STORE);
    assert_true(crash_vfs_happened());
    still_there(8);
}

/* ---- failing writes ---- */

/* Nobody knows what a failed write left: the engine takes no more, a new one shows a whole state. */
static void failed_write_breaks_the_engine(void **state)
{
    unsigned met = 0;

    (void)state;
    for (uint64_t at = 1;; at++) {
        empty_folder();
        crash_vfs_arm(CRASH_NONE, 0);
        hf_engine *e = must_open(CRASH_VFS);
        assert_int_equal(history_commit(e, 0), HF_OK);
        assert_int_equal(history_commit(e, 1), HF_OK);
        crash_vfs_rearm(CRASH_WRITE_EIO, at);
        hf_err r = history_commit(e, 2);
        if (!crash_vfs_happened()) {
            crash_vfs_rearm(CRASH_NONE, 0);
            assert_int_equal(hf_engine_close(e), HF_OK);
            break;
        }
        met++;
        assert_int_equal(r, HF_ERR_STORE);
        assert_non_null(strstr(hf_engine_why(e), "writing to the disk failed"));
        assert_true(hf_engine_broken(e));
        assert_int_equal(hf_engine_begin(e), HF_ERR_STORE);
        hf_engine_abandon(e);
        still_there(2);
    }
    assert_true(met >= 3);
}

static void failed_fsync_names_itself(void **state)
{
    hf_engine *e;

    (void)state;
    empty_folder();
    crash_vfs_arm(CRASH_NONE, 0);
    e = must_open(CRASH_VFS);
    crash_vfs_rearm(CRASH_FSYNC_EIO, 1);
    assert_int_equal(history_commit(e, 0), HF_ERR_STORE);
    assert_non_null(strstr(hf_engine_why(e), "fsync failed"));
    assert_true(hf_engine_broken(e));
    assert_int_equal(hf_engine_close(e), HF_ERR_STORE);
}

/* ---- the kernel's moods ---- */

static unsigned calls;

/* Interrupts every third call, and takes only half of what it is given. */
static ssize_t moody_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    if (++calls % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    return pwrite(fd, bytes, n > 1 ? n / 2 : n, at);
}

static ssize_t moody_pread(int fd, void *dst, size_t n, off_t at)
{
    if (++calls % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    return pread(fd, dst, n > 1 ? n / 2 : n, at);
}

static void short_and_interrupted_calls(void **state)
{
    sqlite3_vfs *system = sqlite3_vfs_find(NULL);

    (void)state;
    empty_folder();
    for (size_t i = 0; i < 2; i++) {
        const char *name[] = { "pwrite", "pwrite64" };
        system->xSetSystemCall(system, name[i], (sqlite3_syscall_ptr)moody_pwrite);
        name[0] = "pread";
        name[1] = "pread64";
        system->xSetSystemCall(system, name[i], (sqlite3_syscall_ptr)moody_pread);
    }
    hf_engine *e = must_open(NULL);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(history_commit(e, i), HF_OK);
    assert_int_equal(history_state(e), 6);
    assert_int_equal(hf_engine_close(e), HF_OK);
    assert_true(calls > 30);
    system->xSetSystemCall(system, NULL, NULL);
    still_there(6);
}

/* A running store opens nothing; a starting one says what it lacks. */
static void no_free_descriptor(void **state)
{
    struct rlimit before, none;
    const char *why = "";
    hf_engine *e, *second = NULL;

    (void)state;
    empty_folder();
    e = must_open(NULL);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    hf_err commit = history_commit(e, 0);
    hf_err start = open_on(NULL, &second, &why);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(commit, HF_OK);
    assert_int_equal(start, HF_ERR_STORE);
    assert_non_null(strstr(why, "Too many open files"));
    assert_int_equal(hf_engine_close(e), HF_OK);
    still_there(1);
}

/*
 * Fewer and fewer descriptors: each start works or says why, and none leaves a file that a later start stumbles over.
 */
static void start_with_few_descriptors(void **state)
{
    struct rlimit before, few;
    unsigned refused = 0;

    (void)state;
    empty_folder();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    for (few.rlim_cur = 3; few.rlim_cur < 12; few.rlim_cur++) {
        const char *why = "";
        hf_engine *e = NULL;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        hf_err r = open_on(NULL, &e, &why);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (r != HF_OK) {
            refused++;
            assert_string_not_equal(why, "");
        } else {
            assert_int_equal(hf_engine_close(e), HF_OK);
        }
    }
    assert_true(refused > 0);
    still_there(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_disk_refuses_and_recovers),
        cmocka_unit_test(used_up_quota_refuses_and_recovers),
        cmocka_unit_test(full_disk_at_checkpoint),
        cmocka_unit_test(failed_write_breaks_the_engine),
        cmocka_unit_test(failed_fsync_names_itself),
        cmocka_unit_test(short_and_interrupted_calls),
        cmocka_unit_test(no_free_descriptor),
        cmocka_unit_test(start_with_few_descriptors),
    };

    crash_vfs_register();
    history_prepare();
    snprintf(folder, sizeof(folder), "%s/holdfast-faults-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL)
        return 2;
    snprintf(database, sizeof(database), "%s/store.db", folder);
    int failed = cmocka_run_group_tests_name("store-faults", tests, NULL, NULL);
    empty_folder();
    rmdir(folder);
    return failed;
}
