#include "supervisor/harden.h"

#include "sys/process.h"
#include <linux/capability.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define CAP_BIT(cap) (UINT64_C(1) << (cap))

static const uint64_t kept = CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_DAC_OVERRIDE) |
                             CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_SETPCAP) | CAP_BIT(CAP_KILL) |
                             CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_IPC_LOCK) | CAP_BIT(CAP_SYS_RESOURCE) |
                             CAP_BIT(CAP_NET_BIND_SERVICE);

hf_err supervisor_harden(hf_protections *report)
{
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    HF_CHECK(hf_process_no_core(), HF_ERR_SYSTEM);
    hf_protections_add(report, "no-core", HF_ACTIVE, "");
    HF_CHECK(hf_process_not_dumpable(), HF_ERR_SYSTEM);
    hf_protections_add(report, "not-dumpable", HF_ACTIVE, "");
    HF_CHECK(hf_process_no_new_privs(), HF_ERR_SYSTEM);
    hf_protections_add(report, "no-new-privs", HF_ACTIVE, "");
    if (geteuid() != 0)
        return HF_OK;
    if (hf_process_keep_capabilities(kept))
        hf_protections_add(report, "capabilities", HF_ACTIVE, "");
    else
        hf_protections_add(report, "capabilities", HF_DEGRADED,
                           "the capabilities that are not needed cannot be dropped");
    return HF_OK;
}
