/* What every engine promises, run on each of them; then what concerns the SQLite file alone. */
#include "store/engine.h"

#include "harness.h"
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct place {
    hf_engine_kind kind;
    char folder[64];
    char path[96];
    hf_engine *e;
} place;

static hf_err try_open(const char *path, hf_engine **ret, const char **ret_why)
{
    const hf_engine_spec spec = { .kind = HF_ENGINE_SQLITE, .path = path, .owner = (uid_t)-1, .group = (gid_t)-1 };

    return hf_engine_open(&spec, ret, ret_why);
}

static void open_place(place *p)
{
    const hf_engine_spec spec = { .kind = p->kind, .path = p->path, .owner = (uid_t)-1, .group = (gid_t)-1 };
    const char *why = "";

    if (hf_engine_open(&spec, &p->e, &why) != HF_OK)
        fail_msg("the engine does not open: %s", why);
}

static int set_up(void **state, hf_engine_kind kind)
{
    place *p = calloc(1, sizeof(*p));

    p->kind = kind;
    folder_make(p->folder, sizeof(p->folder));
    snprintf(p->path, sizeof(p->path), "%s/store.db", p->folder);
    open_place(p);
    *state = p;
    return 0;
}

static int set_up_sqlite(void **state)
{
    return set_up(state, HF_ENGINE_SQLITE);
}

static int set_up_memory(void **state)
{
    return set_up(state, HF_ENGINE_MEMORY);
}

static int tear_down(void **state)
{
    place *p = *state;
    hf_err e = hf_engine_close(p->e);

    folder_remove(p->folder);
    free(p);
    return e == HF_OK ? 0 : -1;
}

/* ---- helpers ---- */

static hf_row_key key_of(uint8_t kind, uint8_t id, uint64_t version)
{
    hf_row_key k = { .kind = kind, .version = version };

    memset(k.id, id, sizeof(k.id));
    return k;
}

static hf_err apply(hf_engine *e, hf_change_op op, hf_row_key key, const char *text)
{
    hf_change c = { .op = op, .key = key, .blob = hf_view_str(text) };

    return hf_engine_apply(e, &c);
}

/* One request alone. */
static hf_err one(hf_engine *e, hf_change_op op, hf_row_key key, const char *text)
{
    HF_TRY(hf_engine_begin(e));
    hf_err r = apply(e, op, key, text);
    if (r != HF_OK) {
        hf_engine_rollback(e);
        return r;
    }
    return hf_engine_commit(e);
}

typedef struct seen {
    size_t n, stop_at;
    hf_row_key keys[64];
    char last[64];
    size_t last_len;
} seen;

static bool see(void *arg, const hf_row_key *key, hf_view blob)
{
    seen *s = arg;

    s->keys[s->n++] = *key;
    s->last_len = blob.len;
    snprintf(s->last, sizeof(s->last), "%.*s", (int)blob.len, (const char *)blob.ptr);
    return s->stop_at == 0 || s->n < s->stop_at;
}

static void holds(hf_engine *e, hf_row_key key, const char *text)
{
    seen s = { 0 };

    assert_int_equal(hf_engine_get(e, &key, see, &s), HF_OK);
    assert_int_equal(s.n, 1);
    assert_string_equal(s.last, text);
    assert_memory_equal(&s.keys[0], &key, sizeof(key));
}

static void holds_not(hf_engine *e, hf_row_key key)
{
    seen s = { 0 };

    assert_int_equal(hf_engine_get(e, &key, see, &s), HF_ERR_NOT_FOUND);
    assert_int_equal(s.n, 0);
}

/* ---- every engine ---- */

static void put_replaces_and_delete_is_idempotent(void **state)
{
    hf_engine *e = ((place *)*state)->e;
    hf_row_key k = key_of(1, 0xaa, 7);

    holds_not(e, k);
    assert_int_equal(one(e, HF_CHANGE_PUT, k, "first"), HF_OK);
    holds(e, k, "first");
    assert_int_equal(one(e, HF_CHANGE_PUT, k, "second"), HF_OK);
    holds(e, k, "second");
    assert_int_equal(one(e, HF_CHANGE_DELETE, k, ""), HF_OK);
    holds_not(e, k);
    assert_int_equal(one(e, HF_CHANGE_DELETE, k, ""), HF_OK);
}

