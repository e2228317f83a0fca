/* hf_capabilities: each row follows what the process can really do, also when a filter or a limit takes it away. */
#include "helper.h"
#include <pthread.h>
#include <sys/ptrace.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static const char *const names[] = {
    "locked-memory", "memfd-secret",    "mlock",           "lock-limit",      "guard-pages", "wipe-on-fork",
    "no-dump",       "mseal",           "protection-keys", "secure-random",   "no-swap",     "no-hibernation",
    "no-core",       "not-dumpable",    "no-new-privs",    "no-new-code",     "no-merging",  "not-traced",
    "ptrace-scope",  "no-capabilities", "seccomp",         "kernel-lockdown",
};

static hf_capability look(const char *name)
{
    hf_capability rows[HF_CAPABILITIES_MAX];
    size_t n = hf_capabilities(rows, HF_COUNT(rows));

    WANT(n <= HF_COUNT(rows));
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i];
    fprintf(stderr, "# there is no row %s\n", name);
    _exit(FAILED);
}

static hf_capability_state state_of(const char *name)
{
    return look(name).state;
}

/* ---- the table ---- */

static void every_row_has_its_name_and_says_why(void **state)
{
    hf_capability rows[HF_CAPABILITIES_MAX] = { { .name = NULL } };
    (void)state;
    size_t n = hf_capabilities(rows, HF_COUNT(rows));
    assert_int_equal(n, HF_COUNT(names));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(rows[i].name, names[i]);
        assert_true((rows[i].state == HF_CAPABILITY_ACTIVE) == (rows[i].why[0] == '\0'));
        if (rows[i].state == HF_CAPABILITY_ACTIVE)
            assert_string_equal(rows[i].remedy, "");
        print_message("# %s: %s%s%s\n", rows[i].name, hf_capability_state_name(rows[i].state),
                      rows[i].why[0] != '\0' ? ": " : "", rows[i].why);
    }
    hf_capability few[2] = { { .name = NULL }, { .name = "untouched" } };
    assert_int_equal(hf_capabilities(few, 1), n);
    assert_string_equal(few[0].name, names[0]);
    assert_string_equal(few[1].name, "untouched");
    assert_int_equal(hf_capabilities(NULL, 0), n);
}

static int nothing_stays(const void *arg)
{
    (void)arg;
    hf_capability rows[HF_CAPABILITIES_MAX];

    (void)hf_capabilities(rows, HF_COUNT(rows)); /* the page of mseal */
    size_t mapped = own_kib("VmSize");
    for (int i = 0; i < 20; i++)
        (void)hf_capabilities(rows, HF_COUNT(rows));
    WANT(TEST_SANITIZED || own_kib("VmSize") == mapped);
    WANT(own_kib("VmLck") == 0);
    return open("/dev/null", O_RDONLY | O_CLOEXEC) == 3 || TEST_SANITIZED ? 0 : FAILED; /* no descriptor either */
}

static void looking_leaves_nothing_behind(void **state)
{
    (void)state;
    assert_passes(nothing_stays, NULL);
}

/* ---- refused by a filter ---- */

typedef struct taken {
    const char *name;
    int nr, arg;
    uint32_t value;
    hf_capability_state becomes;
} taken;

static const taken takings[] = {
    { "memfd-secret", SYS_memfd_secret, -1, 0, HF_CAPABILITY_ABSENT },
    { "mlock", SYS_mlock2, -1, 0, HF_CAPABILITY_ABSENT },
    { "guard-pages", SYS_madvise, 2, MADV_GUARD_INSTALL, HF_CAPABILITY_DEGRADED },
    { "wipe-on-fork", SYS_madvise, 2, MADV_WIPEONFORK, HF_CAPABILITY_DEGRADED },
    { "no-dump", SYS_madvise, 2, MADV_DONTDUMP, HF_CAPABILITY_ABSENT },
    { "mseal", SYS_mseal, -1, 0, HF_CAPABILITY_ABSENT },
    { "protection-keys", SYS_pkey_alloc, -1, 0, HF_CAPABILITY_ABSENT },
};

static const int errors[] = { EPERM, ENOSYS };

typedef struct taken_case {
    const taken *taken;
    int error;
} taken_case;

