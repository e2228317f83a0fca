/* Clears what a finished job leaves in registers and on the stack: else AES round keys stay in vector registers. */
#include "sys/sandbox.h"
#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

/* An XSAVE image in its initial state: XRSTOR from it resets every part that the mask names (Intel SDM 1, 13.8). */
typedef struct xsave_image {
    uint8_t legacy[24];
    uint32_t mxcsr;
    uint8_t rest[484];
    uint8_t header[64];
} xsave_image;

static const _Alignas(64) xsave_image initial = { .mxcsr = 0x1f80 };

#define XSTATE_VECTORS 0xe6u /* SSE, AVX and the three parts of AVX-512 */
#define XSTATE_AVX 0x04u
#define XSTATE_AVX512 0xe0u

/* The vector parts that the system enabled; 0 without XSAVE. */
static uint32_t enabled_vectors(void)
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & (1u << 27)) == 0)
        return 0;
    uint32_t low = 0, high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low & XSTATE_VECTORS;
}

static uint32_t vectors(void)
{
    static _Atomic uint32_t known; /* bit 31: looked up */
    uint32_t mask = atomic_load_explicit(&known, memory_order_relaxed);
    if (mask == 0) {
        mask = enabled_vectors() | (1u << 31);
        atomic_store_explicit(&known, mask, memory_order_relaxed);
    }
    return mask & XSTATE_VECTORS;
}

static void sse_clear(void)
{
    __asm__ volatile("xorps %%xmm0, %%xmm0\n\txorps %%xmm1, %%xmm1\n\txorps %%xmm2, %%xmm2\n\t"
                     "xorps %%xmm3, %%xmm3\n\txorps %%xmm4, %%xmm4\n\txorps %%xmm5, %%xmm5\n\t"
                     "xorps %%xmm6, %%xmm6\n\txorps %%xmm7, %%xmm7\n\txorps %%xmm8, %%xmm8\n\t"
                     "xorps %%xmm9, %%xmm9\n\txorps %%xmm10, %%xmm10\n\txorps %%xmm11, %%xmm11\n\t"
                     "xorps %%xmm12, %%xmm12\n\txorps %%xmm13, %%xmm13\n\txorps %%xmm14, %%xmm14\n\t"
                     "xorps %%xmm15, %%xmm15"
                     :
                     :
                     : "memory");
}

static void vectors_clear(void)
{
    uint32_t mask = vectors();
    if (mask != 0)
        __asm__ volatile("xrstor64 %0" : : "m"(initial), "a"(mask), "d"(0) : "memory");
    else
        sse_clear();
}

/* The registers that only AVX-512 has; the lower sixteen are VZEROALL's, whole. */
static void avx512_clear(void)
{
    __asm__ volatile("vpxord %%zmm16, %%zmm16, %%zmm16\n\tvpxord %%zmm17, %%zmm17, %%zmm17\n\t"
                     "vpxord %%zmm18, %%zmm18, %%zmm18\n\tvpxord %%zmm19, %%zmm19, %%zmm19\n\t"
                     "vpxord %%zmm20, %%zmm20, %%zmm20\n\tvpxord %%zmm21, %%zmm21, %%zmm21\n\t"
                     "vpxord %%zmm22, %%zmm22, %%zmm22\n\tvpxord %%zmm23, %%zmm23, %%zmm23\n\t"
                     "vpxord %%zmm24, %%zmm24, %%zmm24\n\tvpxord %%zmm25, %%zmm25, %%zmm25\n\t"
                     "vpxord %%zmm26, %%zmm26, %%zmm26\n\tvpxord %%zmm27, %%zmm27, %%zmm27\n\t"
                     "vpxord %%zmm28, %%zmm28, %%zmm28\n\tvpxord %%zmm29, %%zmm29, %%zmm29\n\t"
                     "vpxord %%zmm30, %%zmm30, %%zmm30\n\tvpxord %%zmm31, %%zmm31, %%zmm31\n\t"
                     "kxorw %%k0, %%k0, %%k0\n\tkxorw %%k1, %%k1, %%k1\n\tkxorw %%k2, %%k2, %%k2\n\t"
                     "kxorw %%k3, %%k3, %%k3\n\tkxorw %%k4, %%k4, %%k4\n\tkxorw %%k5, %%k5, %%k5\n\t"
                     "kxorw %%k6, %%k6, %%k6\n\tkxorw %%k7, %%k7, %%k7"
                     :
                     :
                     : "memory");
}

