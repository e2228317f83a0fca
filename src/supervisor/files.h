/*
 * The files that the supervisor opens, reads and writes for the others. It looks into none of them: epoch key and anchor
 * are sealed or MACed by core.
 */
#ifndef HF_SUPERVISOR_FILES_H
#define HF_SUPERVISOR_FILES_H

#include "supervisor/options.h"
#include "supervisor/uids.h"

#define EPOCH_MAX_BYTES 4096
#define ANCHOR_MAX_BYTES 1024

struct files {
    int data_fd;   /* DIR, locked: one daemon a data folder */
    int store_fd;  /* DIR/store */
    int seal_fd;   /* DIR/seal */
    int anchor_fd; /* -1 without --anchor */
};

/* Opens and locks; makes the anchor folder when it is missing; gives DIR/store to the store's uid. Logs the reason. */
hf_err files_open(const struct options *o, struct files *ret) HF_MUST_USE;

/*
 * A file that the configuration names: below the data folder, an absolute path, or "credential:NAME" for one that systemd
 * hands to the service (LoadCredential=). -1 with the reason in the log. Caller closes.
 */
int files_open_named(const struct files *f, const char *path);

/* holdfast.conf and keyset.json, opened anew for each reading; *ret_conf is -1 when there is no configuration file. */
hf_err files_open_config(const struct files *f, const struct options *o, int *ret_conf, int *ret_keyset) HF_MUST_USE;

/* A file of at most cap bytes. *ret_has is false when it does not exist, or the folder is not there. */
hf_err files_read_epoch(const struct files *f, uint8_t *dst, size_t cap, bool *ret_has, size_t *ret_len) HF_MUST_USE;
hf_err files_read_anchor(const struct files *f, uint8_t *dst, size_t cap, bool *ret_has, size_t *ret_len) HF_MUST_USE;

/* Has an operator said that the next start may accept data older than its anchor? Writing an anchor ends that. */
bool files_rollback_accepted(const struct files *f);
/* HF_ERR_UNSUPPORTED without an anchor folder. */
hf_err files_write_anchor(const struct files *f, hf_view anchor) HF_MUST_USE;
/*
 * Replaces the epoch key so that after a crash the old or the new one is there; the old content is then overwritten in
 * place before its last link goes. Journals, snapshots and wear levelling below the file system may still keep it.
 */
hf_err files_write_epoch(const struct files *f, hf_view epoch) HF_MUST_USE;
hf_err files_write_keyset(const struct files *f, hf_view json) HF_MUST_USE;

#endif