static void insert_refuses_what_exists(void **state)
{
    hf_engine *e = ((place *)*state)->e;
    hf_row_key k = key_of(2, 1, 1);

    assert_int_equal(one(e, HF_CHANGE_INSERT, k, "kept"), HF_OK);
    assert_int_equal(one(e, HF_CHANGE_INSERT, k, "not this"), HF_ERR_CONFLICT);
    assert_string_equal(hf_engine_why(e), "the row exists already");
    holds(e, k, "kept");
    /* Neighbours in each part of the key are other rows. */
    assert_int_equal(one(e, HF_CHANGE_INSERT, key_of(3, 1, 1), "kind"), HF_OK);
    assert_int_equal(one(e, HF_CHANGE_INSERT, key_of(2, 2, 1), "id"), HF_OK);
    assert_int_equal(one(e, HF_CHANGE_INSERT, key_of(2, 1, 2), "version"), HF_OK);
    holds(e, k, "kept");
}

static void empty_blob_is_a_row(void **state)
{
    hf_engine *e = ((place *)*state)->e;
    seen s = { 0 };
    hf_row_key k = key_of(1, 1, 0);

    assert_int_equal(one(e, HF_CHANGE_PUT, k, ""), HF_OK);
    assert_int_equal(hf_engine_get(e, &k, see, &s), HF_OK);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.last_len, 0);
}

static void scan_goes_in_order_and_on_from_any_key(void **state)
{
    hf_engine *e = ((place *)*state)->e;
    const hf_row_key order[] = { key_of(4, 0, 1), key_of(4, 0, 255),  key_of(4, 0, 256),  key_of(4, 0, HF_VERSION_MAX),
                                 key_of(4, 1, 0), key_of(4, 0x7f, 3), key_of(4, 0x80, 2), key_of(4, 0xff, 0) };

    assert_int_equal(hf_engine_begin(e), HF_OK);
    for (size_t i = HF_COUNT(order); i-- > 0;) /* not in order */
        assert_int_equal(apply(e, HF_CHANGE_PUT, order[i], "x"), HF_OK);
    assert_int_equal(apply(e, HF_CHANGE_PUT, key_of(3, 9, 9), "kind before"), HF_OK);
    assert_int_equal(apply(e, HF_CHANGE_PUT, key_of(5, 0, 0), "kind behind"), HF_OK);
    assert_int_equal(hf_engine_commit(e), HF_OK);

    for (size_t from = 0; from <= HF_COUNT(order); from++) {
        seen s = { 0 };
        assert_int_equal(hf_engine_scan(e, 4, from == 0 ? NULL : &order[from - 1], see, &s), HF_OK);
        assert_int_equal(s.n, HF_COUNT(order) - from);
        assert_memory_equal(s.keys, order + from, s.n * sizeof(hf_row_key));
    }
    seen between = { .stop_at = 1 };
    hf_row_key absent = key_of(4, 0x20, 5);
    assert_int_equal(hf_engine_scan(e, 4, &absent, see, &between), HF_OK);
    assert_int_equal(between.n, 1);
    assert_memory_equal(&between.keys[0], &order[5], sizeof(hf_row_key));
    seen none = { 0 };
    assert_int_equal(hf_engine_scan(e, 99, NULL, see, &none), HF_OK);
    assert_int_equal(none.n, 0);
    hf_row_key beyond = key_of(4, 0, UINT64_MAX);
    seen after = { 0 };
    assert_int_equal(hf_engine_scan(e, 4, &beyond, see, &after), HF_OK);
    assert_int_equal(after.n, 4);
}

static void last_is_the_largest_key(void **state)
{
    hf_engine *e = ((place *)*state)->e;
    hf_row_key last;

    assert_int_equal(hf_engine_last(e, 4, &last), HF_ERR_NOT_FOUND);
    assert_int_equal(one(e, HF_CHANGE_PUT, key_of(4, 0, 9), "x"), HF_OK);
    assert_int_equal(one(e, HF_CHANGE_PUT, key_of(4, 0, 1000), "x"), HF_OK);
    assert_int_equal(one(e, HF_CHANGE_PUT, key_of(5, 9, 2000), "x"), HF_OK);
    assert_int_equal(one(e, HF_CHANGE_PUT, key_of(3, 9, 2000), "x"), HF_OK);
    assert_int_equal(hf_engine_last(e, 4, &last), HF_OK);
    assert_int_equal(last.version, 1000);
    assert_int_equal(last.kind, 4);
}

