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
        : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc", "memory", "xmm0", "xmm1",
          "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
          "xmm15");
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
    for (int round = 0; round < 3; round++) {
        vectors_after(hf_registers_clear, out);
        for (size_t i = 0; i < sizeof out; i++)
            assert_int_equal(out[i], 0);
    }
    volatile double third = 1.0;
    third /= 3; /* arithmetic goes on as before: rounding and exceptions are as at the start */
    assert_true(third * 3 == 1.0);
}
#else
static void vectors_are_cleared(void **state)
{
    (void)state;
    hf_registers_clear();
}
#endif

#define USED 4096

static __attribute__((noinline)) uintptr_t dirty(void)
{
    uint8_t used[USED];
    memset(used, PATTERN, sizeof used);
    uintptr_t at = (uintptr_t)used;
    __asm__ volatile("" : "+r"(at) : "r"(used) : "memory");
    return at;
}

/* Reads below the stack pointer, where the dirty frame was. */
static __attribute__((noinline)) unsigned count_left(uintptr_t at)
{
    unsigned left = 0;
    for (size_t i = 0; i < USED; i++)
        left += *(volatile const uint8_t *)(at + i) == PATTERN;
    return left;
}

static void the_stack_is_cleared(void **state)
{
    (void)state;
    SKIP_IF(TEST_SANITIZED, "skipped: a sanitizer build watches reads below the stack");
    assert_true(count_left(dirty()) > USED / 2);
    uintptr_t at = dirty();
    hf_stack_clear(8192);
    assert_true(count_left(at) < 16);
    hf_stack_clear(0);
    hf_stack_clear(SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_cleared),
        cmocka_unit_test(the_stack_is_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
