/* The programs of the other processes: opened once at start and executed by descriptor, so that an upgrade on disk never mixes builds. */
#ifndef HF_SUPERVISOR_PROGRAMS_H
#define HF_SUPERVISOR_PROGRAMS_H

#include "base/macros.h"
#include "proto/codec.h"
#include <stdbool.h>

#include <sys/types.h>

#define PROGRAM_ROLES (HF_PEER_CONFIG + 1)

struct programs {
    int fd[PROGRAM_ROLES]; /* by hf_peer_role; -1 where there is none */
    bool strict; /* told to the one-shots, which get no configuration message, by HOLDFAST_STRICT=1 */
};

/*
 * Opens all of them in dir, or with NULL in ../libexec/holdfast beside our own program, else where the build installs them. Logs
 * which is missing. HF_ERR_NOT_FOUND.
 */
hf_err programs_open(const char *dir, struct programs *ret) HF_MUST_USE;

/*
 * Starts the program of a role with --uid and --gid of its own, then the extra argument (NULL: none). give[i] becomes
 * descriptor 3 + i there. Owns: the caller closes *ret_pidfd.
 */
hf_err program_start(const struct programs *p, hf_peer_role role, const char *extra, const int *give, size_t n_give,
                     pid_t *ret_pid, int *ret_pidfd) HF_MUST_USE;

/* The end of a program as words: "exit code 1", "signal 9". The process behind pidfd must have ended; it is reaped. */
#define PROGRAM_END_CAP 48
struct program_end {
    bool signalled;
    int code; /* exit code, or the signal */
    char text[PROGRAM_END_CAP];
};
void program_reap(int pidfd, struct program_end *ret);

#endif