static void undo_takes_back_one_request_only(void **state)
{
    hf_engine *e = ((place *)*state)->e;

    assert_int_equal(one(e, HF_CHANGE_PUT, key_of(1, 5, 0), "before"), HF_OK);
    assert_int_equal(hf_engine_begin(e), HF_OK);
    assert_int_equal(hf_engine_mark(e), HF_OK);
    assert_int_equal(apply(e, HF_CHANGE_PUT, key_of(1, 1, 0), "one"), HF_OK);
    assert_int_equal(hf_engine_keep(e), HF_OK);
    assert_int_equal(hf_engine_mark(e), HF_OK);
    assert_int_equal(apply(e, HF_CHANGE_PUT, key_of(1, 2, 0), "two"), HF_OK);
    assert_int_equal(apply(e, HF_CHANGE_PUT, key_of(1, 5, 0), "after"), HF_OK);
    assert_int_equal(apply(e, HF_CHANGE_DELETE, key_of(1, 1, 0), ""), HF_OK);
    assert_int_equal(apply(e, HF_CHANGE_INSERT, key_of(1, 5, 0), "conflict"), HF_ERR_CONFLICT);
    assert_int_equal(hf_engine_undo(e), HF_OK);
    assert_int_equal(hf_engine_mark(e), HF_OK);
    assert_int_equal(apply(e, HF_CHANGE_PUT, key_of(1, 3, 0), "three"), HF_OK);
    assert_int_equal(hf_engine_keep(e), HF_OK);
    assert_int_equal(hf_engine_commit(e), HF_OK);
    holds(e, key_of(1, 1, 0), "one");
    holds_not(e, key_of(1, 2, 0));
    holds(e, key_of(1, 3, 0), "three");
    holds(e, key_of(1, 5, 0), "before");
}

static void rollback_takes_back_all(void **state)
{
    hf_engine *e = ((place *)*state)->e;

    assert_int_equal(one(e, HF_CHANGE_PUT, key_of(1, 1, 0), "old"), HF_OK);
    assert_int_equal(one(e, HF_CHANGE_PUT, key_of(1, 9, 0), "stays"), HF_OK);
    assert_int_equal(hf_engine_begin(e), HF_OK);
    assert_int_equal(apply(e, HF_CHANGE_PUT, key_of(1, 1, 0), "new"), HF_OK);
    assert_int_equal(apply(e, HF_CHANGE_PUT, key_of(1, 2, 0), "more"), HF_OK);
    assert_int_equal(apply(e, HF_CHANGE_DELETE, key_of(1, 9, 0), ""), HF_OK);
    assert_int_equal(apply(e, HF_CHANGE_PUT, key_of(1, 1, 0), "newer"), HF_OK);
    hf_engine_rollback(e);
    holds(e, key_of(1, 1, 0), "old");
    holds_not(e, key_of(1, 2, 0));
    holds(e, key_of(1, 9, 0), "stays");
}

static void version_has_a_bound(void **state)
{
    hf_engine *e = ((place *)*state)->e;

    assert_int_equal(one(e, HF_CHANGE_PUT, key_of(1, 1, UINT64_MAX), "x"), HF_ERR_BOUNDS);
    assert_int_equal(one(e, HF_CHANGE_PUT, key_of(1, 1, (uint64_t)HF_VERSION_MAX + 1), "x"), HF_ERR_BOUNDS);
    assert_int_equal(one(e, HF_CHANGE_PUT, key_of(1, 1, HF_VERSION_MAX), "x"), HF_OK);
    holds(e, key_of(1, 1, HF_VERSION_MAX), "x");
    holds_not(e, key_of(1, 1, UINT64_MAX));
}

static void many_rows_of_all_sizes(void **state)
{
    hf_engine *e = ((place *)*state)->e;
    static char big[131073];

    for (unsigned i = 0; i < 200; i++) {
        size_t len = (i * 7919u) % 131072;
        memset(big, (int)('a' + i % 26), len);
        big[len] = '\0';
        assert_int_equal(one(e, HF_CHANGE_PUT, key_of(2, (uint8_t)(i % 64), i), big), HF_OK);
        assert_int_equal(hf_engine_tidy(e), HF_OK);
    }
    for (unsigned i = 0; i < 200; i++) {
        seen s = { 0 };
        hf_row_key k = key_of(2, (uint8_t)(i % 64), i);
        assert_int_equal(hf_engine_get(e, &k, see, &s), HF_OK);
        assert_int_equal(s.last_len, (i * 7919u) % 131072);
    }
}

