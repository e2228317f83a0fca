/*
 * Power cuts. The engine of the shipped store runs on a file layer that loses what was not synced; after a cut at every
 * single operation the files are opened by the system's own layer and must show every acknowledged commit and no half
 * one.
 *
 *   test-power-cut cut|sync [--must-lose | SEEDS]
 *
 * --must-lose is for builds with a weakened durability table: the test then passes only when a loss is seen.
 */
#include "history.h"
#include "vfs_crash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SESSIONS 2
#define COMMITS 4 /* in each session */

static bool must_lose;
static uint64_t seeds = 1;
static char folder[64];
static char database[96];

typedef struct progress {
    unsigned acknowledged;
    unsigned attempted;
} progress;

typedef struct tally {
    unsigned images, losses;
} tally;

static void empty_folder(void)
{
    char path[128];

    unlink(database);
    snprintf(path, sizeof(path), "%s-wal", database);
    unlink(path);
    snprintf(path, sizeof(path), "%s-journal", database);
    unlink(path);
}

static hf_engine *open_on(const char *vfs, const char **ret_why)
{
    const hf_engine_spec spec = {
        .kind = HF_ENGINE_SQLITE, .path = database, .vfs = vfs, .owner = (uid_t)-1, .group = (gid_t)-1
    };
    hf_engine *e = NULL;

    return hf_engine_open(&spec, &e, ret_why) == HF_OK ? e : NULL;
}

/* Commits until the first failure; false then. */
static bool commit_some(hf_engine *e, progress *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        p->attempted = p->acknowledged + 1;
        if (history_commit(e, p->acknowledged) != HF_OK)
            return false;
        p->acknowledged++;
    }
    return true;
}

/* Open, commits, close, twice; stops where the fault strikes, as the process would. */
static void live(progress *p)
{
    const char *why = "";

    for (int session = 0; session < SESSIONS; session++) {
        hf_engine *e = open_on(CRASH_VFS, &why);
        if (e == NULL)
            return;
        if (!commit_some(e, p, COMMITS)) {
            hf_engine_abandon(e);
            return;
        }
        if (hf_engine_close(e) != HF_OK)
            return;
    }
}

/* False when the files show anything but what was acknowledged, or at most the one commit more that was under way. */
static bool image_is_right(const progress *p, const char *what)
{
    const char *why = "";
    hf_engine *e = open_on(NULL, &why);

    if (e == NULL) {
        if (!must_lose)
            print_error("%s: the store does not open: %s\n", what, why);
        return false;
    }
    int state = history_state(e);
    bool right = state >= (int)p->acknowledged && state <= (int)p->attempted;
    if (!right && !must_lose)
        print_error("%s: %u acknowledged, %u attempted, the files show %d\n", what, p->acknowledged, p->attempted,
                    state);
    /* No hand work: the next commit goes through. */
    if (right && history_commit(e, (unsigned)state) != HF_OK)
        right = false;
    return hf_engine_close(e) == HF_OK && right;
}

static void judge(tally *t, const char *what)
{
    if (must_lose)
        assert_true(t->losses > 0);
    else
        assert_int_equal(t->losses, 0);
    print_message("# %s: %u images, %u with a loss\n", what, t->images, t->losses);
}

static void power_cut_anywhere(void **state)
{
    tally t = { 0 };
    progress all = { 0 };

    (void)state;
    empty_folder();
    crash_vfs_arm(CRASH_NONE, 0);
    live(&all);
    assert_int_equal(all.acknowledged, SESSIONS * COMMITS);
    uint64_t operations = crash_vfs_operations();
    print_message("# %llu operations, %llu syncs\n", (unsigned long long)operations,
                  (unsigned long long)crash_vfs_syncs());
    for (uint64_t at = 1; at <= operations; at++) {
        for (uint64_t n = 0; n < seeds * CRASH_LOSSES && !(must_lose && t.losses > 0); n++) {
            progress p = { 0 };
            char what[400];
            empty_folder();
            crash_vfs_arm(CRASH_POWER_CUT, at);
            live(&p);
            assert_true(crash_vfs_happened());
            crash_vfs_settle((crash_loss)(n % CRASH_LOSSES), at * 1000 + n);
            snprintf(what, sizeof(what), "cut at %s, loss %llu, seed %llu", crash_vfs_where(),
                     (unsigned long long)(n % CRASH_LOSSES), (unsigned long long)(at * 1000 + n));
            t.images++;
            t.losses += image_is_right(&p, what) ? 0 : 1;
        }
    }
    judge(&t, "power cut");
}

/*
 * The process that saw fsync fail has ended; the next one finds files whose last bytes are in the page cache only.
 * What it acknowledges must survive a cut all the same.
 */
static bool survives_failed_sync(progress p)
{
    const char *why = "";
    char what[400];

    snprintf(what, sizeof(what), "fsync failed at %s", crash_vfs_where());
    crash_vfs_rearm(CRASH_NONE, 0);
    hf_engine *e = open_on(CRASH_VFS, &why);
    if (e == NULL) {
        print_error("%s: the store does not open again: %s\n", what, why);
        return false;
    }
    int seen = history_state(e);
    if (seen < (int)p.acknowledged || seen > (int)p.attempted) {
        print_error("%s: %u acknowledged, %u attempted, after the restart %d\n", what, p.acknowledged, p.attempted,
                    seen);
        hf_engine_abandon(e);
        return false;
    }
    p.acknowledged = (unsigned)seen;
    bool went = commit_some(e, &p, 2);
    hf_engine_abandon(e);
    crash_vfs_settle(CRASH_DROP_ALL, 1);
    return went && image_is_right(&p, what);
}

static void failed_sync_is_never_success(void **state)
{
    tally t = { 0 };
    unsigned told = 0;

    (void)state;
    for (uint64_t at = 1;;) {
        progress p = { 0 };
        empty_folder();
        crash_vfs_arm(CRASH_FSYNC_EIO, at);
        live(&p);
        if (!crash_vfs_happened())
            break;
        at = crash_vfs_happened_at() + 1;
        told += p.acknowledged < SESSIONS * COMMITS ? 1 : 0;
        t.images++;
        t.losses += survives_failed_sync(p) ? 0 : 1;
    }
    assert_true(t.images > 0 && told > 0);
    judge(&t, "failed fsync");
}

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "%s/holdfast-crash-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL)
        abort();
    snprintf(database, sizeof(database), "%s/store.db", folder);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest cut[] = { cmocka_unit_test(power_cut_anywhere) };
    const struct CMUnitTest sync[] = { cmocka_unit_test(failed_sync_is_never_success) };
    int failed = 0;
    const char *which = argc > 1 ? argv[1] : "";

    must_lose = argc > 2 && strcmp(argv[2], "--must-lose") == 0;
    if (argc > 2 && !must_lose)
        seeds = strtoull(argv[2], NULL, 10);
    crash_vfs_register();
    history_prepare();
    make_folder();
    if (strcmp(which, "cut") == 0)
        failed = cmocka_run_group_tests_name("store-power-cut", cut, NULL, NULL);
    else if (strcmp(which, "sync") == 0)
        failed = cmocka_run_group_tests_name("store-failed-sync", sync, NULL, NULL);
    else
        failed = 2;
    empty_folder();
    rmdir(folder);
    return failed;
}
