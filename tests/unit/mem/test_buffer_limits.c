/*
 * Guarded buffers against the limits of the system: locked memory, maps, refusals of the kernel; and what the kernel
 * says of their pages.
 */
#include "mem/maps.h"
#include "outside.h"

/* ---- allocations that fail ---- */

static size_t fail_at; /* from this call to calloc on, all fail; 0: none does */
static bool failed;

extern void *__libc_calloc(size_t n, size_t size);

/* Takes the place of libc's for the whole program. */
void *calloc(size_t n, size_t size)
{
    failed |= fail_at == 1;
    if (fail_at == 1)
        return NULL;
    fail_at -= fail_at > 0;
    return __libc_calloc(n, size);
}

static hf_err try_new(size_t bytes, hf_access at_rest, hf_backing strongest, hf_backing weakest, hf_buffer **ret,
                      const char **why)
{
    const hf_buffer_spec spec = { .bytes = bytes, .weakest = weakest, .at_rest = at_rest, .strongest = strongest };
    return hf_buffer_new(&spec, ret, why);
}

static hf_buffer *buffer_of(size_t bytes, hf_access at_rest, hf_backing backing)
{
    hf_buffer *b = NULL;
    const char *why = NULL;
    if (try_new(bytes, at_rest, backing, TEST_SANITIZED ? HF_BACKING_MALLOC : backing, &b, &why) != HF_OK) {
        fprintf(stderr, "no buffer: %s\n", why);
        exit(125);
    }
    return b;
}

static hf_backing backing_of(const char *arg)
{
    return arg[0] == 's' ? HF_BACKING_MEMFD_SECRET : HF_BACKING_MLOCK;
}

/* ---- helpers ---- */

#define FAIL(...) \
    do { \
        printf(__VA_ARGS__); \
        return 1; \
    } while (0)

static size_t filler_count;

