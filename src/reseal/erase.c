#include "reseal/erase.h"

#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART_BYTES 4096
#define ERASED_MAX_BYTES (1 << 20) /* a sealed root key has a few hundred */

/*
 * A file that has another name too is not overwritten: a reseal that was killed between its link and its rename left the
 * sealed root key that is in use under two.
 */
static bool overwrite(int fd)
{
    static const uint8_t zeros[PART_BYTES];
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > ERASED_MAX_BYTES)
        return false;
    if (st.st_nlink > 1)
        return true;
    for (off_t at = 0; at < st.st_size;) {
        off_t left = st.st_size - at;
        ssize_t n = pwrite(fd, zeros, left < PART_BYTES ? (size_t)left : PART_BYTES, at);
        if (n <= 0 && errno != EINTR)
            return false;
        at += n > 0 ? n : 0;
    }
    return fsync(fd) == 0;
}

hf_err erase_file(int dir_fd, const char *name)
{
    HF_AUTO(hf_fd_closep) int fd = openat(dir_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    HF_CHECK(fd >= 0 || errno == ENOENT, HF_ERR_SYSTEM);
    if (fd < 0)
        return HF_OK;
    HF_CHECK(overwrite(fd) && unlinkat(dir_fd, name, 0) == 0 && fsync(dir_fd) == 0, HF_ERR_SYSTEM);
    return HF_OK;
}

/* Runs fn for each name in the folder but . and .. */
static hf_err each(int dir_fd, hf_err (*fn)(int dir_fd, const char *name))
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;
    hf_err err = HF_OK;

    HF_CHECK(dir != NULL, HF_ERR_SYSTEM);
    while (err == HF_OK && (e = readdir(dir)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            err = fn(dir_fd, e->d_name);
    closedir(dir);
    return err;
}

hf_err erase_folder(int dir_fd, const char *name)
{
    HF_AUTO(hf_fd_closep) int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    HF_CHECK(fd >= 0 || errno == ENOENT, HF_ERR_SYSTEM);
    if (fd < 0)
        return HF_OK;
    HF_TRY(each(fd, erase_file));
    HF_CHECK(unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 && fsync(dir_fd) == 0, HF_ERR_SYSTEM);
    return HF_OK;
}

static hf_err erase_temporary(int dir_fd, const char *name)
{
    return strncmp(name, ".root.", strlen(".root.")) == 0 ? erase_file(dir_fd, name) : HF_OK;
}

hf_err erase_temporaries(int dir_fd)
{
    return each(dir_fd, erase_temporary);
}
