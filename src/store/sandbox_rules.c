#include "store/sandbox_rules.h"

#include "sys/rules.h"

/*
 * No openat: database and log are open before the filter and stay open, SQLite's temporary data is in memory. No
 * socket, no fork, no exec. mmap gives memory that can be read or written, never executed.
 */
/* clang-format off */
const hf_syscall_rule hf_store_syscalls[] = {
    /* the loop: supervisor, core, SIGTERM */
    HF_SYS(epoll_wait), HF_SYS(epoll_ctl), HF_SYS(poll), HF_SYS(read), HF_SYS(write), HF_SYS(recvmsg), HF_SYS(sendmsg),
    HF_SYS(close), HF_SYS(clock_gettime), HF_SYS(restart_syscall), HF_SYS(exit_group),
    /* database and log */
    HF_SYS(pread64), HF_SYS(pwrite64), HF_SYS(fdatasync), HF_SYS(fsync), HF_SYS(ftruncate), HF_SYS(fstat),
    HF_SYS_IF(fcntl, 1, F_SETLK),
    /* removing the log at a clean stop, after a look whether it is there */
    HF_SYS(newfstatat), HF_SYS(unlink),
    /* the audit ring: its seals (F_GET_SEALS), and a mapping of it that can only be read */
    HF_SYS_IF(fcntl, 1, F_GET_SEALS),
    HF_RULES_HEAP,
};
/* clang-format on */

const size_t hf_store_syscall_count = HF_COUNT(hf_store_syscalls);
