#include "supervisor/programs.h"

#include "base/log.h"
#include "supervisor/uids.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GIVE_MAX 8

static const char *const program_names[PROGRAM_ROLES] = {
    [HF_PEER_CORE] = "core",
    [HF_PEER_GATEWAY] = "gateway",
    [HF_PEER_STORE] = "store",
    [HF_PEER_VERIFIER] = "verifier-token",
    [HF_PEER_UNSEAL] = "holdfast-unseal",
    [HF_PEER_CONFIG] = "config",
};

/* ../libexec/holdfast as seen from the folder of our own program. */
static int beside_ourselves(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (len <= 0)
        return -1;
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return -1;
    *slash = '\0';
    int bin = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = bin < 0 ? -1 : openat(bin, "../libexec/holdfast", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (bin >= 0)
        close(bin);
    return fd;
}

static int folder_open(const char *dir)
{
    if (dir != NULL)
        return open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = beside_ourselves();
    return fd >= 0 ? fd : open(HOLDFAST_LIBEXEC_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

hf_err programs_open(const char *dir, struct programs *ret)
{
    HF_AUTO(hf_fd_closep) int folder = folder_open(dir);
    struct programs p = { .strict = false };

    if (folder < 0) {
        hf_log(HF_LOG_ERROR,
               "the folder libexec/holdfast with the other programs is not there; say where with --libexec DIR");
        return HF_ERR_NOT_FOUND;
    }
    for (size_t i = 0; i < PROGRAM_ROLES; i++) {
        p.fd[i] = program_names[i] == NULL ? -1 : openat(folder, program_names[i], O_RDONLY | O_CLOEXEC);
        if (p.fd[i] < 0 && program_names[i] != NULL) {
            hf_log(HF_LOG_ERROR, "the program libexec/holdfast/%s cannot be opened: %s", program_names[i],
                   strerrordesc_np(errno));
            return HF_ERR_NOT_FOUND;
        }
    }
    *ret = p;
    return HF_OK;
}

hf_err program_start(const struct programs *p, hf_peer_role role, const char *extra, const int *give, size_t n_give,
                     pid_t *ret_pid, int *ret_pidfd)
{
    struct process_ids ids = process_ids_of(role);
    char uid[16], gid[16], journal[128] = "", journal_fd[64] = "";
    static char strict[] = "HOLDFAST_STRICT=1";
    char *env[4] = { NULL, NULL, NULL, NULL };
    int all[GIVE_MAX + 1];
    size_t n_env = 0;

    HF_CHECK(n_give <= GIVE_MAX, HF_ERR_BOUNDS);
    memcpy(all, give, n_give * sizeof(*give));

    snprintf(uid, sizeof(uid), "%u", (unsigned)ids.uid);
    snprintf(gid, sizeof(gid), "%u", (unsigned)ids.gid);
    if (getenv("JOURNAL_STREAM") != NULL) {
        snprintf(journal, sizeof(journal), "JOURNAL_STREAM=%.100s", getenv("JOURNAL_STREAM"));
        env[n_env++] = journal;
    }
    if (hf_log_descriptor() >= 0) { /* behind the others: the first given one is 3 */
        snprintf(journal_fd, sizeof(journal_fd), HF_LOG_JOURNAL_VARIABLE "=%zu", 3 + n_give);
        env[n_env++] = journal_fd;
        all[n_give++] = hf_log_descriptor();
    }
    if (p->strict)
        env[n_env] = strict;
    const char *argv[] = { program_names[role], "--uid", uid, "--gid", gid, extra, NULL };
    /* The strings are only read: execve's prototype is older than const. */
    return hf_spawn(p->fd[role], (char *const *)(uintptr_t)argv, env, all, n_give, ret_pid, ret_pidfd);
}

void program_reap(int pidfd, struct program_end *ret)
{
    siginfo_t info = { 0 };

    *ret = (struct program_end) { .signalled = true };
    while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) != 0)
        if (errno != EINTR) {
            snprintf(ret->text, sizeof(ret->text), "unknown end");
            return;
        }
    ret->signalled = info.si_code != CLD_EXITED;
    ret->code = info.si_status;
    snprintf(ret->text, sizeof(ret->text), ret->signalled ? "signal %d" : "exit code %d", ret->code);
}
