/* Windows makes no core files that a test would have to turn off. */
#ifndef TEST_WINDOWS_RESOURCE_H
#define TEST_WINDOWS_RESOURCE_H

#define RLIMIT_CORE 4

struct rlimit {
    unsigned long long rlim_cur, rlim_max;
};

static inline int setrlimit(int which, const struct rlimit *limit)
{
    (void)which;
    (void)limit;
    return 0;
}

#endif
