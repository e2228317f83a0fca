/*
 * SQLite with a write-ahead log and one connection. The locks are exclusive, so there is no shared-memory file: a
 * running store has two files, a cleanly stopped one has one.
 */
#include "store/engine.h"

#include "base/time.h"
#include "store/durability.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_FORMAT 1
#define APPLICATION_ID 0x48467374 /* "HFst" */
#define SCHEMA \
    "CREATE TABLE row (kind INTEGER NOT NULL, id BLOB NOT NULL, version INTEGER NOT NULL, " \
    "blob BLOB NOT NULL, PRIMARY KEY (kind, id, version)) STRICT, WITHOUT ROWID"

#define CHECK_MAX_MS 5000
#define LOCK_WAIT_MS 1000
#define TIDY_FRAMES 1000 /* 4 MiB of log */
#define BLOB_MAX_BYTES (1 << 20)

typedef enum statement {
    SCAN_FIRST,
    SCAN_AFTER,
    GET,
    LAST,
    PUT,
    INSERT,
    DELETE,
    BEGIN,
    MARK,
    KEEP,
    UNDO,
    COMMIT,
    ROLLBACK,
    STATEMENTS
} statement;

static const char *const statement_sql[STATEMENTS] = {
    [SCAN_FIRST] = "SELECT id, version, blob FROM row WHERE kind = ?1 ORDER BY id, version",
    [SCAN_AFTER] =
        "SELECT id, version, blob FROM row WHERE kind = ?1 AND (id, version) > (?2, ?3) ORDER BY id, version",
    [GET] = "SELECT id, version, blob FROM row WHERE kind = ?1 AND id = ?2 AND version = ?3",
    [LAST] = "SELECT id, version, x'' FROM row WHERE kind = ?1 ORDER BY id DESC, version DESC LIMIT 1",
    [PUT] = "INSERT INTO row VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET blob = excluded.blob",
    [INSERT] = "INSERT INTO row VALUES (?1, ?2, ?3, ?4)",
    [DELETE] = "DELETE FROM row WHERE kind = ?1 AND id = ?2 AND version = ?3",
    [BEGIN] = "BEGIN IMMEDIATE",
    [MARK] = "SAVEPOINT request",
    [KEEP] = "RELEASE request",
    [UNDO] = "ROLLBACK TO request",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
};

typedef struct sqlite_engine {
    hf_engine base;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    int log_frames;  /* in the write-ahead log after the last commit */
    int tidy_frames; /* tidy when it has grown to this */
} sqlite_engine;

static sqlite_engine *of(hf_engine *e)
{
    return (sqlite_engine *)(void *)e;
}

/* ---- what went wrong ---- */

static bool disk_is_full(int rc, int system_errno)
{
    return (rc & 0xff) == SQLITE_FULL ||
           ((rc & 0xff) == SQLITE_IOERR && rc != SQLITE_IOERR_FSYNC && rc != SQLITE_IOERR_DIR_FSYNC &&
            (system_errno == ENOSPC || system_errno == EDQUOT));
}

static const char *io_verb(int rc)
{
    switch (rc) {
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ:
        return "reading from the disk failed";
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
        return "fsync failed";
    default:
        return "writing to the disk failed";
    }
}

static hf_err describe(char why[static HF_WHY_CAP], int rc, int system_errno)
{
    const char *cause = strerrordesc_np(system_errno);

    if (disk_is_full(rc, system_errno)) {
        snprintf(why, HF_WHY_CAP, "%s", system_errno == EDQUOT ? "the disk quota is used up" : "the disk is full");
        return HF_ERR_STORE;
    }
    switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        snprintf(why, HF_WHY_CAP, "the database file is damaged (%s)", sqlite3_errstr(rc));
        return HF_ERR_INTEGRITY;
    case SQLITE_IOERR:
        snprintf(why, HF_WHY_CAP, "%s (%s)", io_verb(rc), cause == NULL ? "no cause given" : cause);
        return HF_ERR_STORE;
    case SQLITE_READONLY:
        snprintf(why, HF_WHY_CAP, "the data folder cannot be written (read-only)");
        return HF_ERR_STORE;
    case SQLITE_BUSY:
        snprintf(why, HF_WHY_CAP, "another holdfast store process has this data folder open");
        return HF_ERR_STORE;
    case SQLITE_CANTOPEN:
        snprintf(why, HF_WHY_CAP, "the database file or its log cannot be opened (%s)",
                 cause == NULL ? "no cause given" : cause);
        return HF_ERR_STORE;
    default:
        snprintf(why, HF_WHY_CAP, "%s", sqlite3_errstr(rc));
        return HF_ERR_STORE;
    }
}

