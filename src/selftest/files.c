#include "selftest/files.h"

#include "sys/fd.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_json(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, ".json") == 0;
}

static hf_err add(struct st_files *f, const char *path)
{
    HF_CHECK(f->n < ST_FILES_MAX, HF_ERR_TOO_LARGE);
    if (f->n == f->cap) {
        size_t cap = f->cap == 0 ? 64 : f->cap * 2;
        char **paths = reallocarray(f->paths, cap, sizeof *paths);
        HF_CHECK(paths != NULL, HF_ERR_SYSTEM);
        f->paths = paths;
        f->cap = cap;
    }
    char *copy = calloc(strlen(path) + 1, 1);
    HF_CHECK(copy != NULL, HF_ERR_SYSTEM);
    snprintf(copy, strlen(path) + 1, "%s", path);
    f->paths[f->n++] = copy;
    return HF_OK;
}

static hf_err list(int parent, const char *name, const char *prefix, unsigned depth, struct st_files *f);

static hf_err list_entry(int folder, const struct dirent *entry, const char *prefix, unsigned depth, struct st_files *f)
{
    char path[PATH_MAX];
    struct stat st;
    int len = snprintf(path, sizeof path, "%s%s/", prefix, entry->d_name);
    if (len < 1 || (size_t)len >= sizeof path || fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        f->unreachable++;
        return HF_OK;
    }
    if (S_ISDIR(st.st_mode))
        return list(folder, entry->d_name, path, depth + 1, f);
    path[len - 1] = '\0'; /* the slash */
    if (is_json(entry->d_name)) /* whether it can be read is found out later, and told */
        return add(f, path);
    f->ignored += S_ISREG(st.st_mode);
    return HF_OK;
}

static hf_err list(int parent, const char *name, const char *prefix, unsigned depth, struct st_files *f)
{
    HF_AUTO(hf_fd_closep) int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 && depth <= ST_DEPTH_MAX ? fdopendir(fd) : NULL;
    struct dirent *entry;
    hf_err e = HF_OK;
    if (dir == NULL) {
        f->unreachable++;
        return HF_OK;
    }
    int folder = fd;
    fd = -1; /* dir has it now */
    while (e == HF_OK && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            e = list_entry(folder, entry, prefix, depth, f);
    }
    closedir(dir);
    return e;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

hf_err st_files_find(const char *folder, struct st_files *ret)
{
    struct st_files f = { 0 };
    struct stat st;
    HF_CHECK(stat(folder, &st) == 0, HF_ERR_NOT_FOUND);
    /* the folder itself may be a link; what is in it may not lead elsewhere */
    char start[PATH_MAX];
    HF_CHECK(realpath(folder, start) != NULL, HF_ERR_NOT_FOUND);
    hf_err e = S_ISDIR(st.st_mode) ? list(AT_FDCWD, start, "", 0, &f) : add(&f, "");
    if (e != HF_OK) {
        st_files_free(&f);
        return e;
    }
    if (f.n > 0)
        qsort(f.paths, f.n, sizeof *f.paths, by_name);
    *ret = f;
    return HF_OK;
}

void st_files_free(struct st_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->paths[i]);
    free(f->paths);
    *f = (struct st_files) { 0 };
}

static hf_err read_all(int fd, uint8_t *dst, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, dst + got, len - got);
        HF_CHECK(n > 0, HF_ERR_SYSTEM); /* it became shorter, or cannot be read */
        got += (size_t)n;
    }
    return HF_OK;
}

hf_err st_file_read(const char *folder, const char *path, size_t max, uint8_t **ret, size_t *ret_len)
{
    char full[PATH_MAX];
    struct stat st;
    int len = snprintf(full, sizeof full, "%s%s%s", folder, path[0] != '\0' ? "/" : "", path);
    HF_CHECK(len > 0 && (size_t)len < sizeof full, HF_ERR_SYSTEM);
    HF_AUTO(hf_fd_closep) int fd = open(full, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe must not make us wait */
    HF_CHECK(fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode), HF_ERR_SYSTEM);
    HF_CHECK((uintmax_t)st.st_size <= max, HF_ERR_TOO_LARGE);
    uint8_t *bytes = calloc((size_t)st.st_size + 1, 1);
    HF_CHECK(bytes != NULL, HF_ERR_SYSTEM);
    hf_err e = read_all(fd, bytes, (size_t)st.st_size);
    if (e != HF_OK) {
        free(bytes);
        return e;
    }
    *ret = bytes;
    *ret_len = (size_t)st.st_size;
    return HF_OK;
}
