/*
 * Comparing in constant time: the same instructions run whatever is compared. And wiping that the compiler leaves in.
 */
#include "outside.h"
#include <elf.h>
#include <holdfast/mem.h>
#include <math.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <time.h>

static void equal_means_equal(void **state)
{
    (void)state;
    uint8_t a[300], b[300];
    for (size_t n = 0; n < 140; n++)
        for (size_t shift = 0; shift < 9; shift += 4) {
            memset(a, 0xa5, sizeof a);
            memset(b, 0xa5, sizeof b);
            b[shift + n] = 0; /* behind the end */
            assert_true(hf_mem_equal(a, b + shift, n));
            for (size_t i = 0; i < n; i++)
                for (unsigned bit = 0; bit < 8; bit++) {
                    b[shift + i] ^= (uint8_t)(1u << bit);
                    assert_false(hf_mem_equal(a, b + shift, n));
                    b[shift + i] ^= (uint8_t)(1u << bit);
                }
        }
}

static void differences_do_not_cancel_out(void **state)
{
    (void)state;
    uint8_t a[64] = { 0 }, b[64];
    for (size_t i = 0; i < 64; i++)
        for (size_t j = 0; j < 64; j++)
            for (unsigned v = 1; v < 256; v += 127) {
                memset(b, 0, sizeof b);
                b[i] ^= (uint8_t)v;
                b[j] ^= (uint8_t)(i == j ? 0 : v);
                assert_false(hf_mem_equal(a, b, sizeof a));
            }
}

/* ---- which instructions run ---- */

static int compare_main(const char *arg)
{
    (void)arg;
    size_t n = 0;
    static uint8_t a[4096], b[4096];
    while (read(0, &n, sizeof n) == (ssize_t)sizeof n && n <= sizeof a) {
        if (read(0, a, n) != (ssize_t)n || read(0, b, n) != (ssize_t)n)
            return 1;
        (void)raise(SIGSTOP);
        bool equal = hf_mem_equal(a, b, n);
        (void)raise(SIGSTOP);
        if (write(1, &equal, 1) != 1)
            return 1;
    }
    return 0;
}

static uintptr_t instruction_of(pid_t pid)
{
#if defined(__x86_64__)
    struct user_regs_struct regs;
#define INSTRUCTION regs.rip
#elif defined(__aarch64__)
    struct user_regs_struct regs;
#define INSTRUCTION regs.pc
#endif
    struct iovec io = { &regs, sizeof regs };
    assert_int_equal(ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &io), 0);
    return (uintptr_t)INSTRUCTION;
}

typedef struct trace {
    uint64_t hash; /* of the addresses of all instructions from one stop to the next */
    size_t steps;
    bool equal;
} trace;

static int wait_stopped(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSTOPPED(status));
    return WSTOPSIG(status);
}

static trace trace_of(helper *h, const uint8_t *a, const uint8_t *b, size_t n)
{
    trace t = { UINT64_C(0xcbf29ce484222325), 0, false };
    assert_int_equal(write(h->out, &n, sizeof n), sizeof n);
    assert_int_equal(write(h->out, a, n), n);
    assert_int_equal(write(h->out, b, n), n);
    assert_int_equal(wait_stopped(h->pid), SIGSTOP);
    for (;; t.steps++) {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, h->pid, NULL, NULL), 0);
        if (wait_stopped(h->pid) == SIGSTOP)
            break;
        t.hash = (t.hash ^ instruction_of(h->pid)) * UINT64_C(0x100000001b3);
    }
    assert_int_equal(ptrace(PTRACE_CONT, h->pid, NULL, NULL), 0);
    assert_int_equal(read(h->in, &t.equal, 1), 1);
    return t;
}

static void the_same_instructions_run(void **state)
{
    (void)state;
    SKIP_THREAD_SANITIZER();
    SKIP_SANITIZED();
    static const size_t sizes[] = { 1, 7, 8, 16, 20, 32, 64, 100 };
    helper h = helper_start("compare", "");
    assert_int_equal(ptrace(PTRACE_SEIZE, h.pid, NULL, NULL), 0);
    uint8_t a[128], b[128];
    for (size_t i = 0; i < HF_COUNT(sizes); i++) {
        size_t n = sizes[i];
        memset(a, 0x11, sizeof a);
        (void)trace_of(&h, a, a, n); /* the first time, symbols may be looked up */
        trace same = trace_of(&h, a, a, n);
        assert_true(same.equal && same.steps > n / 8);
        for (unsigned k = 0; k < 6; k++) { /* first, last, middle byte, all, opposite, and equal but other bytes */
            memset(b, 0x11, sizeof b);
            if (k < 3)
                b[k == 0 ? 0 : k == 1 ? n - 1 : n / 2] ^= 0x80;
            else
                memset(b, k == 3 ? 0xee : 0, sizeof b);
            trace other = k == 5 ? trace_of(&h, b, b, n) : trace_of(&h, a, b, n);
            assert_int_equal(other.equal, k == 5);
            if (other.hash != same.hash || other.steps != same.steps)
                fail_msg("%zu bytes, case %u: %zu instructions, not %zu", n, k, other.steps, same.steps);
        }
    }
    close(h.out);
    int status = 0;
    assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
    assert_exit(status, 0);
    close(h.in);
}