static hf_err failed(sqlite_engine *s, int rc)
{
    return describe(s->base.why, rc, sqlite3_system_errno(s->db));
}

/* ---- statements ---- */

/* Runs one that gives no row; always leaves it reset. The extended code, SQLITE_OK when done. */
static int run(sqlite_engine *s, statement which)
{
    sqlite3_stmt *stmt = s->statements[which];
    int rc = sqlite3_step(stmt);

    rc = rc == SQLITE_DONE ? SQLITE_OK : rc == SQLITE_ROW ? SQLITE_INTERNAL : sqlite3_extended_errcode(s->db);
    sqlite3_reset(stmt);
    return rc;
}

static int bind_key(sqlite3_stmt *stmt, const hf_row_key *key)
{
    int rc = sqlite3_bind_int(stmt, 1, key->kind);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob(stmt, 2, key->id, sizeof(key->id), SQLITE_STATIC);
    return rc == SQLITE_OK ? sqlite3_bind_int64(stmt, 3, (sqlite3_int64)key->version) : rc;
}

/* SQLite takes a NULL pointer for SQL's NULL. */
static int bind_blob(sqlite3_stmt *stmt, int at, hf_view blob)
{
    return sqlite3_bind_blob64(stmt, at, blob.len == 0 ? "" : (const void *)blob.ptr, blob.len, SQLITE_STATIC);
}

/* False when the row has not the form that this store writes. */
static bool take_row(sqlite3_stmt *stmt, uint8_t kind, hf_row_key *ret_key, hf_view *ret_blob)
{
    const void *id = sqlite3_column_blob(stmt, 0);
    sqlite3_int64 version = sqlite3_column_int64(stmt, 1);

    if (sqlite3_column_bytes(stmt, 0) != (int)sizeof(ret_key->id) || version < 0)
        return false;
    ret_key->kind = kind;
    memcpy(ret_key->id, id, sizeof(ret_key->id));
    ret_key->version = (uint64_t)version;
    const void *blob = sqlite3_column_blob(stmt, 2);
    *ret_blob = hf_view_of(blob, (size_t)sqlite3_column_bytes(stmt, 2));
    return true;
}

/* Steps a bound statement through its rows. HF_ERR_NOT_FOUND when there was none. */
static hf_err rows_of(sqlite_engine *s, sqlite3_stmt *stmt, uint8_t kind, hf_row_fn fn, void *arg)
{
    hf_err e = HF_ERR_NOT_FOUND;
    hf_row_key key;
    hf_view blob;
    int rc;

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (!take_row(stmt, kind, &key, &blob)) {
            rc = SQLITE_CORRUPT;
            break;
        }
        e = HF_OK;
        if (!fn(arg, &key, blob)) {
            rc = SQLITE_DONE;
            break;
        }
    }
    if (rc != SQLITE_DONE)
        e = failed(s, rc == SQLITE_CORRUPT ? rc : sqlite3_extended_errcode(s->db));
    sqlite3_reset(stmt);
    return e;
}

/* ---- reading ---- */

static hf_err sqlite_scan(hf_engine *e, uint8_t kind, const hf_row_key *after, hf_row_fn fn, void *arg)
{
    sqlite_engine *s = of(e);
    sqlite3_stmt *stmt = s->statements[after == NULL ? SCAN_FIRST : SCAN_AFTER];
    hf_row_key from = after == NULL ? (hf_row_key) { .kind = kind } : *after;

    from.kind = kind;
    int rc = after == NULL ? sqlite3_bind_int(stmt, 1, kind) : bind_key(stmt, &from);
    if (rc != SQLITE_OK)
        return failed(s, rc);
    hf_err r = rows_of(s, stmt, kind, fn, arg);
    return r == HF_ERR_NOT_FOUND ? HF_OK : r;
}

