#include "supervisor/harden.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP_BIT(cap) (UINT64_C(1) << (cap))

static const uint64_t kept = CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_DAC_OVERRIDE) |
                             CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_SETPCAP) | CAP_BIT(CAP_KILL) |
                             CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_IPC_LOCK) | CAP_BIT(CAP_SYS_RESOURCE) |
                             CAP_BIT(CAP_NET_BIND_SERVICE);

/* Keeps of the present capabilities those in `kept`, here and (bounding set) in every program started from here. */
static bool capabilities_reduce(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];

    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if ((kept & CAP_BIT(cap)) == 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
            return false;
    if (syscall(SYS_capget, &head, data) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        uint32_t mask = (uint32_t)(kept >> (32 * i));
        data[i].permitted &= mask;
        data[i].effective &= mask;
        data[i].inheritable = 0;
    }
    return syscall(SYS_capset, &head, data) == 0;
}

hf_err supervisor_harden(hf_protections *report)
{
    struct rlimit none = { 0, 0 };

    umask(077);
    signal(SIGPIPE, SIG_IGN);
    HF_CHECK(setrlimit(RLIMIT_CORE, &none) == 0, HF_ERR_SYSTEM);
    hf_protections_add(report, "no-core", HF_ACTIVE, "");
    HF_CHECK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, HF_ERR_SYSTEM);
    hf_protections_add(report, "not-dumpable", HF_ACTIVE, "");
    HF_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, HF_ERR_SYSTEM);
    hf_protections_add(report, "no-new-privs", HF_ACTIVE, "");
    if (geteuid() != 0)
        return HF_OK;
    if (capabilities_reduce())
        hf_protections_add(report, "capabilities", HF_ACTIVE, "");
    else
        hf_protections_add(report, "capabilities", HF_DEGRADED,
                           "the capabilities that are not needed cannot be dropped");
    return HF_OK;
}
