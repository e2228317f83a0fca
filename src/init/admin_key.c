#include "init/admin_key.h"

#include "crypto/keyfile.h"
#include "jose/thumbprint.h"
#include "proto/gen/messages.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER_CAP (PATH_MAX + 64)

/* Every missing folder above path, 0700 each. That one cannot be made shows when the file is written. */
static void folders_make(const char *path)
{
    char part[PATH_MAX];

    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return;
    }
}

/* --dev lets the key lie directly in the data folder, which is still under way then. */
static bool inside(const struct init_options *o, const struct folder *f)
{
    return o->dev && folder_contains(f, o->admin_key);
}

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

hf_err admin_key_check(const struct init_options *o, const struct folder *f, char why[static WHY_CAP])
{
    struct stat st;

    if (inside(o, f))
        return HF_OK;
    if (folder_contains(f, o->admin_key)) {
        snprintf(why, WHY_CAP,
                 "the administrator's key must not lie in the data folder: who steals one would have both");
        return HF_ERR_INVALID;
    }
    if (o->admin_key_default)
        folders_make(o->admin_key);
    if (lstat(o->admin_key, &st) == 0) {
        snprintf(why, WHY_CAP, "%.300s exists and is not overwritten; move it away or use --admin-key-out",
                 o->admin_key);
        return HF_ERR_EXISTS;
    }
    return HF_OK;
}

/* ---- the file ---- */

static hf_err write_all(int fd, const hf_secret *pem)
{
    for (size_t at = 0; at < hf_secret_len(pem);) {
        ssize_t n = write(fd, hf_secret_read(pem) + at, hf_secret_len(pem) - at);
        HF_CHECK(n > 0, HF_ERR_SYSTEM);
        at += (size_t)n;
    }
    return fsync(fd) == 0 ? HF_OK : HF_ERR_SYSTEM;
}

/* "device inode path" of the file that is about to get that path. */
static hf_err marker_write(const struct folder *f, int fd, const char *path)
{
    char text[MARKER_CAP], folder[PATH_MAX], real[PATH_MAX];
    struct stat st;
    int n;

    snprintf(folder, sizeof(folder), "%.*s", (int)(last_name(path) - path), path);
    HF_CHECK(realpath(folder[0] == '\0' ? "." : folder, real) != NULL && fstat(fd, &st) == 0, HF_ERR_SYSTEM);
    n = snprintf(text, sizeof(text), "%ju %ju %s/%s", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino, real,
                 last_name(path));
    HF_CHECK(n > 0 && (size_t)n < sizeof(text), HF_ERR_TOO_LARGE);
    return hf_file_replace(f->fd, ADMIN_MARKER, 0600, hf_view_of(text, (size_t)n));
}

/* A file without a name until it is whole. */
static hf_err file_write(const struct folder *f, const char *path, const hf_secret *pem, char why[static WHY_CAP])
{
    char folder[PATH_MAX], self[64];

    snprintf(folder, sizeof(folder), "%.*s", (int)(last_name(path) - path), path);
    HF_AUTO(hf_fd_closep) int dir = open(folder[0] == '\0' ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    HF_AUTO(hf_fd_closep) int fd = dir < 0 ? -1 : openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    if (fd >= 0 && write_all(fd, pem) == HF_OK && marker_write(f, fd, path) == HF_OK &&
        linkat(AT_FDCWD, self, dir, last_name(path), AT_SYMLINK_FOLLOW) == 0 && fsync(dir) == 0)
        return HF_OK;
    snprintf(why, WHY_CAP, "%.300s cannot be written: %s", path, strerrordesc_np(errno));
    return errno == EEXIST ? HF_ERR_EXISTS : HF_ERR_SYSTEM;
}

void admin_key_undo(int folder_fd)
{
    HF_AUTO(hf_fd_closep) int fd = openat(folder_fd, ADMIN_MARKER, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char text[MARKER_CAP + 1] = "";
    char *end = NULL;
    size_t len = 0;
    struct stat st;

    if (fd < 0 || hf_fd_read_all(fd, text, MARKER_CAP, &len) != HF_OK)
        return;
    text[len] = '\0';
    uintmax_t device = strtoumax(text, &end, 10);
    uintmax_t inode = strtoumax(end, &end, 10);
    if (*end == ' ' && lstat(end + 1, &st) == 0 && S_ISREG(st.st_mode) && st.st_dev == device && st.st_ino == inode)
        unlink(end + 1);
}

void admin_key_done(const struct folder *f)
{
    /* It says nothing secret: were it to stay, nothing would be harmed. */
    if (unlinkat(f->fd, ADMIN_MARKER, 0) == 0 && fsync(f->fd) != 0)
        return;
}

/* ---- the key ---- */

static hf_err row_write(const hf_key *key, hf_writer *rows)
{
    uint8_t spki[HF_SPKI_MAX_BYTES];
    char kid[HF_THUMBPRINT_CAP];
    size_t len = 0;

    HF_TRY(hf_key_public_der(key, spki, sizeof(spki), &len));
    HF_TRY(hf_jwk_thumbprint(key, kid));
    struct hf_keyset_row row = { .kid = hf_view_str(kid),
                                 .alg = HF_ALG_EC_P256,
                                 .actor = hf_view_str(ADMIN_ACTOR),
                                 .roles = HF_ROLE_ALL,
                                 .spki = hf_view_of(spki, len) };
    return hf_keyset_row_encode(&row, rows);
}

static hf_err key_make(hf_writer *rows, hf_secret **ret_pem)
{
    HF_AUTO(hf_secret_freep) hf_secret *material = NULL;
    hf_key *key = NULL;

    HF_TRY(hf_key_generate(HF_ALG_EC_P256, &material));
    HF_TRY(hf_key_load_private(HF_ALG_EC_P256, material, &key));
    hf_err err = row_write(key, rows);
    if (err == HF_OK)
        err = hf_key_private_pem(key, ret_pem);
    hf_key_free(key);
    return err;
}

hf_err admin_key_make(const struct init_options *o, const struct folder *f, hf_writer *rows, char why[static WHY_CAP])
{
    HF_AUTO(hf_secret_freep) hf_secret *pem = NULL;

    snprintf(why, WHY_CAP, "the administrator's key cannot be made");
    HF_TRY(key_make(rows, &pem));
    if (inside(o, f))
        return hf_file_replace(f->fd, last_name(o->admin_key), 0600,
                               hf_view_of(hf_secret_read(pem), hf_secret_len(pem)));
    return file_write(f, o->admin_key, pem, why);
}
