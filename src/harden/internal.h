/* What the files of src/harden share. */
#ifndef HF_HARDEN_INTERNAL_H
#define HF_HARDEN_INTERNAL_H

#include "base/macros.h"
#include <holdfast/harden.h>

/* probe.c: why a call was refused, and what helps, from its errno. Static. */
const char *hf_refusal_why(int error);
const char *hf_refusal_remedy(int error);

/* probe.c: a page of its own to try things on. NULL when there is none. */
void *hf_scratch_new(void);
void hf_scratch_free(void *page);
/* Whether the page, which must be a scratch page, is locked: dropping a locked page is refused. */
bool hf_scratch_locked(void *page);

/*
 * maps.c: whether every map of this process that can be read or written is locked, as the kernel says. Those that it
 * locks for nobody do not count: its own pages in every process, devices, huge pages of a file system. HF_ERR_SYSTEM
 * when it does not say.
 */
hf_err hf_maps_locked(bool *ret) HF_MUST_USE;

/* probe.c: what can be tried; the name is left to the caller. */
hf_capability hf_probe_memfd_secret(void);
hf_capability hf_probe_mlock(void);
hf_capability hf_probe_guard_pages(void);
hf_capability hf_probe_wipe_on_fork(void);
hf_capability hf_probe_no_dump(void);
hf_capability hf_probe_mseal(void);
hf_capability hf_probe_protection_keys(void);
hf_capability hf_probe_secure_random(void);

static inline hf_capability hf_capability_active(void)
{
    return (hf_capability) { .why = "", .remedy = "", .state = HF_CAPABILITY_ACTIVE };
}

static inline hf_capability hf_capability_degraded(const char *why, const char *remedy)
{
    return (hf_capability) { .why = why, .remedy = remedy, .state = HF_CAPABILITY_DEGRADED };
}

static inline hf_capability hf_capability_absent(const char *why, const char *remedy)
{
    return (hf_capability) { .why = why, .remedy = remedy, .state = HF_CAPABILITY_ABSENT };
}

/* Absent because a call was refused with this errno. */
static inline hf_capability hf_capability_refused(int error)
{
    return hf_capability_absent(hf_refusal_why(error), hf_refusal_remedy(error));
}

#endif
