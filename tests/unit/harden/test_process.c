/* hf_harden_process: each step as the kernel shows it to others, what is left alone, strict, and the trap of mlockall. */
#include "helper.h"
#include <holdfast/mem.h>
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/stat.h>

#ifndef PR_GET_MDWE
#define PR_GET_MDWE 66
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif

/* ---- what the kernel says, asked without the code under test ---- */

typedef struct facts {
    bool core, dumpable, new_privs, merging, huge_pages, new_code;
} facts;

static facts facts_now(void)
{
    struct rlimit core;
    char nnp[64];
    struct stat st;
    int mdwe = prctl(PR_GET_MDWE, 0, 0, 0, 0);

    WANT(getrlimit(RLIMIT_CORE, &core) == 0);
    status_of(getpid(), "NoNewPrivs", nnp);
    WANT(stat("/proc/self/mem", &st) == 0); /* root's when the process is not dumpable */
    return (facts) {
        .core = core.rlim_cur != 0 || core.rlim_max != 0,
        .dumpable = geteuid() == 0 ? prctl(PR_GET_DUMPABLE) == 1 : st.st_uid == geteuid(),
        .new_privs = strcmp(nnp, "0") == 0,
        .merging = prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) == 1,
        .huge_pages = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) != 1,
        .new_code = mdwe <= 0,
    };
}

/* As after a login with core files wanted, so that each step has something to take away. */
static void begin_open(bool as_nobody)
{
    struct rlimit core;

    if (as_nobody)
        become_nobody();
    WANT(getrlimit(RLIMIT_CORE, &core) == 0);
    set_limit(RLIMIT_CORE, core.rlim_max, core.rlim_max);
    WANT(prctl(PR_SET_DUMPABLE, 1) == 0);
    if (!TEST_SANITIZED) /* the kernel walks all address space to take it back, and a sanitizer has terabytes */
        (void)prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0);
}

static const hf_capability *row_of(const hf_harden_report *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->step[i].name, name) == 0)
            return &r->step[i];
    return NULL;
}

static bool row_is(const hf_harden_report *r, const char *name, hf_capability_state state)
{
    const hf_capability *c = row_of(r, name);
    return c != NULL && c->state == state && (state == HF_CAPABILITY_ACTIVE) == (c->why[0] == '\0');
}

/* ---- single steps ---- */

static const struct single {
    uint32_t flag;
    const char *name;
    size_t fact; /* what it takes */
} singles[] = {
    { HF_HARDEN_NO_CORE, "no-core", offsetof(facts, core) },
    { HF_HARDEN_NOT_DUMPABLE, "not-dumpable", offsetof(facts, dumpable) },
    { HF_HARDEN_NO_NEW_PRIVS, "no-new-privs", offsetof(facts, new_privs) },
    { HF_HARDEN_NO_MERGING, "no-merging", offsetof(facts, merging) },
    { HF_HARDEN_NO_HUGE_PAGES, "no-huge-pages", offsetof(facts, huge_pages) },
    { HF_HARDEN_NO_NEW_CODE, "no-new-code", offsetof(facts, new_code) },
};

typedef struct single_case {
    const struct single *step;
    bool as_nobody;
} single_case;

static bool fact_at(const facts *f, size_t offset)
{
    return *(const bool *)(const void *)((const char *)f + offset);
}

static int one_step(const void *arg)
{
    const single_case *c = arg;
    begin_open(c->as_nobody);
    const facts before = facts_now();
    hf_harden_report report;

    WANT(hf_harden_process(&(hf_harden_spec) { .steps = c->step->flag, .strict = true }, &report) == HF_OK);
    WANT(report.n == 1 && report.missing == NULL && row_is(&report, c->step->name, HF_CAPABILITY_ACTIVE));
    const facts after = facts_now();
    WANT(!fact_at(&after, c->step->fact));
    for (size_t i = 0; i < HF_COUNT(singles); i++)
        if (&singles[i] != c->step)
            WANT(fact_at(&after, singles[i].fact) == fact_at(&before, singles[i].fact));
    return 0;
}