static hf_err sqlite_get(hf_engine *e, const hf_row_key *key, hf_row_fn fn, void *arg)
{
    sqlite_engine *s = of(e);
    int rc = bind_key(s->statements[GET], key);

    return rc == SQLITE_OK ? rows_of(s, s->statements[GET], key->kind, fn, arg) : failed(s, rc);
}

static bool keep_key(void *arg, const hf_row_key *key, hf_view blob)
{
    (void)blob;
    *(hf_row_key *)arg = *key;
    return true;
}

static hf_err sqlite_last(hf_engine *e, uint8_t kind, hf_row_key *ret)
{
    sqlite_engine *s = of(e);
    int rc = sqlite3_bind_int(s->statements[LAST], 1, kind);

    return rc == SQLITE_OK ? rows_of(s, s->statements[LAST], kind, keep_key, ret) : failed(s, rc);
}

/* ---- writing ---- */

static hf_err sqlite_run(hf_engine *e, statement which)
{
    int rc = run(of(e), which);

    return rc == SQLITE_OK ? HF_OK : failed(of(e), rc);
}

static hf_err sqlite_begin(hf_engine *e)
{
    return sqlite_run(e, BEGIN);
}

static hf_err sqlite_mark(hf_engine *e)
{
    return sqlite_run(e, MARK);
}

static hf_err sqlite_keep(hf_engine *e)
{
    return sqlite_run(e, KEEP);
}

static hf_err sqlite_apply(hf_engine *e, const hf_change *c)
{
    sqlite_engine *s = of(e);
    statement which = c->op == HF_CHANGE_DELETE ? DELETE : c->op == HF_CHANGE_INSERT ? INSERT : PUT;
    sqlite3_stmt *stmt = s->statements[which];
    int rc = bind_key(stmt, &c->key);

    if (rc == SQLITE_OK && which != DELETE)
        rc = bind_blob(stmt, 4, c->blob);
    if (rc == SQLITE_OK)
        rc = run(s, which);
    if ((rc & 0xff) == SQLITE_CONSTRAINT)
        return HF_ERR_CONFLICT;
    return rc == SQLITE_OK ? HF_OK : failed(s, rc);
}

/* On some errors (disk full, no memory) SQLite has rolled back the transaction by itself. */
static bool in_transaction(const sqlite_engine *s)
{
    return sqlite3_get_autocommit(s->db) == 0;
}

/* The mark stays, as ROLLBACK TO keeps its savepoint, so it is released as well. Leaves `why` as it was. */
static hf_err sqlite_undo(hf_engine *e)
{
    sqlite_engine *s = of(e);

    if (!in_transaction(s))
        return HF_ERR_STORE;
    return run(s, UNDO) == SQLITE_OK && run(s, KEEP) == SQLITE_OK ? HF_OK : HF_ERR_STORE;
}

static void sqlite_rollback(hf_engine *e)
{
    sqlite_engine *s = of(e);

    if (in_transaction(s) && run(s, ROLLBACK) != SQLITE_OK)
        s->base.broken = true;
}

/*
 * Only a full disk is known to leave the log as it was: its frames have no commit mark that counts and the next commit
 * overwrites them. After a failed write or fsync the pages may be on the disk, or marked clean in the
 * page cache without being there; another fsync would report success.
 */
static hf_err sqlite_commit(hf_engine *e)
{
    sqlite_engine *s = of(e);
    int rc = run(s, COMMIT);

    if (rc == SQLITE_OK)
        return HF_OK;
    bool full = disk_is_full(rc, sqlite3_system_errno(s->db));
    hf_err r = failed(s, rc);
    if (full)
        sqlite_rollback(e);
    else
        s->base.broken = true;
    return r;
}

static int note_log_frames(void *arg, sqlite3 *db, const char *schema, int frames)
{
    (void)db;
    (void)schema;
    ((sqlite_engine *)arg)->log_frames = frames;
    return SQLITE_OK;
}

static hf_err checkpoint(sqlite_engine *s, int mode)
{
    int rc = sqlite3_wal_checkpoint_v2(s->db, "main", mode, NULL, NULL);

    if (rc == SQLITE_OK)
        return HF_OK;
    rc = sqlite3_extended_errcode(s->db);
    if (!disk_is_full(rc, sqlite3_system_errno(s->db)))
        s->base.broken = true;
    return failed(s, rc);
}

