/* Attacks from inside a sandbox, each first shown to work without it; and what /proc says about the process. */
#include "child.h"
#include <grp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define UID 61234
#define GID 61235
#define REFUSED 10
#define WORKED 11
#define OTHER 12

static const hf_syscall_rule few[] = { HF_RULES_BASE, HF_RULES_LOOP, HF_RULES_MESSAGES, HF_RULES_HEAP };

static hf_sandbox sandbox_of(const hf_syscall_rule *rules, size_t n)
{
    return (
        hf_sandbox) { .process = "test", .uid = UID, .gid = GID, .max_files = 32, .allowed = rules, .n_allowed = n };
}

static int enter(const hf_sandbox *s)
{
    hf_protections report = { .n = 0 };
    if (hf_sandbox_begin(-1, getppid(), &report) != HF_OK)
        return 1;
    return hf_sandbox_enter(s, false, &report) == HF_OK ? 0 : 2;
}

/* ---- attacks: 0 when they worked, else -1 with errno ---- */

static long try_socket(void)
{
    return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static long try_openat(void)
{
    return syscall(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY);
}

static long try_execve(void)
{
    char *const argv[] = { "true", NULL };
    char *const env[] = { NULL };
    return syscall(SYS_execve, "/bin/true", argv, env); /* exit code 0 shows that it worked */
}

static long try_fork(void)
{
    long pid = syscall(SYS_clone, (unsigned long)SIGCHLD, 0UL, NULL, NULL, 0UL);
    if (pid == 0)
        _exit(0);
    return pid;
}

static long try_ptrace(void)
{
    return syscall(SYS_ptrace, PTRACE_TRACEME, 0, NULL, NULL);
}

static long try_process_vm_readv(void)
{
    char from = 1, to = 0;
    struct iovec local = { &to, 1 }, remote = { &from, 1 };
    return syscall(SYS_process_vm_readv, getpid(), &local, 1UL, &remote, 1UL, 0UL);
}

static long try_mmap_exec(void)
{
    return syscall(SYS_mmap, NULL, 4096UL, (unsigned long)(PROT_READ | PROT_WRITE | PROT_EXEC),
                   (unsigned long)(MAP_PRIVATE | MAP_ANONYMOUS), -1L, 0L);
}

static long try_mprotect_exec(void)
{
    static _Alignas(4096) char page[4096];
    return syscall(SYS_mprotect, page, sizeof page, (unsigned long)(PROT_READ | PROT_EXEC));
}

static long try_kill(void)
{
    return syscall(SYS_kill, getppid(), 0);
}

static long try_prctl(void)
{
    return syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long try_memfd(void)
{
    return syscall(SYS_memfd_create, "x", 0);
}

static long try_setuid(void)
{
    return syscall(SYS_setuid, getuid());
}

static long try_pidfd_getfd(void)
{
    long pidfd = syscall(SYS_pidfd_open, getpid(), 0u);
    return pidfd < 0 ? pidfd : syscall(SYS_pidfd_getfd, pidfd, 0, 0u);
}

static const struct attack {
    const char *name;
    long (*run)(void);
} attacks[] = {
    { "socket", try_socket },
    { "openat", try_openat },
    { "execve", try_execve },
    { "fork", try_fork },
    { "ptrace", try_ptrace },
    { "process_vm_readv", try_process_vm_readv },
    { "mmap exec", try_mmap_exec },
    { "mprotect exec", try_mprotect_exec },
    { "kill", try_kill },
    { "prctl", try_prctl },
    { "memfd_create", try_memfd },
    { "setuid", try_setuid },
    { "pidfd_getfd", try_pidfd_getfd },
};

static int attack_freely(const void *arg)
{
    return ((const struct attack *)arg)->run() >= 0 ? WORKED : OTHER;
}

static int attack_confined(const void *arg)
{
    const hf_sandbox s = sandbox_of(few, HF_COUNT(few));
    int failed = enter(&s);
    if (failed != 0)
        return failed;
    if (((const struct attack *)arg)->run() >= 0)
        return WORKED;
    return errno == EPERM ? REFUSED : OTHER;
}

static void attacks_are_refused(void **state)
{
    (void)state;
    SKIP_IF(TEST_SANITIZED, "skipped: sanitizer builds have a wider filter");
    for (size_t i = 0; i < HF_COUNT(attacks); i++) {
        int freely = child_run(attack_freely, &attacks[i]);
        if (!WIFEXITED(freely) || (WEXITSTATUS(freely) != WORKED && WEXITSTATUS(freely) != 0))
            fail_msg("%s does not work even without the sandbox (0x%x)", attacks[i].name, (unsigned)freely);
        int confined = child_run(attack_confined, &attacks[i]);
        bool killed = WIFSIGNALED(confined) && WTERMSIG(confined) == SIGSYS;
        bool refused = WIFEXITED(confined) && WEXITSTATUS(confined) == REFUSED;
        print_message("# %s: %s\n", attacks[i].name, killed ? "SIGSYS" : refused ? "EPERM" : "NOT REFUSED");
        if (!killed && !refused)
            fail_msg("%s is not refused (0x%x)", attacks[i].name, (unsigned)confined);
    }
}

static int wrong_abi(const void *arg)
{
    const hf_sandbox s = sandbox_of(few, HF_COUNT(few));
    int failed = arg == NULL ? 0 : enter(&s);
    if (failed != 0)
        return failed;
#if defined(__x86_64__)
    return syscall(SYS_getpid | 0x40000000) > 0 ? WORKED : OTHER;
#else
    return OTHER;
#endif
}

static int wrong_arch(const void *arg)
{
    const hf_sandbox s = sandbox_of(few, HF_COUNT(few));
    int failed = arg == NULL ? 0 : enter(&s);
    if (failed != 0)
        return failed;
    long result = 39; /* mkdir of i386, but the allowed getpid of x86-64 */
#if defined(__x86_64__)
    __asm__ volatile("int $0x80" : "+a"(result) : "b"(0L), "c"(0L) : "memory", "r8", "r9", "r10", "r11");
#endif
    return result == -EFAULT ? WORKED : OTHER;
}

static void other_abis_are_killed(void **state)
{
    (void)state;
    int x32 = child_run(wrong_abi, "");
    assert_true(WIFSIGNALED(x32) && WTERMSIG(x32) == SIGSYS);
    int freely = child_run(wrong_arch, NULL);
    SKIP_IF(!WIFEXITED(freely) || WEXITSTATUS(freely) != WORKED, "skipped: no 32-bit system calls on this machine");
    int i386 = child_run(wrong_arch, "");
    assert_true(WIFSIGNALED(i386) && WTERMSIG(i386) == SIGSYS);
}

/* ---- what others see ---- */

typedef struct parked {
    pid_t pid;
    int hold; /* closing it lets the child end */
} parked;

static int hold_in, report_out;
static bool parked_with_thread;
static _Atomic int thread_runs;

static void *idle(void *unused)
{
    (void)unused;
    thread_runs = 1;
    for (;;)
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec) { 10, 0 }, NULL);
    return NULL;
}