static void each_step_does_its_own_and_no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * HF_COUNT(singles); i++) {
        const single_case c = { &singles[i / 2], i % 2 != 0 };
        assert_passes(one_step, &c);
    }
}

static int all_defaults(const void *arg)
{
    begin_open(arg != NULL);
    hf_harden_report first, second;

    WANT(hf_harden_process(NULL, &first) == HF_OK);
    facts f = facts_now();
    WANT(!f.core && !f.dumpable && !f.new_privs && !f.merging);
    WANT(f.huge_pages && f.new_code); /* these may cost a program something */
    WANT(first.n == 5 && first.missing == NULL);
    WANT(hf_harden_process(&(hf_harden_spec) { .strict = true }, &second) == HF_OK); /* no Yama is forgiven */
    WANT(second.n == first.n && second.missing == NULL);
    for (size_t i = 0; i < first.n; i++)
        WANT(second.step[i].state == first.step[i].state && second.step[i].name == first.step[i].name);
    WANT(hf_harden_process(NULL, NULL) == HF_OK);
    return 0;
}

static void defaults_may_be_taken_again(void **state)
{
    (void)state;
    assert_passes(all_defaults, NULL);
    assert_passes(all_defaults, "nobody");
}

static int as_library(const void *arg)
{
    begin_open(arg != NULL);
    WANT(hf_harden_process(&(hf_harden_spec) { .steps = HF_HARDEN_AS_LIBRARY, .strict = true }, NULL) == HF_OK);
    facts f = facts_now();
    WANT(!f.core && !f.dumpable);
    WANT(f.new_privs && f.huge_pages && f.new_code);
    return 0;
}

static void a_library_leaves_its_host_able_to_start_what_it_wants(void **state)
{
    (void)state;
    assert_passes(as_library, NULL);
    assert_passes(as_library, "nobody");
}

static int unknown_bits(const void *arg)
{
    (void)arg;
    begin_open(true);
    const facts before = facts_now();
    WANT(hf_harden_process(&(hf_harden_spec) { .steps = 0x100 | HF_HARDEN_NO_CORE }, NULL) == HF_ERR_INVALID);
    facts after = facts_now();
    WANT(memcmp(&before, &after, sizeof(after)) == 0);
    return 0;
}

static void unknown_steps_are_refused_before_any_is_taken(void **state)
{
    (void)state;
    assert_passes(unknown_bits, NULL);
}

/* ---- strict ---- */

static const struct refusal {
    const char *name;
    uint32_t flag;
    int nr, arg;
    uint32_t value;
} refusals[] = {
    { "not-dumpable", HF_HARDEN_NOT_DUMPABLE, SYS_prctl, 0, PR_SET_DUMPABLE },
    { "no-new-privs", HF_HARDEN_NO_NEW_PRIVS, SYS_prctl, 0, PR_SET_NO_NEW_PRIVS },
    { "no-merging", HF_HARDEN_NO_MERGING, SYS_prctl, 0, PR_SET_MEMORY_MERGE },
    { "no-huge-pages", HF_HARDEN_NO_HUGE_PAGES, SYS_prctl, 0, PR_SET_THP_DISABLE },
    { "no-new-code", HF_HARDEN_NO_NEW_CODE, SYS_prctl, 0, 65 },
    { "no-core", HF_HARDEN_NO_CORE, SYS_prlimit64, 1, RLIMIT_CORE },
    { "lock-all", HF_HARDEN_LOCK_ALL, SYS_mlockall, -1, 0 },
};

static int refused(const void *arg)
{
    const struct refusal *r = arg;
    hf_harden_report report;

    begin_open(false);
    if (geteuid() != 0 && r->flag == HF_HARDEN_NO_NEW_PRIVS)
        return 0; /* the filter itself needs it then */
    refuse_call(r->nr, r->arg, r->value, EPERM);
    WANT(hf_harden_process(&(hf_harden_spec) { .steps = r->flag }, &report) == HF_OK);
    WANT(report.n == 1 && row_is(&report, r->name, HF_CAPABILITY_ABSENT) && report.step[0].remedy[0] != '\0');
    WANT(strcmp(report.missing, r->name) == 0);
    report = (hf_harden_report) { .n = 0 };
    WANT(hf_harden_process(&(hf_harden_spec) { .steps = r->flag, .strict = true }, &report) == HF_ERR_PROTECTION);
    WANT(report.n == 1 && strcmp(report.missing, r->name) == 0);
    WANT(strstr(report.step[0].why, "seccomp") != NULL);
    return 0;
}