static hf_err sqlite_tidy(hf_engine *e)
{
    sqlite_engine *s = of(e);

    if (s->log_frames < s->tidy_frames)
        return HF_OK;
    /* A full disk is met again only after as many frames more; the log keeps what the database has not. */
    s->tidy_frames = s->log_frames + TIDY_FRAMES;
    HF_TRY(checkpoint(s, SQLITE_CHECKPOINT_PASSIVE));
    s->log_frames = 0;
    s->tidy_frames = TIDY_FRAMES;
    return HF_OK;
}

/* ---- closing ---- */

static void finalize(sqlite_engine *s)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(s->statements[i]);
}

static hf_err sqlite_close(hf_engine *e)
{
    sqlite_engine *s = of(e);

    sqlite_rollback(e);
    hf_err r = s->base.broken ? HF_ERR_STORE : checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE);
    finalize(s);
    /* Removes the log, which is empty now. */
    if (sqlite3_close(s->db) != SQLITE_OK && r == HF_OK)
        r = HF_ERR_STORE;
    free(s);
    return r;
}

/* The log is left for the next start: closing would write to it as if nothing had happened. */
static void sqlite_abandon(hf_engine *e)
{
    sqlite_engine *s = of(e);

    finalize(s);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(s->db);
    free(s);
}

static const hf_engine_ops sqlite_ops = {
    .scan = sqlite_scan,
    .get = sqlite_get,
    .last = sqlite_last,
    .begin = sqlite_begin,
    .mark = sqlite_mark,
    .apply = sqlite_apply,
    .keep = sqlite_keep,
    .undo = sqlite_undo,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .tidy = sqlite_tidy,
    .close = sqlite_close,
    .abandon = sqlite_abandon,
};

/* ---- opening ---- */

/*
 * Names stay as they are: after the change of uid the path from the root may not be searchable, the working folder is.
 */
static int keep_path(sqlite3_vfs *vfs, const char *name, int cap, char *ret)
{
    (void)vfs;
    return snprintf(ret, (size_t)cap, "%s", name) < cap ? SQLITE_OK : SQLITE_CANTOPEN;
}

static const char *system_vfs(void)
{
    static sqlite3_vfs relative;

    if (relative.zName == NULL) {
        relative = *sqlite3_vfs_find(NULL);
        relative.zName = "holdfast";
        relative.pNext = NULL;
        relative.xFullPathname = keep_path;
        if (sqlite3_vfs_register(&relative, 0) != SQLITE_OK)
            return NULL;
    }
    return relative.zName;
}

static void describe_open(char why[static HF_WHY_CAP], const char *path, int cause)
{
    switch (cause) {
    case EROFS:
        snprintf(why, HF_WHY_CAP, "the data folder is on a read-only file system; mount it for writing");
        break;
    case ENOENT:
        snprintf(why, HF_WHY_CAP, "the folder of %s is missing; make it with 'holdfast init'", path);
        break;
    case EACCES:
    case EPERM:
        snprintf(why, HF_WHY_CAP,
                 "%s may not be opened for writing by this user; is the folder owned by the store's user?", path);
        break;
    case ELOOP:
        snprintf(why, HF_WHY_CAP, "%s is a symbolic link, which is not followed", path);
        break;
    case ENOSPC:
    case EDQUOT:
        snprintf(why, HF_WHY_CAP, "the disk is full");
        break;
    default:
        snprintf(why, HF_WHY_CAP, "%s cannot be opened: %s", path, strerrordesc_np(cause));
    }
}

/*
 * Made here and not by SQLite, so that mode and owner are right from the first moment and a failure has its cause.
 * SQLite gives the log the mode and owner of the database. Closing is safe: SQLite has no lock on the file yet.
 */