static int park(const void *arg)
{
    hf_protections report = { .n = 0 };
    const hf_sandbox *s = arg;
    pthread_t thread;
    const gid_t groups[] = { 4, 20 };
    if (geteuid() == 0 && setgroups(2, groups) != 0)
        return 1;
    if (dup2(hold_in, 3) < 0 || dup2(report_out, 4) < 0)
        return 1;
    if (hf_sandbox_begin(5, getppid(), &report) != HF_OK)
        return 1;
    if (hf_sandbox_drop(s, false, &report) != HF_OK)
        return 2;
    if (parked_with_thread && pthread_create(&thread, NULL, idle, NULL) != 0)
        return 3;
    while (parked_with_thread && thread_runs == 0)
        ;
    if (hf_sandbox_filter(s, false, &report) != HF_OK)
        return 4;
    char c;
    if (write(4, &report, sizeof report) < 0)
        return 5;
    return read(3, &c, 1) == 0 ? 0 : 6;
}

static parked park_start(const hf_sandbox *s, hf_protections *ret_report)
{
    int hold[2], report[2];
    assert_int_equal(pipe2(hold, 0), 0);
    assert_int_equal(pipe2(report, 0), 0);
    hold_in = fcntl(hold[0], F_DUPFD, 100);
    report_out = fcntl(report[1], F_DUPFD, 100);
    parked p = { child_start(park, s), hold[1] };
    close(hold[0]);
    close(hold_in);
    close(report[1]);
    close(report_out);
    ssize_t n = read(report[0], ret_report, sizeof *ret_report);
    close(report[0]);
    if (n != (ssize_t)sizeof *ret_report)
        fail_msg("the child did not enter: 0x%x", (unsigned)child_wait(p.pid));
    return p;
}

