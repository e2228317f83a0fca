/* What a job leaves in vector registers and on the stack is gone afterwards. */
#include "child.h"

#define PATTERN 0x5a

#if defined(__x86_64__)
/* Fills xmm0 to xmm15, calls (or not), and stores them: in one piece, so that the compiler uses none between. */
static __attribute__((noinline)) void vectors_after(void (*call)(void), uint8_t out[static 256])
{
    uint8_t pattern[16];
    memset(pattern, PATTERN, sizeof pattern);
    __asm__ volatile(
        "movdqu (%1), %%xmm0\n\tmov %%rsp, %%rbx\n\tsub $256, %%rsp\n\tand $-64, %%rsp\n\t"
        "movdqa %%xmm0, %%xmm1\n\tmovdqa %%xmm0, %%xmm2\n\tmovdqa %%xmm0, %%xmm3\n\t"
        "movdqa %%xmm0, %%xmm4\n\tmovdqa %%xmm0, %%xmm5\n\tmovdqa %%xmm0, %%xmm6\n\tmovdqa %%xmm0, %%xmm7\n\t"
        "movdqa %%xmm0, %%xmm8\n\tmovdqa %%xmm0, %%xmm9\n\tmovdqa %%xmm0, %%xmm10\n\tmovdqa %%xmm0, %%xmm11\n\t"
        "movdqa %%xmm0, %%xmm12\n\tmovdqa %%xmm0, %%xmm13\n\tmovdqa %%xmm0, %%xmm14\n\tmovdqa %%xmm0, %%xmm15\n\t"
        "call *%0\n\t"
        "mov %%rbx, %%rsp\n\t"
        "movdqu %%xmm0, (%2)\n\tmovdqu %%xmm1, 16(%2)\n\tmovdqu %%xmm2, 32(%2)\n\tmovdqu %%xmm3, 48(%2)\n\t"
        "movdqu %%xmm4, 64(%2)\n\tmovdqu %%xmm5, 80(%2)\n\tmovdqu %%xmm6, 96(%2)\n\tmovdqu %%xmm7, 112(%2)\n\t"
        "movdqu %%xmm8, 128(%2)\n\tmovdqu %%xmm9, 144(%2)\n\tmovdqu %%xmm10, 160(%2)\n\tmovdqu %%xmm11, 176(%2)\n\t"
        "movdqu %%xmm12, 192(%2)\n\tmovdqu %%xmm13, 208(%2)\n\tmovdqu %%xmm14, 224(%2)\n\tmovdqu %%xmm15, 240(%2)"
        :
        : "r"(call), "r"(pattern), "r"(out)
        : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc", "memory", "xmm0", "xmm1", "xmm2",
          "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static void does_nothing(void)
{
}

static void vectors_are_cleared(void **state)
{
    (void)state;
    uint8_t out[256] = { 0 };
    vectors_after(does_nothing, out);
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(out[i], PATTERN); /* the control: it was there */
    for (int round = 0; round < 6; round++) {
        vectors_after(round < 3 ? hf_registers_clear : hf_vectors_clear, out);
        for (size_t i = 0; i < sizeof out; i++)
            assert_int_equal(out[i], 0);
    }
    volatile double third = 1.0;
    third /= 3; /* arithmetic goes on as before: rounding and exceptions are as at the start */
    assert_true(third * 3 == 1.0);
}

/* Ciphers that use AVX leave keys in the upper halves too, and in registers that SSE does not have. */
#define EACH_16(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define EACH_32(X) \
    EACH_16(X) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)
#define FILL_YMM(n) "vmovdqu (%1), %%ymm" #n "\n\t"
#define STORE_YMM(n) "vmovdqu %%ymm" #n ", " #n "*32(%2)\n\t"
#define FILL_ZMM(n) "vmovdqu64 (%1), %%zmm" #n "\n\t"
#define STORE_ZMM(n) "vmovdqu64 %%zmm" #n ", " #n "*64(%2)\n\t"
#define CALL_BETWEEN(fill, store) \
    __asm__ volatile( \
        fill "mov %%rsp, %%rbx\n\tsub $256, %%rsp\n\tand $-64, %%rsp\n\tcall *%0\n\tmov %%rbx, %%rsp\n\t" store \
             "vzeroupper" \
        : \
        : "r"(call), "r"(pattern), "r"(out) \
        : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc", "memory", "xmm0", "xmm1", "xmm2", \
          "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", \
          "xmm15")

static __attribute__((noinline)) void ymm_after(void (*call)(void), const uint8_t *pattern, uint8_t *out)
{
    CALL_BETWEEN(EACH_16(FILL_YMM), EACH_16(STORE_YMM));
}

static __attribute__((noinline)) void zmm_after(void (*call)(void), const uint8_t *pattern, uint8_t *out)
{
    CALL_BETWEEN(EACH_32(FILL_ZMM), EACH_32(STORE_ZMM));
}

static void wide_vectors_are_cleared(void **state)
{
    (void)state;
    static uint8_t pattern[64], out[32 * 64];
    bool widest = __builtin_cpu_supports("avx512f") != 0;
    if (!widest && !__builtin_cpu_supports("avx"))
        return; /* nothing is wider than what the test before looks at */
    void (*after)(void (*)(void), const uint8_t *, uint8_t *) = widest ? zmm_after : ymm_after;
    size_t n = widest ? sizeof out : 16 * 32;
    memset(pattern, PATTERN, sizeof pattern);
    after(does_nothing, pattern, out);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(out[i], PATTERN); /* the control: it was there */
    void (*const clear[])(void) = { hf_registers_clear, hf_vectors_clear };
    for (size_t k = 0; k < sizeof clear / sizeof clear[0]; k++) {
        memset(out, PATTERN, sizeof out);
        after(clear[k], pattern, out);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(out[i], 0);
    }
}
#else
static void vectors_are_cleared(void **state)
{
    (void)state;
    hf_registers_clear();
    hf_vectors_clear();
}

static void wide_vectors_are_cleared(void **state)
{
    (void)state;
    hf_registers_clear();
}
#endif

#define USED 60000

static __attribute__((noinline)) uintptr_t dirty(void)
{
    uint8_t used[USED];
    memset(used, PATTERN, sizeof used);
    uintptr_t end = (uintptr_t)used + sizeof used;
    __asm__ volatile("" : "+r"(end) : "r"(used) : "memory");
    return end;
}

/* Reads below the stack pointer: of the dirty frame, the `n` bytes nearest to the caller. */
static __attribute__((noinline)) unsigned count_left(uintptr_t end, size_t n)
{
    unsigned left = 0;
    for (size_t i = 1; i <= n; i++)
        left += *(volatile const uint8_t *)(end - i) == PATTERN;
    return left;
}

static void the_stack_is_cleared(void **state)
{
    static const struct {
        size_t asked, cleared; /* a little less than the class, for the frames of the functions themselves */
    } rows[] = { { 0, 1900 },     { 2048, 1900 },   { 2049, 3900 },  { 4096, 3900 },
                 { 4097, 16000 }, { 16384, 16000 }, { 16385, USED }, { SIZE_MAX, USED } };
    (void)state;
    SKIP_IF(TEST_SANITIZED, "skipped: a sanitizer build watches reads below the stack");
    assert_true(count_left(dirty(), USED) > USED / 2);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uintptr_t end = dirty();
        hf_stack_clear(rows[i].asked);
        assert_true(count_left(end, rows[i].cleared) < 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_cleared),
        cmocka_unit_test(wide_vectors_are_cleared),
        cmocka_unit_test(the_stack_is_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
