/* Comparing and wiping without help from the compiler. */
#include "mem/internal.h"

/* The compiler must take x for unknown from here on, so that it cannot leave a loop early or branch on it. */
static inline uint64_t opaque(uint64_t x)
{
    __asm__ volatile("" : "+r"(x));
    return x;
}

bool hf_mem_equal(const void *a, const void *b, size_t n)
{
    typedef uint64_t word __attribute__((aligned(1), may_alias));
    const uint8_t *x = a, *y = b;
    uint64_t differing = 0;
    size_t i = 0;
    for (; n - i >= sizeof(word); i += sizeof(word))
        differing = opaque(differing | (*(const word *)(x + i) ^ *(const word *)(y + i)));
    for (; i < n; i++)
        differing = opaque(differing | (uint64_t)(x[i] ^ y[i]));
    uint64_t any = opaque((differing | (0 - differing)) >> 63);
    return (bool)(any ^ 1);
}

void hf_mem_wipe(void *p, size_t n)
{
    if (n > 0)
        hf_mem_zero(p, n);
}
