/*
 * Root-key backends: what keeps the root key while the HSM is down. One table; a backend is one file here.
 * Linked by holdfast-unseal and init only. Before the first call: hf_crypto_start and hf_secret_use_arena.
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
typedef enum hf_seal_kind { HF_SEAL_FILE = 1 } hf_seal_kind;

typedef struct hf_seal_backend {
    hf_seal_kind kind;
    const char *name; /* as in holdfast.conf: "file" */
    bool opens_alone; /* without a human: reopened after every restart of core */

    /* Seals root anew in the folder. HF_ERR_EXISTS when it already holds one; nothing is left behind on failure. */
    hf_err (*create)(int dir_fd, const hf_secret *root);
    /*
     * The part of opening that needs the file system: gives a descriptor (owned by the caller). Runs before the sandbox
     * and parses nothing. HF_ERR_NOT_FOUND, HF_ERR_SYSTEM.
     */
    hf_err (*prepare)(int dir_fd, int *ret_fd, struct hf_seal_why *reterr_why);
    /* The rest, inside the sandbox. Caller frees *ret. HF_ERR_MALFORMED, HF_ERR_UNSUPPORTED, HF_ERR_INTEGRITY. */
    hf_err (*open)(int fd, hf_secret **ret, struct hf_seal_why *reterr_why);
} hf_seal_backend;

/* The backend of that name; NULL when there is none. Static. */
const hf_seal_backend *hf_seal_find(hf_view name);

/* The file backend (kind "file"); its file below the seal folder. */
extern const hf_seal_backend hf_seal_file;
#define HF_SEAL_FILE_NAME "root.key"

#endif