static int take_away(const void *arg)
{
    const taken_case *c = arg;
    hf_capability before[HF_CAPABILITIES_MAX], after[HF_CAPABILITIES_MAX];

    size_t n = hf_capabilities(before, HF_COUNT(before));
    refuse_call(c->taken->nr, c->taken->arg, c->taken->value, c->error);
    WANT(hf_capabilities(after, HF_COUNT(after)) == n);
    for (size_t i = 0; i < n; i++) {
        bool itself = strcmp(after[i].name, c->taken->name) == 0;
        bool filtered = strcmp(after[i].name, "seccomp") == 0 || strcmp(after[i].name, "no-new-privs") == 0;
        bool follows = strcmp(after[i].name, "locked-memory") == 0;
        if (itself && (after[i].state != c->taken->becomes || after[i].remedy[0] == '\0'))
            fprintf(stderr, "# %s, errno %d: %s, %s\n", c->taken->name, c->error,
                    hf_capability_state_name(after[i].state), after[i].why);
        if (itself)
            WANT(after[i].state == c->taken->becomes && after[i].why[0] != '\0' && after[i].remedy[0] != '\0');
        else if (!filtered && !follows)
            WANT(after[i].state == before[i].state);
    }
    WANT(state_of("seccomp") == HF_CAPABILITY_ACTIVE);
    if (c->error == EPERM && c->taken->becomes == HF_CAPABILITY_ABSENT && c->taken->nr != SYS_mlock2)
        WANT(strstr(look(c->taken->name).why, "seccomp") != NULL);
    return 0;
}

static void what_a_filter_refuses_is_absent(void **state)
{
    (void)state;
    SKIP_IF(TEST_SANITIZED, "skipped: sanitizers make these calls themselves");
    for (size_t i = 0; i < 2 * HF_COUNT(takings); i++) {
        const taken_case c = { &takings[i / 2], errors[i % 2] };
        assert_passes(take_away, &c);
    }
}

static int both_ways_of_wiping(const void *arg)
{
    (void)arg;
    refuse_call(SYS_madvise, 2, MADV_WIPEONFORK, EINVAL);
    refuse_call(SYS_madvise, 2, MADV_DONTFORK, EINVAL);
    refuse_call(SYS_madvise, 2, MADV_GUARD_INSTALL, EINVAL);
    refuse_call(SYS_mprotect, 2, PROT_NONE, EPERM);
    WANT(state_of("wipe-on-fork") == HF_CAPABILITY_ABSENT && state_of("guard-pages") == HF_CAPABILITY_ABSENT);
    return 0;
}

static void what_has_no_second_way_is_absent(void **state)
{
    (void)state;
    SKIP_IF(TEST_SANITIZED, "skipped: sanitizers make these calls themselves");
    assert_passes(both_ways_of_wiping, NULL);
}

/* ---- the backing, and limits ---- */

static int backing(const void *arg)
{
    (void)arg;
    hf_capability_state best = state_of("memfd-secret");
    WANT(state_of("locked-memory") == (best == HF_CAPABILITY_ACTIVE ? HF_CAPABILITY_ACTIVE : HF_CAPABILITY_DEGRADED));
    refuse_call(SYS_memfd_secret, -1, 0, ENOSYS);
    hf_capability c = look("locked-memory");
    WANT(c.state == HF_CAPABILITY_DEGRADED && strstr(c.why, "root can read") != NULL &&
         strstr(c.remedy, "secretmem.enable=1") != NULL);
    refuse_call(SYS_mlock2, -1, 0, EPERM);
    WANT(state_of("locked-memory") == HF_CAPABILITY_ABSENT);
    return 0;
}

static int no_limit_left(const void *arg)
{
    (void)arg;
    set_limit(RLIMIT_MEMLOCK, 0, 0);
    become_nobody();
    WANT(state_of("mlock") == HF_CAPABILITY_ABSENT && state_of("memfd-secret") == HF_CAPABILITY_ABSENT);
    WANT(state_of("locked-memory") == HF_CAPABILITY_ABSENT && state_of("lock-limit") == HF_CAPABILITY_ABSENT);
    WANT(strstr(look("mlock").why, "RLIMIT_MEMLOCK") != NULL);
    return 0;
}

static int some_limit(const void *arg)
{
    (void)arg;
    become_nobody();
    set_limit(RLIMIT_MEMLOCK, 65536, 65536);
    WANT(state_of("mlock") == HF_CAPABILITY_ACTIVE && state_of("lock-limit") == HF_CAPABILITY_DEGRADED);
    return 0;
}

static int rights(const void *arg)
{
    (void)arg;
    if (geteuid() == 0) {
        WANT(state_of("lock-limit") == HF_CAPABILITY_ACTIVE && state_of("no-capabilities") == HF_CAPABILITY_DEGRADED);
        become_nobody();
    }
    WANT(state_of("no-capabilities") == HF_CAPABILITY_ACTIVE);
    return 0;
}