static int refused_amid_others(const void *arg)
{
    (void)arg;
    hf_harden_report report;

    begin_open(true);
    refuse_call(SYS_prctl, 0, PR_SET_DUMPABLE, EPERM);
    WANT(hf_harden_process(&(hf_harden_spec) { .strict = true }, &report) == HF_ERR_PROTECTION);
    WANT(strcmp(report.missing, "not-dumpable") == 0 && report.n == 5);
    facts f = facts_now();
    WANT(!f.core && f.dumpable && !f.new_privs); /* what came after it was taken all the same */
    return 0;
}

static void strict_names_the_step_that_is_refused(void **state)
{
    (void)state;
    SKIP_IF(TEST_SANITIZED, "skipped: sanitizers make these calls themselves");
    for (size_t i = 0; i < HF_COUNT(refusals); i++)
        assert_passes(refused, &refusals[i]);
    assert_passes(refused_amid_others, NULL);
}

static int refused_but_in_force(const void *arg)
{
    (void)arg;
    hf_harden_report report;

    begin_open(true);
    WANT(hf_harden_process(NULL, NULL) == HF_OK);
    refuse_call(SYS_prctl, 0, PR_SET_DUMPABLE, EPERM);
    refuse_call(SYS_prctl, 0, PR_SET_NO_NEW_PRIVS, EPERM);
    WANT(hf_harden_process(&(hf_harden_spec) { .strict = true }, &report) == HF_OK && report.missing == NULL);
    return 0;
}

static void what_somebody_else_did_counts(void **state)
{
    (void)state;
    SKIP_IF(TEST_SANITIZED, "skipped: sanitizers make these calls themselves");
    assert_passes(refused_but_in_force, NULL);
}

/* ---- what it is for: a process of the same user ---- */

static int sleeper(const void *arg)
{
    become_nobody();
    if (arg != NULL)
        WANT(hf_harden_process(&(hf_harden_spec) { .steps = HF_HARDEN_AS_LIBRARY }, NULL) == HF_OK);
    raise(SIGSTOP);
    return 0;
}

static int look_into(const void *arg)
{
    const pid_t pid = *(const pid_t *)arg;
    char path[64];

    become_nobody();
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool traced = ptrace(PTRACE_SEIZE, pid, 0, 0) == 0;
    return (fd >= 0 ? 2 : 0) + (traced ? 4 : 0);
}

static int neighbour_sees(bool hardened)
{
    pid_t target = child_start(sleeper, hardened ? "hardened" : NULL);
    int status = 0;
    assert_int_equal(waitpid(target, &status, WUNTRACED), target);
    assert_true(WIFSTOPPED(status));
    int seen = child_run(look_into, &target);
    kill(target, SIGKILL);
    child_wait(target);
    assert_true(WIFEXITED(seen));
    return WEXITSTATUS(seen);
}

static void the_same_user_is_kept_out(void **state)
{
    (void)state;
    SKIP_IF(TEST_SANITIZED, "skipped: sanitizers make a process dumpable again");
    int freely = neighbour_sees(false);
    SKIP_IF(freely != 6, "skipped: this machine lets no process look into another anyway");
    assert_int_equal(neighbour_sees(true), 0);
}

/* ---- making memory does not harden its host (HE 38, decided in harden.h) ---- */

static int pool_alone(const void *arg)
{
    (void)arg;
    hf_pool *pool = NULL;
    void *block = NULL;

    begin_open(true);
    const facts before = facts_now();
    WANT(hf_pool_of_process(&pool) == HF_OK && hf_pool_alloc(pool, 32, &block) == HF_OK);
    facts after = facts_now();
    WANT(memcmp(&before, &after, sizeof(after)) == 0 && after.dumpable && after.new_privs);
    if (!TEST_SANITIZED)
        WANT(has_vm_flag(block, " dd") &&
             has_vm_flag(block, " lo")); /* and needs not to: out of dumps and swap by itself */
    hf_pool_free(pool, block);
    return 0;
}

