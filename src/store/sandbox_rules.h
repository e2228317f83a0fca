/* The system calls of the store after its start: what SQLite, malloc and the event loop need, and nothing else. */
#ifndef HF_STORE_SANDBOX_RULES_H
#define HF_STORE_SANDBOX_RULES_H

#include "sys/sandbox.h"

extern const hf_syscall_rule hf_store_syscalls[];
extern const size_t hf_store_syscall_count;

#endif
