/* The table of protections, and how each is asked for. */
#include "harden/internal.h"
#include "sys/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT_CAP 512

const char *hf_capability_state_name(hf_capability_state s)
{
    switch (s) {
    case HF_CAPABILITY_ACTIVE:
        return "active";
    case HF_CAPABILITY_DEGRADED:
        return "degraded";
    case HF_CAPABILITY_ABSENT:
        return "absent";
    }
    return "absent";
}

/* ---- memory ---- */

static hf_capability locked_memory(void)
{
    hf_capability best = hf_probe_memfd_secret();

    if (best.state == HF_CAPABILITY_ACTIVE)
        return best;
    hf_capability second = hf_probe_mlock();
    if (second.state != HF_CAPABILITY_ACTIVE)
        return second;
    return hf_capability_degraded("there is no memfd_secret: pages are locked, but root can read them", best.remedy);
}

static hf_capability lock_limit(void)
{
    hf_lock_budget b;

    if (hf_lock_budget_get(&b) != HF_OK)
        return hf_capability_degraded("the limit cannot be told: is /proc mounted?", "mount /proc");
    if (b.free_bytes == SIZE_MAX)
        return hf_capability_active();
    if (b.free_bytes == 0)
        return hf_capability_absent("RLIMIT_MEMLOCK is used up, or 0", "raise it; hf_lock_plan_make says how");
    return hf_capability_degraded("RLIMIT_MEMLOCK bounds what can be locked",
                                  "ask hf_lock_plan_make whether it is enough before the first secret");
}

/* ---- the machine ---- */

static hf_capability no_swap(void)
{
    char text[TEXT_CAP];
    hf_err e = hf_process_text("/proc/swaps", text, sizeof(text));

    if (e == HF_ERR_NOT_FOUND)
        return hf_capability_active();
    if (e != HF_OK)
        return hf_capability_degraded("it cannot be told whether there is swap", "");
    const char *first = strchr(text, '\n'); /* behind the heading */
    if (first == NULL || first[1] == '\0')
        return hf_capability_active();
    return hf_capability_degraded("the machine has swap: what is not locked may be written to it",
                                  "swapoff -a, encrypted swap, MemorySwapMax=0 of the unit, or HF_HARDEN_LOCK_ALL");
}

static hf_capability no_hibernation(void)
{
    char states[TEXT_CAP], how[TEXT_CAP] = "";
    hf_err e = hf_process_text("/sys/power/state", states, sizeof(states));

    if (e == HF_ERR_NOT_FOUND || (e == HF_OK && strstr(states, "disk") == NULL))
        return hf_capability_active();
    if (e == HF_OK && hf_process_text("/sys/power/disk", how, sizeof(how)) == HF_OK &&
        strstr(how, "[disabled]") != NULL)
        return hf_capability_active();
    if (e != HF_OK)
        return hf_capability_degraded("it cannot be told whether the machine hibernates", "");
    return hf_capability_absent("the machine can hibernate, which writes all memory to disk, locked pages too",
                                "boot with nohibernate; while memfd_secret memory is in use the kernel refuses it too");
}

