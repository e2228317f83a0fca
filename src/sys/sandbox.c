/* The order in which a process gives up its rights. */
#include "sys/internal.h"

#include "base/log.h"
#include "sys/process.h"
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CAPS_LAST 63 /* no kernel has more; unknown ones answer EINVAL */

static pid_t tied_to; /* the parent with which this process dies; 0: none */

const char *hf_protection_state_name(hf_protection_state s)
{
    switch (s) {
    case HF_ACTIVE:
        return "active";
    case HF_DEGRADED:
        return "degraded";
    case HF_ABSENT:
        return "absent";
    }
    return "absent";
}

void hf_protections_add(hf_protections *p, const char *name, hf_protection_state state, const char *why)
{
    hf_protection *row = NULL;
    for (size_t i = 0; i < p->n && row == NULL; i++)
        if (strcmp(p->row[i].name, name) == 0)
            row = &p->row[i];
    if (row != NULL && row->state >= state)
        return;
    if (row == NULL) {
        if (p->n >= HF_PROTECTION_MAX)
            return;
        row = &p->row[p->n++];
    }
    row->name = name;
    row->state = state;
    (void)snprintf(row->why, sizeof row->why, "%s", state == HF_ACTIVE || why == NULL ? "" : why);
}

/* One step of the way down: what it is called in the report, and what it came to. */
typedef struct descent {
    const hf_sandbox *s;
    hf_protections *report;
    bool strict;
    bool root;
} descent;

static hf_err note(const descent *d, const char *name, hf_protection_state state, const char *why)
{
    hf_protections_add(d->report, name, state, why);
    if (!d->strict || state == HF_ACTIVE)
        return HF_OK;
    hf_log(HF_LOG_ERROR, "strict mode refuses to go on: %s: %s", name,
           why == NULL ? hf_protection_state_name(state) : why);
    return HF_ERR_PROTECTION;
}

static hf_err note_if(const descent *d, bool active, const char *name, const char *why)
{
    return note(d, name, active ? HF_ACTIVE : HF_ABSENT, why);
}

/* Dies with its parent. A change of uid clears the wish, so it is said again after that. */
static hf_err tie_to_parent(int signal_number)
{
    if (tied_to == 0)
        return HF_OK;
    HF_CHECK(prctl(PR_SET_PDEATHSIG, signal_number) == 0, HF_ERR_SYSTEM);
    if (getppid() != tied_to)
        _exit(1); /* it died before we asked */
    return HF_OK;
}

/* A terminal's Ctrl-C and a unit's stop reach every process of the group: only the parent says in which order they end. */
static bool leave_stopping_to_parent(void)
{
    const struct sigaction ignore = { .sa_handler = SIG_IGN };
    return sigaction(SIGINT, &ignore, NULL) == 0 && sigaction(SIGTERM, &ignore, NULL) == 0 &&
           sigaction(SIGHUP, &ignore, NULL) == 0;
}

/* All but the log, which a parent may have handed over beside what the program knows of. */
static bool close_from(int first)
{
    int log = hf_log_descriptor();

    if (log < first)
        return close_range((unsigned)first, ~0u, 0) == 0;
    return (log == first || close_range((unsigned)first, (unsigned)log - 1, 0) == 0) &&
           close_range((unsigned)log + 1, ~0u, 0) == 0;
}

hf_err hf_sandbox_begin(int keep_below, pid_t parent_pid, hf_protections *report)
{
    descent d = { .report = report };
    tied_to = parent_pid;
    HF_TRY(tie_to_parent(SIGKILL));
    HF_CHECK(parent_pid == 0 || leave_stopping_to_parent(), HF_ERR_SYSTEM);
    HF_TRY(note_if(&d, hf_process_no_core(), "no-core", "RLIMIT_CORE cannot be set"));
    HF_TRY(note_if(&d, hf_process_not_dumpable(), "not-dumpable", "PR_SET_DUMPABLE was refused"));
    (void)umask(077);
    HF_CHECK(keep_below < 0 || close_from(keep_below), HF_ERR_SYSTEM);
    HF_CHECK(setenv("TZ", "UTC0", 1) == 0, HF_ERR_SYSTEM); /* else the first gmtime opens /etc/localtime */
    tzset();
    struct tm tm;
    time_t zero = 0;
    HF_CHECK(gmtime_r(&zero, &tm) != NULL, HF_ERR_SYSTEM);
    return HF_OK;
}

static unsigned count_threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    if (dir == NULL)
        return 0;
    unsigned n = 0;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        n += e->d_name[0] != '.';
    (void)closedir(dir);
    return n;
}

/*
 * An ordinary user could get an empty network only inside a user namespace of its own, in which the uids of
 * SO_PEERCRED no longer mean what they say. The filter refuses sockets either way.
 */
static hf_err leave_network(const descent *d)
{
    if (d->s->keep_network)
        return HF_OK;
    if (!d->root)
        return note(d, "empty-netns", HF_DEGRADED, "needs to start as root; seccomp still refuses sockets");
    return note_if(d, unshare(CLONE_NEWNET) == 0, "empty-netns", "the kernel refused a network namespace");
}

