/*
 * A transactional table of (kind, id, version) -> blob, behind which a storage engine stands. It understands no
 * blob and sees no plaintext key. One thread.
 *
 * Writing: begin; for each request: mark, apply..., then keep or undo; commit. Nothing of a transaction is there
 * before commit returns HF_OK, and all of it is there afterwards, whatever happens to process or power.
 */
#ifndef HF_STORE_ENGINE_H
#define HF_STORE_ENGINE_H

#include "base/buf.h"
#include <sys/types.h>

/* The largest version an engine takes: SQLite's integers are signed. */
#define HF_VERSION_MAX INT64_MAX
#define HF_WHY_CAP 200

typedef struct hf_row_key {
    uint8_t kind;
    uint8_t id[16];
    uint64_t version;
} hf_row_key;

/* Numbers as in STORE_COMMIT. */
typedef enum hf_change_op {
    HF_CHANGE_PUT = 1,    /* insert or replace */
    HF_CHANGE_DELETE = 2, /* fine when there is no such row */
    HF_CHANGE_INSERT = 3  /* HF_ERR_CONFLICT when the row exists */
} hf_change_op;

typedef struct hf_change {
    hf_change_op op;
    hf_row_key key;
    hf_view blob; /* borrowed during the call */
} hf_change;

/* One row of an answer; blob is valid during the call. False ends the scan. */
typedef bool (*hf_row_fn)(void *arg, const hf_row_key *key, hf_view blob);

/* Numbers as in CONFIG_STORE. */
typedef enum hf_engine_kind { HF_ENGINE_SQLITE = 1, HF_ENGINE_MEMORY = 2 } hf_engine_kind;

typedef struct hf_engine hf_engine;

typedef struct hf_engine_spec {
    hf_engine_kind kind;
    const char *path; /* of the database file, relative to the working folder */
    const char *vfs;  /* SQLite file layer underneath; NULL: the system's */
    uid_t owner;      /* new files belong to these when started as root; (uid_t)-1: stay */
    gid_t group;
} hf_engine_spec;

/*
 * Opens or creates. HF_ERR_STORE, HF_ERR_INTEGRITY (damaged, or not a Holdfast store), HF_ERR_UNSUPPORTED (written by
 * a newer release): reterr_why is then one sentence with cause and remedy, in a static buffer.
 */
hf_err hf_engine_open(const hf_engine_spec *spec, hf_engine **ret, const char **reterr_why) HF_MUST_USE;

/*
 * Rows of a kind in the order of (id, version), behind `after` (NULL: from the first). HF_ERR_INTEGRITY when the file
 * is damaged, HF_ERR_STORE when it cannot be read. Inside a transaction its own changes are seen; fn must not change
 * anything.
 */
hf_err hf_engine_scan(hf_engine *e, uint8_t kind, const hf_row_key *after, hf_row_fn fn, void *arg) HF_MUST_USE;
/* HF_ERR_NOT_FOUND when there is no such row; fn is called once else. */
hf_err hf_engine_get(hf_engine *e, const hf_row_key *key, hf_row_fn fn, void *arg) HF_MUST_USE;
/* The key of the last row of a kind in the order of (id, version). HF_ERR_NOT_FOUND when there is none. */
hf_err hf_engine_last(hf_engine *e, uint8_t kind, hf_row_key *ret) HF_MUST_USE;

hf_err hf_engine_begin(hf_engine *e) HF_MUST_USE;
/* Everything since the mark can be undone alone. One mark at a time. */
hf_err hf_engine_mark(hf_engine *e) HF_MUST_USE;
/*
 * HF_ERR_CONFLICT, HF_ERR_BOUNDS (version above HF_VERSION_MAX), HF_ERR_STORE. Undo, or roll back, after any failure.
 */
hf_err hf_engine_apply(hf_engine *e, const hf_change *c) HF_MUST_USE;
hf_err hf_engine_keep(hf_engine *e) HF_MUST_USE;
/* HF_ERR_STORE when the whole transaction is gone, as a full disk can bring about. */
hf_err hf_engine_undo(hf_engine *e) HF_MUST_USE;
/*
 * On failure nothing of the transaction is there: rolled back when hf_engine_broken is false (disk full), and when it
 * is true (an fsync failed, say) nobody knows before the file is opened anew: end the process without hf_engine_close.
 */
hf_err hf_engine_commit(hf_engine *e) HF_MUST_USE;
void hf_engine_rollback(hf_engine *e);

/* True after a failure that leaves the state of the files unknown. Nothing more can be written then. */
bool hf_engine_broken(const hf_engine *e);
/* The cause of the last failure in a few words ("the disk is full"); empty when none. Valid until the next call. */
const char *hf_engine_why(const hf_engine *e);

/* Housekeeping that may wait until nobody waits for an answer (moves a long write-ahead log into the database). */
hf_err hf_engine_tidy(hf_engine *e) HF_MUST_USE;

/* Moves everything into the database file, closes it and frees e, also on failure. NULL is fine. */
hf_err hf_engine_close(hf_engine *e);
/* Frees e without touching the files, as a kill would: for a broken engine. */
void hf_engine_abandon(hf_engine *e);

/* ---- for engines only ---- */

typedef struct hf_engine_ops {
    hf_err (*scan)(hf_engine *e, uint8_t kind, const hf_row_key *after, hf_row_fn fn, void *arg);
    hf_err (*get)(hf_engine *e, const hf_row_key *key, hf_row_fn fn, void *arg);
    hf_err (*last)(hf_engine *e, uint8_t kind, hf_row_key *ret);
    hf_err (*begin)(hf_engine *e);
    hf_err (*mark)(hf_engine *e);
    hf_err (*apply)(hf_engine *e, const hf_change *c);
    hf_err (*keep)(hf_engine *e);
    hf_err (*undo)(hf_engine *e);
    hf_err (*commit)(hf_engine *e);
    void (*rollback)(hf_engine *e);
    hf_err (*tidy)(hf_engine *e);
    hf_err (*close)(hf_engine *e); /* frees, too */
    void (*abandon)(hf_engine *e);
} hf_engine_ops;

struct hf_engine {
    const hf_engine_ops *ops;
    bool broken;
    char why[HF_WHY_CAP];
};

hf_err hf_engine_sqlite_open(const hf_engine_spec *spec, hf_engine **ret, char reterr_why[static HF_WHY_CAP])
    HF_MUST_USE;
hf_err hf_engine_memory_open(hf_engine **ret, char reterr_why[static HF_WHY_CAP]) HF_MUST_USE;

#endif
