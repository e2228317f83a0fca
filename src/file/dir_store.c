#include "file/dir_store.h"

#include "base/text.h"
#include "sys/fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_NAME "key"
#define KEY_NEXT_NAME "key.next"
#define LOCK_NAME "lock"
#define KEY_LOCK_NAME "key.lock"
#define NEXT_SUFFIX ".next"
#define HEX_CHARS (2 * HF_FILE_ID_BYTES)

typedef struct entry_name {
    char text[HEX_CHARS + sizeof(NEXT_SUFFIX)];
} entry_name;

static hf_err unavailable(hf_why *why, const char *what)
{
    return hf_why_say(why, HF_ERR_STORE, "%s: %s", what, strerrordesc_np(errno));
}

/* ---- owner and mode ---- */

/* Nobody else may read or write it, or have put it there. */
static hf_err check_private(const struct stat *st, const char *what, hf_why *why)
{
    if (st->st_uid != geteuid())
        return hf_why_say(why, HF_ERR_STORE, "%s belongs to user number %u, not to %u, who runs this", what,
                          (unsigned)st->st_uid, (unsigned)geteuid());
    if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return hf_why_say(why, HF_ERR_STORE,
                          "%s is open to its group or to others (mode %04o); take that away with chmod", what,
                          (unsigned)st->st_mode & 07777);
    return HF_OK;
}

/* HF_ERR_NOT_FOUND when there is none. */
static hf_err open_private(int folder, const char *name, int flags, const char *what, int *ret, hf_why *why)
{
    struct stat st;
    HF_AUTO(hf_fd_closep) int fd = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0600);

    if (fd < 0 && errno == ENOENT)
        return HF_ERR_NOT_FOUND;
    if (fd < 0)
        return errno == ELOOP ? hf_why_say(why, HF_ERR_STORE, "%s is a symbolic link", what) : unavailable(why, what);
    if (fstat(fd, &st) != 0)
        return unavailable(why, what);
    if (!S_ISREG(st.st_mode))
        return hf_why_say(why, HF_ERR_STORE, "%s is no regular file", what);
    HF_TRY(check_private(&st, what, why));
    if ((flags & O_CREAT) != 0 && !hf_rights_complete(fd, 0600))
        return unavailable(why, what);
    *ret = fd;
    fd = -1; /* the caller's now */
    return HF_OK;
}

/* ---- the key ---- */

static bool is_hex(const char *name)
{
    return strlen(name) == HEX_CHARS && strspn(name, "0123456789abcdef") == HEX_CHARS;
}

/*
 * Entries without their key mean that it was lost: a new one would make all of them worthless without a word. So does the lock, which is made
 * behind the key: with sidecars alone there are no entries.
 */
static hf_err check_no_traces(int folder, hf_why *why)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    bool found = false;

    if (d == NULL) {
        hf_fd_closep(&fd);
        return unavailable(why, "the store cannot be listed");
    }
    errno = 0;
    for (const struct dirent *e; !found && (e = readdir(d)) != NULL;)
        found = is_hex(e->d_name) || strcmp(e->d_name, LOCK_NAME) == 0;
    hf_err err = errno != 0 ? unavailable(why, "the store cannot be listed") : HF_OK;
    (void)closedir(d);
    if (found)
        err = hf_why_say(
            why, HF_ERR_STORE,
            "the store's key is gone, but it was used: put it back from a backup, or remove the store to begin anew");
    return err;
}

