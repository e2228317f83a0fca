/*
 * How a process gives up everything at the end of its start-up. The only place that knows seccomp,
 * Landlock, prctl, uids and rlimits.
 */
#ifndef HF_SYS_SANDBOX_H
#define HF_SYS_SANDBOX_H

#include "base/macros.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/*
 * One allowed system call. With arg >= 0, only when argument `arg` (its low 32 bits) equals `value`; several rows for
 * one call add up.
 */
typedef struct hf_syscall_rule {
    const char *name; /* as in unistd.h without __NR_, for snapshots and messages */
    int nr;
    int arg; /* -1: any arguments */
    uint32_t value;
} hf_syscall_rule;

/* A protection and what became of it; `capabilities` prints these. */
typedef enum hf_protection_state { HF_ACTIVE, HF_DEGRADED, HF_ABSENT } hf_protection_state;
typedef struct hf_protection {
    /* "seccomp", "landlock", "own-uid", "no-capabilities", "no-new-privs", "not-dumpable", "no-core", "empty-netns",
     * "locked-memory" */
    const char *name;
    hf_protection_state state;
    char why[96]; /* empty when active */
} hf_protection;

#define HF_PROTECTION_MAX 12
typedef struct hf_protections {
    hf_protection row[HF_PROTECTION_MAX];
    size_t n;
} hf_protections;

/* Adds a row; rows of one name become the worse of both. `name` must be static, `why` is copied and cut to fit. */
void hf_protections_add(hf_protections *p, const char *name, hf_protection_state state, const char *why);
const char *hf_protection_state_name(hf_protection_state s); /* "active", "degraded", "absent" */

typedef struct hf_sandbox {
    const char *process; /* "core" */
    uid_t uid; /* change to these when started as root; (uid_t)-1: stay */
    gid_t gid;
    bool keep_network; /* false: own empty network namespace */
    const int *landlock_dirs; /* folder descriptors with full file access below them; NULL, 0: no file at all */
    size_t n_landlock_dirs;
    rlim_t max_files; /* RLIMIT_NOFILE */
    bool allow_threads; /* RLIMIT_NPROC is 0 otherwise */
    int parent_death_signal; /* 0: SIGKILL; the store says SIGTERM, to commit what it holds */
    /* seccomp: a call outside this list kills the process (SIGSYS), but some that libraries try out get EPERM. */
    const hf_syscall_rule *allowed;
    size_t n_allowed;
} hf_sandbox;

/*
 * First lines of main, before any secret: RLIMIT_CORE 0, PR_SET_DUMPABLE 0, PR_SET_PDEATHSIG SIGKILL (the
 * parent must still be parent_pid, else exit, and then SIGINT, SIGTERM and SIGHUP are ignored; parent_pid 0: no tie to
 * the parent), umask 077, closes every descriptor from keep_below on, TZ=UTC0.
 */
hf_err hf_sandbox_begin(int keep_below, pid_t parent_pid, hf_protections *report) HF_MUST_USE;

/*
 * Last lines before the loop: network namespace, groups, gid, uid, all capabilities dropped, no new
 * privileges, Landlock, rlimits, seccomp (all threads). What the kernel refuses is listed in `report` as degraded
 * or absent; with strict it is HF_ERR_PROTECTION instead. The same as hf_sandbox_drop, then hf_sandbox_filter.
 */
hf_err hf_sandbox_enter(const hf_sandbox *s, bool strict, hf_protections *report) HF_MUST_USE;

/*
 * The two halves, for a process with worker threads: drop, then start the threads, then filter. Namespace, Landlock
 * and capabilities belong to a thread and are inherited, so threads made before drop would lack them (reported as
 * degraded); RLIMIT_NPROC 0 and seccomp come last because they forbid making threads.
 */
hf_err hf_sandbox_drop(const hf_sandbox *s, bool strict, hf_protections *report) HF_MUST_USE;
hf_err hf_sandbox_filter(const hf_sandbox *s, bool strict, hf_protections *report) HF_MUST_USE;

/*
 * The effective filter as text for snapshots, sorted by first appearance: "read", "mmap(arg2=3)", then what is
 * refused with an error. HF_ERR_BOUNDS when cap is too small.
 */
hf_err hf_sandbox_rules_text(const hf_sandbox *s, char *dst, size_t cap) HF_MUST_USE;

/* Clears vector and caller-saved registers of this thread (xrstor of the initial state). */
void hf_registers_clear(void);
/*
 * Vector registers alone, in a fifth of the time, for code inside a program that is not ours: rounding modes and exception flags
 * (MXCSR) stay as they are.
 */
void hf_vectors_clear(void);
/* Overwrites the stack below the caller: `bytes`, rounded up to 2, 4, 16 or 64 KiB; more than 64 KiB is not cleared. */
void hf_stack_clear(size_t bytes);

#endif
