/* A mutation: no system call filter. The injected calls must then succeed. */
#include "sys/internal.h"

bool hf_seccomp_install(const hf_syscall_rule *allowed, size_t n)
{
    return allowed != NULL && n > 0;
}

bool hf_sys_sanitized(void)
{
    return false;
}

hf_err hf_sandbox_rules_text(const hf_sandbox *s, char *dst, size_t cap)
{
    (void)s;
    (void)dst;
    (void)cap;
    return HF_ERR_UNSUPPORTED;
}
