/* The steps of hardening: what each asks of the kernel, and what became of it. */
#include "sys/process.h"
#include "harden/internal.h"

#include <errno.h>
#include <sys/mman.h>

#define HEADROOM_BYTES ((size_t)64 << 20)

static const char why_future[] = "what is mapped from now on is not locked: RLIMIT_MEMLOCK leaves no room for it";
static const char why_total[] =
    "all that is mapped, address space that pools reserve included, is more than RLIMIT_MEMLOCK";
static const char why_untold[] = "it cannot be told which maps are locked: is /proc mounted?";
static const char why_some[] = "another thread maps memory, or unlocks some, at the same time";
static const char why_no_yama[] =
    "this kernel has no Yama, whose exceptions the step takes back; not-dumpable keeps the same user's processes out";
static const char remedy_limit[] =
    "raise it: LimitMEMLOCK=infinity in the systemd unit, docker run --ulimit memlock=-1, or CAP_IPC_LOCK";

/* ---- mlockall ---- */

static bool future_locked(void)
{
    void *page = hf_scratch_new();
    bool locked = page != NULL && hf_scratch_locked(page);

    hf_scratch_free(page);
    return locked;
}

static bool future_fits(size_t headroom)
{
    hf_lock_budget b;
    uint64_t mapped_kib = 0;

    if (hf_lock_budget_get(&b) != HF_OK || hf_process_status("VmSize", &mapped_kib) != HF_OK)
        return false;
    size_t mapped = (size_t)mapped_kib << 10;
    return b.free_bytes == SIZE_MAX || (b.soft_bytes > mapped && b.soft_bytes - mapped >= headroom);
}

/* What was asked for without MCL_ONFAULT stays so: a page is there before it is touched. */
static bool future_eager(void)
{
    unsigned char there = 0;
    void *page = hf_scratch_new();
    bool eager = page != NULL && mincore(page, 1, &there) == 0 && (there & 1) != 0;

    hf_scratch_free(page);
    return eager;
}

/*
 * Judged by what the kernel says of each map, not by what mlockall answered: before it somebody may have unlocked maps,
 * and where it is refused all may be locked already.
 */
static hf_capability lock_all(const hf_harden_spec *spec)
{
    bool had_future = future_locked();
    bool future = had_future || future_fits(spec->lock_headroom == 0 ? HEADROOM_BYTES : spec->lock_headroom);
    int flags = MCL_CURRENT | (had_future && future_eager() ? 0 : MCL_ONFAULT) | (future ? MCL_FUTURE : 0);
    int refused = mlockall(flags) == 0 ? 0 : errno;
    bool whole = false;

    if (refused == 0 && !future)
        return hf_capability_degraded(why_future, remedy_limit);
    if (hf_maps_locked(&whole) != HF_OK)
        return refused == 0 ? hf_capability_degraded(why_untold, "mount /proc") : hf_capability_refused(refused);
    if (whole)
        return future_locked() ? hf_capability_active() : hf_capability_degraded(why_future, remedy_limit);
    if (refused == ENOMEM || refused == EAGAIN)
        return hf_capability_absent(why_total, remedy_limit);
    return refused != 0 ? hf_capability_refused(refused) : hf_capability_degraded(why_some, "");
}

/* ---- the other steps ---- */

static hf_capability judge(bool taken)
{
    int error = errno;

    return taken ? hf_capability_active() : hf_capability_refused(error);
}

static hf_capability no_core(const hf_harden_spec *spec)
{
    (void)spec;
    return judge(hf_process_no_core());
}

static hf_capability not_dumpable(const hf_harden_spec *spec)
{
    (void)spec;
    return judge(hf_process_not_dumpable());
}

static hf_capability no_new_privs(const hf_harden_spec *spec)
{
    (void)spec;
    return judge(hf_process_no_new_privs());
}

static hf_capability no_ptracer(const hf_harden_spec *spec)
{
    (void)spec;
    if (hf_process_no_ptracer())
        return hf_capability_active();
    return errno == EINVAL ? hf_capability_absent(why_no_yama, "boot with yama in lsm=") : hf_capability_refused(errno);
}

static hf_capability no_merging(const hf_harden_spec *spec)
{
    (void)spec;
    return judge(hf_process_no_merging());
}

static hf_capability no_huge_pages(const hf_harden_spec *spec)
{
    (void)spec;
    return judge(hf_process_no_huge_pages());
}

static hf_capability no_new_code(const hf_harden_spec *spec)
{
    (void)spec;
    return judge(hf_process_no_new_code());
}

static const struct step {
    uint32_t flag;
    const char *name;
    hf_capability (*take)(const hf_harden_spec *spec);
} steps[] = {
    { HF_HARDEN_NO_CORE, "no-core", no_core },
    { HF_HARDEN_NOT_DUMPABLE, "not-dumpable", not_dumpable },
    { HF_HARDEN_NO_NEW_PRIVS, "no-new-privs", no_new_privs },
    { HF_HARDEN_NO_PTRACER, "no-ptracer", no_ptracer },
    { HF_HARDEN_NO_MERGING, "no-merging", no_merging },
    { HF_HARDEN_NO_HUGE_PAGES, "no-huge-pages", no_huge_pages },
    { HF_HARDEN_NO_NEW_CODE, "no-new-code", no_new_code },
    { HF_HARDEN_LOCK_ALL, "lock-all", lock_all },
};

#define ALL_STEPS ((HF_HARDEN_LOCK_ALL << 1) - 1)

/* Without Yama nobody has an exception, and who is not dumpable is traced by root alone. */
static bool forgiven(const hf_capability *c)
{
    hf_process_state now;

    hf_process_state_get(&now);
    return c->why == why_no_yama && now.dumpable == 0;
}

static void steps_take(uint32_t wanted, const hf_harden_spec *spec, hf_harden_report *ret)
{
    *ret = (hf_harden_report) { .n = 0 };
    for (size_t i = 0; i < HF_COUNT(steps); i++) {
        if ((wanted & steps[i].flag) == 0)
            continue;
        hf_capability *c = &ret->step[ret->n++];
        *c = steps[i].take(spec);
        c->name = steps[i].name;
        if (c->state != HF_CAPABILITY_ACTIVE && ret->missing == NULL && !forgiven(c))
            ret->missing = c->name;
    }
}

hf_err hf_harden_process(const hf_harden_spec *spec, hf_harden_report *report)
{
    static const hf_harden_spec all_defaults = { .steps = 0 };
    hf_harden_report done;

    if (spec == NULL)
        spec = &all_defaults;
    HF_CHECK((spec->steps & ~ALL_STEPS) == 0, HF_ERR_INVALID);
    steps_take(spec->steps == 0 ? HF_HARDEN_DEFAULT : spec->steps, spec, &done);
    if (report != NULL)
        *report = done;
    return spec->strict && done.missing != NULL ? HF_ERR_PROTECTION : HF_OK;
}
