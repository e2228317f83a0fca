/* malloc, wipe, free: memory that is not locked at all. What the locking allocators are asked to come near to. */
#include "floor.h"

static const char subject_name[] = "malloc";

static void subject_start(void)
{
}

static void *subject_alloc(size_t n)
{
    return malloc(n);
}

static void subject_free(void *p, size_t n)
{
    explicit_bzero(p, n);
    free(p);
}

static void *subject_bytes(void *object)
{
    return object;
}

#include "allocator.h"
