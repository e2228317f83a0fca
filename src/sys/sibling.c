#include "sys/sibling.h"

#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

hf_err hf_sibling_open(const char *libexec, const char *name, int *ret_fd)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    HF_CHECK(libexec != NULL || len > 0, HF_ERR_SYSTEM);
    path[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        *slash = '\0';
    HF_AUTO(hf_fd_closep) int dir = open(libexec != NULL ? libexec : path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_CLOEXEC);
    HF_CHECK(fd >= 0, HF_ERR_NOT_FOUND);
    *ret_fd = fd;
    return HF_OK;
}

static bool succeeded(int pidfd)
{
    siginfo_t info = { 0 };

    while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) != 0)
        if (errno != EINTR)
            return false;
    return info.si_code == CLD_EXITED && info.si_status == 0;
}

static hf_err pipe_read(int fd, uint8_t *dst, size_t cap, size_t *ret_len)
{
    size_t at = 0;

    while (at < cap) {
        ssize_t n = read(fd, dst + at, cap - at);
        if (n < 0 && errno == EINTR)
            continue;
        HF_CHECK(n >= 0, HF_ERR_SYSTEM);
        if (n == 0) {
            *ret_len = at;
            return HF_OK;
        }
        at += (size_t)n;
    }
    return HF_ERR_TOO_LARGE;
}

hf_err hf_sibling_print(int program, const char *const argv[], int file, uint8_t *dst, size_t cap, size_t *ret_len)
{
    HF_AUTO(hf_fd_closep) int pidfd = -1;
    size_t len = 0;
    int ends[2];
    pid_t pid;

    HF_CHECK(pipe2(ends, O_CLOEXEC) == 0, HF_ERR_SYSTEM);
    HF_AUTO(hf_fd_closep) int from = ends[0];
    const int give[] = { ends[1], file };
    /* The strings are only read: execve's prototype is older than const. */
    hf_err err = hf_spawn(program, (char *const *)(uintptr_t)argv, NULL, give, file < 0 ? 1 : 2, &pid, &pidfd);
    hf_fd_closep(&ends[1]);
    HF_TRY(err);
    err = pipe_read(from, dst, cap, &len);
    hf_fd_closep(&from); /* one that writes more than is read must not wait for us, who wait for its end */
    bool good = succeeded(pidfd);
    HF_CHECK(good || err == HF_ERR_TOO_LARGE, HF_ERR_INVALID);
    HF_TRY(err);
    *ret_len = len;
    return HF_OK;
}
