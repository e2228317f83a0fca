/*
 * What a process says of itself to the kernel: limits, prctl settings, capabilities. The one place that does so;
 * hf_sandbox and hf_harden_process choose among these.
 */
#ifndef HF_SYS_PROCESS_H
#define HF_SYS_PROCESS_H

#include "base/macros.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

/*
 * Each gives true when the setting is in force afterwards, as the kernel says when it is asked; else errno says why
 * not. All but the last four cannot be taken back. May be called again.
 */
bool hf_process_no_core(void);        /* RLIMIT_CORE 0, soft and hard; inherited */
bool hf_process_not_dumpable(
    void);   /* no core file, no ptrace and no /proc/PID/mem by the same user; until the next exec */
bool hf_process_no_new_privs(void);   /* exec never gains rights; inherited */
bool hf_process_no_new_code(
    void);    /* PR_SET_MDWE (Linux 6.3): what was writable never becomes executable; inherited by fork */
bool hf_process_no_ptracer(void);     /* no exception from Yama's rule; errno EINVAL: no Yama here */
bool hf_process_no_merging(void);     /* equal pages are not merged by KSM, whatever the parent asked for */
bool hf_process_no_huge_pages(void);  /* pages are not copied into huge ones behind our back */
/* Soft and hard limit become at most `value`. */
bool hf_process_limit(int resource, rlim_t value);
/* The soft limit becomes the hard one. */
bool hf_process_limit_raise(int resource);

/*
 * First line of main in a program that holds secrets and keeps the rest of its rights: no_core, not_dumpable,
 * no_new_privs, no_ptracer (where Yama is). HF_ERR_SYSTEM with errno when one of the first three is refused.
 */
hf_err hf_process_close_up(void) HF_MUST_USE;

/* What is in force now. */
typedef struct hf_process_state {
    bool core_soft_zero, core_hard_zero;
    int dumpable; /* as PR_GET_DUMPABLE: 0, 1, or 2 (root alone) */
    bool no_new_privs, no_new_code, merging;
} hf_process_state;

/* What cannot be asked counts as not protected. */
void hf_process_state_get(hf_process_state *ret);

/* The effective capabilities of this thread as bits; 0 also when they cannot be asked. */
uint64_t hf_process_capabilities(void);
/*
 * Keeps of the present ones those in `kept`, here and (bounding set) in every program started from here. False with
 * errno.
 */
bool hf_process_keep_capabilities(uint64_t kept);

/*
 * First cap - 1 bytes of a file of /proc or /sys, as text. HF_ERR_NOT_FOUND when there is no such file, HF_ERR_SYSTEM
 * (errno) when it cannot be read.
 */
hf_err hf_process_text(const char *path, char *dst, size_t cap) HF_MUST_USE;

/* The number behind "NAME:" in /proc/self/status, in the unit that stands there. HF_ERR_NOT_FOUND, HF_ERR_SYSTEM. */
hf_err hf_process_status(const char *name, uint64_t *ret) HF_MUST_USE;

#endif
