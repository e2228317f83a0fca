/*
 * The data folder under way: everything is made in .NAME.init beside it and gets its name in one rename, so that DIR is
 * there whole or not at all. What a killed init left behind is removed by the next one.
 */
#ifndef HF_INIT_FOLDER_H
#define HF_INIT_FOLDER_H

#include "base/buf.h"

#include <limits.h>
#include <sys/types.h>

struct folder {
    char path[PATH_MAX]; /* absolute, of DIR */
    char name[NAME_MAX + 1];
    char temporary[NAME_MAX + 16];
    int parent_fd;
    int fd; /* of the temporary folder, locked */
    bool replaces_empty; /* DIR is there, with nothing in it */
};

#define WHY_CAP 512

/* HF_ERR_EXISTS when DIR exists and is not an empty folder, HF_ERR_CONFLICT when another init makes it; *why is a sentence. */
hf_err folder_begin(const char *dir, struct folder *ret, char why[static WHY_CAP]) HF_MUST_USE;
/* A folder below it, mode 0700. Caller closes *ret_fd. */
hf_err folder_make(const struct folder *f, const char *name, int *ret_fd) HF_MUST_USE;
/* Onto the disk and to its name. */
hf_err folder_publish(const struct folder *f, char why[static WHY_CAP]) HF_MUST_USE;
/* Removes everything. Fine after a failed or without a begin. */
void folder_discard(struct folder *f);

/* True when path (which need not exist; its folder must) is DIR or lies below it. */
bool folder_contains(const struct folder *f, const char *path);

#endif