/* ---- the SQLite file ---- */

static void reopen(place *p)
{
    assert_int_equal(hf_engine_close(p->e), HF_OK);
    open_place(p);
}

static void what_is_committed_is_there_after_a_restart(void **state)
{
    place *p = *state;

    assert_int_equal(one(p->e, HF_CHANGE_PUT, key_of(1, 1, 0), "kept"), HF_OK);
    assert_int_equal(hf_engine_begin(p->e), HF_OK);
    assert_int_equal(apply(p->e, HF_CHANGE_PUT, key_of(1, 2, 0), "not committed"), HF_OK);
    reopen(p);
    holds(p->e, key_of(1, 1, 0), "kept");
    holds_not(p->e, key_of(1, 2, 0));
}

static void two_files_while_running_one_after(void **state)
{
    place *p = *state;
    struct stat st;

    umask(0);
    reopen(p);
    assert_int_equal(one(p->e, HF_CHANGE_PUT, key_of(1, 1, 0), "x"), HF_OK);
    assert_true(folder_has(p->folder, "store.db-wal"));
    assert_false(folder_has(p->folder, "store.db-shm"));
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    hf_err e = hf_engine_close(p->e);
    p->e = NULL;
    assert_int_equal(e, HF_OK);
    assert_false(folder_has(p->folder, "store.db-wal"));
    assert_false(folder_has(p->folder, "store.db-journal"));
}

