/* Regions: one map that grows, guards inside it, limits, and what is left after a fork. */
#include "kernel.h"
#include "mem/region.h"
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#define PAGE ((size_t)4096)

static hf_region region_of(size_t reserve, size_t first, uint32_t stride, hf_backing wanted)
{
    hf_region r = { .base = NULL };
    const char *why = NULL;
    const hf_region_spec spec = {
        .reserve = reserve, .first = first, .stride_pages = stride, .weakest = HF_BACKING_MALLOC
    };
    MUST(hf_region_new(&spec, &r, &why) == HF_OK);
    MUST(TEST_SANITIZED || r.backing == wanted);
    MUST(why == r.why && (why[0] == '\0') == (r.backing == HF_BACKING_MEMFD_SECRET));
    return r;
}

static void grow(hf_region *r, size_t by)
{
    const char *why = NULL;
    MUST(hf_region_grow(r, by, &why) == HF_OK && why[0] == '\0');
}

static void dies_of(int signal_number, int (*run)(void *), void *argument)
{
    int status = in_child(false, run, argument);
    MUST(WIFSIGNALED(status) && WTERMSIG(status) == signal_number);
}

/* ---- growth ---- */

static void grows(hf_backing backing, unsigned maps_of_each)
{
    size_t before = locked_by_process();
    hf_region r = region_of(MIB, 16 * KIB, 0, backing);
    uint8_t *base = r.base;
    MUST(r.bytes == 16 * KIB && r.reserved == MIB);
    memset(r.base, 7, r.bytes);
    for (unsigned i = 1; i < 6; i++) {
        size_t had = r.bytes;
        grow(&r, 16 * KIB);
        MUST(r.base == base && hf_region_bytes(&r) == had + 16 * KIB);
        MUST(all_bytes(base, had, 7) && all_bytes(base + had, 16 * KIB, 0));
        memset(base + had, 7, 16 * KIB);
        MUST(count_maps(base, r.bytes) == 1 + i * maps_of_each);
        MUST(has_flag(base + had, " lo") && has_flag(base + had, " dd"));
    }
    MUST(locked_by_process() == before + r.bytes);
    hf_region_release(&r);
    MUST(locked_by_process() == before && r.base == NULL);
    MUST(count_maps(base - PAGE, MIB + 2 * PAGE) == 0);
}

static void mlock_stays_one_map(void)
{
    deny_memfd_secret();
    grows(HF_BACKING_MLOCK, 0);
}

static void memfd_secret_grows_by_a_map(void)
{
    grows(HF_BACKING_MEMFD_SECRET, 1);
}

static void growth_ends_at_the_reserve(void)
{
    hf_region r = region_of(3 * PAGE, PAGE, 0, HF_BACKING_MEMFD_SECRET);
    const char *why = NULL;
    MUST(hf_region_grow(&r, 3 * PAGE, &why) == HF_ERR_LOCKED_MEMORY && strstr(why, "max_bytes") != NULL);
    MUST(hf_region_grow(&r, SIZE_MAX, &why) == HF_ERR_LOCKED_MEMORY);
    MUST(hf_region_grow(&r, 0, &why) == HF_ERR_LOCKED_MEMORY);
    MUST(r.bytes == PAGE);
    grow(&r, 2 * PAGE);
    MUST(hf_region_grow(&r, 1, &why) == HF_ERR_LOCKED_MEMORY);
    memset(r.base, 1, r.bytes);
    hf_region_release(&r);
}

static void growth_ends_at_the_limit(hf_backing backing)
{
    hf_region r = region_of(MIB, 16 * KIB, 0, backing);
    memset(r.base, 7, r.bytes);
    const char *why = NULL;
    MUST(hf_region_grow(&r, 52 * KIB, &why) == HF_ERR_LOCKED_MEMORY);
    MUST(strstr(why, "RLIMIT_MEMLOCK") != NULL && strlen(why) < 96);
    MUST(r.bytes == 16 * KIB && r.backing == backing && locked_by_process() == r.bytes);
    MUST(all_bytes(r.base, r.bytes, 7) && count_maps(r.base, r.bytes) == 1);
    grow(&r, 48 * KIB); /* exactly what is left */
    MUST(locked_by_process() == 64 * KIB && has_flag(r.base + r.bytes - 1, " lo"));
    MUST(hf_region_grow(&r, 1, &why) == HF_ERR_LOCKED_MEMORY);
    hf_region_release(&r);
}

static void mlock_ends_at_the_limit(void)
{
    deny_memfd_secret();
    become_nobody(64 * KIB);
    growth_ends_at_the_limit(HF_BACKING_MLOCK);
}

static void memfd_secret_ends_at_the_limit(void)
{
    become_nobody(64 * KIB);
    growth_ends_at_the_limit(HF_BACKING_MEMFD_SECRET);
}

