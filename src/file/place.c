#include "file/place.h"

#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- sentences ---- */

hf_err hf_why_say(hf_why *why, hf_err err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
    return err;
}

hf_err hf_why_errno(hf_why *why, const char *what)
{
    int code = errno;

    return hf_why_say(why, code == EACCES || code == EPERM ? HF_ERR_DENIED : HF_ERR_SYSTEM, "%s: %s", what,
                      strerrordesc_np(code));
}

/* ---- the path ---- */

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);

    return n >= m && strcmp(name + n - m, suffix) == 0;
}

static hf_err name_check(const char *name, hf_why *why)
{
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return hf_why_say(why, HF_ERR_INVALID, "this is a folder; files are protected");
    if (strlen(name) > HF_PLACE_NAME_MAX)
        return hf_why_say(why, HF_ERR_INVALID, "the name is longer than %zu bytes: there is no room for its sidecar's",
                          HF_PLACE_NAME_MAX);
    if (ends_in(name, HF_SIDECAR_SUFFIX) || ends_in(name, HF_SIDECAR_NEXT_SUFFIX))
        return hf_why_say(why, HF_ERR_INVALID, "this is the name of a sidecar; name the file that it belongs to");
    return HF_OK;
}

static hf_err path_failed(int code, hf_why *why)
{
    if (code == ENOENT)
        return hf_why_say(why, HF_ERR_NOT_FOUND, "there is no such folder");
    if (code == ENOTDIR || code == ENAMETOOLONG || code == ELOOP)
        return hf_why_say(why, HF_ERR_INVALID, "the path cannot be followed: %s", strerrordesc_np(code));
    errno = code;
    return hf_why_errno(why, "the path cannot be followed");
}

static hf_err resolve(const char *path, hf_place *p, hf_why *why)
{
    bool missing = false;

    if (path[0] == '\0')
        return hf_why_say(why, HF_ERR_INVALID, "the path is empty");
    int code = hf_way_follow(path, p->path, &p->way, &missing);
    if (missing && p->way.by_link)
        return hf_why_say(why, HF_ERR_NOT_FOUND, "it is a symbolic link that leads nowhere");
    return code == 0 ? HF_OK : path_failed(code, why);
}

/* The folder of a canonical path, in which no part may be a link any more. */
static hf_err folder_open(const hf_place *p, int *ret, hf_why *why)
{
    struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                            .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
    char folder[PATH_MAX];

    HF_TRY(hf_view_to_str(hf_view_of(p->path, (size_t)(p->name - p->path)), folder, sizeof(folder)));
    long fd = syscall(SYS_openat2, AT_FDCWD, folder, &how, sizeof(how));
    if (fd < 0 && errno == ELOOP)
        return hf_why_say(why, HF_ERR_CONFLICT, "a folder of the path was exchanged for a link meanwhile");
    if (fd < 0 && errno == ENOSYS)
        return hf_why_say(why, HF_ERR_SYSTEM,
                          "this kernel has no openat2: Linux 5.6 or a container that allows it is needed");
    if (fd < 0)
        return path_failed(errno, why);
    *ret = (int)fd;
    return HF_OK;
}

hf_err hf_place_open(const char *path, hf_place *ret, hf_why *why)
{
    _Static_assert(sizeof(ret->path) == PATH_MAX, "no path is longer");
    ret->folder = -1;
    ret->way.steps = 0;
    HF_TRY(resolve(path, ret, why));
    ret->name = strrchr(ret->path, '/') + 1;
    HF_TRY(name_check(ret->name, why));
    return folder_open(ret, &ret->folder, why);
}

void hf_place_close(hf_place *p)
{
    hf_fd_closep(&p->folder);
}

/* ---- files of the folder ---- */

