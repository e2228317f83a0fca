#include "supervisor/listen.h"

#include "base/log.h"
#include "sys/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static bool address_parse(const char *text, union address *ret, socklen_t *ret_len)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    bool six = text[0] == '[' && len > 2 && text[len - 1] == ']';
    char *end = NULL;
    unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);

    if (len == 0 || len >= sizeof(host) || port < 1 || port > 65535 || *end != '\0')
        return false;
    snprintf(host, sizeof(host), "%.*s", (int)(six ? len - 2 : len), six ? text + 1 : text);
    memset(ret, 0, sizeof(*ret));
    if (six) {
        ret->six.sin6_family = AF_INET6;
        ret->six.sin6_port = htons((uint16_t)port);
        *ret_len = sizeof(ret->six);
        return inet_pton(AF_INET6, host, &ret->six.sin6_addr) == 1;
    }
    ret->four.sin_family = AF_INET;
    ret->four.sin_port = htons((uint16_t)port);
    *ret_len = sizeof(ret->four);
    return inet_pton(AF_INET, host, &ret->four.sin_addr) == 1;
}

hf_err listen_tcp(const char *address, int *ret_fd)
{
    union address to;
    socklen_t len = 0;
    int on = 1;

    if (!address_parse(address, &to, &len)) {
        hf_log(HF_LOG_ERROR, "'%s' is no address to listen on: IPv4:PORT or [IPv6]:PORT", address);
        return HF_ERR_INVALID;
    }
    HF_AUTO(hf_fd_closep) int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 || bind(fd, &to.any, len) != 0 ||
        listen(fd, BACKLOG) != 0) {
        hf_log(HF_LOG_ERROR, "cannot listen on %s: %s", address, strerrordesc_np(errno));
        return HF_ERR_SYSTEM;
    }
    *ret_fd = fd;
    fd = -1; /* handed over */
    return HF_OK;
}

static void folder_make(const char *path)
{
    char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    char *slash;

    snprintf(folder, sizeof(folder), "%s", path);
    slash = strrchr(folder, '/');
    if (slash == NULL || slash == folder)
        return;
    *slash = '\0';
    /* Other folders above it are the operator's; that it is missing still shows when binding. */
    if (mkdir(folder, 0755) == 0 && chmod(folder, 0755) != 0)
        hf_log(HF_LOG_WARN, "the mode of %s cannot be set", folder);
}

/* Somebody accepts connections there. */
static bool in_use(const struct sockaddr_un *to)
{
    HF_AUTO(hf_fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd >= 0 && (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 || errno == EAGAIN);
}

/* Only a socket that nobody serves any more is removed. */
static bool path_free(const struct sockaddr_un *to)
{
    struct stat st;

    if (lstat(to->sun_path, &st) != 0)
        return errno == ENOENT;
    return S_ISSOCK(st.st_mode) && !in_use(to) && unlink(to->sun_path) == 0;
}

/*
 * Members of the group `holdfast` (sysusers.d) may connect; without such a group only root may. Reads /etc/group itself, as
 * uids.c reads /etc/passwd.
 */
static void group_give(const char *path)
{
    FILE *f = geteuid() == 0 ? fopen("/etc/group", "re") : NULL;
    struct group *g;

    if (f == NULL)
        return;
    while ((g = fgetgrent(f)) != NULL) {
        if (strcmp(g->gr_name, "holdfast") != 0)
            continue;
        if (chown(path, 0, g->gr_gid) != 0)
            hf_log(HF_LOG_WARN, "%s cannot be given to the group holdfast: %s", path, strerrordesc_np(errno));
        break;
    }
    fclose(f);
}

hf_err listen_local(const char *path, int *ret_fd)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(to.sun_path)) {
        hf_log(HF_LOG_ERROR, "the path of the local socket must have 1 to %zu bytes", sizeof(to.sun_path) - 1);
        return HF_ERR_INVALID;
    }
    memcpy(to.sun_path, path, len + 1);
    folder_make(path);
    if (!path_free(&to)) {
        hf_log(HF_LOG_ERROR, "%s is there already: a file, or a socket that another program serves", path);
        return HF_ERR_EXISTS;
    }
    HF_AUTO(hf_fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0 || chmod(path, 0660) != 0 ||
        listen(fd, BACKLOG) != 0) {
        hf_log(HF_LOG_ERROR, "cannot listen on %s: %s", path, strerrordesc_np(errno));
        return HF_ERR_SYSTEM;
    }
    group_give(path);
    *ret_fd = fd;
    fd = -1; /* handed over */
    return HF_OK;
}
