/* What the files of the sandbox share. */
#ifndef HF_SYS_INTERNAL_H
#define HF_SYS_INTERNAL_H

#include "sys/sandbox.h"

/* True in builds whose run-time library needs more system calls than any list allows. */
bool hf_sys_sanitized(void);

/* seccomp.c: installs the filter in all threads. False with errno. */
bool hf_seccomp_install(const hf_syscall_rule *allowed, size_t n);

/*
 * landlock.c: confines this thread to the folders. Gives the kernel's Landlock version, 0 when it has none,
 * -1 with errno when it refused.
 */
int hf_landlock_enter(const int *dirs, size_t n, bool keep_network);

#endif