static hf_err prepare_file(const hf_engine_spec *spec, char why[static HF_WHY_CAP])
{
    int fd = open(spec->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat st;

    if (fd < 0) {
        describe_open(why, spec->path, errno);
        return HF_ERR_STORE;
    }
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (!ok)
        snprintf(why, HF_WHY_CAP, "%s is not an ordinary file", spec->path);
    if (ok && (st.st_mode & 077) != 0 && fchmod(fd, 0600) != 0) {
        snprintf(why, HF_WHY_CAP, "others may open %s and its mode cannot be changed to 0600", spec->path);
        ok = false;
    }
    if (ok && geteuid() == 0 && spec->owner != (uid_t)-1 && fchown(fd, spec->owner, spec->group) != 0) {
        snprintf(why, HF_WHY_CAP, "%s cannot be given to the store's user: %s", spec->path, strerrordesc_np(errno));
        ok = false;
    }
    close(fd);
    return ok ? HF_OK : HF_ERR_STORE;
}

static hf_err execute(sqlite_engine *s, const char *sql)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? HF_OK : failed(s, sqlite3_extended_errcode(s->db));
}

/* The first column of the first row as text, "" when there is no row. */
static hf_err ask(sqlite_engine *s, const char *sql, char *ret, size_t cap)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    snprintf(ret, cap, "%s", text == NULL ? "" : text);
    hf_err e = rc == SQLITE_ROW || rc == SQLITE_DONE ? HF_OK : failed(s, sqlite3_extended_errcode(s->db));
    sqlite3_finalize(stmt);
    return e;
}

static hf_err want(sqlite_engine *s, const char *sql, const char *answer)
{
    char got[512];

    HF_TRY(ask(s, sql, got, sizeof(got)));
    if (strcmp(got, answer) == 0)
        return HF_OK;
    snprintf(s->base.why, sizeof(s->base.why), "SQLite answers '%.40s' and not '%s' to %.60s", got, answer, sql);
    return HF_ERR_STORE;
}

