/*
 * Hardening of a whole process, how much it may lock, and what protects secrets here. For programs that hold secrets,
 * and for libraries inside other programs, which choose with more care. Works without OpenSSL.
 */
#ifndef HOLDFAST_HARDEN_H
#define HOLDFAST_HARDEN_H

#include <holdfast/err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- one protection and what became of it ---- */

typedef enum hf_capability_state {
    HF_CAPABILITY_ACTIVE,
    HF_CAPABILITY_DEGRADED, /* something weaker is there instead */
    HF_CAPABILITY_ABSENT
} hf_capability_state;

/* All texts are static sentences without a full stop; why and remedy are empty when active. */
typedef struct hf_capability {
    const char *name; /* stable: "no-core"; the table of hf_capabilities has them all */
    const char *why;
    const char *remedy; /* what to do about it; empty when nothing can be done */
    hf_capability_state state;
} hf_capability;

HF_API const char *hf_capability_state_name(hf_capability_state s); /* "active", "degraded", "absent" */

/* Room for a sentence that names numbers. */
#define HF_HARDEN_WHY_CAP 512
typedef struct hf_harden_why {
    char text[HF_HARDEN_WHY_CAP];
} hf_harden_why;

/* ---- hardening ---- */

/*
 * Steps, and what each takes from the program, so that none comes as a surprise:
 *
 *   NO_CORE         RLIMIT_CORE 0, soft and hard. No core files, here and in everything started from here. Cannot be
 *                   taken back.
 *   NOT_DUMPABLE    PR_SET_DUMPABLE 0. The kernel writes no dump even to a pipe; processes of the same user can
 *                   neither trace this one nor read /proc/PID/mem, maps or environ. The files of /proc/PID then
 *                   belong to root: profilers, debuggers and user namespaces of this process need privileges. Ends
 *                   with the next exec.
 *   NO_NEW_PRIVS    PR_SET_NO_NEW_PRIVS. What is started from here gains no rights: sudo, ping and other set-uid
 *                   programs do not work from here any more. Cannot be taken back. Holds for this thread and the
 *                   threads and processes that it starts; all other steps hold for the whole process.
 *   NO_PTRACER      PR_SET_PTRACER 0. Where Yama forbids tracing by strangers, no exception is left.
 *   NO_MERGING      PR_SET_MEMORY_MERGE 0. Pages that equal another process's are not merged (KSM), which timing
 *                   would show.
 *   NO_HUGE_PAGES   PR_SET_THP_DISABLE. The kernel does not copy pages into huge ones, which leaves the old copy in
 *                   free memory. Costs speed in programs with large heaps.
 *   NO_NEW_CODE     PR_SET_MDWE. Memory that was writable never becomes executable: no JIT compilers, no closures of
 *                   libffi. Cannot be taken back.
 *   LOCK_ALL        mlockall: nothing of this process is swapped, neither stacks nor what other libraries copy. Read
 *                   the trap below.
 */
#define HF_HARDEN_NO_CORE UINT32_C(0x01)
#define HF_HARDEN_NOT_DUMPABLE UINT32_C(0x02)
#define HF_HARDEN_NO_NEW_PRIVS UINT32_C(0x04)
#define HF_HARDEN_NO_PTRACER UINT32_C(0x08)
#define HF_HARDEN_NO_MERGING UINT32_C(0x10)
#define HF_HARDEN_NO_HUGE_PAGES UINT32_C(0x20)
#define HF_HARDEN_NO_NEW_CODE UINT32_C(0x40)
#define HF_HARDEN_LOCK_ALL UINT32_C(0x80)

/* For a library in somebody else's program: nothing that the program or what it starts could need in order to work. */
#define HF_HARDEN_AS_LIBRARY (HF_HARDEN_NO_CORE | HF_HARDEN_NOT_DUMPABLE | HF_HARDEN_NO_PTRACER)
/* For a program's own main; also the meaning of 0. Safe unless it starts set-uid programs. */
#define HF_HARDEN_DEFAULT (HF_HARDEN_AS_LIBRARY | HF_HARDEN_NO_NEW_PRIVS | HF_HARDEN_NO_MERGING)

/*
 * The trap of mlockall. "Future" makes every later mapping count against RLIMIT_MEMLOCK in full, touched or not: with
 * the usual 8 MiB one thread stack (8 MiB) already fails, and so do malloc, dlopen and pools, which reserve address
 * space. So the lock covers the future only when nothing bounds it, or when limit minus everything mapped now leaves
 * lock_headroom bytes; else what is mapped now is locked and the step is degraded. Pages are locked as they are
 * touched (MCL_ONFAULT), so that no memory is used up for what never is.
 */
typedef struct hf_harden_spec {
    uint32_t steps;       /* HF_HARDEN_...; 0: HF_HARDEN_DEFAULT. HF_ERR_INVALID for bits that have no name */
    size_t lock_headroom; /* bytes that the program will still map: 8 MiB for each thread, and its heap; 0: 64 MiB */
    bool strict;          /* a step that is not active is HF_ERR_PROTECTION */
} hf_harden_spec;

#define HF_HARDEN_STEPS_MAX 16
typedef struct hf_harden_report {
    size_t n;
    hf_capability step[HF_HARDEN_STEPS_MAX]; /* in the order of the flags, those that were asked for */
    const char *missing; /* the name of the first step that is not active and not forgiven; NULL: none */
} hf_harden_report;

