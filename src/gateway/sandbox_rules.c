#include "gateway/sandbox_rules.h"

#include "sys/rules.h"
#include <netinet/tcp.h>
#include <sys/socket.h>

/*
 * It takes connections on a socket that it was given; it cannot make, bind or connect one, and opens no file. pread64
 * reads a renewed certificate and authorities of clients from descriptors that the supervisor sends; getsockopt says who
 * is on a local socket, setsockopt has the end of a handshake acknowledged at once.
 */
const hf_syscall_rule gateway_rules[] = {
    HF_RULES_BASE,
    HF_RULES_LOOP,
    HF_RULES_MESSAGES,
    HF_RULES_HEAP,
    HF_SYS(accept4),
    HF_SYS(pread64),
    HF_SYS_IF(getsockopt, 2, SO_PEERCRED),
    HF_SYS_IF(setsockopt, 2, TCP_QUICKACK),
};
const size_t gateway_rule_count = HF_COUNT(gateway_rules);