static bool capabilities_empty(void)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };
    if (syscall(SYS_capget, &head, data) != 0)
        return false;
    for (int i = 0; i < 2; i++)
        if ((data[i].effective | data[i].permitted | data[i].inheritable) != 0)
            return false;
    for (unsigned long c = 0; c <= CAPS_LAST; c++)
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0) == 1)
            return false;
    return true;
}

/* Must come while CAP_SETPCAP is held; an ordinary user keeps the bounding set, which no-new-privs makes harmless. */
static bool drop_bounding_set(void)
{
    bool ok = true;
    for (unsigned long c = 0; c <= CAPS_LAST; c++)
        if (prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0)
            ok = false;
    return ok && prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS_LOCKED) == 0;
}

static bool drop_capabilities(void)
{
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct none[2] = { { 0 }, { 0 } };
    return syscall(SYS_capset, &head, none) == 0 && capabilities_empty();
}

static bool ids_are(uid_t uid, gid_t gid)
{
    uid_t u[3];
    gid_t g[3];
    if (getresuid(&u[0], &u[1], &u[2]) != 0 || getresgid(&g[0], &g[1], &g[2]) != 0)
        return false;
    for (int i = 0; i < 3; i++)
        if (u[i] != uid || g[i] != gid)
            return false;
    return getgroups(0, NULL) == 0;
}

/* A failure here is never merely degraded: half-dropped ids must not run. */
static hf_err drop_ids(const descent *d)
{
    const hf_sandbox *s = d->s;
    if (s->uid == (uid_t)-1 || !d->root)
        return note(d, "own-uid", HF_DEGRADED, "one uid is shared by all processes; start as root to part them");
    HF_CHECK(s->uid != 0 && s->gid != 0 && s->gid != (gid_t)-1, HF_ERR_INVALID);
    HF_CHECK(setgroups(0, NULL) == 0, HF_ERR_SYSTEM);
    HF_CHECK(setresgid(s->gid, s->gid, s->gid) == 0, HF_ERR_SYSTEM);
    HF_CHECK(setresuid(s->uid, s->uid, s->uid) == 0, HF_ERR_SYSTEM);
    HF_CHECK(ids_are(s->uid, s->gid) && setuid(0) != 0, HF_ERR_SYSTEM);
    return note(d, "own-uid", HF_ACTIVE, NULL);
}

static hf_err drop_rights(const descent *d)
{
    bool bounded = !d->root || drop_bounding_set();
    HF_TRY(drop_ids(d));
    HF_CHECK(drop_capabilities(), HF_ERR_SYSTEM);
    HF_TRY(note_if(d, bounded, "no-capabilities", "the bounding set could not be emptied"));
    HF_CHECK(hf_process_not_dumpable(), HF_ERR_SYSTEM); /* a change of uid may have set it anew */
    HF_TRY(tie_to_parent(d->s->parent_death_signal == 0 ? SIGKILL : d->s->parent_death_signal));
    return note_if(d, hf_process_no_new_privs(), "no-new-privs", "PR_SET_NO_NEW_PRIVS was refused");
}

static hf_err leave_files(const descent *d)
{
    int version = hf_landlock_enter(d->s->landlock_dirs, d->s->n_landlock_dirs, d->s->keep_network);
    if (version == 0)
        return note(d, "landlock", HF_ABSENT, "the kernel has no Landlock; boot with lsm=landlock,...");
    return note_if(d, version > 0, "landlock", strerror(errno));
}

hf_err hf_sandbox_drop(const hf_sandbox *s, bool strict, hf_protections *report)
{
    descent d = { .s = s, .report = report, .strict = strict, .root = geteuid() == 0 };
    if (count_threads() > 1)
        HF_TRY(note(&d, "landlock", HF_DEGRADED, "threads were started before it"));
    HF_TRY(leave_network(&d));
    HF_TRY(drop_rights(&d));
    HF_TRY(leave_files(&d));
    HF_CHECK(hf_process_limit(RLIMIT_NOFILE, s->max_files), HF_ERR_SYSTEM);
    return HF_OK;
}

hf_err hf_sandbox_filter(const hf_sandbox *s, bool strict, hf_protections *report)
{
    descent d = { .s = s, .report = report, .strict = strict };
    HF_CHECK(s->allow_threads || hf_process_limit(RLIMIT_NPROC, 0), HF_ERR_SYSTEM);
    if (!hf_seccomp_install(s->allowed, s->n_allowed))
        return note(&d, "seccomp", HF_ABSENT, strerror(errno));
    if (hf_sys_sanitized()) { /* not refused in strict mode: such builds are for tests and say so */
        hf_protections_add(report, "seccomp", HF_DEGRADED, "sanitizer build: the filter is wider");
        return HF_OK;
    }
    return note(&d, "seccomp", HF_ACTIVE, NULL);
}

hf_err hf_sandbox_enter(const hf_sandbox *s, bool strict, hf_protections *report)
{
    HF_TRY(hf_sandbox_drop(s, strict, report));
    return hf_sandbox_filter(s, strict, report);
}
