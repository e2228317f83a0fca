/* What others can see of an arena: root with /proc, a forked child, an overrun, a dump of the mappings. */
#include "helper.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/user.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define MIB ((size_t)1 << 20)
#define NEEDLE 32
#define NOBODY 65534
#define SKIP_USER() SKIP_IF(geteuid() != 0, "skipped: needs root to look into another process")

static bool have_secretmem(void)
{
    int fd = (int)syscall(SYS_memfd_secret, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

#define SKIP_NO_SECRETMEM() SKIP_IF(!have_secretmem(), "skipped: this kernel has no memfd_secret")

/* ---- the helper side ---- */

static void deny_memfd_secret(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_secret, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { HF_COUNT(code), code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        exit(125);
}

static void become_nobody(void)
{
    const struct rlimit eight = { 8 * MIB, 8 * MIB };
    if (setrlimit(RLIMIT_MEMLOCK, &eight) != 0 || (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0))
        exit(125);
}

/* Letters: n nobody, s memfd_secret demanded, l no memfd_secret, b big. Answers "ERR BACKING why". */
static int report_main(const char *how)
{
    if (strchr(how, 'l') != NULL)
        deny_memfd_secret();
    if (strchr(how, 'n') != NULL)
        become_nobody();
    const hf_arena_spec spec = { strchr(how, 'b') != NULL ? 8 * MIB + 4096 : 8 * MIB,
                                 strchr(how, 's') != NULL   ? HF_BACKING_MEMFD_SECRET
                                 : strchr(how, 'm') != NULL ? HF_BACKING_MALLOC
                                                            : HF_BACKING_MLOCK };
    hf_arena *a = NULL;
    const char *why = "";
    hf_err e = hf_arena_create(&spec, &a, &why);
    if (e != HF_OK)
        printf("%d - %s\n", (int)e, why);
    else
        printf("0 %s %s\n", hf_backing_name(hf_arena_backing(a)), hf_arena_backing_why(a));
    return 0;
}

/* The needles go from the kernel to their place and from there to the pipe: nowhere else in this process. */
static int plant_main(const char *how)
{
    if (strchr(how, 'l') != NULL)
        deny_memfd_secret();
    if (strchr(how, 'n') != NULL)
        become_nobody();
    hf_arena *a = arena_of(4 * MIB, HF_BACKING_MLOCK);
    void *secret = hf_arena_alloc(a, 1000);
    void *control = malloc(1000);
    if (getrandom(secret, NEEDLE, 0) != NEEDLE || getrandom(control, NEEDLE, 0) != NEEDLE)
        return 1;
    if (write(1, secret, NEEDLE) != NEEDLE || write(1, control, NEEDLE) != NEEDLE)
        return 1;
    uint8_t b = (uint8_t)hf_arena_backing(a);
    char wait;
    if (write(1, &b, 1) != 1 || read(0, &wait, 1) < 0)
        return 1;
    free(control);
    hf_arena_free(a, secret);
    return 0;
}

static int fork_main(const char *how)
{
    if (strchr(how, 'l') != NULL)
        deny_memfd_secret();
    hf_arena *a = arena_of(MIB, HF_BACKING_MLOCK);
    volatile uint8_t *p = hf_arena_alloc(a, 16);
    *p = 77;
    pid_t pid = fork();
    if (pid == 0)
        _exit(*p);
    int status = 0;
    (void)waitpid(pid, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV ? 40 : WEXITSTATUS(status);
}

static int overrun_main(const char *how)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
    hf_arena *a = arena_of(MIB, HF_BACKING_MLOCK);
    void *stack = NULL;
    if (hf_arena_stack(a, 65536, &stack) != HF_OK)
        return 1;
    volatile uint8_t *p = strcmp(how, "stack") == 0 ? stack : hf_arena_alloc(a, 16);
    if (strcmp(how, "stack") == 0) {
        p[0] = 1;
        p[65535] = 1;
        p[-1] = 1;
        return 0;
    }
    while (hf_arena_owns(a, (const void *)p))
        p += strcmp(how, "high") == 0 ? 4096 : -4096;
    *p = 1;
    return 0;
}

/* A tracer looks at the moment of exit, so the arena must be one that a tracer can read. */
static int exhaust_main(const char *how)
{
    (void)how;
    deny_memfd_secret();
    hf_arena *a = arena_of(MIB, HF_BACKING_MLOCK);
    void *secret = hf_arena_alloc(a, 100);
    if (getrandom(secret, NEEDLE, 0) != NEEDLE || write(1, secret, NEEDLE) != NEEDLE)
        return 1;
    char wait;
    if (read(0, &wait, 1) < 0)
        return 1;
    for (;;)
        (void)hf_arena_alloc(a, 5000);
}

/*
 * What a child may do with the arena of its parent, and what ends it: "alloc" and "realloc" are lines on stderr and
 * abort.
 */
static int child_main(const char *how)
{
    hf_arena *a = arena_of(MIB, HF_BACKING_MALLOC);
    hf_arena_free(a, hf_arena_alloc(a, 32)); /* one waits in the cache */
    uint8_t *p = hf_arena_alloc(a, 32);
    memset(p, 7, 32);
    pid_t pid = strchr(how, 'r') == NULL ? fork() : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        void *low = NULL;
        bool none = hf_arena_try_alloc(a, 32) == NULL && hf_arena_try_alloc(a, 50000) == NULL &&
                    hf_arena_stack(a, 16384, &low) == HF_ERR_FORKED && low == NULL;
        hf_arena_free(a, p);
        hf_arena_free(a, p);
        hf_arena_wipe_all(a);
        if (none && strchr(how, 'a') != NULL)
            (void)hf_arena_alloc(a, 32);
        if (none && strchr(how, 'm') != NULL)
            (void)hf_arena_realloc(a, p, 3000);
        _exit(none ? 0 : 1);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || p[31] != 7)
        return 9;
    hf_arena_free(a, p);
    return WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int helper_main(const char *mode, const char *arg)
{
    static const struct {
        const char *mode;
        int (*run)(const char *);
    } modes[] = { { "report", report_main }, { "plant", plant_main },     { "fork", fork_main },
                  { "child", child_main },   { "overrun", overrun_main }, { "exhaust", exhaust_main } };
    for (size_t i = 0; i < HF_COUNT(modes); i++)
        if (strcmp(modes[i].mode, mode) == 0) {
            int code = modes[i].run(arg);
            fflush(stdout);
            return code;
        }
    return 124;
}

/* ---- the observer's side ---- */

static void read_exactly(int fd, void *dst, size_t n)
{
    for (size_t got = 0; got < n;) {
        ssize_t r = read(fd, (uint8_t *)dst + got, n - got);
        assert_true(r > 0);
        got += (size_t)r;
    }
}

static unsigned count_in(const uint8_t *hay, size_t len, const uint8_t *needle)
{
    unsigned hits = 0;
    for (const uint8_t *p = hay; (p = memmem(p, len - (size_t)(p - hay), needle, NEEDLE)) != NULL; p++)
        hits++;
    return hits;
}

/* How often the needle lies in what /proc/PID/mem gives, page by page over all mappings. */
static unsigned scan(pid_t pid, const uint8_t *needle)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "re");
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int mem = open(path, O_RDONLY | O_CLOEXEC);
    assert_non_null(maps);
    assert_true(mem >= 0);
    unsigned hits = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long start, end;
        uint8_t page[4096];
        assert_int_equal(sscanf(line, "%lx-%lx", &start, &end), 2);
        for (; start < end; start += sizeof page)
            if (pread(mem, page, sizeof page, (off_t)start) == (ssize_t)sizeof page)
                hits += count_in(page, sizeof page, needle);
    }
    fclose(maps);
    close(mem);
    return hits;
}