static void a_pool_leaves_the_process_as_it_was(void **state)
{
    (void)state;
    assert_passes(pool_alone, NULL);
}

/* ---- mlockall ---- */

static void *new_page(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void *nothing(void *arg)
{
    return arg;
}

static int thread_with_usual_stack(void)
{
    pthread_attr_t attr;
    pthread_t thread;

    WANT(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, (size_t)8 << 20) == 0);
    int error = pthread_create(&thread, &attr, nothing, NULL);
    if (error == 0)
        WANT(pthread_join(thread, NULL) == 0);
    return error;
}

static int lock_unbounded(const void *arg)
{
    (void)arg;
    hf_harden_report report;
    void *before = new_page();

    WANT(!has_vm_flag(before, " lo") && own_kib("VmLck") == 0);
    WANT(hf_harden_process(&(hf_harden_spec) { .steps = HF_HARDEN_LOCK_ALL, .strict = true }, &report) == HF_OK);
    WANT(row_is(&report, "lock-all", HF_CAPABILITY_ACTIVE));
    void *after = new_page();
    WANT(has_vm_flag(before, " lo") && has_vm_flag(after, " lo"));
    WANT(own_kib("VmLck") + 512 > own_kib("VmSize"));
    WANT(own_kib("VmRSS") < own_kib("VmLck")); /* on fault: what nobody touches takes no memory */
    WANT(hf_harden_process(&(hf_harden_spec) { .steps = HF_HARDEN_LOCK_ALL, .strict = true }, &report) == HF_OK);
    return 0;
}

