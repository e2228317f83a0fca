/* Tamper-evident files: a tag beside the file, and one in a store that deleting or replacing files does not reach. */
#ifndef HOLDFAST_FILE_H
#define HOLDFAST_FILE_H

#include <holdfast/err.h>
#include <holdfast/secret.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The tag of a file is the HMAC-SHA-256 (FIPS 198-1) of its exact bytes. It stands in the sidecar, the file's path and ".hmac": 64 lower-case
 * hexadecimal digits and a line feed. The key must serve nothing else: that is what keeps these tags apart from other MACs.
 *
 * A sidecar alone finds changes by whoever does not know the key, but not that file and sidecar were both put back from an older copy, nor
 * that both are gone. Anchored files have their tag in a store too, under the canonical path: then the store's word counts, and a
 * sidecar that is missing or different is tampering as well.
 *
 * Every function looks the path up once, following symbolic links, and from then on follows none: a folder or file that is
 * exchanged for a link meanwhile is refused. So every name of a path leads to the same entry; a second hard link is another path. But a path
 * that has an entry itself and now leads on by a link (at most 40 are followed) is HF_FILE_TAMPER, wherever it leads: somebody exchanged the
 * protected file, or a folder of it. Only regular files are taken: a folder, a pipe or a device is never opened, and HF_ERR_INVALID, or
 * HF_FILE_TAMPER where the path is anchored. Names that end in ".hmac" or ".hmac.next" are the sidecars' (HF_ERR_INVALID),
 * and a name has at most 245 bytes.
 *
 * Nothing is kept between calls: the key is read for each call into locked memory and wiped at its end, but for what OpenSSL holds of it
 * in the ordinary heap while it computes. All functions may be called from any thread. The store's lock keeps calls with the same path, also of other
 * processes, apart; without a store (only a key) the caller sees to that.
 */

typedef enum hf_file_outcome {
    HF_FILE_NOT_JUDGED,       /* an error came first */
    HF_FILE_MATCH,            /* the content is what was protected */
    HF_FILE_TAMPER,           /* content, sidecar or the store's entry is not what was protected */
    HF_FILE_NO_ANCHOR,        /* never protected in this way: first use */
    HF_FILE_NOT_FOUND,        /* there is no file */
    HF_FILE_STORE_UNAVAILABLE /* the key or the store's entry cannot be had, so nothing can be said */
} hf_file_outcome;

/* "match", "tamper", "no_anchor", "not_found", "store_unavailable"; "not_judged" for anything else. Static. */
HF_API const char *hf_file_outcome_name(hf_file_outcome o);

/* HF_OK for HF_FILE_MATCH alone; HF_ERR_INTEGRITY, _NO_ANCHOR, _NOT_FOUND, _STORE; HF_ERR_INTERNAL for anything else. */
HF_API hf_err hf_file_outcome_err(hf_file_outcome o);

/* ---- the store ---- */

/* What names an entry: the SHA-256 of the canonical path. */
#define HF_FILE_ID_BYTES 32
/* The largest entry. */
#define HF_FILE_ENTRY_MAX_BYTES 4224

/*
 * A place that keeps one small entry for a protected path. Entries are authenticated above it, so it need not be secret. It should be out of reach for
 * whoever can write the files: one who can put an older entry back, as well as the older file and sidecar, is not noticed.
 *
 *   get     Also asked for the ids of paths that are followed by links. HF_OK, *ret_len at most cap; HF_ERR_NOT_FOUND: there is none; HF_ERR_TOO_LARGE: it has more than cap bytes, which none of ours has.
 *           Anything else: the store is unavailable.
 *   put     replaces the entry in one step; durable when it returns.
 *   erase   HF_OK also when there is none; durable when it returns.
 *   lock    keeps changes (exclusive) and readings (shared) of one id apart; waits. May be NULL together with unlock.
 */
typedef struct hf_file_store {
    void *arg;
    hf_err (*get)(void *arg, const uint8_t *id, uint8_t *dst, size_t cap, size_t *ret_len);
    hf_err (*put)(void *arg, const uint8_t *id, const uint8_t *entry, size_t len);
    hf_err (*erase)(void *arg, const uint8_t *id);
    hf_err (*lock)(void *arg, const uint8_t *id, bool exclusive, int *ret_lock);
    void (*unlock)(void *arg, int lock);
} hf_file_store;

typedef enum hf_file_mode {
    HF_FILE_ANCHORED, /* sidecar and store */
    HF_FILE_SIDECAR /* sidecar alone */
} hf_file_mode;

#define HF_FILE_KEY_BYTES 32

/*
 * With which key and store: either store_dir, or key and, for anchored files, store.
 *
 * store_dir is a folder of mode 0700 that belongs to the effective user, with the 32 bytes of the key in the file `key` (0600) and an entry
 * (0600) for each path, named by the hexadecimal id. Folder and key are made by the first hf_file_protect or hf_file_write. Owner, mode and type are
 * looked at in every call, and what is not as it should be, or cannot be read, makes the store unavailable: a key is never replaced, nor one
 * that is gone from a store that was in use. Back it up:
 * without the key nothing verifies. No path below another user's control should lead to it.
 */
typedef struct hf_file_guard {
    hf_file_mode mode;
    const char *store_dir;
    const hf_secret *key; /* HF_FILE_KEY_BYTES */
    const hf_file_store *store;
    uint64_t max_bytes; /* larger files are HF_ERR_TOO_LARGE; 0: the largest that each function takes */
} hf_file_guard;

