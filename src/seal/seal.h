/*
 * Root-key backends: what keeps the root key while the HSM is down. One table; a backend is one file here.
 * Linked by holdfast-unseal, init and reseal only. Before the first call: hf_crypto_start and hf_secret_use_arena.
 */
#ifndef HF_SEAL_SEAL_H
#define HF_SEAL_SEAL_H

#include "base/buf.h"
#include <holdfast/secret.h>

#define HF_ROOT_KEY_BYTES 64

/* One clear sentence about a failure, for the operator. Holds no secret. */
#define HF_SEAL_WHY_CAP 256
struct hf_seal_why {
    char text[HF_SEAL_WHY_CAP];
};

/* First byte of every sealed root key, and the second: which backend wrote it. Numbers are stored: never reuse one. */
#define HF_SEAL_FORMAT 1
typedef enum hf_seal_kind { HF_SEAL_FILE = 1, HF_SEAL_PASSPHRASE = 2 } hf_seal_kind;

/* A passphrase is bytes; people's are UTF-8, taken as they were typed. */
#define HF_PASSPHRASE_MIN_BYTES 8
#define HF_PASSPHRASE_MAX_BYTES 1024

/* What opening needs from the file system, taken before the sandbox. */
struct hf_seal_source {
    int fd;            /* owned by the caller */
    size_t work_bytes; /* of locked memory beside the arena: hf_seal_work_memory; 0: none */
};

typedef struct hf_seal_backend {
    hf_seal_kind kind;
    const char *name;      /* as in holdfast.conf: "file" */
    const char *file_name; /* of its sealed root key, below the seal folder */
    bool opens_alone;      /* without a human: reopened after every restart of core */
    bool asks_passphrase;  /* create and open take one; the others ignore it */

    /* Bytes of locked memory that `create` takes beside the arena. */
    size_t create_work_bytes;
    /*
     * Seals root anew in the folder. HF_ERR_EXISTS when the backend's file is there already, unless over says to
     * replace it: in one step, so that after a crash the old or the new one is there. Nothing is left behind on failure.
     * HF_ERR_BOUNDS for a passphrase that is too short or too long.
     */
    hf_err (*create)(int dir_fd, const hf_secret *root, const hf_secret *passphrase, bool over);
    /*
     * The part of opening that needs the file system. Runs before the sandbox, and reads no more than the number
     * that says how much memory opening takes. HF_ERR_NOT_FOUND, HF_ERR_SYSTEM, HF_ERR_MALFORMED.
     */
    hf_err (*prepare)(int dir_fd, struct hf_seal_source *ret, struct hf_seal_why *reterr_why);
    /*
     * The rest, inside the sandbox. Caller frees *ret. HF_ERR_MALFORMED, HF_ERR_UNSUPPORTED, HF_ERR_INTEGRITY;
     * HF_ERR_DENIED when the passphrase does not open it.
     */
    hf_err (*open)(int fd, const hf_secret *passphrase, hf_secret **ret, struct hf_seal_why *reterr_why);
} hf_seal_backend;

/* The backend of that name; NULL when there is none. Static. */
const hf_seal_backend *hf_seal_find(hf_view name);
/* All of them, for messages and for looking what a folder holds: number i from 0; NULL after the last. */
const hf_seal_backend *hf_seal_at(size_t i);

/*
 * The memory that a backend asked for, in a backing of its own: 64 MiB fit where keys do only as root or with a raised
 * limit. Not weaker than memfd_secret with strict: HF_ERR_LOCKED_MEMORY then. *ret_why is empty when it is not readable by
 * others, else what it lacks (static text). bytes 0: nothing happens.
 */
hf_err hf_seal_work_memory(size_t bytes, bool strict, const char **ret_why);

extern const hf_seal_backend hf_seal_file;       /* kind "file" */
extern const hf_seal_backend hf_seal_passphrase; /* kind "passphrase" */
#define HF_SEAL_FILE_NAME "root.key"
#define HF_SEAL_PASSPHRASE_NAME "root.passphrase"

/* ---- for backends that are one file: image.c ---- */

/* Puts image into the folder as name, mode 0600. HF_ERR_EXISTS when something is there and may not be replaced. */
hf_err hf_seal_image_write(int dir_fd, const char *name, const hf_secret *image, bool over) HF_MUST_USE;
/* Opens it; the sentence says what is wrong. */
hf_err hf_seal_image_open(int dir_fd, const char *name, int *ret_fd, struct hf_seal_why *reterr_why) HF_MUST_USE;
/* Reads exactly `bytes` bytes into *ret, which the caller frees. */
hf_err hf_seal_image_read(int fd, const char *name, size_t bytes, hf_secret **ret, struct hf_seal_why *reterr_why)
    HF_MUST_USE;
/* Fills *why with "seal/NAME TEXT" and gives err back. */
hf_err hf_seal_refuse(struct hf_seal_why *why, hf_err err, const char *name, const char *text);

#endif
