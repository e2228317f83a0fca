/* The JSON files of a folder, and their bytes. */
#ifndef SELFTEST_FILES_H
#define SELFTEST_FILES_H

#include "base/buf.h"

#define ST_FILES_MAX 20000
#define ST_DEPTH_MAX 32

/* Paths below the folder that end in .json, in the order of their names. */
struct st_files {
    char **paths; /* relative to the folder; of a single file: its name */
    size_t n, cap;
    size_t ignored;     /* other regular files */
    size_t unreachable; /* folders that could not be read, or lie too deep */
};

/*
 * Does: lists the folder and what is below it; folders behind symbolic links are not followed. A path that is a file
 * gives that file alone. Owns: st_files_free. Errors: HF_ERR_NOT_FOUND, HF_ERR_SYSTEM, HF_ERR_TOO_LARGE.
 */
hf_err st_files_find(const char *folder, struct st_files *ret) HF_MUST_USE;
void st_files_free(struct st_files *f);

/*
 * The whole file. Caller frees *ret with free. HF_ERR_TOO_LARGE above max; HF_ERR_SYSTEM when it cannot be read or is no
 * regular file.
 */
hf_err st_file_read(const char *folder, const char *path, size_t max, uint8_t **ret, size_t *ret_len) HF_MUST_USE;

#endif
