/* OpenSSL's secure heap, a peer: one locked arena, a buddy allocator behind one lock. */
#include "floor.h"
#include <openssl/crypto.h>

static const char subject_name[] = "OpenSSL secure heap";

/* The arena must be a power of two; its smallest block holds the smallest object. */
static void subject_start(void)
{
    size_t bytes = floor_setting("bytes", 32), wanted = floor_setting("count", 10000) * bytes;
    size_t arena = 1 << 16;
    while (arena < wanted)
        arena *= 2;
    if (CRYPTO_secure_malloc_init(arena, 16) == 0)
        floor_fail("CRYPTO_secure_malloc_init");
}

static void *subject_alloc(size_t n)
{
    return OPENSSL_secure_malloc(n);
}

static void subject_free(void *p, size_t n)
{
    OPENSSL_secure_clear_free(p, n);
}

static void *subject_bytes(void *object)
{
    return object;
}

#include "allocator.h"
