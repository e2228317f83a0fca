/* A locked page for each object: what a program does that asks the kernel each time. */
#include "floor.h"

static const char subject_name[] = "a page each";

static void subject_start(void)
{
}

static size_t rounded(size_t n)
{
    return (n + FLOOR_PAGE - 1) / FLOOR_PAGE * FLOOR_PAGE;
}

static void *subject_alloc(size_t n)
{
    void *p = mmap(NULL, rounded(n), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void subject_free(void *p, size_t n)
{
    explicit_bzero(p, n);
    munmap(p, rounded(n));
}

static void *subject_bytes(void *object)
{
    return object;
}

#include "allocator.h"
