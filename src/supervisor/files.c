#include "supervisor/files.h"

#include "base/log.h"
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

#define SYSTEM_CONFIG "/etc/holdfast/holdfast.conf"

static const char epoch_name[] = "epoch.key";
static const char anchor_name[] = "anchor";
static const char accept_name[] = "accept-rollback"; /* made by `holdfast audit accept-rollback`; good for one start */
static const char keyset_name[] = "keyset.json";

/* A check reads only: it may run beside the daemon, before the reload of what was edited. */
static hf_err data_open(const char *dir, bool check, int *ret)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        hf_log(HF_LOG_ERROR, "the data folder %s cannot be opened: %s; make one with 'holdfast init --data DIR'", dir,
               strerrordesc_np(errno));
        return HF_ERR_NOT_FOUND;
    }
    if (!check && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        hf_log(HF_LOG_ERROR, "another holdfastd or init works on the data folder %s", dir);
        close(fd);
        return HF_ERR_CONFLICT;
    }
    *ret = fd;
    return HF_OK;
}

static hf_err folder_below(int data_fd, const char *name, int *ret)
{
    int fd = openat(data_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0) {
        hf_log(HF_LOG_ERROR, "%s/ below the data folder cannot be opened: %s; was the folder made by 'holdfast init'?",
               name, strerrordesc_np(errno));
        return HF_ERR_NOT_FOUND;
    }
    *ret = fd;
    return HF_OK;
}

static hf_err anchor_open(const char *dir, int *ret)
{
    if (dir == NULL)
        return HF_OK;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        hf_log(HF_LOG_ERROR, "the anchor folder %s cannot be made: %s", dir, strerrordesc_np(errno));
        return HF_ERR_SYSTEM;
    }
    *ret = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret < 0) {
        hf_log(HF_LOG_ERROR, "the anchor folder %s cannot be opened: %s", dir, strerrordesc_np(errno));
        return HF_ERR_SYSTEM;
    }
    return HF_OK;
}

