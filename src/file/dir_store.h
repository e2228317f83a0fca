/*
 * A store in a folder: the key, an entry for each path, and a lock.
 *
 *   key       32 bytes
 *   lock      empty; byte ranges of it are locked (fcntl, open file descriptions), one for each id. Made behind the key: where it is, there was one
 *   key.lock  there while the key is made, which it keeps to one process
 *   HEX       an entry; 64 hexadecimal digits, so no path leads to another name than these
 *   HEX.next  an entry that is being written
 *
 * All are regular files of mode 0600, the folder has 0700, and all belong to the effective user. This is looked at on open descriptors in each
 * call, and nothing is read or written where it does not hold.
 */
#ifndef HF_FILE_DIR_STORE_H
#define HF_FILE_DIR_STORE_H

#include "file/place.h"

typedef struct hf_dir_store {
    int folder; /* -1: there is none */
    struct stat st; /* of the folder */
    hf_secret *key; /* NULL: there is none */
    hf_why why; /* of an operation of hf_dir_store_ops that failed */
} hf_dir_store;

/*
 * Opens folder and key. Without a folder, or with one that has neither key nor entries, HF_OK and key NULL: nothing was ever
 * protected here. HF_ERR_STORE, with a sentence, for everything that is not as it should be or cannot be read. Close in any case.
 */
hf_err hf_dir_store_open(const char *path, hf_dir_store *ret, hf_why *why) HF_MUST_USE;
/* The same, and makes what is missing: folder (and folders on the way, 0700) and key. */
hf_err hf_dir_store_make(const char *path, hf_dir_store *ret, hf_why *why) HF_MUST_USE;
void hf_dir_store_close(hf_dir_store *s);

/* For a store that is open, with its key; valid as long as *s. */
hf_file_store hf_dir_store_ops(hf_dir_store *s);

#endif