/* ---- how long they take: only in long runs ---- */

#define SAMPLES 4000000

static uint64_t ticks(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

typedef struct mean {
    double n, mean, squares;
} mean;

static void mean_add(mean *m, double x)
{
    double by = x - m->mean;
    m->n++;
    m->mean += by / m->n;
    m->squares += by * (x - m->mean);
}

/* Welch's t of two kinds of input, taken in random order: equal ones, and ones that differ in the first byte. */
static double welch(bool (*equal)(const void *, const void *, size_t), size_t n)
{
    static uint8_t a[256], b[2][256];
    mean kind[2] = { { 0 } };
    uint32_t seed = 1;
    b[1][0] = 1;
    unsigned sum = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        seed = seed * 1664525 + 1013904223;
        unsigned k = seed >> 31;
        uint64_t start = ticks();
        for (int r = 0; r < 8; r++)
            sum += equal(a, b[k], n);
        uint64_t took = ticks() - start;
        if (took < 1000) /* else something came in between */
            mean_add(&kind[k], (double)took);
    }
    assert_int_not_equal(sum, 1);
    double v0 = kind[0].squares / (kind[0].n - 1) / kind[0].n, v1 = kind[1].squares / (kind[1].n - 1) / kind[1].n;
    return fabs(kind[0].mean - kind[1].mean) / sqrt(v0 + v1);
}

static bool with_early_exit(const void *a, const void *b, size_t n)
{
    const volatile uint8_t *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        if (x[i] != y[i])
            return false;
    return true;
}

static void the_time_tells_nothing(void **state)
{
    (void)state;
    SKIP_IF(getenv("HOLDFAST_SOAK") == NULL, "skipped: a soak of statistics, made with HOLDFAST_SOAK=1");
    static const size_t sizes[] = { 16, 32, 64, 256 };
    for (size_t i = 0; i < HF_COUNT(sizes); i++) {
        double control = welch(with_early_exit, sizes[i]), ours = welch(hf_mem_equal, sizes[i]);
        print_message("# %zu bytes: t = %.1f, with an early exit %.1f\n", sizes[i], ours, control);
        assert_true(control > 100); /* the measurement sees what there is to see */
        assert_true(ours < control / 20);
    }
}

/* ---- wiping ---- */

/* Where the array was: it is dead when this returns, and nobody reads it again that the compiler knows of. */
static __attribute__((noinline)) uintptr_t leave_a_secret(bool wipe)
{
    uint8_t secret[16384];
    memset(secret, 0x5a, sizeof secret);
    __asm__ volatile("" : : "r"(secret) : "memory");
    uintptr_t at = (uintptr_t)secret;
    if (wipe)
        hf_mem_wipe(secret, sizeof secret);
    return at;
}

static size_t left_at(uintptr_t at)
{
    static uint8_t seen[2048]; /* of the far end: what runs meanwhile needs the near one */
    struct iovec to = { seen, sizeof seen }, from = { (void *)at, sizeof seen };
    assert_int_equal(process_vm_readv(getpid(), &to, 1, &from, 1, 0), sizeof seen);
    size_t found = 0;
    for (size_t i = 0; i < sizeof seen; i++)
        found += seen[i] == 0x5a;
    return found;
}

static void wiping_is_not_left_out(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    assert_true(left_at(leave_a_secret(false)) > 2000);
    assert_int_equal(left_at(leave_a_secret(true)), 0);
    uint8_t bytes[40];
    for (size_t n = 0; n <= 32; n++) {
        memset(bytes, 1, sizeof bytes);
        hf_mem_wipe(bytes + 4, n);
        for (size_t i = 0; i < sizeof bytes; i++)
            assert_int_equal(bytes[i], i < 4 || i >= 4 + n);
    }
    hf_mem_wipe(NULL, 0);
}

static const mode modes[] = { { "compare", compare_main } };

int main(int argc, char **argv)
{
    if (argc > 2)
        return run_mode(modes, HF_COUNT(modes), argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_means_equal),         cmocka_unit_test(differences_do_not_cancel_out),
        cmocka_unit_test(the_same_instructions_run), cmocka_unit_test(the_time_tells_nothing),
        cmocka_unit_test(wiping_is_not_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