/* Started as root: the store's files belong to the store, which drops to its uid before it opens them. */
static hf_err store_hand_over(int store_fd)
{
    struct process_ids ids = process_ids_of(HF_PEER_STORE);
    struct dirent *e;

    if (geteuid() != 0)
        return HF_OK;
    HF_CHECK(fchown(store_fd, ids.uid, ids.gid) == 0 && fchmod(store_fd, 0700) == 0, HF_ERR_SYSTEM);
    int fd = openat(store_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        hf_fd_closep(&fd);
        return HF_ERR_SYSTEM;
    }
    hf_err err = HF_OK;
    while ((e = readdir(dir)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            fchownat(store_fd, e->d_name, ids.uid, ids.gid, AT_SYMLINK_NOFOLLOW) != 0)
            err = HF_ERR_SYSTEM;
    closedir(dir);
    return err;
}

hf_err files_open(const struct options *o, struct files *ret)
{
    struct files f = { .data_fd = -1, .store_fd = -1, .seal_fd = -1, .anchor_fd = -1 };

    HF_TRY(data_open(o->data, o->check, &f.data_fd));
    HF_TRY(folder_below(f.data_fd, "store", &f.store_fd));
    HF_TRY(folder_below(f.data_fd, "seal", &f.seal_fd));
    if (o->check) {
        *ret = f;
        return HF_OK;
    }
    HF_TRY(anchor_open(o->anchor, &f.anchor_fd));
    if (store_hand_over(f.store_fd) != HF_OK) {
        hf_log(HF_LOG_ERROR, "store/ cannot be given to the store's uid: %s", strerrordesc_np(errno));
        return HF_ERR_SYSTEM;
    }
    *ret = f;
    return HF_OK;
}

/* The file that was asked for must be there; of the usual places the first that is. */
static hf_err config_open(const struct files *f, const char *asked, int *ret)
{
    int fd = asked != NULL ? open(asked, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
                           : openat(f->data_fd, "holdfast.conf", O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 && asked == NULL && errno == ENOENT)
        fd = open(SYSTEM_CONFIG, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (asked != NULL || errno != ENOENT)) {
        hf_log(HF_LOG_ERROR, "the configuration %s cannot be opened: %s", asked != NULL ? asked : "holdfast.conf",
               strerrordesc_np(errno));
        return HF_ERR_NOT_FOUND;
    }
    *ret = fd;
    return HF_OK;
}

hf_err files_open_config(const struct files *f, const struct options *o, int *ret_conf, int *ret_keyset)
{
    HF_AUTO(hf_fd_closep) int conf = -1;

    HF_TRY(config_open(f, o->config, &conf));
    int keyset = openat(f->data_fd, keyset_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (keyset < 0) {
        hf_log(HF_LOG_ERROR, "keyset.json in the data folder cannot be opened: %s", strerrordesc_np(errno));
        return HF_ERR_NOT_FOUND;
    }
    *ret_keyset = keyset;
    *ret_conf = conf;
    conf = -1; /* handed over */
    return HF_OK;
}

#define CREDENTIAL "credential:"

/* A credential of the service (systemd.exec(5)); a name is one file there, never a path. */
static int credential_open(const char *name)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    HF_AUTO(hf_fd_closep) int dir = -1;

    errno = EINVAL;
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
        return -1;
    errno = ENOENT;
    if (folder == NULL || folder[0] != '/')
        return -1;
    dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

int files_open_named(const struct files *f, const char *path)
{
    int fd = strncmp(path, CREDENTIAL, strlen(CREDENTIAL)) == 0
                 ? credential_open(path + strlen(CREDENTIAL))
                 : openat(f->data_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        hf_log(HF_LOG_ERROR, "%s cannot be opened: %s", path, strerrordesc_np(errno));
    return fd;
}

static hf_err read_small(int dir_fd, const char *name, uint8_t *dst, size_t cap, bool *ret_has, size_t *ret_len)
{
    HF_AUTO(hf_fd_closep)
    int fd = dir_fd < 0 ? -1 : openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0 && (dir_fd < 0 || errno == ENOENT)) {
        *ret_has = false;
        *ret_len = 0;
        return HF_OK;
    }
    HF_CHECK(fd >= 0, HF_ERR_SYSTEM);
    HF_TRY(hf_fd_read_all(fd, dst, cap, ret_len));
    *ret_has = true;
    return HF_OK;
}

hf_err files_read_epoch(const struct files *f, uint8_t *dst, size_t cap, bool *ret_has, size_t *ret_len)
{
    return read_small(f->data_fd, epoch_name, dst, cap, ret_has, ret_len);
}

hf_err files_read_anchor(const struct files *f, uint8_t *dst, size_t cap, bool *ret_has, size_t *ret_len)
{
    return read_small(f->anchor_fd, anchor_name, dst, cap, ret_has, ret_len);
}

bool files_rollback_accepted(const struct files *f)
{
    return f->anchor_fd >= 0 && faccessat(f->anchor_fd, accept_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

hf_err files_write_anchor(const struct files *f, hf_view anchor)
{
    HF_CHECK(f->anchor_fd >= 0, HF_ERR_UNSUPPORTED);
    HF_TRY(hf_file_replace(f->anchor_fd, anchor_name, 0600, anchor));
    /* The new anchor is of the accepted state: the acceptance is used up. */
    if (unlinkat(f->anchor_fd, accept_name, 0) != 0 && errno != ENOENT)
        hf_log(HF_LOG_ERROR, "the mark %s in the anchor folder cannot be removed: %s", accept_name,
               strerrordesc_np(errno));
    return HF_OK;
}

/* Writes zeros over a file that nobody names any more, down to the disk. */
static hf_err erase(int fd)
{
    static const uint8_t zeros[EPOCH_MAX_BYTES];
    struct stat st;

    HF_CHECK(fstat(fd, &st) == 0, HF_ERR_SYSTEM);
    for (off_t at = 0; at < st.st_size;) {
        size_t n = st.st_size - at < EPOCH_MAX_BYTES ? (size_t)(st.st_size - at) : EPOCH_MAX_BYTES;
        ssize_t done = pwrite(fd, zeros, n, at);
        HF_CHECK(done > 0, HF_ERR_SYSTEM);
        at += done;
    }
    return fsync(fd) == 0 ? HF_OK : HF_ERR_SYSTEM;
}

hf_err files_write_epoch(const struct files *f, hf_view epoch)
{
    HF_AUTO(hf_fd_closep) int old = openat(f->data_fd, epoch_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    HF_CHECK(old >= 0 || errno == ENOENT, HF_ERR_SYSTEM);
    HF_TRY(hf_file_replace(f->data_fd, epoch_name, 0600, epoch));
    return old < 0 ? HF_OK : erase(old);
}

hf_err files_write_keyset(const struct files *f, hf_view json)
{
    return hf_file_replace(f->data_fd, keyset_name, 0600, json);
}