static void log_is_as_private_as_the_database(void **state)
{
    place *p = *state;
    char path[128];
    struct stat st;

    umask(0);
    assert_int_equal(hf_engine_close(p->e), HF_OK);
    assert_int_equal(chmod(p->path, 0664), 0); /* as an operator's copy might leave it */
    open_place(p);
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(path, sizeof(path), "%s-wal", p->path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* In another process, as file locks do not hold against their own. */
static void second_store_is_refused(void **state)
{
    place *p = *state;
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        const char *why = "";
        hf_engine *e = NULL;
        hf_err r = try_open(p->path, &e, &why);
        _exit(r == HF_ERR_STORE && strcmp(why, "another holdfast store process has this data folder open") == 0 ? 42
                                                                                                                : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
    assert_int_equal(one(p->e, HF_CHANGE_PUT, key_of(1, 1, 0), "undisturbed"), HF_OK);
}

static void with_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Closes, alters, and wants a refusal with these words. */
static void altered_is_refused(place *p, const char *sql, hf_err error, const char *words)
{
    const char *why = "";
    hf_engine *e = NULL;

    if (p->e != NULL)
        assert_int_equal(hf_engine_close(p->e), HF_OK);
    p->e = NULL;
    with_sql(p->path, sql);
    assert_int_equal(try_open(p->path, &e, &why), error);
    if (strstr(why, words) == NULL)
        fail_msg("'%s' does not say '%s'", why, words);
}

static void newer_store_is_refused_and_kept(void **state)
{
    place *p = *state;

    assert_int_equal(one(p->e, HF_CHANGE_PUT, key_of(1, 1, 0), "kept"), HF_OK);
    altered_is_refused(p, "PRAGMA user_version = 2", HF_ERR_UNSUPPORTED, "newer release (format 2, this one knows 1)");
    with_sql(p->path, "PRAGMA user_version = 1");
    open_place(p);
    holds(p->e, key_of(1, 1, 0), "kept");
}

static void smuggled_schema_is_refused(void **state)
{
    place *p = *state;

    altered_is_refused(p, "CREATE TRIGGER t AFTER INSERT ON row BEGIN DELETE FROM row; END", HF_ERR_INTEGRITY,
                       "not a Holdfast store");
    altered_is_refused(p, "DROP TRIGGER t; CREATE VIEW v AS SELECT 1", HF_ERR_INTEGRITY, "not a Holdfast store");
    altered_is_refused(p, "DROP VIEW v; PRAGMA application_id = 5", HF_ERR_INTEGRITY, "not a Holdfast store");
}

static size_t read_file(const char *path, uint8_t *dst, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, dst, cap);

    assert_true(n >= 0);
    close(fd);
    return (size_t)n;
}

static void foreign_database_is_left_as_it_is(void **state)
{
    place *p = *state;
    static uint8_t before[1 << 16], after[1 << 16];
    const char *why = "";
    hf_engine *e = NULL;

    assert_int_equal(hf_engine_close(p->e), HF_OK);
    p->e = NULL;
    assert_int_equal(unlink(p->path), 0);
    with_sql(p->path, "CREATE TABLE address_book (name TEXT); INSERT INTO address_book VALUES ('somebody')");
    size_t n = read_file(p->path, before, sizeof(before));
    assert_int_equal(try_open(p->path, &e, &why), HF_ERR_INTEGRITY);
    assert_non_null(strstr(why, "not a Holdfast store"));
    assert_int_equal(read_file(p->path, after, sizeof(after)), n);
    assert_memory_equal(before, after, n);
}

static void damaged_file_is_refused(void **state)
{
    place *p = *state;
    const char *why = "";
    hf_engine *e = NULL;
    uint8_t junk[4096];

    for (uint8_t i = 0; i < 60; i++)
        assert_int_equal(one(p->e, HF_CHANGE_PUT, key_of(1, i, 0), "a row that takes its room in a page"), HF_OK);
    assert_int_equal(hf_engine_close(p->e), HF_OK);
    p->e = NULL;
    int fd = open(p->path, O_WRONLY | O_CLOEXEC);
    memset(junk, 0xa5, sizeof(junk));
    assert_int_equal(pwrite(fd, junk, 64, 4096), 64); /* the head of the table's root page */
    assert_int_equal(try_open(p->path, &e, &why), HF_ERR_INTEGRITY);
    assert_non_null(strstr(why, "damaged"));
    assert_int_equal(pwrite(fd, junk, sizeof(junk), 0), sizeof(junk));
    assert_int_equal(try_open(p->path, &e, &why), HF_ERR_INTEGRITY);
    assert_non_null(strstr(why, "damaged"));
    close(fd);
}

static void odd_places_are_refused_with_a_sentence(void **state)
{
    place *p = *state;
    char path[128];
    const char *why = "";
    hf_engine *e = NULL;

    snprintf(path, sizeof(path), "%s/none/store.db", p->folder);
    assert_int_equal(try_open(path, &e, &why), HF_ERR_STORE);
    assert_non_null(strstr(why, "is missing"));
    snprintf(path, sizeof(path), "%s/link.db", p->folder);
    assert_int_equal(symlink(p->path, path), 0);
    assert_int_equal(try_open(path, &e, &why), HF_ERR_STORE);
    assert_non_null(strstr(why, "symbolic link"));
    assert_int_equal(try_open(p->folder, &e, &why), HF_ERR_STORE);
    const hf_engine_spec unknown = { .kind = (hf_engine_kind)9 };
    assert_int_equal(hf_engine_open(&unknown, &e, &why), HF_ERR_UNSUPPORTED);
    assert_non_null(strstr(why, "no storage engine number 9"));
}

#define BOTH(test) \
    { #test " (sqlite)", test, set_up_sqlite, tear_down, NULL }, \
    { \
        #test " (memory)", test, set_up_memory, tear_down, NULL \
    }
#define SQLITE(test) { #test, test, set_up_sqlite, tear_down, NULL }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(put_replaces_and_delete_is_idempotent),
        BOTH(insert_refuses_what_exists),
        BOTH(empty_blob_is_a_row),
        BOTH(scan_goes_in_order_and_on_from_any_key),
        BOTH(last_is_the_largest_key),
        BOTH(undo_takes_back_one_request_only),
        BOTH(rollback_takes_back_all),
        BOTH(version_has_a_bound),
        BOTH(many_rows_of_all_sizes),
        SQLITE(what_is_committed_is_there_after_a_restart),
        SQLITE(two_files_while_running_one_after),
        SQLITE(log_is_as_private_as_the_database),
        SQLITE(second_store_is_refused),
        SQLITE(newer_store_is_refused_and_kept),
        SQLITE(smuggled_schema_is_refused),
        SQLITE(foreign_database_is_left_as_it_is),
        SQLITE(damaged_file_is_refused),
        SQLITE(odd_places_are_refused_with_a_sentence),
    };

    return cmocka_run_group_tests_name("store-engine", tests, NULL, NULL);
}
