/*
 * Groups of system calls from which a process writes its list:
 *
 *   static const hf_syscall_rule rules[] = { HF_RULES_BASE, HF_RULES_LOOP, HF_RULES_MESSAGES };
 *
 * Groups are as small as the work they stand for; what is in none is named singly with HF_SYS.
 */
#ifndef HF_SYS_RULES_H
#define HF_SYS_RULES_H

#include "sys/sandbox.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* clang-format off */
#define HF_SYS(call) { #call, __NR_##call, -1, 0 }
#define HF_SYS_IF(call, argument, wanted) { #call, __NR_##call, argument, (uint32_t)(wanted) }

/* Reading, writing, ending; locks between threads; what OpenSSL's DRBG asks for (getpid, getrandom). */
#define HF_RULES_BASE                                                                                                \
    HF_SYS(read), HF_SYS(write), HF_SYS(futex), HF_SYS(getpid), HF_SYS(gettid), HF_SYS(getrandom), HF_SYS(close),     \
        HF_SYS(clock_gettime), HF_SYS(rt_sigreturn), HF_SYS(rt_sigprocmask), HF_SYS(restart_syscall), HF_SYS(exit),   \
        HF_SYS(exit_group)

/* The event loop. */
#ifdef __NR_epoll_wait
#define HF_RULES_LOOP                                                                                                \
    HF_SYS(epoll_wait), HF_SYS(epoll_pwait), HF_SYS(epoll_ctl), HF_SYS(poll), HF_SYS(ppoll), HF_SYS(timerfd_settime), \
        HF_SYS(clock_nanosleep), HF_SYS(nanosleep)
#else
#define HF_RULES_LOOP                                                                                                \
    HF_SYS(epoll_pwait), HF_SYS(epoll_ctl), HF_SYS(ppoll), HF_SYS(timerfd_settime), HF_SYS(clock_nanosleep),          \
        HF_SYS(nanosleep)
#endif

/* Messages with descriptors over the channels. */
#define HF_RULES_MESSAGES HF_SYS(sendmsg), HF_SYS(recvmsg), HF_SYS(sendto), HF_SYS(recvfrom), HF_SYS(shutdown)

/* Who is at the other end of a descriptor that was handed over. */
#define HF_RULES_PEER HF_SYS(getsockopt), HF_SYS(getpeername)

/* The heap of libc: memory that is readable or writable, never executable. */
#define HF_RULES_HEAP                                                                                                \
    HF_SYS(brk), HF_SYS(munmap), HF_SYS_IF(mmap, 2, PROT_READ | PROT_WRITE), HF_SYS_IF(mmap, 2, PROT_READ),           \
        HF_SYS_IF(mmap, 2, PROT_NONE), HF_SYS_IF(mprotect, 2, PROT_READ | PROT_WRITE),                                \
        HF_SYS_IF(mprotect, 2, PROT_READ), HF_SYS_IF(mprotect, 2, PROT_NONE), HF_SYS_IF(mremap, 3, MREMAP_MAYMOVE),   \
        HF_SYS_IF(madvise, 2, MADV_DONTNEED), HF_SYS_IF(madvise, 2, MADV_FREE)

/* Flags of a descriptor. */
#define HF_RULES_FLAGS                                                                                               \
    HF_SYS_IF(fcntl, 1, F_GETFL), HF_SYS_IF(fcntl, 1, F_SETFL), HF_SYS_IF(fcntl, 1, F_GETFD),                         \
        HF_SYS_IF(fcntl, 1, F_SETFD)

/* New threads, with exactly the flags of pthread_create: never a process. clone3 gives ENOSYS: libc then uses clone. */
#define HF_THREAD_FLAGS                                                                                              \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |                \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#define HF_RULES_THREADS                                                                                             \
    HF_SYS_IF(clone, 0, HF_THREAD_FLAGS), HF_SYS(set_robust_list), HF_SYS(rseq), HF_SYS(sched_yield),                 \
        HF_SYS_IF(rt_sigaction, 0, HF_SETXID_SIGNAL), HF_SYS_IF(madvise, 2, HF_GUARD_INSTALL)
#define HF_SETXID_SIGNAL 33  /* libc takes it with the first thread */
#define HF_GUARD_INSTALL 102 /* MADV_GUARD_INSTALL: newer libcs guard thread stacks by it */

/* Files below the Landlock folders, for the store. */
#define HF_RULES_FILES                                                                                               \
    HF_SYS(openat), HF_SYS(newfstatat), HF_SYS(fstat), HF_SYS(pread64), HF_SYS(pwrite64), HF_SYS(lseek),              \
        HF_SYS(ftruncate), HF_SYS(fsync), HF_SYS(fdatasync), HF_SYS(unlinkat), HF_SYS(renameat), HF_SYS(getdents64),  \
        HF_SYS_IF(fcntl, 1, F_SETLK), HF_SYS_IF(fcntl, 1, F_GETLK), HF_SYS_IF(fcntl, 1, F_OFD_SETLK)
/* clang-format on */

#endif
