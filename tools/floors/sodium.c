/* libsodium's guarded heap, a peer: three pages and more an object, locked where the kernel agrees, else silently not. */
#include "floor.h"
#include <sodium.h>

static const char subject_name[] = "libsodium";

static void subject_start(void)
{
    if (sodium_init() < 0)
        floor_fail("sodium_init");
}

static void *subject_alloc(size_t n)
{
    return sodium_malloc(n);
}

static void subject_free(void *p, size_t n)
{
    (void)n; /* sodium_free wipes */
    sodium_free(p);
}

static void *subject_bytes(void *object)
{
    return object;
}

#include "allocator.h"
