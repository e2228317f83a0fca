/* The system calls that verifier-token may make once it is up. A snapshot test holds this list. */
#ifndef HF_VERIFIER_TOKEN_SYSCALLS_H
#define HF_VERIFIER_TOKEN_SYSCALLS_H

#include "sys/sandbox.h"

extern const hf_syscall_rule verifier_syscalls[];
extern const size_t verifier_syscall_count;

#endif