static void scan_case(const char *how, hf_backing wanted, unsigned wanted_hits)
{
    helper h = helper_start("plant", how);
    uint8_t secret[NEEDLE], control[NEEDLE], backing;
    read_exactly(h.in, secret, NEEDLE);
    read_exactly(h.in, control, NEEDLE);
    read_exactly(h.in, &backing, 1);
    assert_int_equal(backing, wanted);
    assert_true(scan(h.pid, control) >= 1); /* else the scan would prove nothing */
    if (wanted_hits == 0)
        assert_int_equal(scan(h.pid, secret), 0);
    else
        assert_true(scan(h.pid, secret) >= wanted_hits);
    assert_exit(helper_end(&h), 0);
}

static void root_cannot_read_memfd_secret(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    SKIP_USER();
    SKIP_NO_SECRETMEM();
    scan_case("r", HF_BACKING_MEMFD_SECRET, 0);
    scan_case("n", HF_BACKING_MEMFD_SECRET, 0); /* an ordinary user's arena within 8 MiB */
}

static void root_can_read_mlock_and_we_say_so(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    SKIP_USER();
    scan_case("l", HF_BACKING_MLOCK, 1);
    scan_case("ln", HF_BACKING_MLOCK, 1);
}

static void report_of(const char *how, char *line, size_t cap)
{
    helper h = helper_start("report", how);
    size_t len = 0;
    for (ssize_t n; len < cap - 1 && (n = read(h.in, line + len, cap - 1 - len)) > 0;)
        len += (size_t)n;
    line[len] = '\0';
    assert_exit(helper_end(&h), 0);
}