/*
 * Takes the steps, then asks the kernel whether each is in force. Every step is tried, also behind one that failed.
 * spec NULL: all defaults. report NULL: not wanted; it is filled in on failure too. May be called again, with the
 * same or more steps. Call it first in main, before there are threads or secrets: what was readable before may have
 * been read.
 *
 * HF_ERR_PROTECTION with strict. no-ptracer alone is forgiven where the kernel has no Yama and the process is not
 * dumpable: then there are no exceptions, and the same user is kept out anyway.
 *
 * Pools, buffers and arenas do not call this. What lies in them needs no hardened process to stay out of dumps, swap
 * and children: each page is excluded by itself. The rest belongs to the program, and a library that changed it at
 * its first allocation would take debuggers, profilers and sudo from a host that never asked. So hardening is always
 * a call that can be seen in the program's source; every program of Holdfast makes it before its first secret.
 */
HF_API hf_err hf_harden_process(const hf_harden_spec *spec, hf_harden_report *report);

/* ---- how much may be locked ---- */

typedef struct hf_lock_budget {
    size_t locked_bytes; /* by this process now (VmLck): pools, buffers, arenas, and what others locked */
    size_t soft_bytes; /* RLIMIT_MEMLOCK; SIZE_MAX: no limit */
    size_t hard_bytes; /* what the soft limit may be raised to without privileges; SIZE_MAX: no limit */
    size_t free_bytes; /* what may still be locked, whole pages; SIZE_MAX: nothing but memory itself bounds it */
    bool exempt; /* the kernel does not apply the limit to this process; tried, not guessed */
    const char *note;    /* static: why it is exempt, or why root is not (without CAP_IPC_LOCK, or with one that only
                            counts in a user namespace); else empty */
} hf_lock_budget;

/*
 * HF_ERR_SYSTEM without /proc. An exemption ends when the process changes to an ordinary user; what it has locked
 * stays locked. Limits of a control group on memory are not in these numbers.
 */
HF_API hf_err hf_lock_budget_get(hf_lock_budget *ret);

/*
 * How many blocks of n bytes of one pool, made by this thread, or guarded buffers of n bytes, fit into the free bytes
 * at least. 0 for a size that cannot be had.
 */
HF_API size_t hf_lock_budget_secrets(const hf_lock_budget *b, size_t n);
HF_API size_t hf_lock_budget_buffers(const hf_lock_budget *b, size_t n);

/* What a program will hold at the same time. */
typedef struct hf_lock_need {
    size_t bytes; /* arenas, and pools of a size that is known */
    size_t secrets, secret_bytes;
    size_t buffers, buffer_bytes;
    bool raise; /* when it does not fit: raise the soft limit to the hard one first */
} hf_lock_need;

typedef struct hf_lock_plan {
    hf_lock_budget budget; /* after raising */
    size_t needed_bytes; /* in pages, beside what is locked now; SIZE_MAX: more than can be counted */
    bool raised;
} hf_lock_plan;

/*
 * Says before the first secret whether there is room. HF_ERR_LOCKED_MEMORY when there is not: *reterr_why then names
 * what is needed, used and allowed, and how to allow more. HF_ERR_BOUNDS for sizes outside 1 byte to 16 MiB,
 * HF_ERR_SYSTEM without /proc. ret and reterr_why may be NULL; *ret is filled in on HF_ERR_LOCKED_MEMORY too. Locks
 * nothing: what other processes of the user or other code of this one take meanwhile is theirs.
 */
HF_API hf_err hf_lock_plan_make(const hf_lock_need *need, hf_lock_plan *ret, hf_harden_why *reterr_why);

/* ---- what protects secrets here ---- */

/*
 * Each row is found by trying it, on a page made for that, or by asking the kernel for what is in force; never by a
 * version number.
 *
 *   locked-memory      pools and buffers: memfd_secret (active), mlock (degraded)
 *   memfd-secret       pages that are in no other process's reach, root's included
 *   mlock              pages that are not swapped
 *   lock-limit         active: nothing bounds what is locked; degraded: RLIMIT_MEMLOCK does; absent: nothing is left
 *                      of it
 *   guard-pages        MADV_GUARD_INSTALL (active), mprotect (degraded: two maps a buffer)
 *   wipe-on-fork       a child finds zeros; degraded: a child finds nothing and dies (MADV_DONTFORK)
 *   no-dump            pages that core dumps leave out
 *   mseal              mappings that cannot be changed any more
 *   protection-keys    rights to pages for one thread alone
 *   secure-random      getrandom, initialised
 *   no-swap            the machine has none
 *   no-hibernation     memory is not written to disk to sleep
 *   no-core            RLIMIT_CORE is 0 and a handler behind core_pattern gets nothing
 *   not-dumpable, no-new-privs, no-new-code, no-merging     as hf_harden_process sets them
 *   not-traced         no tracer is attached now
 *   ptrace-scope       Yama: processes of one user cannot trace each other
 *   no-capabilities    this thread has no effective capability
 *   seccomp            a filter is in force
 *   kernel-lockdown    root cannot read kernel memory (confidentiality); degraded: integrity
 *
 * Writes at most cap rows and gives how many there are. Call it before a seccomp filter that kills: what is tried are
 * the calls madvise, mlock2, memfd_secret, mseal, pkey_alloc, mmap and prctl. A filter that refuses them gives
 * `absent`. The first call keeps one page of address space for good, which mseal was tried on.
 */
HF_API size_t hf_capabilities(hf_capability *dst, size_t cap);
#define HF_CAPABILITIES_MAX 32 /* more than there will be in this version of the library */

/*
 * Strict mode: HF_ERR_PROTECTION when one of these is not active; *reterr_why names the first, with cause and remedy.
 * names NULL: those that hold secrets in every program and machine: locked-memory, wipe-on-fork, no-dump,
 * secure-random, no-core, not-dumpable. HF_ERR_NOT_FOUND for a name that is not in the table. reterr_why may be NULL.
 */
HF_API hf_err hf_capabilities_require(const char *const *names, size_t n_names, hf_harden_why *reterr_why);

#ifdef __cplusplus
}
#endif
#endif