/* What was had by memfd_secret is never continued in something weaker. */
static void growth_keeps_its_backing(void)
{
    hf_region r = region_of(MIB, 16 * KIB, 0, HF_BACKING_MEMFD_SECRET);
    deny_memfd_secret();
    const char *why = NULL;
    MUST(hf_region_grow(&r, PAGE, &why) == HF_ERR_LOCKED_MEMORY && strstr(why, "memfd_secret") != NULL);
    MUST(r.bytes == 16 * KIB && r.backing == HF_BACKING_MEMFD_SECRET);
    deny_syscall(SYS_mlock2, EPERM);
    hf_region locked = { .base = NULL };
    const hf_region_spec spec = { .reserve = MIB, .first = PAGE, .stride_pages = 0, .weakest = HF_BACKING_MLOCK };
    MUST(hf_region_new(&spec, &locked, &why) == HF_ERR_LOCKED_MEMORY && why[0] != '\0' && locked.base == NULL);
    hf_region_release(&r);
}

static void limits_are_told(void)
{
    size_t locked = 0, limit = 0;
    bool root = geteuid() == 0;
    hf_region_limits(&locked, &limit);
    MUST(locked == locked_by_process());
    MUST(!root || limit == SIZE_MAX);
    become_nobody(256 * KIB);
    hf_region r = region_of(MIB, 16 * KIB, 0, HF_BACKING_MEMFD_SECRET);
    hf_region_limits(&locked, &limit);
    MUST(locked == 16 * KIB && limit == 256 * KIB);
    hf_region_release(&r);
}

/* Their list stands in /proc/self/status before what is looked for. */
static void limits_are_told_with_many_groups(void)
{
    gid_t groups[4000];
    for (size_t i = 0; i < HF_COUNT(groups); i++)
        groups[i] = (gid_t)(100000 + i);
    MUST(setgroups(HF_COUNT(groups), groups) == 0 || geteuid() != 0);
    limits_are_told();
}

/* ---- guards inside, rights, wiping ---- */

static int write_there(void *p)
{
    *(volatile uint8_t *)p = 1;
    return 0;
}

/* In this process: a child has nothing of it. */
static bool faults(uint8_t *p)
{
    static char c;
    int fd[2];
    MUST(pipe2(fd, O_CLOEXEC) == 0 && write(fd[1], &c, 1) == 1);
    bool bad = read(fd[0], p, 1) < 0 && errno == EFAULT; /* the kernel writes, and says so instead of a signal */
    close(fd[0]);
    close(fd[1]);
    return bad;
}

static void guards_inside(hf_backing backing, bool one_map)
{
    hf_region r = region_of(64 * PAGE, 4 * PAGE, 2, backing);
    grow(&r, PAGE); /* becomes a stride */
    grow(&r, 4 * PAGE);
    MUST(r.bytes == 10 * PAGE && r.stride_pages == 2 && r.guards_mapped == !one_map);
    for (size_t i = 0; i < 10; i += 2) {
        memset(r.base + i * PAGE, 9, PAGE);
        MUST(faults(r.base + (i + 1) * PAGE) && faults(r.base + (i + 2) * PAGE - 1));
        MUST(TEST_SANITIZED || has_flag(r.base + i * PAGE, " lo"));
    }
    MUST(faults(r.base - 1) && faults(r.base + r.bytes));
    MUST((count_maps(r.base, r.bytes) == 1) == one_map);
    MUST(hf_region_protect(&r, 2 * PAGE, 6 * PAGE, HF_ACCESS_NONE) == HF_OK);
    MUST(faults(r.base + 2 * PAGE) && faults(r.base + 6 * PAGE) && !faults(r.base + 8 * PAGE));
    MUST(hf_region_protect(&r, 2 * PAGE, 2 * PAGE, HF_ACCESS_READ) == HF_OK);
    MUST(r.base[2 * PAGE] == 9 && faults(r.base + 2 * PAGE) && faults(r.base + 3 * PAGE));
    hf_region_wipe(&r);
    for (size_t i = 0; i < 10; i += 2) {
        MUST(all_bytes(r.base + i * PAGE, PAGE, 0) && !faults(r.base + i * PAGE));
        MUST(faults(r.base + (i + 1) * PAGE));
    }
    MUST((count_maps(r.base, r.bytes) == 1) == one_map);
    hf_region_release(&r);
    MUST(locked_by_process() == 0);
}

static void guards_of_mlock_cost_no_map(void)
{
    deny_memfd_secret();
    guards_inside(HF_BACKING_MLOCK, !TEST_SANITIZED);
}

