/*
 * What the floor programs share: settings, a pinned CPU, timing, figures of /proc, one JSON line a result.
 *
 * Time is CPU time of the thread, so that another program on this CPU costs nothing but cold caches. A measurement is
 * SAMPLES samples of about 2 ms after a warm-up; its result is their median and their least. Who compares two programs
 * runs them in turn, several times, on the same CPU.
 */
#ifndef FLOOR_H
#define FLOOR_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FLOOR_PAGE ((size_t)4096)
#define FLOOR_SAMPLES 21
#define FLOOR_WARM_UP 3
#define FLOOR_SAMPLE_NS 2000000.0
#define FLOOR_NOBODY 65534

static void floor_fail(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- settings: words NAME=NUMBER on the command line ---- */

static int floor_argc;
static char **floor_argv;

static inline uint64_t floor_setting(const char *name, uint64_t otherwise)
{
    size_t n = strlen(name);
    for (int i = 2; i < floor_argc; i++)
        if (strncmp(floor_argv[i], name, n) == 0 && floor_argv[i][n] == '=')
            return strtoull(floor_argv[i] + n + 1, NULL, 10);
    return otherwise;
}

/* Pins this thread to the n-th of the CPUs that the process had at its start, counted from the last. */
static void floor_pin(unsigned n)
{
    static cpu_set_t at_start;
    static int count;
    if (count == 0 && sched_getaffinity(0, sizeof at_start, &at_start) != 0)
        floor_fail("sched_getaffinity");
    count = CPU_COUNT(&at_start);
    int skip = count - 1 - (int)(n % (unsigned)count);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &at_start) && skip-- == 0)
            CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0)
        floor_fail("sched_setaffinity");
}

/* From here on memfd_secret does not exist for this process, as on a kernel that was built or started without it. */
static void floor_without_memfd_secret(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_secret, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof rules / sizeof rules[0], rules };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        floor_fail("seccomp");
}

/* An ordinary user with this RLIMIT_MEMLOCK: root has CAP_IPC_LOCK, which ignores the limit. */
static void floor_limit_locked(uint64_t bytes)
{
    struct rlimit limit = { bytes, bytes };
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        floor_fail("setrlimit");
    if (geteuid() != 0)
        return;
    if (setgroups(0, NULL) != 0 || setresgid(FLOOR_NOBODY, FLOOR_NOBODY, FLOOR_NOBODY) != 0 ||
        setresuid(FLOOR_NOBODY, FLOOR_NOBODY, FLOOR_NOBODY) != 0)
        floor_fail("becoming nobody");
}

/* Reads the command line and does what it says about the process; gives the mode, its first word. */
static const char *floor_start(int argc, char **argv)
{
    floor_argc = argc;
    floor_argv = argv;
    if (argc < 2) {
        fprintf(stderr, "usage: %s MODE [NAME=NUMBER...]; see tools/floors/README.md\n", argv[0]);
        exit(2);
    }
    floor_pin(0);
    if (floor_setting("memfd_secret", 1) == 0)
        floor_without_memfd_secret();
    if (floor_setting("lock_limit", 0) != 0)
        floor_limit_locked(floor_setting("lock_limit", 0));
    return argv[1];
}

/* ---- timing ---- */

typedef struct floor_timing {
    double median_ns; /* of an operation */
    double least_ns;
} floor_timing;

/* The nanoseconds of CPU that this thread has used. */
static double floor_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int floor_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline floor_timing floor_summary(double ns[FLOOR_SAMPLES])
{
    qsort(ns, FLOOR_SAMPLES, sizeof ns[0], floor_order);
    return (floor_timing) { ns[FLOOR_SAMPLES / 2], ns[0] };
}

static inline double floor_sample(void (*work)(void *, uint64_t), void *state, uint64_t n)
{
    double start = floor_cpu_ns();
    work(state, n);
    return floor_cpu_ns() - start;
}

/* Measures work(state, n), which does n operations. */
static inline floor_timing floor_measure(void (*work)(void *, uint64_t), void *state)
{
    uint64_t n = 1;
    while (floor_sample(work, state, n) < FLOOR_SAMPLE_NS)
        n *= 2;
    double ns[FLOOR_SAMPLES];
    for (int i = -FLOOR_WARM_UP; i < FLOOR_SAMPLES; i++)
        ns[i < 0 ? 0 : i] = floor_sample(work, state, n) / (double)n;
    return floor_summary(ns);
}

/* The compiler must take it that the memory at p is read and written here. */
static inline void floor_touch(void *p)
{
    *(volatile uint8_t *)p = 1;
    __asm__ volatile("" : : "r"(p) : "memory");
}

/* ---- what the kernel says about this process ---- */

typedef struct floor_memory {
    uint64_t resident; /* bytes */
    uint64_t locked;
    uint64_t virtual;
    uint64_t maps;
} floor_memory;

static inline FILE *floor_open(const char *path)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        floor_fail(path);
    return f;
}

static inline floor_memory floor_memory_now(void)
{
    floor_memory m = { 0 };
    char line[1024];
    FILE *f = floor_open("/proc/self/status");
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            m.resident = strtoull(line + 6, NULL, 10) * 1024;
        if (strncmp(line, "VmLck:", 6) == 0)
            m.locked = strtoull(line + 6, NULL, 10) * 1024;
        if (strncmp(line, "VmSize:", 7) == 0)
            m.virtual = strtoull(line + 7, NULL, 10) * 1024;
    }
    fclose(f);
    f = floor_open("/proc/self/maps");
    while (fgets(line, sizeof line, f) != NULL)
        m.maps += strchr(line, '\n') != NULL;
    fclose(f);
    return m;
}

/* How many of the n objects, sorted by address, lie in a map that the kernel has locked ("lo" of VmFlags in smaps). */
static inline uint64_t floor_count_locked(void *const *object, uint64_t n)
{
    char line[1024];
    uint64_t i = 0, in_map = 0, locked = 0;
    FILE *f = floor_open("/proc/self/smaps");
    while (fgets(line, sizeof line, f) != NULL) {
        char *rest = NULL;
        uintptr_t start = (uintptr_t)strtoull(line, &rest, 16);
        if (rest != line && *rest == '-') {
            uintptr_t end = (uintptr_t)strtoull(rest + 1, NULL, 16);
            while (i < n && (uintptr_t)object[i] < start)
                i++;
            for (in_map = 0; i < n && (uintptr_t)object[i] < end; i++)
                in_map++;
        } else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " lo") != NULL) {
            locked += in_map;
        }
    }
    fclose(f);
    return locked;
}

static inline uint64_t floor_page_faults(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)u.ru_minflt + (uint64_t)u.ru_majflt;
}

/* ---- results ---- */

static inline void floor_print_timing(const char *program, const char *what, floor_timing t)
{
    printf("{\"program\": \"%s\", \"what\": \"%s\", \"ns\": %.2f, \"least_ns\": %.2f}\n", program, what, t.median_ns,
           t.least_ns);
}

#endif
