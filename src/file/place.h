/*
 * Where a protected file stands: its folder, open, and its name there. The path is resolved once; from then on no symbolic link is
 * followed, and everything happens in the open folder.
 */
#ifndef HF_FILE_PLACE_H
#define HF_FILE_PLACE_H

#include "base/buf.h"
#include "file/sidecar.h"
#include "file/way.h"
#include <holdfast/file.h>
#include <limits.h>
#include <sys/stat.h>

/* Leaves room for the longest suffix. */
#define HF_PLACE_NAME_MAX (NAME_MAX - (sizeof(HF_SIDECAR_NEXT_SUFFIX) - 1))

typedef struct hf_place {
    int folder;                  /* O_PATH; -1 before hf_place_open */
    char path[HF_FILE_PATH_CAP]; /* canonical */
    const char *name;            /* its last part */
    hf_way way;                  /* what it was called before */
} hf_place;

/* Sentences about a failure: cap HF_FILE_WHY_CAP. Gives err. */
typedef struct hf_why {
    char text[HF_FILE_WHY_CAP];
} hf_why;
hf_err hf_why_say(hf_why *why, hf_err err, const char *format, ...) HF_PRINTF(3, 4);
/* The same with what errno means behind it; the error is HF_ERR_DENIED for EACCES and EPERM, else HF_ERR_SYSTEM. */
hf_err hf_why_errno(hf_why *why, const char *what);

/*
 * The file itself need not be there. HF_ERR_NOT_FOUND when its folder is not, or it is a link that leads nowhere; HF_ERR_INVALID for names
 * that cannot be protected; HF_ERR_CONFLICT when folders were exchanged meanwhile; HF_ERR_DENIED; HF_ERR_SYSTEM. way is set in any case, as far
 * as the path was followed. Closed by hf_place_close.
 */
hf_err hf_place_open(const char *path, hf_place *ret, hf_why *why) HF_MUST_USE;
void hf_place_close(hf_place *p);

/*
 * Opens a regular file of the folder to be read; looked at before it is opened, so that no device sees an open, and again behind it.
 * HF_ERR_NOT_FOUND (nothing is said); HF_ERR_INVALID for anything but a regular file; HF_ERR_DENIED; HF_ERR_SYSTEM. Caller closes.
 */
hf_err hf_place_open_file(const hf_place *p, const char *name, int *ret_fd, struct stat *ret_st, hf_why *why)
    HF_MUST_USE;

/* The name with a suffix behind it. */
typedef struct hf_place_name {
    char text[NAME_MAX + 1];
} hf_place_name;
hf_place_name hf_place_beside(const hf_place *p, const char *suffix);

/*
 * Makes a file of the folder, durable but for its name (hf_place_sync): one of that name that was left behind is removed first, mode at
 * creation and no wider later. own NULL: the caller's owner and group; else these, and these permissions. HF_ERR_DENIED, HF_ERR_SYSTEM: there is none then.
 */
hf_err hf_place_make(const hf_place *p, const char *name, hf_view content, const struct stat *own, hf_why *why)
    HF_MUST_USE;
hf_err hf_place_rename(const hf_place *p, const char *from, const char *to, hf_why *why) HF_MUST_USE;
/* HF_OK also when there is none; *ret_removed, which may be NULL, says which. */
hf_err hf_place_remove(const hf_place *p, const char *name, bool *ret_removed, hf_why *why) HF_MUST_USE;
/* The same for what was only made for a change; nothing is told, because the next change removes what stays. */
void hf_place_drop(const hf_place *p, const char *name);
/* Makes names durable. */
hf_err hf_place_sync(const hf_place *p, hf_why *why) HF_MUST_USE;

/* What umask took of the rights that a file or folder, just made, should have. false: errno. */
bool hf_rights_complete(int fd, mode_t rights);

/* All of `content`, EINTR and short writes included; errno. */
bool hf_write_all(int fd, hf_view content);

#endif