/* As on kernels before 6.13, which do not know the advice. */
static void guards_without_the_advice(void)
{
    deny_memfd_secret();
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 102, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { HF_COUNT(code), code };
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
    guards_inside(HF_BACKING_MLOCK, false);
}

static void guards_of_memfd_secret(void)
{
    guards_inside(HF_BACKING_MEMFD_SECRET, false);
}

static void protecting_has_bounds(void)
{
    hf_region r = region_of(8 * PAGE, 2 * PAGE, 0, HF_BACKING_MEMFD_SECRET);
    MUST(hf_region_protect(&r, 0, 3 * PAGE, HF_ACCESS_NONE) == HF_ERR_BOUNDS);
    MUST(hf_region_protect(&r, 3 * PAGE, 0, HF_ACCESS_NONE) == HF_ERR_BOUNDS);
    MUST(hf_region_protect(&r, 1, PAGE, HF_ACCESS_NONE) == HF_ERR_BOUNDS);
    MUST(hf_region_protect(&r, PAGE, SIZE_MAX - PAGE + 1, HF_ACCESS_NONE) == HF_ERR_BOUNDS);
    MUST(hf_region_protect(&r, 0, PAGE, (hf_access)3) == HF_ERR_BOUNDS);
    MUST(hf_region_protect(&r, PAGE, PAGE, HF_ACCESS_NONE) == HF_OK);
    memset(r.base, 1, PAGE);
    MUST(faults(r.base + PAGE));
    hf_region_wipe(&r);
    MUST(all_bytes(r.base, 2 * PAGE, 0));
    hf_region_release(&r);
}

static void specs_have_bounds(void)
{
    const hf_region_spec bad[] = {
        { .reserve = 0, .first = 0, .stride_pages = 0, .weakest = HF_BACKING_MALLOC },
        { .reserve = PAGE, .first = 0, .stride_pages = 0, .weakest = HF_BACKING_MALLOC },
        { .reserve = PAGE, .first = PAGE + 1, .stride_pages = 0, .weakest = HF_BACKING_MALLOC },
        { .reserve = ((size_t)1 << 40) + 1, .first = PAGE, .stride_pages = 0, .weakest = HF_BACKING_MALLOC },
        { .reserve = SIZE_MAX, .first = PAGE, .stride_pages = 0, .weakest = HF_BACKING_MALLOC },
        { .reserve = PAGE, .first = PAGE, .stride_pages = 1, .weakest = HF_BACKING_MALLOC },
        { .reserve = PAGE, .first = PAGE, .stride_pages = UINT32_MAX, .weakest = HF_BACKING_MALLOC },
        { .reserve = PAGE, .first = PAGE, .stride_pages = 0, .weakest = (hf_backing)3 },
        { .reserve = PAGE, .first = PAGE, .strongest = HF_BACKING_MALLOC, .weakest = HF_BACKING_MLOCK },
    };
    for (size_t i = 0; i < HF_COUNT(bad); i++) {
        hf_region r = { .base = NULL };
        const char *why = NULL;
        MUST(hf_region_new(&bad[i], &r, &why) == HF_ERR_BOUNDS && why != NULL && why[0] != '\0' && r.base == NULL);
    }
}

/* ---- forks ---- */