static hf_capability ptrace_scope(void)
{
    char text[TEXT_CAP];

    if (hf_process_text("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)) != HF_OK)
        return hf_capability_absent("this kernel has no Yama: processes of one user can trace each other",
                                    "be not dumpable (hf_harden_process), or boot with yama in lsm=");
    if (text[0] == '2' || text[0] == '3')
        return hf_capability_active();
    if (text[0] == '1')
        return hf_capability_degraded("a parent can trace its children", "sysctl kernel.yama.ptrace_scope=2");
    return hf_capability_absent("processes of one user can trace each other", "sysctl kernel.yama.ptrace_scope=2");
}

static hf_capability kernel_lockdown(void)
{
    char text[TEXT_CAP];

    if (hf_process_text("/sys/kernel/security/lockdown", text, sizeof(text)) != HF_OK)
        return hf_capability_absent(
            "this kernel has no lockdown, or securityfs is not mounted: root can read kernel memory",
            "boot with lockdown=confidentiality");
    if (strstr(text, "[confidentiality]") != NULL)
        return hf_capability_active();
    if (strstr(text, "[integrity]") != NULL)
        return hf_capability_degraded("root cannot change the kernel, but read its memory",
                                      "boot with lockdown=confidentiality");
    return hf_capability_absent("root can read kernel memory", "boot with lockdown=confidentiality");
}

/* ---- this process ---- */

/* To one that the kernel starts ('|'), or behind a socket ('@', Linux 6.16): neither asks for the limit. */
static bool dumps_go_to_a_program(void)
{
    char text[TEXT_CAP] = "|";

    return hf_process_text("/proc/sys/kernel/core_pattern", text, sizeof(text)) != HF_OK || text[0] == '|' ||
           text[0] == '@';
}

static hf_capability no_core(void)
{
    hf_process_state now;

    hf_process_state_get(&now);
    if (!now.core_soft_zero)
        return hf_capability_absent("core files are written", "hf_harden_process, or ulimit -c 0");
    if (!now.core_hard_zero)
        return hf_capability_degraded("the hard limit allows to switch core files on again", "hf_harden_process");
    if (now.dumpable != 0 && dumps_go_to_a_program())
        return hf_capability_degraded("a program behind kernel.core_pattern gets dumps whatever the limit",
                                      "be not dumpable: hf_harden_process");
    return hf_capability_active();
}

static hf_capability not_dumpable(void)
{
    hf_process_state now;

    hf_process_state_get(&now);
    if (now.dumpable == 0)
        return hf_capability_active();
    if (now.dumpable == 2)
        return hf_capability_degraded("dumps are written for root alone (fs.suid_dumpable=2)", "hf_harden_process");
    return hf_capability_absent("processes of the same user can read this one's memory", "hf_harden_process");
}

static hf_capability no_new_privs(void)
{
    hf_process_state now;

    hf_process_state_get(&now);
    return now.no_new_privs ? hf_capability_active()
                            : hf_capability_absent("programs started from here can gain rights", "hf_harden_process");
}

static hf_capability no_new_code(void)
{
    hf_process_state now;

    hf_process_state_get(&now);
    return now.no_new_code ? hf_capability_active()
                           : hf_capability_absent("memory that was writable can become executable",
                                                  "hf_harden_process with HF_HARDEN_NO_NEW_CODE (Linux 6.3)");
}

static hf_capability no_merging(void)
{
    hf_process_state now;

    hf_process_state_get(&now);
    return !now.merging ? hf_capability_active()
                        : hf_capability_absent("equal pages are merged with those of other processes (KSM)",
                                               "hf_harden_process, or MemoryKSM=no in the unit");
}

static hf_capability not_traced(void)
{
    uint64_t tracer = 0;

    if (hf_process_status("TracerPid", &tracer) != HF_OK)
        return hf_capability_degraded("it cannot be told whether a tracer is attached: is /proc mounted?",
                                      "mount /proc");
    return tracer == 0 ? hf_capability_active()
                       : hf_capability_absent("a tracer is attached and can read everything", "end it");
}

static hf_capability no_capabilities(void)
{
    return hf_process_capabilities() == 0
               ? hf_capability_active()
               : hf_capability_degraded("the process has capabilities: who takes it over has them too",
                                        "run it as an ordinary user, or drop what it does not need");
}

static hf_capability seccomp(void)
{
    uint64_t mode = 0;

    if (hf_process_status("Seccomp", &mode) == HF_OK && mode != 0)
        return hf_capability_active();
    return hf_capability_absent("no filter is in force: the process can make every system call",
                                "SystemCallFilter= in the unit, or a filter of the program's own");
}

static const struct row {
    const char *name;
    hf_capability (*look)(void);
} rows[] = {
    { "locked-memory", locked_memory },
    { "memfd-secret", hf_probe_memfd_secret },
    { "mlock", hf_probe_mlock },
    { "lock-limit", lock_limit },
    { "guard-pages", hf_probe_guard_pages },
    { "wipe-on-fork", hf_probe_wipe_on_fork },
    { "no-dump", hf_probe_no_dump },
    { "mseal", hf_probe_mseal },
    { "protection-keys", hf_probe_protection_keys },
    { "secure-random", hf_probe_secure_random },
    { "no-swap", no_swap },
    { "no-hibernation", no_hibernation },
    { "no-core", no_core },
    { "not-dumpable", not_dumpable },
    { "no-new-privs", no_new_privs },
    { "no-new-code", no_new_code },
    { "no-merging", no_merging },
    { "not-traced", not_traced },
    { "ptrace-scope", ptrace_scope },
    { "no-capabilities", no_capabilities },
    { "seccomp", seccomp },
    { "kernel-lockdown", kernel_lockdown },
};

_Static_assert(HF_COUNT(rows) <= HF_CAPABILITIES_MAX, "the header promises room");

static hf_capability look(const struct row *row)
{
    hf_capability c = row->look();

    c.name = row->name;
    return c;
}

size_t hf_capabilities(hf_capability *dst, size_t cap)
{
    for (size_t i = 0; i < HF_COUNT(rows) && i < cap; i++)
        dst[i] = look(&rows[i]);
    return HF_COUNT(rows);
}

/* ---- strict ---- */

static const char *const always[] = {
    "locked-memory", "wipe-on-fork", "no-dump", "secure-random", "no-core", "not-dumpable",
};

static hf_err require(const char *name, hf_harden_why *why)
{
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        hf_capability c = look(&rows[i]);
        if (c.state == HF_CAPABILITY_ACTIVE)
            return HF_OK;
        (void)snprintf(why->text, sizeof(why->text), "%s is %s: %s%s%s", name, hf_capability_state_name(c.state), c.why,
                       c.remedy[0] != '\0' ? "; to have it: " : "", c.remedy);
        return HF_ERR_PROTECTION;
    }
    (void)snprintf(why->text, sizeof(why->text), "there is no protection named '%.64s'", name);
    return HF_ERR_NOT_FOUND;
}

hf_err hf_capabilities_require(const char *const *names, size_t n_names, hf_harden_why *reterr_why)
{
    hf_harden_why unused;

    if (reterr_why == NULL)
        reterr_why = &unused;
    if (names == NULL) {
        names = always;
        n_names = HF_COUNT(always);
    }
    for (size_t i = 0; i < n_names; i++)
        HF_TRY(require(names[i], reterr_why));
    return HF_OK;
}
