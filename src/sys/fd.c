/* Descriptors: closing, pairs, peers, whole files. */
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_BUFFER (1 << 20)

void hf_fd_closep(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        (void)close(*fd);
        errno = saved;
    }
    *fd = -1;
}

/* The kernel halves what it cannot give; FORCE needs CAP_NET_ADMIN. */
static void widen(int fd, int normal, int forced)
{
    const int bytes = SOCKET_BUFFER;
    if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0)
        (void)setsockopt(fd, SOL_SOCKET, normal, &bytes, sizeof bytes);
}

hf_err hf_fd_pair(int ret_fds[static 2])
{
    int fds[2];
    HF_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0, HF_ERR_SYSTEM);
    for (int i = 0; i < 2; i++) {
        widen(fds[i], SO_SNDBUF, SO_SNDBUFFORCE);
        widen(fds[i], SO_RCVBUF, SO_RCVBUFFORCE);
        ret_fds[i] = fds[i];
    }
    return HF_OK;
}

hf_err hf_fd_set_nonblocking(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);
    HF_CHECK(flags >= 0, HF_ERR_SYSTEM);
    int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    HF_CHECK(wanted == flags || fcntl(fd, F_SETFL, wanted) == 0, HF_ERR_SYSTEM);
    return HF_OK;
}

static bool option_is(int fd, int option, int wanted)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == wanted;
}

hf_err hf_fd_peer(int fd, hf_peer *ret)
{
    HF_CHECK(option_is(fd, SO_DOMAIN, AF_UNIX), HF_ERR_DENIED);
    HF_CHECK(option_is(fd, SO_TYPE, SOCK_SEQPACKET), HF_ERR_DENIED);
    HF_CHECK(option_is(fd, SO_ACCEPTCONN, 0), HF_ERR_DENIED);
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    HF_CHECK(getpeername(fd, (struct sockaddr *)&address, &len) == 0, HF_ERR_DENIED); /* not connected */
    struct ucred cred;
    len = sizeof cred;
    HF_CHECK(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && len == sizeof cred, HF_ERR_DENIED);
    HF_CHECK(cred.uid != (uid_t)-1 && cred.gid != (gid_t)-1, HF_ERR_DENIED);
    *ret = (hf_peer) { cred.pid, cred.uid, cred.gid };
    return HF_OK;
}

hf_err hf_fd_read_all(int fd, void *dst, size_t cap, size_t *ret_len)
{
    HF_CHECK(fd >= 0, errno == ENOENT ? HF_ERR_NOT_FOUND : HF_ERR_SYSTEM);
    struct stat st;
    HF_CHECK(fstat(fd, &st) == 0, HF_ERR_SYSTEM);
    HF_CHECK(S_ISREG(st.st_mode), HF_ERR_INVALID);
    size_t len = 0;
    for (;;) {
        uint8_t beyond = 0;
        bool full = len == cap;
        ssize_t n = read(fd, full ? &beyond : (uint8_t *)dst + len, full ? 1 : cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        HF_CHECK(n >= 0, HF_ERR_SYSTEM);
        if (n == 0)
            break;
        HF_CHECK(!full, HF_ERR_TOO_LARGE);
        len += (size_t)n;
    }
    *ret_len = len;
    return HF_OK;
}

static bool write_all(int fd, hf_view content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.ptr, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        content.ptr += n;
        content.len -= (size_t)n;
    }
    return true;
}

/* fchmod because the umask has cut the mode given to openat. */
static bool fill(int fd, mode_t mode, hf_view content)
{
    return fd >= 0 && fchmod(fd, mode) == 0 && write_all(fd, content) && fsync(fd) == 0;
}

hf_err hf_file_replace(int dir_fd, const char *name, mode_t mode, hf_view content)
{
    HF_CHECK(name[0] != '\0' && strchr(name, '/') == NULL, HF_ERR_INVALID);
    uint64_t random = 0;
    HF_CHECK(getrandom(&random, sizeof random, 0) == (ssize_t)sizeof random, HF_ERR_SYSTEM);
    char temporary[256];
    int n = snprintf(temporary, sizeof temporary, ".%s.%016llx", name, (unsigned long long)random);
    HF_CHECK(n > 0 && (size_t)n < sizeof temporary, HF_ERR_BOUNDS);
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    HF_AUTO(hf_fd_closep) int fd = openat(dir_fd, temporary, flags, 0600);
    HF_CHECK(fd >= 0, HF_ERR_SYSTEM);
    if (!fill(fd, mode, content) || renameat(dir_fd, temporary, dir_fd, name) != 0) {
        int saved = errno;
        (void)unlinkat(dir_fd, temporary, 0);
        errno = saved;
        return HF_ERR_SYSTEM;
    }
    HF_CHECK(fsync(dir_fd) == 0, HF_ERR_SYSTEM); /* else the rename may not survive a power cut */
    return HF_OK;
}