__attribute__((noinline)) void hf_vectors_clear(void)
{
    uint32_t mask = vectors();
    if ((mask & XSTATE_AVX512) == XSTATE_AVX512)
        avx512_clear();
    if ((mask & XSTATE_AVX) != 0)
        __asm__ volatile("vzeroall" : : : "memory");
    else
        sse_clear();
}

__attribute__((noinline)) void hf_registers_clear(void)
{
    vectors_clear();
    __asm__ volatile("xorl %%eax, %%eax\n\txorl %%ecx, %%ecx\n\txorl %%edx, %%edx\n\txorl %%esi, %%esi\n\t"
                     "xorl %%edi, %%edi\n\txorl %%r8d, %%r8d\n\txorl %%r9d, %%r9d\n\txorl %%r10d, %%r10d\n\t"
                     "xorl %%r11d, %%r11d"
                     :
                     :
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc", "memory");
}

#elif defined(__aarch64__)

__attribute__((noinline)) void hf_vectors_clear(void)
{
    __asm__ volatile("movi v0.2d, #0\n\tmovi v1.2d, #0\n\tmovi v2.2d, #0\n\tmovi v3.2d, #0\n\tmovi v4.2d, #0\n\t"
                     "movi v5.2d, #0\n\tmovi v6.2d, #0\n\tmovi v7.2d, #0\n\tmovi v16.2d, #0\n\tmovi v17.2d, #0\n\t"
                     "movi v18.2d, #0\n\tmovi v19.2d, #0\n\tmovi v20.2d, #0\n\tmovi v21.2d, #0\n\tmovi v22.2d, #0\n\t"
                     "movi v23.2d, #0\n\tmovi v24.2d, #0\n\tmovi v25.2d, #0\n\tmovi v26.2d, #0\n\tmovi v27.2d, #0\n\t"
                     "movi v28.2d, #0\n\tmovi v29.2d, #0\n\tmovi v30.2d, #0\n\tmovi v31.2d, #0"
                     :
                     :
                     : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19", "v20", "v21", "v22",
                       "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "memory");
}

__attribute__((noinline)) void hf_registers_clear(void)
{
    hf_vectors_clear();
    __asm__ volatile("mov x0, #0\n\tmov x1, #0\n\tmov x2, #0\n\tmov x3, #0\n\tmov x4, #0\n\tmov x5, #0\n\t"
                     "mov x6, #0\n\tmov x7, #0\n\tmov x8, #0\n\tmov x9, #0\n\tmov x10, #0\n\tmov x11, #0\n\t"
                     "mov x12, #0\n\tmov x13, #0\n\tmov x14, #0\n\tmov x15, #0\n\tmov x16, #0\n\tmov x17, #0"
                     :
                     :
                     : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
                       "x15", "x16", "x17", "memory");
}

#else

void hf_vectors_clear(void)
{
}

void hf_registers_clear(void)
{
}

#endif

/*
 * One frame a size: a frame's size is known when it is compiled, and no caller pays for the largest; nor for clearing
 * it twice.
 */
static __attribute__((noinline)) void clear_least(void)
{
    __attribute__((uninitialized)) uint8_t below[2048];
    explicit_bzero(below, sizeof(below));
}

static __attribute__((noinline)) void clear_small(void)
{
    __attribute__((uninitialized)) uint8_t below[4096];
    explicit_bzero(below, sizeof(below));
}

static __attribute__((noinline)) void clear_middle(void)
{
    __attribute__((uninitialized)) uint8_t below[16384];
    explicit_bzero(below, sizeof(below));
}

static __attribute__((noinline)) void clear_large(void)
{
    __attribute__((uninitialized)) uint8_t below[65536];
    explicit_bzero(below, sizeof(below));
}

__attribute__((noinline)) void hf_stack_clear(size_t bytes)
{
    if (bytes <= 2048)
        clear_least();
    else if (bytes <= 4096)
        clear_small();
    else if (bytes <= 16384)
        clear_middle();
    else
        clear_large();
}
