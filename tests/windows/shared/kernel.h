/* In place of tests/unit/mem/kernel.h, whose guard it takes: what there is of it on Windows. */
#ifndef TEST_MEM_KERNEL_H
#define TEST_MEM_KERNEL_H

#include "helper.h"
#include <errno.h>
#include <psapi.h>
#include <sys/resource.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* For processes without cmocka. */
#define MUST(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

static inline void no_core_file(void)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
}

/* As on Linux for root: no limit is known before it is met. */
static inline int geteuid(void)
{
    return 0;
}

#define RUSAGE_SELF 0

struct rusage {
    long ru_minflt, ru_majflt;
};

/* Windows counts both kinds as one, Wine none. */
static inline int getrusage(int whose, struct rusage *ret)
{
    PROCESS_MEMORY_COUNTERS now = { .cb = sizeof(now) };
    (void)whose;
    bool known = GetProcessMemoryInfo(GetCurrentProcess(), &now, sizeof(now));
    *ret = (struct rusage) { (long)now.PageFaultCount, 0 };
    return known ? 0 : 1;
}

static inline bool all_bytes(const void *p, size_t n, uint8_t value)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++)
        if (b[i] != value)
            return false;
    return true;
}

/* ---- cases that run in a process of their own ---- */

typedef struct own_case {
    const char *name;
    void (*run)(void);
} own_case;

/* In main, before the tests: runs the case that own_process asked for. */
static inline int own_main(const own_case *cases, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(cases[i].name, name) == 0) {
            cases[i].run();
            return 0;
        }
    return 124;
}

static inline void own_process(const char *name)
{
    assert_exit(helper_run("own", name), 0);
}

#endif