/* ---- what every function tells ---- */

#define HF_FILE_TAG_BYTES 32
#define HF_FILE_WHY_CAP 256
#define HF_FILE_PATH_CAP 4096

typedef struct hf_file_report {
    hf_file_outcome outcome;
    bool pending; /* an interrupted change is still to be settled: the store could not be written */
    bool changed; /* sidecar, entry or content were written */
    uint64_t bytes; /* of the content; with HF_FILE_MATCH */
    uint8_t tag[HF_FILE_TAG_BYTES]; /* with HF_FILE_MATCH */
    uint8_t id[HF_FILE_ID_BYTES]; /* of the store's entry */
    char path[HF_FILE_PATH_CAP]; /* canonical; empty when it could not be found out */
    char why[HF_FILE_WHY_CAP]; /* what was found or failed, a sentence without the path; empty when all is well */
} hf_file_report;

/* ---- verifying and reading ---- */

/* The largest file that is verified or protected; and that is read or written. */
#define HF_FILE_MAX_BYTES (UINT64_C(1) << 40)
#define HF_FILE_READ_MAX_BYTES (UINT64_C(1) << 30)

/*
 * Judges a file by what one descriptor gives. HF_OK means HF_FILE_MATCH and nothing else; for the other outcomes the error of hf_file_outcome_err.
 * HF_ERR_DENIED, HF_ERR_INVALID, HF_ERR_TOO_LARGE, HF_ERR_SYSTEM, HF_ERR_LOCKED_MEMORY: not judged. HF_ERR_WRONG_STATE, not judged
 * either: sidecar mode, but the file has an anchor. *ret is always set. Tags are compared in
 * constant time.
 *
 * After a change that was interrupted (see hf_file_write) the file as it was before and as it is behind it both match. The next call of
 * any function settles that for what it finds, where the store can be written.
 */
HF_API hf_err hf_file_verify(const hf_file_guard *guard, const char *path, hf_file_report *ret);

typedef struct hf_file_content hf_file_content;

/* Outcomes that hf_file_read lets pass, which it does not unless asked. Tampering never passes. */
#define HF_FILE_ALLOW_NO_ANCHOR 1u
#define HF_FILE_ALLOW_STORE_UNAVAILABLE 2u

/*
 * The same, and gives the content: the very bytes that were authenticated, in memory of this process that is read-only by then, so that nobody changes
 * them behind the check. *ret is untouched unless HF_OK is returned, which with `allow` does not mean HF_FILE_MATCH: look
 * at ret_report->outcome. The caller frees.
 */
HF_API hf_err hf_file_read(const hf_file_guard *guard, const char *path, unsigned allow, hf_file_content **ret,
                           hf_file_report *ret_report);

/* Never NULL, also for an empty file. */
HF_API const uint8_t *hf_file_content_bytes(const hf_file_content *c);
HF_API size_t hf_file_content_size(const hf_file_content *c);
HF_API void hf_file_content_free(hf_file_content *c); /* NULL is fine */

/* ---- protecting and writing ---- */

/* Goes on where the file, its sidecar or its entry are not what was protected. */
#define HF_FILE_FORCE 1u

/*
 * Protects a file as it is now. One that is protected and unchanged stays as it is, and a lost or altered sidecar of an unchanged anchored file is
 * made anew. HF_ERR_INTEGRITY, and nothing is changed, for a file that does not verify, unless `flags` has HF_FILE_FORCE: what somebody
 * tampered with shall not become genuine by accident. With it, a path that was protected and now is a link becomes a mere name of what it leads to: its
 * own entry goes. HF_ERR_STORE: the store is unavailable. HF_ERR_WRONG_STATE: sidecar mode,
 * but the file has an anchor.
 *
 * Durable when it returns. Killed at any moment, the file is protected as before or as asked for.
 */
HF_API hf_err hf_file_protect(const hf_file_guard *guard, const char *path, unsigned flags, hf_file_report *ret);

/*
 * Gives the file new content, and protects it. len at most HF_FILE_READ_MAX_BYTES. The file is replaced (a new inode; hard links, extended attributes and access
 * control lists are not carried over); permissions (of 0777), owner and group stay; a new file has 0600. HF_ERR_DENIED when owner or group
 * cannot be kept. HF_ERR_INTEGRITY as with hf_file_protect: evidence is not overwritten by accident. A file that was never protected, or is not there, is no
 * obstacle.
 *
 * Order: new content and sidecar are made durable under temporary names; the entry names both tags, old and new; content and sidecar
 * are renamed; the entry names the new tag alone. So it is old or new, never neither, wherever it is cut off.
 */
HF_API hf_err hf_file_write(const hf_file_guard *guard, const char *path, const void *bytes, size_t len, unsigned flags,
                            hf_file_report *ret);

/*
 * Takes the protection away: entry and sidecar go, the file stays; it need not be there any more. HF_ERR_NO_ANCHOR when there is nothing to take away;
 * HF_ERR_INTEGRITY as with hf_file_protect.
 */
HF_API hf_err hf_file_unprotect(const hf_file_guard *guard, const char *path, unsigned flags, hf_file_report *ret);

#ifdef __cplusplus
}
#endif
#endif