static void configure_connection(sqlite3 *db)
{
    static const int switches[][2] = {
        { SQLITE_DBCONFIG_DEFENSIVE, 1 },
        { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
        { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
        { SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
        { SQLITE_DBCONFIG_DQS_DDL, 0 },
        { SQLITE_DBCONFIG_DQS_DML, 0 },
        { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
    };

    for (size_t i = 0; i < HF_COUNT(switches); i++)
        sqlite3_db_config(db, switches[i][0], switches[i][1], NULL);
    sqlite3_extended_result_codes(db, 1);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 2 * BLOB_MAX_BYTES);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
    sqlite3_busy_timeout(db, LOCK_WAIT_MS);
}

/* Exclusive locking must come before the first look at a log, or SQLite makes a shared-memory file. */
static hf_err configure_session(sqlite_engine *s)
{
    HF_TRY(execute(s, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
                      "PRAGMA cell_size_check = ON; PRAGMA cache_spill = OFF; PRAGMA secure_delete = FAST"));
    return want(s, "PRAGMA locking_mode", "exclusive");
}

static hf_err configure_log(sqlite_engine *s)
{
    char sql[64];

    HF_TRY(want(s, "PRAGMA journal_mode = WAL", "wal"));
    snprintf(sql, sizeof(sql), "PRAGMA synchronous = %s", hf_store_durability.synchronous);
    HF_TRY(execute(s, sql));
    /* Checkpoints are ours: SQLite's own ones hide their failures. */
    sqlite3_wal_hook(s->db, note_log_frames, s);
    return HF_OK;
}

static hf_err not_ours(sqlite_engine *s)
{
    snprintf(s->base.why, sizeof(s->base.why), "the file is a database, but not a Holdfast store; it is left as it is");
    return HF_ERR_INTEGRITY;
}

static hf_err check_identity(sqlite_engine *s, long format)
{
    char text[512];

    HF_TRY(ask(s, "PRAGMA application_id", text, sizeof(text)));
    HF_CHECK(strtol(text, NULL, 10) == APPLICATION_ID, not_ours(s));
    if (format > STORE_FORMAT) {
        snprintf(s->base.why, sizeof(s->base.why),
                 "the store was written by a newer release (format %ld, this one knows %d); install that release",
                 format, STORE_FORMAT);
        return HF_ERR_UNSUPPORTED;
    }
    HF_TRY(ask(s, "SELECT group_concat(sql, ';') FROM sqlite_schema", text, sizeof(text)));
    HF_CHECK(format == STORE_FORMAT && strcmp(text, SCHEMA) == 0, not_ours(s));
    return HF_OK;
}

/* Nothing at all in it: new, or its maker was killed before the first commit. */
static hf_err is_blank(sqlite_engine *s, long format, bool *ret)
{
    char id[32], objects[32];

    HF_TRY(ask(s, "PRAGMA application_id", id, sizeof(id)));
    HF_TRY(ask(s, "SELECT count(*) FROM sqlite_schema", objects, sizeof(objects)));
    *ret = format == 0 && strcmp(id, "0") == 0 && strcmp(objects, "0") == 0;
    return HF_OK;
}

/* Reads only, so that a file that is not ours stays as it is. */
static hf_err identify(sqlite_engine *s, bool *ret_blank)
{
    char text[32];

    HF_TRY(ask(s, "PRAGMA user_version", text, sizeof(text)));
    long format = strtol(text, NULL, 10);
    HF_TRY(is_blank(s, format, ret_blank));
    return *ret_blank ? HF_OK : check_identity(s, format);
}

/*
 * The format number is written at every open: it shows that the disk takes a commit, and the log's first sync,
 * which opens the folder, falls before the sandbox.
 */
static hf_err write_identity(sqlite_engine *s, bool blank)
{
    char sql[512];

    snprintf(sql, sizeof(sql), "BEGIN IMMEDIATE; %s%s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             blank ? SCHEMA : "", blank ? ";" : "", APPLICATION_ID, STORE_FORMAT);
    return execute(s, sql);
}

static int past_deadline(void *arg)
{
    return hf_mono_now().ns > ((const hf_mono *)arg)->ns;
}

/*
 * A large store is checked as far as the time goes: each record carries its own MAC, which core checks when it reads.
 */
static hf_err quick_check(sqlite_engine *s)
{
    hf_mono deadline = hf_mono_after_ms(hf_mono_now(), CHECK_MAX_MS);
    char answer[128];

    sqlite3_progress_handler(s->db, 10000, past_deadline, &deadline);
    hf_err e = ask(s, "PRAGMA quick_check(1)", answer, sizeof(answer));
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
    if (e != HF_OK && (sqlite3_errcode(s->db) & 0xff) == SQLITE_INTERRUPT)
        return HF_OK;
    HF_TRY(e);
    if (strcmp(answer, "ok") == 0)
        return HF_OK;
    snprintf(s->base.why, sizeof(s->base.why), "the database file is damaged (%.100s); restore a backup", answer);
    return HF_ERR_INTEGRITY;
}

static hf_err prepare_statements(sqlite_engine *s)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        int rc = sqlite3_prepare_v3(s->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i], NULL);
        if (rc != SQLITE_OK)
            return failed(s, rc);
    }
    return HF_OK;
}

static hf_err set_up(sqlite_engine *s)
{
    bool blank = false;

    configure_connection(s->db);
    HF_TRY(configure_session(s));
    HF_TRY(identify(s, &blank));
    HF_TRY(configure_log(s));
    HF_TRY(quick_check(s));
    HF_TRY(write_identity(s, blank));
    if (hf_store_durability.checkpoint_at_open)
        HF_TRY(checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE));
    s->tidy_frames = TIDY_FRAMES;
    s->log_frames = 0;
    sqlite3_busy_timeout(s->db, 0);
    return prepare_statements(s);
}

hf_err hf_engine_sqlite_open(const hf_engine_spec *spec, hf_engine **ret, char reterr_why[static HF_WHY_CAP])
{
    HF_TRY(prepare_file(spec, reterr_why));
    sqlite_engine *s = calloc(1, sizeof(*s));
    HF_CHECK(s != NULL, HF_ERR_SYSTEM);
    s->base.ops = &sqlite_ops;
    int rc = sqlite3_open_v2(spec->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                             spec->vfs == NULL ? system_vfs() : spec->vfs);
    hf_err e = rc == SQLITE_OK ? set_up(s) : failed(s, sqlite3_extended_errcode(s->db));
    if (e == HF_OK) {
        *ret = &s->base;
        return HF_OK;
    }
    snprintf(reterr_why, HF_WHY_CAP, "%s", s->base.why);
    sqlite_abandon(&s->base);
    return e;
}
