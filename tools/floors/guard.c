/*
 * A locked page with a guard behind it, for the first time: the floor of the first use of a guarded buffer. The guards are marks
 * in one map (MADV_GUARD_INSTALL, Linux 6.13), so no object needs a map of its own. The order is the kernel's: a guard cannot
 * be put into what is locked, and plain mlock stops at a guard; locking on fault does not.
 *
 *   first   count=4096      install the guards, lock, touch each page; ns an object
 */
#include "floor.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* Makes n of them and gives them back; what unmapping costs is not counted. */
static double first_use(size_t n)
{
    size_t bytes = n * 2 * FLOOR_PAGE;
    uint8_t *all = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        floor_fail("mmap");
    double start = floor_cpu_ns();
    for (size_t i = 0; i < n; i++)
        if (madvise(all + i * 2 * FLOOR_PAGE + FLOOR_PAGE, FLOOR_PAGE, MADV_GUARD_INSTALL) != 0)
            floor_fail("MADV_GUARD_INSTALL");
    if (mlock2(all, bytes, MLOCK_ONFAULT) != 0)
        floor_fail("mlock2");
    for (size_t i = 0; i < n; i++)
        floor_touch(all + i * 2 * FLOOR_PAGE);
    double ns = floor_cpu_ns() - start;
    munmap(all, bytes);
    return ns / (double)n;
}

int main(int argc, char **argv)
{
    const char *mode = floor_start(argc, argv);
    if (strcmp(mode, "first") != 0)
        return 2;
    size_t n = floor_setting("count", 4096);
    double ns[FLOOR_SAMPLES];
    (void)first_use(n);
    for (int i = 0; i < FLOOR_SAMPLES; i++)
        ns[i] = first_use(n);
    floor_print_timing("a guard and a locked page", mode, floor_summary(ns));
    return 0;
}