static void limits_and_backings_show(void **state)
{
    (void)state;
    SKIP_IF(TEST_SANITIZED, "skipped: sanitizers make these calls themselves");
    assert_passes(backing, NULL);
    assert_passes(no_limit_left, NULL);
    assert_passes(some_limit, NULL);
    assert_passes(rights, NULL);
}

/* ---- what the process has done ---- */

static int settings(const void *arg)
{
    (void)arg;
    struct rlimit core;

    become_nobody();
    WANT(prctl(PR_SET_DUMPABLE, 1) == 0 && getrlimit(RLIMIT_CORE, &core) == 0);
    if (core.rlim_max != 0) {
        set_limit(RLIMIT_CORE, core.rlim_max, core.rlim_max);
        WANT(state_of("no-core") == HF_CAPABILITY_ABSENT);
        set_limit(RLIMIT_CORE, 0, core.rlim_max);
        WANT(state_of("no-core") == HF_CAPABILITY_DEGRADED);
    }
    WANT(state_of("not-dumpable") == HF_CAPABILITY_ABSENT && state_of("no-new-privs") == HF_CAPABILITY_ABSENT);
    WANT(state_of("no-new-code") == HF_CAPABILITY_ABSENT && state_of("seccomp") == HF_CAPABILITY_ABSENT);
    const hf_harden_spec spec = { .steps = HF_HARDEN_DEFAULT | HF_HARDEN_NO_NEW_CODE, .strict = true };
    WANT(hf_harden_process(&spec, NULL) == HF_OK);
    WANT(state_of("no-core") == HF_CAPABILITY_ACTIVE && state_of("not-dumpable") == HF_CAPABILITY_ACTIVE);
    WANT(state_of("no-new-privs") == HF_CAPABILITY_ACTIVE && state_of("no-new-code") == HF_CAPABILITY_ACTIVE);
    WANT(state_of("no-merging") == HF_CAPABILITY_ACTIVE);
    return 0;
}

static int merged(const void *arg)
{
    (void)arg;
    if (prctl(67 /* PR_SET_MEMORY_MERGE */, 1, 0, 0, 0) != 0) {
        fprintf(stderr, "# not tried: this kernel has no KSM for whole processes\n");
        return 0;
    }
    WANT(state_of("no-merging") == HF_CAPABILITY_ABSENT);
    WANT(hf_harden_process(NULL, NULL) == HF_OK && state_of("no-merging") == HF_CAPABILITY_ACTIVE);
    return 0;
}

static int traced(const void *arg)
{
    (void)arg;
    if (state_of("not-traced") != HF_CAPABILITY_ACTIVE) {
        fprintf(stderr, "# not tried: the test itself is traced\n");
        return 0;
    }
    WANT(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 && state_of("not-traced") == HF_CAPABILITY_ABSENT);
    return 0;
}

static void settings_show(void **state)
{
    (void)state;
    assert_passes(settings, NULL);
    if (!TEST_SANITIZED) /* the kernel walks all address space to take it back, and a sanitizer has terabytes */
        assert_passes(merged, NULL);
    assert_passes(traced, NULL);
}

/* ---- strict ---- */

static int require_defaults(const void *arg)
{
    hf_harden_why why = { "" };

    if (arg != NULL)
        become_nobody();
    WANT(prctl(PR_SET_DUMPABLE, 1) == 0);
    bool best = state_of("locked-memory") == HF_CAPABILITY_ACTIVE;
    struct rlimit core;
    WANT(getrlimit(RLIMIT_CORE, &core) == 0);
    set_limit(RLIMIT_CORE, 0, 0);
    WANT(hf_capabilities_require(NULL, 0, &why) == HF_ERR_PROTECTION);
    WANT(!best || strcmp(why.text, "not-dumpable is absent: processes of the same user can read this one's memory; "
                                   "to have it: hf_harden_process") == 0);
    WANT(hf_harden_process(NULL, NULL) == HF_OK);
    hf_err e = hf_capabilities_require(NULL, 0, &why);
    WANT(best ? e == HF_OK : e == HF_ERR_PROTECTION && strstr(why.text, "locked-memory is degraded: ") == why.text);
    if (!TEST_SANITIZED) {
        refuse_call(SYS_memfd_secret, -1, 0, ENOSYS);
        WANT(hf_capabilities_require(NULL, 0, &why) == HF_ERR_PROTECTION);
        WANT(strstr(why.text, "locked-memory is degraded: ") == why.text);
    }
    WANT(hf_capabilities_require(NULL, 0, NULL) == (TEST_SANITIZED && best ? HF_OK : HF_ERR_PROTECTION));
    return 0;
}

