/* Every system call that core may make. tests/snapshots holds this list as text: a new entry needs a second reader. */
#include "core/core.h"

#include "sys/rules.h"

/* clang-format off */
const hf_syscall_rule core_syscalls[] = {
    HF_RULES_BASE,
    HF_RULES_LOOP,
    HF_RULES_MESSAGES,
    HF_RULES_HEAP,
    HF_SYS(dup),      /* a descriptor that waits in a channel's queue */
    HF_SYS(pause),
};
/* clang-format on */
const size_t core_syscall_count = HF_COUNT(core_syscalls);
