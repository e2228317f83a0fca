/* Files that held a root key, overwritten before they go. What a disk or a file system copies elsewhere is out of reach. */
#ifndef HF_RESEAL_ERASE_H
#define HF_RESEAL_ERASE_H

#include "base/buf.h"

/*
 * Overwrites, syncs, unlinks, syncs the folder; a file with a second name only loses this one. Nothing there: HF_OK.
 * HF_ERR_SYSTEM, errno set.
 */
hf_err erase_file(int dir_fd, const char *name) HF_MUST_USE;
/* The same with everything in a folder below, and the folder. */
hf_err erase_folder(int dir_fd, const char *name) HF_MUST_USE;
/* What a killed program left behind: temporary files of a sealed root key. */
hf_err erase_temporaries(int dir_fd) HF_MUST_USE;

#endif
