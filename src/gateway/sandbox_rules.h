/* Every system call that the running gateway may make. A new row needs a second reader. */
#ifndef HF_GATEWAY_SANDBOX_RULES_H
#define HF_GATEWAY_SANDBOX_RULES_H

#include "sys/sandbox.h"

extern const hf_syscall_rule gateway_rules[];
extern const size_t gateway_rule_count;

#endif
