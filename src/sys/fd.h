/* Descriptors: passing, socket pairs, memfds, peers, spawning. */
#ifndef HF_SYS_FD_H
#define HF_SYS_FD_H

#include "base/buf.h"
#include <stdbool.h>
#include <sys/types.h>

void hf_fd_closep(int *fd); /* for HF_AUTO; ignores negatives, sets -1 */
/* AF_UNIX SOCK_SEQPACKET, non-blocking, close-on-exec, 1 MiB buffers where allowed. */
hf_err hf_fd_pair(int ret_fds[static 2]) HF_MUST_USE;
hf_err hf_fd_set_nonblocking(int fd, bool on) HF_MUST_USE;

/* Who is at the other end of a connected AF_UNIX SEQPACKET, as the kernel says. HF_ERR_DENIED for anything else. */
typedef struct hf_peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
} hf_peer;
hf_err hf_fd_peer(int fd, hf_peer *ret) HF_MUST_USE;

/*
 * Starts the program open at exe_fd (fexecve, so an upgrade never mixes builds) with argv and an empty
 * environment but for env (NULL-terminated, may be NULL). give[i] becomes descriptor 3 + i in the child, at most 64 of
 * them; everything else but 0, 1, 2 is closed there. The child dies with the calling thread (SIGKILL). Signal mask and
 * handlers are reset. HF_ERR_SYSTEM with errno, also when the program cannot be executed. Caller closes *ret_pidfd.
 */
hf_err hf_spawn(int exe_fd, char *const argv[], char *const env[], const int *give, size_t n_give, pid_t *ret_pid,
                int *ret_pidfd) HF_MUST_USE;

/*
 * Reads a whole regular file of at most cap bytes. HF_ERR_TOO_LARGE, HF_ERR_INVALID when it is not a regular file,
 * HF_ERR_NOT_FOUND when fd is the -1 of an open that failed with ENOENT, HF_ERR_SYSTEM (errno set).
 */
hf_err hf_fd_read_all(int fd, void *dst, size_t cap, size_t *ret_len) HF_MUST_USE;
/*
 * Writes name in dir so that after a crash either the old or the new content is there: temporary file, fsync, rename,
 * fsync of the folder. HF_ERR_INVALID for a name with a slash; HF_ERR_SYSTEM: the old content is kept, but when only
 * the fsync of the folder failed either may be there.
 */
hf_err hf_file_replace(int dir_fd, const char *name, mode_t mode, hf_view content) HF_MUST_USE;

#endif
