#include "gateway/sandbox_rules.h"

#include "sys/rules.h"

/*
 * It takes connections on a socket that it was given; it cannot make, bind or connect one, and opens no file. pread64
 * reads a renewed certificate and key from descriptors that the supervisor sends.
 */
const hf_syscall_rule gateway_rules[] = {
    HF_RULES_BASE, HF_RULES_LOOP, HF_RULES_MESSAGES, HF_RULES_HEAP, HF_SYS(accept4), HF_SYS(pread64),
};
const size_t gateway_rule_count = HF_COUNT(gateway_rules);