static void park_end(parked *p)
{
    close(p->hold);
    assert_exit(child_wait(p->pid), 0);
}

static const hf_protection *row_of(const hf_protections *report, const char *name)
{
    for (size_t i = 0; i < report->n; i++)
        if (strcmp(report->row[i].name, name) == 0)
            return &report->row[i];
    fail_msg("the report has no row %s", name);
    return NULL;
}

static void read_text(const char *path, char *text, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    size_t len = 0;
    for (ssize_t n; len < cap - 1 && (n = read(fd, text + len, cap - 1 - len)) > 0;)
        len += (size_t)n;
    text[len] = '\0';
    close(fd);
}

static void assert_line(const char *text, const char *line)
{
    char wanted[128];
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (strstr(text, wanted) == NULL)
        fail_msg("no line '%s' in:\n%s", line, text);
}

static const char *const status_lines[] = {
    "Uid:\t61234\t61234\t61234\t61234",
    "Gid:\t61235\t61235\t61235\t61235",
    "Groups:\t ",
    "NoNewPrivs:\t1",
    "Seccomp:\t2",
    "CapInh:\t0000000000000000",
    "CapPrm:\t0000000000000000",
    "CapEff:\t0000000000000000",
    "CapBnd:\t0000000000000000",
    "CapAmb:\t0000000000000000",
};

static void assert_dropped(pid_t pid, pid_t tid)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", pid, tid);
    read_text(path, text, sizeof text);
    for (size_t i = 0; i < HF_COUNT(status_lines); i++)
        assert_line(text, status_lines[i]);
}

static unsigned count_descriptors(pid_t pid)
{
    unsigned n = 0;
    for (int fd = 0; fd < 1024; fd++) {
        char path[64];
        struct stat st;
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
        n += lstat(path, &st) == 0;
    }
    return n;
}

