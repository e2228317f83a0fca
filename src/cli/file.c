#include "cli/file.h"

#include "base/num.h"
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PART_BYTES 65536

bool file_is_standard(const char *path)
{
    return path == NULL || strcmp(path, "-") == 0;
}

static const char *shown(const char *path, const char *standard)
{
    return file_is_standard(path) ? standard : path;
}

hf_err file_take_stdin(cli *c)
{
    if (c->stdin_used)
        return cli_fail(c, HF_ERR_INVALID, "standard input is wanted twice; name a file for one of them");
    c->stdin_used = true;
    return HF_OK;
}

static hf_err read_all(cli *c, int fd, const char *path, size_t max, const char *hint, bytes *ret)
{
    HF_AUTO(bytes_free) bytes part = { .ptr = wiped_alloc(PART_BYTES), .cap = PART_BYTES };

    if (part.ptr == NULL)
        return cli_fail(c, HF_ERR_SYSTEM, "there is no memory to read %s", shown(path, "standard input"));
    for (;;) {
        ssize_t n = read(fd, part.ptr, PART_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cli_fail(c, HF_ERR_SYSTEM, "cannot read %s: %s", shown(path, "standard input"), strerror(errno));
        if (n == 0)
            return HF_OK;
        hf_err e = bytes_put(ret, hf_view_of(part.ptr, (size_t)n), max);
        if (e == HF_ERR_TOO_LARGE)
            return cli_fail(c, e, "%s has more than %zu bytes, the most that is taken here%s%s",
                            shown(path, "standard input"), max, hint != NULL ? "; " : "", hint != NULL ? hint : "");
        if (e != HF_OK)
            return cli_fail(c, e, "there is no memory to read %s", shown(path, "standard input"));
    }
}

hf_err file_read_hint(cli *c, const char *path, size_t max, const char *hint, bytes *ret)
{
    HF_AUTO(hf_fd_closep) int fd = -1;

    if (file_is_standard(path)) {
        HF_TRY(file_take_stdin(c));
        return read_all(c, STDIN_FILENO, path, max, hint, ret);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return cli_fail(c, HF_ERR_SYSTEM, "cannot open %s: %s", path, strerror(errno));
    return read_all(c, fd, path, max, hint, ret);
}

hf_err file_read(cli *c, const char *path, size_t max, bytes *ret)
{
    return file_read_hint(c, path, max, NULL, ret);
}

hf_err file_create(cli *c, const char *path, bool secret, int *ret_fd)
{
    int fd = STDOUT_FILENO;

    if (!file_is_standard(path))
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, secret ? 0600 : 0666);
    if (fd < 0)
        return cli_fail(c, HF_ERR_SYSTEM, "cannot write %s: %s", path, strerror(errno));
    *ret_fd = fd;
    return HF_OK;
}

hf_err file_put(cli *c, const char *path, int fd, hf_view content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.ptr, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cli_fail(c, HF_ERR_SYSTEM, "cannot write %s: %s", shown(path, "standard output"), strerror(errno));
        content = hf_view_of(content.ptr + n, content.len - (size_t)n);
    }
    return HF_OK;
}

hf_err file_finish(cli *c, const char *path, int fd)
{
    if (!file_is_standard(path) && close(fd) != 0)
        return cli_fail(c, HF_ERR_SYSTEM, "cannot write %s: %s", path, strerror(errno));
    return HF_OK;
}

hf_err file_write(cli *c, const char *path, bool secret, hf_view content)
{
    int fd = -1;

    HF_TRY(file_create(c, path, secret, &fd));
    hf_err e = file_put(c, path, fd, content);
    hf_err end = file_finish(c, path, fd);
    return e != HF_OK ? e : end;
}

hf_err file_nameless(cli *c, char path[static FILE_NAMELESS_CAP], int *ret_fd)
{
    FILE *f = tmpfile();
    int fd = f == NULL ? -1 : dup(fileno(f)); /* unlike the first one it stays open in programs */

    if (fd < 0)
        cli_fail(c, HF_ERR_SYSTEM, "there is no room for a temporary file: %s", strerror(errno));
    if (f != NULL)
        (void)fclose(f);
    HF_CHECK(fd >= 0, HF_ERR_SYSTEM);
    (void)snprintf(path, FILE_NAMELESS_CAP, "/proc/self/fd/%d", fd);
    *ret_fd = fd;
    return HF_OK;
}
