#include "init/folder.h"

#include "init/admin_key.h"
#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 8

/* Cuts a path into its folder and last name; trailing slashes do not count. */
static bool path_split(const char *path, char folder[static PATH_MAX], char name[static NAME_MAX + 1])
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        len--;
    size_t at = len;
    while (at > 0 && path[at - 1] != '/')
        at--;
    if (len - at == 0 || len - at > NAME_MAX || at >= PATH_MAX)
        return false;
    snprintf(name, NAME_MAX + 1, "%.*s", (int)(len - at), path + at);
    snprintf(folder, PATH_MAX, "%.*s", at == 0 ? 1 : (int)at, at == 0 ? "." : path);
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* The real folder, then the name: what a rename would see. */
static bool path_real(const char *path, char dst[static PATH_MAX], char name[static NAME_MAX + 1])
{
    char folder[PATH_MAX], real[PATH_MAX];

    if (!path_split(path, folder, name) || realpath(folder, real) == NULL)
        return false;
    int n = snprintf(dst, PATH_MAX, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
    return n > 0 && n < PATH_MAX;
}

bool folder_contains(const struct folder *f, const char *path)
{
    char real[PATH_MAX], name[NAME_MAX + 1];
    size_t len = strlen(f->path);

    /* Its folder is DIR itself, which does not exist yet: compared as text with DIR's own folder made real. */
    if (!path_real(path, real, name)) {
        char folder[PATH_MAX];
        return path_split(path, folder, name) && path_real(folder, real, name) && strcmp(real, f->path) == 0;
    }
    return strncmp(real, f->path, len) == 0 && (real[len] == '\0' || real[len] == '/');
}

static void tree_empty(int dir_fd, int depth)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || unlinkat(dir_fd, e->d_name, 0) == 0)
            continue;
        HF_AUTO(hf_fd_closep) int below = openat(dir_fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (below < 0 || depth == 0)
            continue;
        tree_empty(below, depth - 1);
        unlinkat(dir_fd, e->d_name, AT_REMOVEDIR);
    }
    if (dir != NULL)
        closedir(dir);
}

/* The temporary folder, locked and empty; one that a killed init left is taken over. */
static hf_err temporary_take(struct folder *f, char why[static WHY_CAP])
{
    bool made = mkdirat(f->parent_fd, f->temporary, 0700) == 0;
    struct stat st;

    if (made || errno == EEXIST)
        f->fd = openat(f->parent_fd, f->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (f->fd < 0) {
        snprintf(why, WHY_CAP, "nothing can be made beside %.300s: %s", f->path, strerrordesc_np(errno));
        if (made)
            unlinkat(f->parent_fd, f->temporary, AT_REMOVEDIR);
        return HF_ERR_SYSTEM;
    }
    /* In a folder where others may write: what somebody laid there would stay theirs, and hold our keys. */
    if (fstat(f->fd, &st) != 0 || st.st_uid != geteuid()) {
        snprintf(why, WHY_CAP, "%.200s beside %.200s belongs to another user; remove it", f->temporary, f->path);
        hf_fd_closep(&f->fd);
        return HF_ERR_DENIED;
    }
    if (flock(f->fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(why, WHY_CAP, "another init is making %.300s now", f->path);
        hf_fd_closep(&f->fd);
        return HF_ERR_CONFLICT;
    }
    admin_key_undo(f->fd);
    tree_empty(f->fd, DEPTH_MAX);
    return HF_OK;
}

/* As a package makes it for us (tmpfiles.d). */
static bool folder_empty(int parent_fd, const char *name)
{
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    size_t entries = 0;

    if (dir == NULL) {
        hf_fd_closep(&fd);
        return false;
    }
    while (readdir(dir) != NULL)
        entries++;
    closedir(dir);
    return entries == 2; /* itself and its parent */
}

hf_err folder_begin(const char *dir, struct folder *ret, char why[static WHY_CAP])
{
    struct folder f = { .parent_fd = -1, .fd = -1 };
    char parent[PATH_MAX];
    struct stat st;

    if (!path_real(dir, f.path, f.name) || !path_split(f.path, parent, f.name)) {
        snprintf(why, WHY_CAP, "the folder in which %.300s is to be made does not exist", dir);
        return HF_ERR_NOT_FOUND;
    }
    snprintf(f.temporary, sizeof(f.temporary), ".%s.init", f.name);
    f.parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f.parent_fd < 0) {
        snprintf(why, WHY_CAP, "%.300s cannot be opened: %s", parent, strerrordesc_np(errno));
        return HF_ERR_SYSTEM;
    }
    f.replaces_empty = folder_empty(f.parent_fd, f.name);
    if (!f.replaces_empty && fstatat(f.parent_fd, f.name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        snprintf(why, WHY_CAP, "%.300s exists and is not an empty folder; init never changes what is there", f.path);
        close(f.parent_fd);
        return HF_ERR_EXISTS;
    }
    hf_err err = temporary_take(&f, why);
    if (err != HF_OK) {
        close(f.parent_fd);
        return err;
    }
    *ret = f;
    return HF_OK;
}

hf_err folder_make(const struct folder *f, const char *name, int *ret_fd)
{
    HF_CHECK(mkdirat(f->fd, name, 0700) == 0, HF_ERR_SYSTEM);
    int fd = openat(f->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    HF_CHECK(fd >= 0, HF_ERR_SYSTEM);
    *ret_fd = fd;
    return HF_OK;
}

hf_err folder_publish(const struct folder *f, char why[static WHY_CAP])
{
    /* Without the flag a rename replaces an empty folder, and no other. */
    unsigned flags = f->replaces_empty ? 0 : RENAME_NOREPLACE;
    bool named = fsync(f->fd) == 0 && renameat2(f->parent_fd, f->temporary, f->parent_fd, f->name, flags) == 0;

    if (named && fsync(f->parent_fd) == 0)
        return HF_OK;
    hf_err err = errno == EEXIST || errno == ENOTEMPTY ? HF_ERR_EXISTS : HF_ERR_SYSTEM;
    snprintf(why, WHY_CAP, "%.300s cannot be put in place: %s", f->path, strerrordesc_np(errno));
    /* Back to where folder_discard looks for it. */
    if (named && renameat(f->parent_fd, f->name, f->parent_fd, f->temporary) != 0)
        snprintf(why, WHY_CAP, "%.300s may not be complete; remove it", f->path);
    return err;
}

void folder_discard(struct folder *f)
{
    if (f->fd < 0)
        return;
    tree_empty(f->fd, DEPTH_MAX);
    unlinkat(f->parent_fd, f->temporary, AT_REMOVEDIR);
    hf_fd_closep(&f->fd);
    hf_fd_closep(&f->parent_fd);
}