static int require_named(const void *arg)
{
    static const char *const wanted[] = { "secure-random", "no-core", "no-new-privs" };
    static const char *const unknown[] = { "secure-random", "no-gravity" };
    hf_harden_why why = { "" };

    (void)arg;
    set_limit(RLIMIT_CORE, 0, 0);
    WANT(hf_process_not_dumpable());
    WANT(hf_capabilities_require(wanted, 2, &why) == HF_OK && why.text[0] == '\0');
    WANT(hf_capabilities_require(wanted, 3, &why) == HF_ERR_PROTECTION &&
         strstr(why.text, "no-new-privs is absent: ") == why.text);
    WANT(hf_capabilities_require(unknown, 2, &why) == HF_ERR_NOT_FOUND);
    WANT(strcmp(why.text, "there is no protection named 'no-gravity'") == 0);
    return 0;
}

static void strict_names_the_first_that_is_missing(void **state)
{
    (void)state;
    assert_passes(require_defaults, NULL);
    assert_passes(require_defaults, "nobody");
    assert_passes(require_named, NULL);
}

/* ---- threads ---- */

static void *look_often(void *arg)
{
    hf_capability rows[HF_CAPABILITIES_MAX];
    hf_lock_budget b;

    for (int i = 0; i < 20; i++)
        if (hf_capabilities(rows, HF_COUNT(rows)) != HF_COUNT(names) || hf_harden_process(NULL, NULL) != HF_OK ||
            hf_lock_budget_get(&b) != HF_OK)
            return NULL;
    return arg;
}

static int from_threads(const void *arg)
{
    pthread_t thread[8];
    void *done;

    (void)arg;
    for (size_t i = 0; i < HF_COUNT(thread); i++)
        WANT(pthread_create(&thread[i], NULL, look_often, thread) == 0);
    for (size_t i = 0; i < HF_COUNT(thread); i++)
        WANT(pthread_join(thread[i], &done) == 0 && done == thread);
    return 0;
}

static void threads_may_look_at_once(void **state)
{
    (void)state;
    assert_passes(from_threads, NULL);
}

/* ---- where dumps go: only root may change that, so the kernel's answer is replaced ---- */

static const char *pretended_pattern;
hf_err __real_hf_process_text(const char *path, char *dst, size_t cap);
hf_err __wrap_hf_process_text(const char *path, char *dst, size_t cap);
hf_err __wrap_hf_process_text(const char *path, char *dst, size_t cap)
{
    if (pretended_pattern == NULL || strcmp(path, "/proc/sys/kernel/core_pattern") != 0)
        return __real_hf_process_text(path, dst, cap);
    snprintf(dst, cap, "%s", pretended_pattern);
    return HF_OK;
}

static int dumps_elsewhere(const void *arg)
{
    (void)arg;
    WANT(prctl(PR_SET_DUMPABLE, 1) == 0);
    set_limit(RLIMIT_CORE, 0, 0);
    pretended_pattern = "core.%p\n";
    WANT(state_of("no-core") == HF_CAPABILITY_ACTIVE);
    pretended_pattern = "|/usr/lib/handler %p\n";
    WANT(state_of("no-core") == HF_CAPABILITY_DEGRADED);
    pretended_pattern = "@/run/handler.socket\n";
    WANT(state_of("no-core") == HF_CAPABILITY_DEGRADED);
    WANT(prctl(PR_SET_DUMPABLE, 0) == 0 && state_of("no-core") == HF_CAPABILITY_ACTIVE);
    return 0;
}

static void handlers_of_dumps_count_whatever_the_limit(void **state)
{
    (void)state;
    assert_passes(dumps_elsewhere, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_its_name_and_says_why),
        cmocka_unit_test(looking_leaves_nothing_behind),
        cmocka_unit_test(what_a_filter_refuses_is_absent),
        cmocka_unit_test(what_has_no_second_way_is_absent),
        cmocka_unit_test(limits_and_backings_show),
        cmocka_unit_test(settings_show),
        cmocka_unit_test(strict_names_the_first_that_is_missing),
        cmocka_unit_test(threads_may_look_at_once),
        cmocka_unit_test(handlers_of_dumps_count_whatever_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
