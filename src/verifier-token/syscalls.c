#include "verifier-token/syscalls.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define ANY(call) { .name = #call, .nr = SYS_##call, .arg = -1 }

const hf_syscall_rule verifier_syscalls[] = {
    /* the loop and its channels */
    ANY(epoll_wait),
    ANY(epoll_ctl),
    ANY(recvmsg),
    ANY(sendmsg),
    ANY(close),
    { .name = "read", .nr = SYS_read, .arg = 2, .value = 8 }, /* the loop's eventfd */
    ANY(write),                                               /* the same, and log lines on stderr */
    ANY(clock_gettime),
    ANY(restart_syscall),
    /* malloc for a new keyset, never executable */
    ANY(brk),
    { .name = "mmap", .nr = SYS_mmap, .arg = 2, .value = PROT_READ | PROT_WRITE },
    ANY(munmap),
    ANY(mremap),
    /* OpenSSL: locks, its fork check, seeding */
    ANY(futex),
    ANY(getpid),
    ANY(getrandom),
    ANY(exit_group),
};
const size_t verifier_syscall_count = HF_COUNT(verifier_syscalls);