hf_err hf_place_open_file(const hf_place *p, const char *name, int *ret_fd, struct stat *ret_st, hf_why *why)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    struct stat st;

    if (fstatat(p->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? HF_ERR_NOT_FOUND : hf_why_errno(why, "it cannot be looked at");
    if (!S_ISREG(st.st_mode))
        return hf_why_say(why, HF_ERR_INVALID, "it is no regular file");
    HF_AUTO(hf_fd_closep) int fd = openat(p->folder, name, flags);
    if (fd < 0)
        return errno == ENOENT ? HF_ERR_NOT_FOUND : hf_why_errno(why, "it cannot be opened");
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return hf_why_say(why, HF_ERR_INVALID, "it is no regular file");
    *ret_st = st;
    *ret_fd = fd;
    fd = -1; /* the caller's now */
    return HF_OK;
}

hf_place_name hf_place_beside(const hf_place *p, const char *suffix)
{
    hf_place_name name;

    (void)snprintf(name.text, sizeof(name.text), "%.*s%s", (int)HF_PLACE_NAME_MAX, p->name, suffix);
    return name;
}

bool hf_rights_complete(int fd, mode_t rights)
{
    struct stat st;

    return fstat(fd, &st) == 0 && ((st.st_mode & rights) == rights || fchmod(fd, (st.st_mode & 0777) | rights) == 0);
}

bool hf_write_all(int fd, hf_view content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.ptr, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        content = hf_view_of(content.ptr + n, content.len - (size_t)n);
    }
    return true;
}

/* Made with 0600 and given away before its owner's permissions are set, so that at no time more people can open it than in the end. */
static hf_err dress(int fd, const struct stat *own, hf_why *why)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return hf_why_errno(why, "the new file cannot be looked at");
    if ((st.st_uid != own->st_uid || st.st_gid != own->st_gid) && fchown(fd, own->st_uid, own->st_gid) != 0)
        return hf_why_say(why, HF_ERR_DENIED, "its owner or group (%u, %u) would be lost: %s", (unsigned)own->st_uid,
                          (unsigned)own->st_gid, strerrordesc_np(errno));
    if ((own->st_mode & 0777) != (st.st_mode & 0777) && fchmod(fd, own->st_mode & 0777) != 0)
        return hf_why_errno(why, "the new file's permissions cannot be set");
    return HF_OK;
}

static hf_err fill(int fd, hf_view content, const struct stat *own, hf_why *why)
{
    if (own != NULL)
        HF_TRY(dress(fd, own, why));
    else if (!hf_rights_complete(fd, 0600))
        return hf_why_errno(why, "the new file's permissions cannot be set");
    if (!hf_write_all(fd, content) || fsync(fd) != 0)
        return hf_why_errno(why, "the new file cannot be written");
    return HF_OK;
}

hf_err hf_place_make(const hf_place *p, const char *name, hf_view content, const struct stat *own, hf_why *why)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

    HF_TRY(hf_place_remove(p, name, NULL, why));
    HF_AUTO(hf_fd_closep) int fd = openat(p->folder, name, flags, 0600);
    if (fd < 0)
        return hf_why_errno(why, "no file can be made in its folder");
    hf_err err = fill(fd, content, own, why);
    if (err != HF_OK)
        hf_place_drop(p, name);
    return err;
}

hf_err hf_place_rename(const hf_place *p, const char *from, const char *to, hf_why *why)
{
    if (renameat(p->folder, from, p->folder, to) != 0)
        return hf_why_errno(why, "the new file cannot be put in its place");
    return HF_OK;
}

hf_err hf_place_remove(const hf_place *p, const char *name, bool *ret_removed, hf_why *why)
{
    bool removed = unlinkat(p->folder, name, 0) == 0;

    if (!removed && errno != ENOENT)
        return hf_why_errno(why, "a file in its folder cannot be removed");
    if (ret_removed != NULL)
        *ret_removed = removed;
    return HF_OK;
}

void hf_place_drop(const hf_place *p, const char *name)
{
    (void)unlinkat(p->folder, name, 0);
}

hf_err hf_place_sync(const hf_place *p, hf_why *why)
{
    HF_AUTO(hf_fd_closep) int fd = openat(p->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) != 0)
        return hf_why_errno(why, "its folder cannot be made durable");
    return HF_OK;
}