/* 900 KiB that were locked and are no more: less than what is never locked in some processes. */
static void *unlocked_again(void)
{
    const size_t bytes = (size_t)900 << 10;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    WANT(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
    WANT(p != MAP_FAILED && has_vm_flag(p, " lo") && munlock(p, bytes) == 0 && !has_vm_flag(p, " lo"));
    return p;
}

static int lock_again(const void *arg)
{
    (void)arg;
    hf_harden_report report;
    void *p = unlocked_again();

    WANT(hf_harden_process(&(hf_harden_spec) { .steps = HF_HARDEN_LOCK_ALL, .strict = true }, &report) == HF_OK);
    WANT(row_is(&report, "lock-all", HF_CAPABILITY_ACTIVE) && has_vm_flag(p, " lo") && has_vm_flag(new_page(), " lo"));
    return 0;
}

static void root_locks_all_of_it(void **state)
{
    (void)state;
    SKIP_IF(geteuid() != 0, "skipped: needs root, an ordinary user's limit is too low");
    SKIP_IF(TEST_SANITIZED, "skipped: a sanitizer's shadow cannot be locked");
    assert_passes(lock_unbounded, NULL);
    assert_passes(lock_again, NULL);
}

/* First the trap itself, so that the test knows it is there. */
static int trap(const void *arg)
{
    (void)arg;
    become_nobody();
    set_limit(RLIMIT_MEMLOCK, (rlim_t)8 << 20, (rlim_t)8 << 20);
    WANT(mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0);
    WANT(thread_with_usual_stack() == EAGAIN);
    return 0;
}

static int trap_avoided(const void *arg)
{
    (void)arg;
    hf_harden_report report;
    void *before = new_page();

    become_nobody();
    set_limit(RLIMIT_MEMLOCK, (rlim_t)8 << 20, (rlim_t)8 << 20);
    WANT(hf_harden_process(&(hf_harden_spec) { .steps = HF_HARDEN_LOCK_ALL }, &report) == HF_OK);
    WANT(row_is(&report, "lock-all", HF_CAPABILITY_DEGRADED) && strstr(report.step[0].why, "RLIMIT_MEMLOCK") != NULL);
    WANT(strcmp(report.missing, "lock-all") == 0);
    void *after = new_page();
    WANT(has_vm_flag(before, " lo") && !has_vm_flag(after, " lo"));
    WANT(thread_with_usual_stack() == 0);
    WANT(hf_harden_process(&(hf_harden_spec) { .steps = HF_HARDEN_LOCK_ALL, .strict = true }, NULL) ==
         HF_ERR_PROTECTION);
    return 0;
}

static int headroom_is_the_callers(const void *arg)
{
    (void)arg;
    hf_harden_report report;
    const hf_harden_spec spec = { .steps = HF_HARDEN_LOCK_ALL, .lock_headroom = 1 << 20, .strict = true };

    become_nobody();
    set_limit(RLIMIT_MEMLOCK, (rlim_t)8 << 20, (rlim_t)8 << 20);
    WANT(hf_harden_process(&spec, &report) == HF_OK && row_is(&report, "lock-all", HF_CAPABILITY_ACTIVE));
    WANT(has_vm_flag(new_page(), " lo"));
    return 0;
}

static int too_little(const void *arg)
{
    (void)arg;
    hf_harden_report report;

    become_nobody();
    set_limit(RLIMIT_MEMLOCK, 65536, 65536);
    WANT(hf_harden_process(&(hf_harden_spec) { .steps = HF_HARDEN_LOCK_ALL }, &report) == HF_OK);
    WANT(row_is(&report, "lock-all", HF_CAPABILITY_ABSENT) && strstr(report.step[0].why, "RLIMIT_MEMLOCK") != NULL);
    WANT(strstr(report.step[0].remedy, "LimitMEMLOCK") != NULL && own_kib("VmLck") == 0);
    return 0;
}

/* What the program itself had locked is not unlocked again. */
static int locked_before(const void *arg)
{
    (void)arg;
    hf_harden_report report;

    become_nobody();
    set_limit(RLIMIT_MEMLOCK, (rlim_t)8 << 20, (rlim_t)8 << 20);
    WANT(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
    WANT(hf_harden_process(&(hf_harden_spec) { .steps = HF_HARDEN_LOCK_ALL }, &report) == HF_OK);
    WANT(row_is(&report, "lock-all", HF_CAPABILITY_ACTIVE) && has_vm_flag(new_page(), " lo"));
    return 0;
}

/* Refused now: active only while nothing was unlocked. */
static int refused_later(const void *arg)
{
    const hf_harden_spec spec = { .steps = HF_HARDEN_LOCK_ALL };
    hf_harden_report report;

    become_nobody();
    set_limit(RLIMIT_MEMLOCK, (rlim_t)8 << 20, (rlim_t)8 << 20);
    void *p = unlocked_again();
    if (arg == NULL)
        WANT(mlock(p, (size_t)900 << 10) == 0);
    refuse_call(SYS_mlockall, -1, 0, ENOMEM);
    WANT(hf_harden_process(&spec, &report) == HF_OK);
    WANT(row_is(&report, "lock-all", arg == NULL ? HF_CAPABILITY_ACTIVE : HF_CAPABILITY_ABSENT));
    return 0;
}

static void an_ordinary_user_is_not_trapped(void **state)
{
    (void)state;
    struct rlimit most;
    assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &most), 0);
    SKIP_IF(most.rlim_max < (rlim_t)8 << 20, "skipped: the hard limit of locked memory is below 8 MiB here");
    SKIP_IF(TEST_SANITIZED, "skipped: a sanitizer's shadow cannot be locked");
    assert_passes(trap, NULL);
    assert_passes(trap_avoided, NULL);
    assert_passes(headroom_is_the_callers, NULL);
    assert_passes(too_little, NULL);
    assert_passes(locked_before, NULL);
    assert_passes(refused_later, NULL);
    assert_passes(refused_later, "unlocked");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_does_its_own_and_no_more),
        cmocka_unit_test(defaults_may_be_taken_again),
        cmocka_unit_test(a_library_leaves_its_host_able_to_start_what_it_wants),
        cmocka_unit_test(unknown_steps_are_refused_before_any_is_taken),
        cmocka_unit_test(strict_names_the_step_that_is_refused),
        cmocka_unit_test(what_somebody_else_did_counts),
        cmocka_unit_test(the_same_user_is_kept_out),
        cmocka_unit_test(a_pool_leaves_the_process_as_it_was),
        cmocka_unit_test(root_locks_all_of_it),
        cmocka_unit_test(an_ordinary_user_is_not_trapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