static void root_gives_up_everything(void **state)
{
    (void)state;
    SKIP_THREAD_SANITIZER();
    SKIP_IF(geteuid() != 0, "skipped: needs root to change the uid");
    const hf_sandbox s = sandbox_of(few, HF_COUNT(few));
    hf_protections report;
    int stray = fcntl(2, F_DUPFD, 50); /* must not be there in the sandbox */
    parked p = park_start(&s, &report);
    close(stray);
    assert_dropped(p.pid, p.pid);
    char path[64], ours[64], theirs[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/ns/net", p.pid);
    assert_true(readlink("/proc/self/ns/net", ours, sizeof ours) > 0);
    assert_true(readlink(path, theirs, sizeof theirs) > 0);
    assert_string_not_equal(ours, theirs);
    snprintf(path, sizeof path, "/proc/%d/limits", p.pid);
    read_text(path, text, sizeof text);
    assert_non_null(strstr(text, "Max core file size        0                    0 "));
    assert_non_null(strstr(text, "Max open files            32                   32 "));
    assert_non_null(strstr(text, "Max processes             0                    0 "));
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/status", p.pid);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 0); /* not dumpable: /proc files belong to root and not to the process's uid */
    assert_int_equal(count_descriptors(p.pid), 5);
    const char *const active[] = { "no-core",      "not-dumpable", "own-uid",    "no-capabilities",
                                   "no-new-privs", "landlock",     "empty-netns" };
    for (size_t i = 0; i < HF_COUNT(active); i++)
        assert_int_equal(row_of(&report, active[i])->state, HF_ACTIVE);
    assert_int_equal(row_of(&report, "seccomp")->state, TEST_SANITIZED ? HF_DEGRADED : HF_ACTIVE);
    park_end(&p);
}

static void threads_are_confined_too(void **state)
{
    (void)state;
    SKIP_THREAD_SANITIZER();
    SKIP_IF(geteuid() != 0, "skipped: needs root to change the uid");
    const hf_sandbox s = sandbox_of(few, HF_COUNT(few));
    hf_protections report;
    parked_with_thread = true;
    parked p = park_start(&s, &report);
    parked_with_thread = false;
    unsigned threads = 0;
    for (pid_t tid = p.pid; tid < p.pid + 50; tid++) {
        char path[64];
        struct stat st;
        snprintf(path, sizeof path, "/proc/%d/task/%d", p.pid, tid);
        if (stat(path, &st) != 0)
            continue;
        threads++;
        assert_dropped(p.pid, tid);
    }
    assert_true(threads >= 2);
    park_end(&p);
}

/* ---- an ordinary user ---- */

static int as_nobody(const void *strict)
{
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return 1;
    hf_protections report = { .n = 0 };
    hf_sandbox s = sandbox_of(few, HF_COUNT(few));
    if (hf_sandbox_begin(-1, getppid(), &report) != HF_OK)
        return 2;
    hf_err e = hf_sandbox_enter(&s, strict != NULL, &report);
    if (strict != NULL)
        return e == HF_ERR_PROTECTION ? 0 : 3;
    if (e != HF_OK)
        return 4;
    for (size_t i = 0; i < report.n; i++) {
        const hf_protection *r = &report.row[i];
        bool shared = strcmp(r->name, "own-uid") == 0 || strcmp(r->name, "empty-netns") == 0;
        bool wider = TEST_SANITIZED && strcmp(r->name, "seccomp") == 0;
        if (r->state != (shared || wider ? HF_DEGRADED : HF_ACTIVE) || (r->why[0] == '\0') == (shared || wider))
            return 5;
    }
    return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM ? 0 : 6;
}

static void ordinary_users_get_a_degraded_report(void **state)
{
    (void)state;
    SKIP_THREAD_SANITIZER();
    assert_exit(child_run(as_nobody, NULL), 0);
    assert_exit(child_run(as_nobody, "strict"), 0);
}

/* ---- threads, files, parents ---- */

static void *nothing(void *unused)
{
    return unused;
}

static int make_thread(const void *arg)
{
    static const hf_syscall_rule rules[] = { HF_RULES_BASE, HF_RULES_HEAP, HF_RULES_THREADS };
    hf_sandbox s = sandbox_of(rules, HF_COUNT(rules));
    s.allow_threads = true;
    int failed = enter(&s);
    if (failed != 0)
        return failed;
    pthread_t thread;
    if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return OTHER;
    return arg == NULL ? WORKED : try_fork() >= 0 ? OTHER : REFUSED;
}

static void thread_rules_allow_threads_only(void **state)
{
    (void)state;
    SKIP_IF(TEST_SANITIZED, "skipped: sanitizer builds have a wider filter");
    assert_exit(child_run(make_thread, NULL), WORKED);
    int status = child_run(make_thread, "fork");
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static char work_dir[] = "/tmp/hf-sandbox-XXXXXX";

/* Bits of the exit code: 1 a file in the folder can be made, 2 one outside can be read, 4 /proc can. */
static int use_files(const void *dirs)
{
    static const hf_syscall_rule rules[] = { HF_RULES_BASE, HF_RULES_HEAP, HF_RULES_FILES };
    hf_sandbox s = sandbox_of(rules, HF_COUNT(rules));
    s.landlock_dirs = dirs;
    s.n_landlock_dirs = dirs == NULL ? 0 : 1;
    s.uid = s.gid = 65534;
    int dir = open(work_dir, O_RDONLY | O_DIRECTORY);
    int failed = enter(&s);
    if (failed != 0 || dir < 0)
        return 64;
    int in = openat(dir, "made", O_CREAT | O_RDWR, 0600);
    int out = openat(AT_FDCWD, "/etc/passwd", O_RDONLY);
    int proc = openat(AT_FDCWD, "/proc/self/status", O_RDONLY);
    (void)unlinkat(dir, "made", 0);
    return (in >= 0 ? 1 : 0) | (out >= 0 ? 2 : 0) | (proc >= 0 ? 4 : 0);
}

static void landlock_confines_files(void **state)
{
    (void)state;
    SKIP_IF(syscall(SYS_landlock_create_ruleset, NULL, 0, 1) <= 0, "skipped: this kernel has no Landlock");
    assert_non_null(mkdtemp(work_dir));
    assert_int_equal(chmod(work_dir, 0777), 0);
    int dir = open(work_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_exit(child_run(use_files, &dir), 1);
    assert_exit(child_run(use_files, NULL), 0);
    close(dir);
    assert_int_equal(rmdir(work_dir), 0);
}

static int wrong_parent(const void *arg)
{
    (void)arg;
    hf_protections report = { .n = 0 };
    return hf_sandbox_begin(-1, getppid() + 1, &report) == HF_OK ? 55 : 56;
}

static int death_signal(const void *arg)
{
    hf_protections report = { .n = 0 };
    hf_sandbox s = sandbox_of(few, HF_COUNT(few));
    s.parent_death_signal = arg == NULL ? 0 : SIGTERM;
    int number = 0;
    if (hf_sandbox_begin(-1, getppid(), &report) != HF_OK || hf_sandbox_drop(&s, false, &report) != HF_OK)
        return 100;
    return prctl(PR_GET_PDEATHSIG, &number) == 0 ? number : 101;
}

static void processes_die_with_their_parent(void **state)
{
    (void)state;
    assert_exit(child_run(wrong_parent, NULL), 1);
    assert_exit(child_run(death_signal, NULL), SIGKILL); /* although the change of uid cleared it */
    assert_exit(child_run(death_signal, "TERM"), SIGTERM);
}

/* ---- the rest ---- */

static void rules_print_as_text(void **state)
{
    (void)state;
    static const hf_syscall_rule rules[] = { HF_SYS(read), HF_SYS_IF(mmap, 2, 3), HF_SYS(openat) };
    const hf_sandbox s = sandbox_of(rules, HF_COUNT(rules));
    char text[8192], small[20];
    assert_int_equal(hf_sandbox_rules_text(&s, text, sizeof text), HF_OK);
    assert_ptr_equal(strstr(text, "process test\nallow:\nread\nmmap(arg2=3)\nopenat\n"), text);
    assert_non_null(strstr(text, "\nsocket EPERM\n"));
    assert_non_null(strstr(text, "\nclone3 ENOSYS\n"));
    assert_null(strstr(text, "\nopenat EPERM\n"));
    assert_non_null(strstr(text, TEST_SANITIZED ? "\nelse: EPERM" : "\nelse: kill\n"));
    assert_int_equal(hf_sandbox_rules_text(&s, small, sizeof small), HF_ERR_BOUNDS);
}

static void worse_states_win(void **state)
{
    (void)state;
    hf_protections p = { .n = 0 };
    hf_protections_add(&p, "landlock", HF_ACTIVE, "unused");
    assert_string_equal(p.row[0].why, "");
    hf_protections_add(&p, "landlock", HF_ABSENT, "gone");
    hf_protections_add(&p, "landlock", HF_ACTIVE, NULL);
    assert_int_equal(p.n, 1);
    assert_int_equal(p.row[0].state, HF_ABSENT);
    assert_string_equal(p.row[0].why, "gone");
    for (size_t i = 0; i < 2 * HF_PROTECTION_MAX; i++) {
        static char names[2 * HF_PROTECTION_MAX][8];
        snprintf(names[i], sizeof names[i], "n%zu", i);
        hf_protections_add(&p, names[i], HF_DEGRADED, "x");
    }
    assert_int_equal(p.n, HF_PROTECTION_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attacks_are_refused),
        cmocka_unit_test(other_abis_are_killed),
        cmocka_unit_test(root_gives_up_everything),
        cmocka_unit_test(threads_are_confined_too),
        cmocka_unit_test(ordinary_users_get_a_degraded_report),
        cmocka_unit_test(thread_rules_allow_threads_only),
        cmocka_unit_test(landlock_confines_files),
        cmocka_unit_test(processes_die_with_their_parent),
        cmocka_unit_test(rules_print_as_text),
        cmocka_unit_test(worse_states_win),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