static hf_err key_read(int fd, hf_secret *key, hf_why *why)
{
    uint8_t *at = hf_secret_bytes(key);
    size_t left = hf_secret_len(key);
    uint8_t beyond = 0;

    while (left > 0) {
        ssize_t n = read(fd, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return unavailable(why, "the store's key cannot be read");
        if (n == 0)
            return hf_why_say(why, HF_ERR_STORE, "the store's key is damaged: it has less than %d bytes",
                              HF_FILE_KEY_BYTES);
        at += n;
        left -= (size_t)n;
    }
    ssize_t n = read(fd, &beyond, 1);
    hf_wipe(&beyond, sizeof(beyond));
    if (n < 0)
        return unavailable(why, "the store's key cannot be read");
    if (n > 0)
        return hf_why_say(why, HF_ERR_STORE, "the store's key is damaged: it has more than %d bytes",
                          HF_FILE_KEY_BYTES);
    return HF_OK;
}

/* HF_OK and NULL: there is none yet. */
static hf_err key_load(int folder, hf_secret **ret, hf_why *why)
{
    HF_AUTO(hf_secret_freep) hf_secret *key = NULL;
    HF_AUTO(hf_fd_closep) int fd = -1;

    hf_err err = open_private(folder, KEY_NAME, O_RDONLY, "the store's key", &fd, why);
    if (err == HF_ERR_NOT_FOUND) {
        hf_err traces = check_no_traces(folder, why);
        HF_CHECK(traces != HF_OK, HF_OK);
        err = open_private(folder, KEY_NAME, O_RDONLY, "the store's key", &fd, why); /* made only just now? */
        HF_CHECK(err != HF_ERR_NOT_FOUND, traces);
    }
    HF_TRY(err);
    err = hf_secret_new(HF_FILE_KEY_BYTES, &key);
    HF_CHECK(err == HF_OK, hf_why_say(why, err, "%s", hf_err_text(err)));
    HF_TRY(key_read(fd, key, why));
    *ret = key;
    key = NULL; /* the caller's now */
    return HF_OK;
}

/* ---- files that replace others ---- */

static hf_err folder_sync(int folder, hf_why *why)
{
    HF_AUTO(hf_fd_closep) int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0 ? HF_OK : unavailable(why, "the store's folder cannot be made durable");
}

/* The caller has the lock, so what has the temporary name was left behind by somebody who was killed. */
static hf_err replace(int folder, const char *next, const char *name, hf_view content, hf_why *why)
{
    if (unlinkat(folder, next, 0) != 0 && errno != ENOENT)
        return unavailable(why, "the store cannot be written");
    HF_AUTO(hf_fd_closep) int fd = openat(folder, next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || !hf_rights_complete(fd, 0600) || !hf_write_all(fd, content) || fsync(fd) != 0 ||
        renameat(folder, next, folder, name) != 0) {
        hf_err err = unavailable(why, "the store cannot be written");
        (void)unlinkat(folder, next, 0);
        return err;
    }
    return folder_sync(folder, why);
}

/* ---- locks ---- */

/* Of an id: a byte that hardly any other id has; when one does, they wait for each other. */
static off_t lock_at(const uint8_t *id)
{
    uint64_t n = 0;

    for (int i = 0; i < 7; i++)
        n = n << 8 | id[i];
    return (off_t)n;
}

/*
 * Readers go without one where it is not there and cannot be made (a read-only copy of a store): what they then see of a change under way is
 * never a match that is none.
 */
static hf_err lock_open(int folder, bool exclusive, int *ret_fd, hf_why *why)
{
    static const char what[] = "the store's lock";
    hf_err err = HF_ERR_NOT_FOUND;

    if (!exclusive)
        err = open_private(folder, LOCK_NAME, O_RDONLY, what, ret_fd, why);
    if (err == HF_ERR_NOT_FOUND)
        err = open_private(folder, LOCK_NAME, O_RDWR | O_CREAT, what, ret_fd, why);
    return err != HF_OK && !exclusive && faccessat(folder, LOCK_NAME, F_OK, 0) != 0 ? HF_OK : err;
}

static hf_err lock_fd(int fd, off_t at, bool exclusive, hf_why *why)
{
    struct flock range = { .l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

    while (fd >= 0 && fcntl(fd, F_OFD_SETLKW, &range) != 0)
        if (errno != EINTR)
            return unavailable(why, "the store cannot be locked");
    return HF_OK;
}

static hf_err lock_take(int folder, off_t at, bool exclusive, int *ret_fd, hf_why *why)
{
    HF_AUTO(hf_fd_closep) int fd = -1;

    HF_TRY(lock_open(folder, exclusive, &fd, why));
    HF_TRY(lock_fd(fd, at, exclusive, why));
    *ret_fd = fd;
    fd = -1; /* the caller's now */
    return HF_OK;
}

/* ---- opening and making ---- */

static hf_err folder_open(const char *path, hf_dir_store *s, hf_why *why)
{
    HF_AUTO(hf_fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return HF_ERR_NOT_FOUND;
    if (fd < 0)
        return unavailable(why, errno == ENOTDIR || errno == ELOOP ? "the store is no folder"
                                                                   : "the store cannot be opened");
    if (fstat(fd, &s->st) != 0)
        return unavailable(why, "the store cannot be looked at");
    HF_TRY(check_private(&s->st, "the store", why));
    s->folder = fd;
    fd = -1; /* the store's now */
    return HF_OK;
}

hf_err hf_dir_store_open(const char *path, hf_dir_store *ret, hf_why *why)
{
    *ret = (hf_dir_store) { .folder = -1 };
    hf_err err = folder_open(path, ret, why);
    if (err == HF_ERR_NOT_FOUND)
        return HF_OK;
    HF_TRY(err);
    return key_load(ret->folder, &ret->key, why);
}

/* Its name in the folder above is durable when it returns; it may be there already. */
static hf_err folder_make(const char *path, hf_why *why)
{
    char above[PATH_MAX];
    int n = snprintf(above, sizeof(above), "%s/..", path);

    HF_CHECK(n > 0 && (size_t)n < sizeof(above), hf_why_say(why, HF_ERR_STORE, "the store's path is too long"));
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? HF_OK : unavailable(why, "the store cannot be made");
    HF_AUTO(hf_fd_closep) int made = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (made < 0 || !hf_rights_complete(made, 0700))
        return unavailable(why, "the store cannot be made");
    HF_AUTO(hf_fd_closep) int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? HF_OK : unavailable(why, "the store cannot be made durable");
}

static hf_err folders_make(const char *path, hf_why *why)
{
    char part[PATH_MAX];

    HF_CHECK(hf_view_to_str(hf_view_str(path), part, sizeof(part)) == HF_OK,
             hf_why_say(why, HF_ERR_STORE, "the store's path is too long"));
    for (char *at = strchr(part + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        hf_err err = folder_make(part, why);
        *at = '/';
        HF_TRY(err);
    }
    return folder_make(part, why);
}

/* The lock comes behind the key and says from then on that there was one. */
static hf_err key_make(hf_dir_store *s, hf_why *why)
{
    HF_AUTO(hf_secret_freep) hf_secret *key = NULL;
    HF_AUTO(hf_fd_closep) int lock = -1;
    hf_err err = hf_secret_random(HF_FILE_KEY_BYTES, &key);

    HF_CHECK(err == HF_OK, hf_why_say(why, err, "no random key can be had: %s", hf_err_text(err)));
    HF_TRY(replace(s->folder, KEY_NEXT_NAME, KEY_NAME, hf_view_of(hf_secret_read(key), HF_FILE_KEY_BYTES), why));
    HF_TRY(lock_open(s->folder, true, &lock, why));
    HF_TRY(folder_sync(s->folder, why));
    s->key = key;
    key = NULL; /* the store's now */
    return HF_OK;
}

hf_err hf_dir_store_make(const char *path, hf_dir_store *ret, hf_why *why)
{
    HF_AUTO(hf_fd_closep) int lock = -1;

    HF_TRY(hf_dir_store_open(path, ret, why));
    if (ret->key != NULL)
        return HF_OK;
    if (ret->folder < 0) {
        HF_TRY(folders_make(path, why));
        hf_err err = folder_open(path, ret, why);
        HF_CHECK(err != HF_ERR_NOT_FOUND,
                 hf_why_say(why, HF_ERR_STORE, "the store was removed again while it was made"));
        HF_TRY(err);
    }
    HF_TRY(open_private(ret->folder, KEY_LOCK_NAME, O_RDWR | O_CREAT, "the lock of the store's key", &lock, why));
    HF_TRY(lock_fd(lock, 0, true, why));
    HF_TRY(key_load(ret->folder, &ret->key, why)); /* another process may have been first */
    if (ret->key == NULL)
        HF_TRY(key_make(ret, why));
    (void)unlinkat(ret->folder, KEY_LOCK_NAME, 0); /* whoever locks one from now on finds the key */
    return HF_OK;
}

void hf_dir_store_close(hf_dir_store *s)
{
    hf_secret_freep(&s->key);
    hf_fd_closep(&s->folder);
}

/* ---- as a store ---- */

static entry_name name_of(const uint8_t *id, const char *suffix)
{
    entry_name name;
    char hex[HEX_CHARS + 1];

    hf_hex_encode(hf_view_of(id, HF_FILE_ID_BYTES), hex);
    (void)snprintf(name.text, sizeof(name.text), "%s%s", hex, suffix);
    return name;
}

static hf_err entry_get(void *arg, const uint8_t *id, uint8_t *dst, size_t cap, size_t *ret_len)
{
    hf_dir_store *s = arg;
    HF_AUTO(hf_fd_closep) int fd = -1;

    HF_TRY(open_private(s->folder, name_of(id, "").text, O_RDONLY, "the store's entry", &fd, &s->why));
    hf_err err = hf_fd_read_all(fd, dst, cap, ret_len);
    return err == HF_ERR_SYSTEM ? unavailable(&s->why, "the store's entry cannot be read") : err;
}

static hf_err entry_put(void *arg, const uint8_t *id, const uint8_t *entry, size_t len)
{
    hf_dir_store *s = arg;

    return replace(s->folder, name_of(id, NEXT_SUFFIX).text, name_of(id, "").text, hf_view_of(entry, len), &s->why);
}

static hf_err entry_erase(void *arg, const uint8_t *id)
{
    hf_dir_store *s = arg;

    if (unlinkat(s->folder, name_of(id, "").text, 0) != 0 && errno != ENOENT)
        return unavailable(&s->why, "the store's entry cannot be removed");
    return folder_sync(s->folder, &s->why);
}

static hf_err entry_lock(void *arg, const uint8_t *id, bool exclusive, int *ret_lock)
{
    hf_dir_store *s = arg;

    return lock_take(s->folder, lock_at(id), exclusive, ret_lock, &s->why);
}

static void entry_unlock(void *arg, int lock)
{
    (void)arg;
    hf_fd_closep(&lock);
}

hf_file_store hf_dir_store_ops(hf_dir_store *s)
{
    return (hf_file_store) {
        .arg = s, .get = entry_get, .put = entry_put, .erase = entry_erase, .lock = entry_lock, .unlock = entry_unlock
    };
}