static int child_of_region(void *argument)
{
    hf_region *r = argument;
    const char *why = NULL;
    if (hf_region_grow(r, PAGE, &why) != HF_ERR_FORKED ||
        hf_region_protect(r, 0, PAGE, HF_ACCESS_NONE) != HF_ERR_FORKED)
        return 1;
    hf_region_keep_out(r);
    uint8_t *own = mmap(r->base, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (own == MAP_FAILED || (r->backing == HF_BACKING_MEMFD_SECRET && own == r->base))
        return 2;
    hf_region_wipe(r);
    hf_region_release(r);
    return r->base == NULL ? 3 : 0;
}

static int byte_of(void *p)
{
    return *(volatile uint8_t *)p;
}

static void nothing_is_left_after(bool raw, bool secret)
{
    hf_region r = region_of(MIB, 16 * KIB, 0, secret ? HF_BACKING_MEMFD_SECRET : HF_BACKING_MLOCK);
    grow(&r, 16 * KIB);
    memset(r.base, 7, r.bytes);
    int status = in_child(raw, child_of_region, &r);
    MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (size_t at = 0; at < r.bytes; at += PAGE) {
        status = in_child(raw, byte_of, r.base + at);
        MUST(secret ? WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV
                    : WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    MUST(all_bytes(r.base, r.bytes, 7));
    hf_region_release(&r);
}

static void a_child_has_nothing_of_memfd_secret(void)
{
    nothing_is_left_after(false, true);
    nothing_is_left_after(true, true);
}

static void a_child_has_nothing_of_mlock(void)
{
    deny_memfd_secret();
    nothing_is_left_after(false, false);
    nothing_is_left_after(true, false);
}

static int child_generation(void *parents)
{
    uint64_t mine = hf_fork_generation();
    return mine != 0 && mine != *(uint64_t *)parents && mine == hf_fork_generation() &&
                   hf_forked_since(*(uint64_t *)parents)
               ? 0
               : 1;
}

/* Neither the child nor the parent asked for a number before the grandchild came. */
static int grandchild_generation(void *parents)
{
    int status = in_child(true, child_generation, parents);
    return WIFEXITED(status) ? WEXITSTATUS(status) + child_generation(parents) : 9;
}

static int same_memory(void *seen)
{
    *(uint64_t *)seen = hf_fork_generation();
    return 0;
}

static void forks_are_seen(void)
{
    uint64_t mine = hf_fork_generation();
    MUST(mine != 0 && !hf_forked_since(mine));
    for (int i = 0; i < 4; i++) {
        int status = in_child(i % 2, i < 2 ? child_generation : grandchild_generation, &mine);
        MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    static uint8_t stack[65536];
    uint64_t seen = 0; /* a child that shares the memory is no fork: what it frees is freed */
    pid_t pid = clone(same_memory, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &seen);
    MUST(pid > 0 && waitpid(pid, NULL, 0) == pid && seen == mine);
    MUST(hf_fork_generation() == mine);
}

/* Where the kernel does not wipe pages in children, the process id tells them. */
static void forks_are_seen_without_the_advice(void)
{
    deny_syscall(SYS_madvise, EINVAL);
    uint64_t mine = hf_fork_generation();
    MUST(!hf_forked_since(mine) && !hf_surely_not_forked(mine));
    int status = in_child(true, child_generation, &mine);
    MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static pthread_barrier_t together;

static void *ask_generation(void *ret)
{
    pthread_barrier_wait(&together);
    *(uint64_t *)ret = hf_fork_generation();
    return NULL;
}

/* Threads of a new process ask for the first time at once. */
static int racing_generations(void *unused)
{
    (void)unused;
    pthread_t thread[4];
    uint64_t seen[4] = { 0 };
    pthread_barrier_init(&together, NULL, 4);
    for (int i = 0; i < 4; i++)
        MUST(pthread_create(&thread[i], NULL, ask_generation, &seen[i]) == 0);
    for (int i = 0; i < 4; i++)
        MUST(pthread_join(thread[i], NULL) == 0);
    return seen[0] != 0 && seen[0] == seen[1] && seen[1] == seen[2] && seen[2] == seen[3] ? 0 : 1;
}

static void racing_threads_agree(void)
{
    (void)hf_fork_generation();
    for (int i = 0; i < 50; i++) {
        int status = in_child(false, racing_generations, NULL);
        MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

static void overruns_fault(void)
{
    deny_memfd_secret();
    hf_region r = region_of(4 * PAGE, PAGE, 0, HF_BACKING_MLOCK);
    uint8_t *const bad[] = { r.base - 1, r.base + PAGE, r.base + 4 * PAGE };
    for (size_t i = 0; i < HF_COUNT(bad); i++) {
        MUST(faults(bad[i]));
        dies_of(SIGSEGV, write_there, bad[i]); /* these maps a child has too */
    }
    hf_region_release(&r);
}

/* ---- main ---- */

#define CASE(name) { #name, name }
static const own_case cases[] = {
    CASE(mlock_stays_one_map),
    CASE(memfd_secret_grows_by_a_map),
    CASE(growth_ends_at_the_reserve),
    CASE(mlock_ends_at_the_limit),
    CASE(memfd_secret_ends_at_the_limit),
    CASE(growth_keeps_its_backing),
    CASE(limits_are_told),
    CASE(limits_are_told_with_many_groups),
    CASE(guards_of_mlock_cost_no_map),
    CASE(guards_without_the_advice),
    CASE(guards_of_memfd_secret),
    CASE(protecting_has_bounds),
    CASE(specs_have_bounds),
    CASE(a_child_has_nothing_of_memfd_secret),
    CASE(a_child_has_nothing_of_mlock),
    CASE(forks_are_seen),
    CASE(forks_are_seen_without_the_advice),
    CASE(racing_threads_agree),
    CASE(overruns_fault),
};

static void run_case(void **state)
{
    const own_case *c = *state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    SKIP_IF(!have_memfd_secret(), "skipped: this kernel has no memfd_secret");
    own_process(c->name);
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return own_main(cases, HF_COUNT(cases), argv[2]);
    struct CMUnitTest tests[HF_COUNT(cases)];
    for (size_t i = 0; i < HF_COUNT(cases); i++)
        tests[i] = (struct CMUnitTest) { cases[i].name, run_case, NULL, NULL, (void *)&cases[i] };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