static void assert_report(const char *how, const char *start, const char *part)
{
    char line[256];
    report_of(how, line, sizeof line);
    if (strncmp(line, start, strlen(start)) != 0 || strstr(line, part) == NULL)
        fail_msg("%s: wanted '%s...%s', got '%s'", how, start, part, line);
}

static void backing_is_reported_truthfully(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_NO_SECRETMEM();
    char refused[8];
    snprintf(refused, sizeof refused, "%d -", (int)HF_ERR_LOCKED_MEMORY);
    assert_report("s", "0 memfd_secret", "");
    assert_report("l", "0 mlock", "memfd_secret");
    assert_report("ls", refused, "memfd_secret");
}

static void memlock_limit_binds_ordinary_users(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_NO_SECRETMEM();
    char refused[8];
    snprintf(refused, sizeof refused, "%d -", (int)HF_ERR_LOCKED_MEMORY);
    assert_report("ns", "0 memfd_secret", ""); /* all of 8 MiB: the guards do not count */
    assert_report("nsb", refused, "LimitMEMLOCK=");
    assert_report("nb", refused, "LimitMEMLOCK=");
    assert_report("nbm", "0 malloc", "LimitMEMLOCK=");
    assert_report("nlb", refused, "LimitMEMLOCK=");
    assert_report("nl", "0 mlock", "memfd_secret");
}

static void a_forked_child_sees_nothing(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    SKIP_NO_SECRETMEM();
    assert_exit(helper_run("fork", "s"), 40);
    assert_exit(helper_run("fork", "l"), 0);
}

static void guards_stop_overruns(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    assert_signal(helper_run("overrun", "low"), SIGSEGV);
    assert_signal(helper_run("overrun", "high"), SIGSEGV);
    assert_signal(helper_run("overrun", "stack"), SIGSEGV);
}

static void exhaustion_wipes_first(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    SKIP_USER();
    helper h = helper_start("exhaust", "");
    uint8_t needle[NEEDLE];
    read_exactly(h.in, needle, NEEDLE);
    assert_true(scan(h.pid, needle) >= 1);
    assert_int_equal(ptrace(PTRACE_SEIZE, h.pid, NULL, PTRACE_O_TRACEEXIT), 0);
    close(h.out);
    int status = 0;
    assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
    assert_int_equal(status >> 8, SIGTRAP | (PTRACE_EVENT_EXIT << 8));
    assert_int_equal(scan(h.pid, needle), 0);
    assert_int_equal(ptrace(PTRACE_CONT, h.pid, NULL, NULL), 0);
    assert_exit(helper_end(&h), 71);
}

static void no_descriptor_stays_open(void **state)
{
    (void)state;
    (void)arena_of(MIB, HF_BACKING_MALLOC);
    for (int fd = 0; fd < 256; fd++) {
        char path[64], target[256];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n < 0)
            continue;
        target[n] = '\0';
        assert_null(strstr(target, "secretmem"));
    }
}