/* Until the kernel gives no more maps. */
static void use_up_maps(void)
{
    for (;; filler_count++) {
        int rights = filler_count % 2 == 0 ? PROT_READ : PROT_NONE;
        if (mmap(NULL, PAGE, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
            return;
    }
}

static bool refused(hf_err e)
{
    return e == HF_ERR_LOCKED_MEMORY;
}

/* At the limit of maps: opening may fail and says so; closing and freeing do not. */
static int maps_main(const char *arg)
{
    hf_backing backing = backing_of(arg);
    hf_buffer *apart = buffer_of(32, HF_ACCESS_NONE, backing), *open = buffer_of(32, HF_ACCESS_NONE, backing);
    hf_buffer *closed = buffer_of(32, HF_ACCESS_NONE, backing), *frozen = buffer_of(32, HF_ACCESS_READ_WRITE, backing);
    hf_buffer *melted = buffer_of(32, HF_ACCESS_READ_WRITE, backing),
              *large = buffer_of(100000, HF_ACCESS_NONE, backing);
    void *p = NULL, *q = NULL;
    if (hf_buffer_open(apart, HF_ACCESS_READ, &p) != HF_OK || hf_buffer_set_at_rest(frozen, HF_ACCESS_READ) != HF_OK)
        FAIL("not ready\n");
    hf_buffer_close(apart);
    if (hf_buffer_open(open, HF_ACCESS_READ, &p) != HF_OK)
        FAIL("not open\n");
    hf_buffer_free(buffer_of(32, HF_ACCESS_NONE, backing)); /* an idle place */
    use_up_maps();
    if (!refused(hf_buffer_open(closed, HF_ACCESS_READ, &q)) || readable(hf_buffer_bytes(closed)))
        FAIL("opened without a map\n");
    hf_buffer_close(open);
    if (readable(p))
        FAIL("not closed\n");
    use_up_maps();
    hf_buffer_free(closed); /* opens it to wipe it, by the reserve */
    (void)hf_maps_spend();
    use_up_maps();
    hf_buffer *const own[] = { apart, large, frozen };
    for (size_t i = 0; i < HF_COUNT(own); i++) {
        if (hf_buffer_open(own[i], HF_ACCESS_READ_WRITE, &p) != HF_OK || !writable(p))
            FAIL("%zu did not open\n", i);
        use_up_maps(); /* what opening may have given back */
        hf_buffer_close(own[i]);
        if (writable(p))
            FAIL("%zu did not close\n", i);
    }
    const char *why = "";
    hf_buffer *more = NULL;
    if (!refused(try_new(32, HF_ACCESS_NONE, backing, backing, &more, &why)) || strstr(why, "max_map_count") == NULL)
        FAIL("a new one: %s\n", why);
    if (backing == HF_BACKING_MLOCK &&
        (!refused(hf_buffer_set_at_rest(melted, HF_ACCESS_READ)) || !writable(hf_buffer_bytes(melted))))
        FAIL("froze without a map\n");
    hf_buffer *const rest[] = { apart, open, frozen, melted, large };
    for (size_t i = 0; i < HF_COUNT(rest); i++)
        hf_buffer_free(rest[i]);
    return filler_count > 1000 ? 40 : 2;
}

/* An ordinary user with 1 MiB: how many live, and what is said then. */
static int user_main(const char *arg)
{
    static hf_buffer *b[1000];
    size_t n = 0;
    const char *why = "";
    if (arg[1] == 'd')
        deny_memfd_secret();
    limit_locked(MIB);
    become_nobody();
    hf_backing strongest = arg[1] == 'd' ? HF_BACKING_MEMFD_SECRET : backing_of(arg);
    hf_backing weakest = arg[0] == 's' ? HF_BACKING_MEMFD_SECRET : HF_BACKING_MLOCK;
    while (n < HF_COUNT(b) && try_new(32, HF_ACCESS_READ_WRITE, strongest, weakest, &b[n], &why) == HF_OK)
        n++;
    size_t locked = status_kb("VmLck:");
    if (locked < n * 8 || locked > 1024)
        FAIL("%zu kB locked with %zu buffers\n", locked, n);
    if (b[n] != NULL)
        FAIL("an output was touched\n");
    hf_buffer_free(b[n / 2]);
    const char *unused = NULL;
    if (try_new(4080, HF_ACCESS_READ_WRITE, strongest, weakest, &b[n / 2], &unused) != HF_OK)
        FAIL("a freed place is not used again\n");
    for (size_t i = 0; i < n; i++)
        hf_buffer_free(b[i]);
    for (size_t bytes = 50000; bytes <= 800000; bytes *= 4) { /* what the small ones locked serves larger ones */
        if (try_new(bytes, HF_ACCESS_NONE, strongest, weakest, &b[0], &unused) != HF_OK)
            FAIL("%zu bytes: %s\n", bytes, unused);
        hf_buffer_free(b[0]);
    }
    printf("%zu %s\n", n, why);
    return 0;
}

static hf_buffer *live[50000];

/* So many live, none of them unlocked; how many maps they cost. */
static int many_main(const char *arg)
{
    size_t wanted = strtoul(arg + 2, NULL, 10);
    hf_access at_rest = arg[1] == 'n' ? HF_ACCESS_NONE : HF_ACCESS_READ_WRITE;
    hf_buffer_free(buffer_of(32, at_rest, backing_of(arg)));
    size_t maps = count_maps(), locked = status_kb("VmLck:");
    for (size_t i = 0; i < wanted; i++) {
        live[i] = buffer_of(32, at_rest, backing_of(arg));
        if (hf_buffer_backing(live[i]) != backing_of(arg))
            FAIL("another backing\n");
        if (at_rest == HF_ACCESS_READ_WRITE)
            memcpy(hf_buffer_bytes(live[i]), &i, sizeof i);
    }
    locked = status_kb("VmLck:") - locked;
    if (locked < wanted * 4 || locked > wanted * 9 + 4096)
        FAIL("%zu kB are locked\n", locked);
    maps = count_maps() - maps;
    for (size_t i = 0; i < wanted; i++) {
        if (at_rest == HF_ACCESS_READ_WRITE && memcmp(hf_buffer_bytes(live[i]), &i, sizeof i) != 0)
            FAIL("%zu is not itself any more\n", i);
        if (i % 1000 == 0 && (hf_buffer_check(live[i]) != HF_OK || readable((uint8_t *)hf_buffer_bytes(live[i]) + 32)))
            FAIL("%zu is not whole\n", i);
    }
    printf("%zu\n", maps);
    return 0;
}

/* More than maps allow with memfd_secret: the best, then the next, and it is said. */
static int overflow_main(const char *arg)
{
    (void)arg;
    size_t n = 0;
    const char *why = "";
    while (n < HF_COUNT(live) && why[0] == '\0' &&
           try_new(32, HF_ACCESS_READ_WRITE, HF_BACKING_MEMFD_SECRET, HF_BACKING_MLOCK, &live[n], &why) == HF_OK)
        n++;
    if (n == 0 || hf_buffer_backing(live[n - 1]) != HF_BACKING_MLOCK || strstr(why, "max_map_count") == NULL)
        FAIL("%zu: %s\n", n, why);
    hf_buffer *strict = NULL;
    if (!refused(try_new(32, HF_ACCESS_READ_WRITE, HF_BACKING_MEMFD_SECRET, HF_BACKING_MEMFD_SECRET, &strict, &why)))
        FAIL("one more was had\n");
    if (mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
        FAIL("nothing is left for others\n");
    hf_buffer_free(live[0]); /* a place with memfd_secret: the next one gets it */
    if (try_new(32, HF_ACCESS_READ_WRITE, HF_BACKING_MEMFD_SECRET, HF_BACKING_MLOCK, &live[0], &why) != HF_OK ||
        hf_buffer_backing(live[0]) != HF_BACKING_MEMFD_SECRET || why[0] != '\0')
        FAIL("the best is free, but %s\n", why);
    printf("%zu\n", n - 1);
    return 0;
}

/* Where a secret lies that is unlocked soon. */
static int unlock_main(const char *arg)
{
    (void)arg;
    hf_buffer *b = buffer_of(100000, HF_ACCESS_NONE, HF_BACKING_MLOCK);
    void *p = NULL;
    if (hf_buffer_open(b, HF_ACCESS_READ_WRITE, &p) != HF_OK)
        return 1;
    memset(p, 0x5a, 100000);
    hf_buffer_close(b);
    printf("%zx\n", (size_t)p);
    wait_for_word();
    hf_buffer_free(b);
    return 0;
}

/* The kernel refuses one kind of call: an error with a sentence, or a buffer that is all it should be. */
static int refusal_main(const char *arg)
{
    for (unsigned rest = HF_ACCESS_NONE; rest <= HF_ACCESS_READ_WRITE; rest++)
        for (size_t bytes = 32; bytes <= 100000; bytes += 99968) {
            hf_buffer *b = NULL;
            const char *why = NULL;
            if (rest == HF_ACCESS_NONE && bytes == 32)
                filter_call((int)strtol(arg + 1, NULL, 10), SECCOMP_RET_ERRNO | EPERM);
            hf_err e = try_new(bytes, (hf_access)rest, backing_of(arg), HF_BACKING_MLOCK, &b, &why);
            bool said = strlen(why) > 20;
            if (e == HF_OK ? said != (hf_buffer_backing(b) != backing_of(arg)) : !said)
                FAIL("%s: %s\n", hf_err_name(e), why);
            if (e != HF_OK && e != HF_ERR_LOCKED_MEMORY && e != HF_ERR_SYSTEM)
                FAIL("%s\n", hf_err_name(e));
            if (e != HF_OK && b != NULL)
                FAIL("an output was touched\n");
            if (e == HF_OK)
                hf_buffer_free(b);
        }
    return 40;
}

/* A filter that came in while a scope was open: what cannot be closed does not stay open. */
static int stuck_main(const char *arg)
{
    hf_buffer *bystander = buffer_of(64, HF_ACCESS_READ_WRITE, HF_BACKING_MLOCK),
              *b = buffer_of(64, HF_ACCESS_NONE, HF_BACKING_MLOCK);
    void *p = NULL;
    memset(hf_buffer_bytes(bystander), 0x5a, 64);
    printf("%zx\n", (size_t)hf_buffer_bytes(bystander));
    wait_for_word();
    if (hf_buffer_open(b, HF_ACCESS_READ, &p) != HF_OK)
        return 1;
    filter_call(SYS_mprotect, SECCOMP_RET_ERRNO | EPERM);
    if (arg[0] == 'c')
        hf_buffer_close(b);
    return 0;
}

static const mode modes[] = { { "maps", maps_main },         { "user", user_main },     { "many", many_main },
                              { "overflow", overflow_main }, { "unlock", unlock_main }, { "refusal", refusal_main },
                              { "stuck", stuck_main } };

/* ---- what the kernel says ---- */

/* The VmFlags of the map that a byte lies in. */
static void flags_at(const void *p, char *dst, size_t cap)
{
    char line[512];
    bool inside = false;
    FILE *smaps = fopen("/proc/self/smaps", "re");
    assert_non_null(smaps);
    dst[0] = '\0';
    while (fgets(line, sizeof line, smaps) != NULL) {
        unsigned long low, high;
        if (sscanf(line, "%lx-%lx ", &low, &high) == 2)
            inside = (uintptr_t)p >= low && (uintptr_t)p < high;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(dst, cap, "%s", line + 8);
    }
    fclose(smaps);
}

static void assert_flags(const void *p, const char *const *wanted)
{
    char flags[512];
    flags_at(p, flags, sizeof flags);
    for (; *wanted != NULL; wanted++)
        if (strstr(flags, *wanted) == NULL)
            fail_msg("wanted%s among%s", *wanted, flags);
}

static void pages_are_locked_and_out_of_dumps_and_children(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_NO_SECRETMEM();
    static const char *const secret[] = { " lo", " dd", " dc", NULL }, *const locked[] = { " lo", " dd", " wf", NULL };
    static const size_t sizes[] = { 32, 5000, 60000, 100000 };
    for (unsigned rest = HF_ACCESS_NONE; rest <= HF_ACCESS_READ_WRITE; rest++)
        for (size_t i = 0; i < HF_COUNT(sizes); i++) {
            hf_buffer *s = buffer_of(sizes[i], (hf_access)rest, HF_BACKING_MEMFD_SECRET);
            hf_buffer *l = buffer_of(sizes[i], (hf_access)rest, HF_BACKING_MLOCK);
            void *p = NULL;
            for (int round = 0; round < 2; round++) { /* before the first scope, and inside one */
                assert_flags(hf_buffer_bytes(s), secret);
                assert_flags((uint8_t *)hf_buffer_bytes(s) + sizes[i] - 1, secret);
                assert_flags(hf_buffer_bytes(l), locked);
                assert_flags((uint8_t *)hf_buffer_bytes(l) + sizes[i] - 1, locked);
                assert_int_equal(hf_buffer_open(s, HF_ACCESS_READ, &p), HF_OK);
                assert_int_equal(hf_buffer_open(l, HF_ACCESS_READ, &p), HF_OK);
            }
            for (int round = 0; round < 2; round++) {
                hf_buffer_close(s);
                hf_buffer_close(l);
            }
            hf_buffer_free(s);
            hf_buffer_free(l);
        }
}

static void large_ones_are_charged_while_they_live(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    for (unsigned k = HF_BACKING_MEMFD_SECRET; k <= HF_BACKING_MLOCK; k++) {
        if (k == HF_BACKING_MEMFD_SECRET && !have_secretmem())
            continue;
        size_t before = status_kb("VmLck:");
        hf_buffer *b = buffer_of(MIB, HF_ACCESS_READ_WRITE, (hf_backing)k);
        assert_int_equal(status_kb("VmLck:") - before, 1024 + 4);
        hf_buffer_free(b);
        assert_int_equal(status_kb("VmLck:"), before);
    }
}

static size_t report(const char *mode_name, const char *arg, char *line, size_t cap)
{
    int status = run_and_read(mode_name, arg, line, cap);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s %s: wait status 0x%x, %s", mode_name, arg, (unsigned)status, line);
    return strtoul(line, NULL, 10);
}

static void an_ordinary_user_gets_what_the_limit_allows(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    static const char *const args[] = { "l.", "ld", "s." };
    for (size_t i = 0; i < HF_COUNT(args); i++) {
        char line[256];
        if (args[i][0] == 's' && !have_secretmem())
            continue;
        size_t n = report("user", args[i], line, sizeof line);
        assert_true(n >= 120 && n <= 128); /* of 8 KiB each; the last ones of a growth may not fit */
        assert_non_null(strstr(line, "RLIMIT_MEMLOCK"));
        assert_non_null(strstr(line, "LimitMEMLOCK="));
    }
}

static void fifty_thousand_live_without_maps(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    SKIP_USER();
    char line[256];
    assert_true(report("many", "lr50000", line, sizeof line) < 16);
    assert_true(report("many", "ln50000", line, sizeof line) < 16);
}

static void thirty_thousand_live_with_memfd_secret(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    SKIP_USER();
    SKIP_NO_SECRETMEM();
    char line[256];
    assert_true(report("overflow", "", line, sizeof line) >= 30000);
}

static void the_limit_of_maps_is_an_error_to_open_and_none_to_close(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    for (const char *arg = "ls"; *arg != '\0'; arg++) {
        char line[256];
        const char one[] = { *arg, '\0' };
        if (*arg == 's' && !have_secretmem())
            continue;
        int status = run_and_read("maps", one, line, sizeof line);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 40)
            fail_msg("%s: wait status 0x%x, %s", one, (unsigned)status, line);
    }
}

static void what_the_kernel_refuses_is_an_error(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    static const int calls[] = { SYS_memfd_secret, SYS_ftruncate, SYS_mlock2,    SYS_madvise,
                                 SYS_mprotect,     SYS_mmap,      SYS_getrandom, SYS_openat };
    for (size_t i = 0; i < 2 * HF_COUNT(calls); i++) {
        char arg[16], line[256];
        snprintf(arg, sizeof arg, "%c%d", i % 2 == 0 ? 's' : 'l', calls[i / 2]);
        int status = run_and_read("refusal", arg, line, sizeof line);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 40)
            fail_msg("%s: wait status 0x%x, %s", arg, (unsigned)status, line);
    }
}

static void failed_allocations_are_errors(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    unsigned failures = 0;
    for (unsigned rest = HF_ACCESS_NONE; rest <= HF_ACCESS_READ_WRITE; rest++)
        for (size_t bytes = 20000; bytes <= 70000; bytes += 50000)
            for (size_t k = 1;; k++) { /* kinds that no other test here uses, so that all has to be made */
                hf_buffer *b = NULL;
                const char *why = "";
                failed = false;
                fail_at = k;
                hf_err e = try_new(bytes, (hf_access)rest, HF_BACKING_MLOCK, HF_BACKING_MLOCK, &b, &why);
                fail_at = 0;
                if (e == HF_OK) {
                    assert_int_equal(hf_buffer_check(b), HF_OK);
                    hf_buffer_free(b);
                } else {
                    assert_true(failed && e == HF_ERR_LOCKED_MEMORY && b == NULL);
                    assert_non_null(strstr(why, "ordinary memory"));
                    failures++;
                }
                if (!failed)
                    break;
            }
    assert_true(failures >= 6);
}

/* ---- from outside ---- */

static void wiped_before_it_is_unlocked(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    SKIP_USER();
    static uint8_t bytes[100000];
    char line[64];
    helper h = helper_start("unlock", "");
    assert_true(read_line(h.in, line, sizeof line));
    uintptr_t at = strtoul(line, NULL, 16);
    assert_true(peek(h.pid, at, bytes, sizeof bytes));
    assert_int_equal(bytes[sizeof bytes - 1], 0x5a);
    assert_int_equal(ptrace(PTRACE_SEIZE, h.pid, NULL, PTRACE_O_TRACESYSGOOD), 0);
    assert_int_equal(ptrace(PTRACE_INTERRUPT, h.pid, NULL, NULL), 0);
    unsigned looked = 0;
    int status = 0;
    for (bool go = false;; go = true) {
        assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
        if (!WIFSTOPPED(status))
            break;
        struct __ptrace_syscall_info info = { 0 };
        if (WSTOPSIG(status) == (SIGTRAP | 0x80) && ptrace(PTRACE_GET_SYSCALL_INFO, h.pid, sizeof info, &info) > 0 &&
            info.op == PTRACE_SYSCALL_INFO_ENTRY && (info.entry.nr == SYS_munlock || info.entry.nr == SYS_munmap) &&
            info.entry.args[0] <= at && info.entry.args[0] + info.entry.args[1] >= at + sizeof bytes) {
            assert_true(peek(h.pid, at, bytes, sizeof bytes));
            assert_true(is_zero(bytes, sizeof bytes));
            looked++;
        }
        if (!go)
            close(h.out);
        assert_int_equal(ptrace(PTRACE_SYSCALL, h.pid, NULL, NULL), 0);
    }
    close(h.in);
    assert_exit(status, 0);
    assert_true(looked >= 1);
}

static void what_cannot_be_closed_ends_the_process_wiped(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    SKIP_USER();
    char line[64], said[512];
    uint8_t bytes[64];
    helper h = helper_start("stuck", "c");
    assert_true(read_line(h.in, line, sizeof line));
    uintptr_t at = strtoul(line, NULL, 16);
    assert_true(peek(h.pid, at, bytes, sizeof bytes));
    assert_int_equal(bytes[63], 0x5a);
    assert_int_equal(ptrace(PTRACE_SEIZE, h.pid, NULL, PTRACE_O_TRACEEXIT), 0);
    assert_int_equal(write(h.out, "g", 1), 1);
    for (int status = 0; status >> 16 != PTRACE_EVENT_EXIT;) {
        assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
        assert_true(WIFSTOPPED(status));
        bool event = status >> 16 != 0;
        if (status >> 16 == PTRACE_EVENT_EXIT)
            assert_true(peek(h.pid, at, bytes, sizeof bytes) && is_zero(bytes, sizeof bytes));
        assert_int_equal(ptrace(PTRACE_CONT, h.pid, NULL, event ? 0 : WSTOPSIG(status)), 0);
    }
    assert_signal(rest_and_end(&h, said, sizeof said), SIGABRT);
    assert_non_null(strstr(said, "refuses to take back"));
    assert_exit(run_and_read("stuck", "o", said, sizeof said), 0); /* nothing ends it but the close */
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return run_mode(modes, HF_COUNT(modes), argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_locked_and_out_of_dumps_and_children),
        cmocka_unit_test(large_ones_are_charged_while_they_live),
        cmocka_unit_test(an_ordinary_user_gets_what_the_limit_allows),
        cmocka_unit_test(fifty_thousand_live_without_maps),
        cmocka_unit_test(thirty_thousand_live_with_memfd_secret),
        cmocka_unit_test(the_limit_of_maps_is_an_error_to_open_and_none_to_close),
        cmocka_unit_test(what_the_kernel_refuses_is_an_error),
        cmocka_unit_test(failed_allocations_are_errors),
        cmocka_unit_test(wiped_before_it_is_unlocked),
        cmocka_unit_test(what_cannot_be_closed_ends_the_process_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