static void sealed_mappings_stay(void **state)
{
    (void)state;
    hf_arena *a = arena_of(MIB, HF_BACKING_MALLOC);
    void *low = NULL;
    assert_int_equal(hf_arena_stack(a, 16384, &low), HF_OK);
    SKIP_IF(!hf_arena_seal(a), "skipped: this kernel has no mseal");
    assert_int_equal(mprotect(low, 4096, PROT_READ), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(munmap(low, 4096), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(mprotect((uint8_t *)low - 4096, 4096, PROT_READ | PROT_WRITE), -1); /* the guard too */
    assert_int_equal(hf_arena_stack(a, 16384, &low), HF_ERR_BOUNDS);
    hf_arena_free(a, hf_arena_alloc(a, 1000));
}

static hf_arena *stack_arena;
static _Atomic int stack_seen;

static void *on_a_stack(void *unused)
{
    (void)unused;
    volatile uint8_t local[4096];
    local[0] = 1;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    int seen = hf_arena_owns(stack_arena, (const void *)here) ? 1 : 2;
    uint8_t *block = hf_arena_alloc(stack_arena, 100);
    block[0] = 9;
    hf_arena_wipe_all(stack_arena); /* spares this very stack */
    stack_seen = block[0] == 0 && local[0] == 1 ? seen : 3;
    return NULL;
}

static void threads_run_on_arena_stacks(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    stack_arena = arena_of(MIB, HF_BACKING_MALLOC);
    void *low = NULL;
    assert_int_equal(hf_arena_stack(stack_arena, 65536, &low), HF_OK);
    assert_true(hf_arena_used(stack_arena) >= 65536);
    pthread_attr_t attr;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstack(&attr, low, 65536), 0);
    assert_int_equal(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    assert_int_equal(pthread_create(&thread, &attr, on_a_stack, NULL), 0);
    for (int i = 0; i < 5000 && stack_seen == 0; i++)
        usleep(1000);
    assert_int_equal(stack_seen, 1);
}

static void stacks_have_bounds(void **state)
{
    (void)state;
    hf_arena *a = arena_of(MIB, HF_BACKING_MALLOC);
    void *low = NULL;
    assert_int_equal(hf_arena_stack(a, 0, &low), HF_ERR_BOUNDS);
    assert_int_equal(hf_arena_stack(a, 2 * MIB, &low), HF_ERR_BOUNDS);
    assert_int_equal(hf_arena_stack(a, MIB, &low), HF_ERR_LOCKED_MEMORY);
    assert_null(low);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(hf_arena_stack(a, 16384, &low), HF_OK);
        memset(low, 1, 16384);
    }
}

static void a_child_has_no_arena(void **state)
{
    (void)state;
    static const char *const fine[] = { "-", "r" }, *const ends[] = { "a", "m", "ra", "rm" };
    for (size_t i = 0; i < HF_COUNT(fine); i++)
        assert_exit(helper_run("child", fine[i]), 0);
    for (size_t i = 0; i < HF_COUNT(ends); i++)
        assert_exit(helper_run("child", ends[i]), 100 + SIGABRT);
}

static void wipe_all_clears_blocks_and_stacks(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    hf_arena *a = arena_of(MIB, HF_BACKING_MALLOC);
    void *low = NULL;
    assert_int_equal(hf_arena_stack(a, 16384, &low), HF_OK);
    uint8_t *small = memset(hf_arena_alloc(a, 50), 1, 50);
    uint8_t *large = memset(hf_arena_alloc(a, 50000), 1, 50000);
    memset(low, 1, 16384);
    hf_arena_wipe_all(a);
    for (size_t i = 0; i < 50000; i++)
        assert_int_equal(large[i] | small[i % 50] | ((uint8_t *)low)[i % 16384], 0);
}

static void sizes_have_bounds(void **state)
{
    (void)state;
    hf_arena *a = NULL;
    const char *why = NULL;
    assert_int_equal(hf_arena_create(&(hf_arena_spec) { 0, HF_BACKING_MALLOC }, &a, &why), HF_ERR_BOUNDS);
    assert_non_null(why);
    assert_int_equal(hf_arena_create(&(hf_arena_spec) { SIZE_MAX, HF_BACKING_MALLOC }, &a, &why), HF_ERR_BOUNDS);
    assert_null(a);
    assert_int_equal(hf_arena_create(&(hf_arena_spec) { 1, HF_BACKING_MALLOC }, &a, &why), HF_OK);
    assert_string_equal(why, hf_arena_backing_why(a));
    assert_int_equal(why[0] == '\0', hf_arena_backing(a) == HF_BACKING_MEMFD_SECRET);
    assert_int_equal(hf_arena_capacity(a), 4096);
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return helper_main(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_cannot_read_memfd_secret),
        cmocka_unit_test(root_can_read_mlock_and_we_say_so),
        cmocka_unit_test(backing_is_reported_truthfully),
        cmocka_unit_test(memlock_limit_binds_ordinary_users),
        cmocka_unit_test(a_forked_child_sees_nothing),
        cmocka_unit_test(a_child_has_no_arena),
        cmocka_unit_test(guards_stop_overruns),
        cmocka_unit_test(exhaustion_wipes_first),
        cmocka_unit_test(no_descriptor_stays_open),
        cmocka_unit_test(sealed_mappings_stay),
        cmocka_unit_test(threads_run_on_arena_stacks),
        cmocka_unit_test(stacks_have_bounds),
        cmocka_unit_test(wipe_all_clears_blocks_and_stacks),
        cmocka_unit_test(sizes_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
