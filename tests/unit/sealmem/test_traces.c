/*
 * What a call leaves behind, on each kind of processor that OpenSSL tells apart: key, its round keys, the hash of the
 * right half and the plaintext are nowhere in the memory of the process, and nothing but zeros on the stack where the
 * call has been.
 */
#include "helper.h"
#include "sys/sandbox.h"
#include <fenv.h>
#include <math.h>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/random.h>

#define SKIP_SCANS() \
    do { \
        SKIP_SANITIZED(); \
        SKIP_THREAD_SANITIZER(); \
    } while (0)

/* ---- needles: masked, so that they do not find themselves ---- */

#define WINDOW 8
#define NEEDLES 16
#define MASK 0x5a

typedef struct needle {
    uint8_t masked[64];
    size_t len;
    unsigned hits;
} needle;

static needle needles[NEEDLES];
static size_t n_needles;

static void needle_add(const void *bytes, size_t len)
{
    needle *n = &needles[n_needles++];
    n->len = len;
    for (size_t i = 0; i < len; i++)
        n->masked[i] = ((const uint8_t *)bytes)[i] ^ MASK;
}

/* In words of the other byte order too: that is how round keys and hash states are kept at times. */
static void needle_add_words(const void *bytes, size_t len)
{
    uint8_t turned[64];
    for (size_t i = 0; i < len; i++)
        turned[i] = ((const uint8_t *)bytes)[i ^ 3];
    needle_add(bytes, len);
    needle_add(turned, len);
    hf_wipe(turned, sizeof turned);
}

static void look_at(const uint8_t *from, const uint8_t *to)
{
    bool first[256] = { false };
    for (size_t k = 0; k < n_needles; k++)
        for (size_t at = 0; at + WINDOW <= needles[k].len; at++)
            first[needles[k].masked[at] ^ MASK] = true;
    for (const uint8_t *p = from; p + WINDOW <= to; p++) {
        if (!first[*p])
            continue;
        for (size_t k = 0; k < n_needles; k++)
            for (size_t at = 0; at + WINDOW <= needles[k].len; at++) {
                size_t i = 0;
                while (i < WINDOW && p[i] == (needles[k].masked[at + i] ^ MASK))
                    i++;
                needles[k].hits += i == WINDOW;
            }
    }
}

/* All that this process can read and write: what nobody can write holds no secret. */
static unsigned scan(void)
{
    char line[512];
    unsigned hits = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (maps == NULL)
        exit(125);
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t from = 0, to = 0;
        char rights[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3 && memcmp(rights, "rw", 2) == 0)
            look_at((const uint8_t *)from, (const uint8_t *)to);
    }
    fclose(maps);
    for (size_t k = 0; k < n_needles; k++) {
        if (needles[k].hits > 0)
            fprintf(stderr, "needle %zu: %u windows\n", k, needles[k].hits);
        hits += needles[k].hits;
        needles[k].hits = 0;
    }
    return hits;
}

/* The key and what is made of it; the places where they pass are wiped. */
static void learn(const hf_coffer *c, hf_work *work)
{
    if (hf_split_join(c->left, c->right, work) != HF_OK)
        exit(125);
    needle_add_words(work->key, 32);
    needle_add_words(work->state, 32);
    hf_work_wipe(work);
    hf_stack_clear(4096);
    hf_vectors_clear();
}

/* ---- the helper side ---- */

static hf_coffer *coffer;
static uint8_t *plain, *opened; /* in locked memory */
static uint8_t blob[64 + HF_SEALED_OVERHEAD_BYTES];

static hf_err use_once(size_t len)
{
    size_t n = 0;
    HF_TRY(hf_coffer_seal(coffer, &alice, plain, len, blob, sizeof blob, &n));
    return hf_coffer_open_into(coffer, &alice, blob, n, opened, len, &n);
}

static int leave_main(void)
{
    hf_pool *pool = NULL;
    void *a = NULL, *b = NULL, *w = NULL;
    coffer = calm_coffer();
    if (hf_pool_of_process(&pool) != HF_OK || hf_pool_alloc(pool, 64, &a) != HF_OK ||
        hf_pool_alloc(pool, 64, &b) != HF_OK || hf_pool_alloc(pool, sizeof(hf_work), &w) != HF_OK)
        return 2;
    plain = a;
    opened = b;
    if (getrandom(plain, 64, 0) != 64)
        return 3;
    needle_add_words(plain, 64);
    learn(coffer, w);
    hf_stack_clear(65536);
    if (scan() == 0)
        return 4; /* it finds the plaintext where it is */
    for (size_t len = 1; len <= 64; len++)
        if (use_once(len) != HF_OK || memcmp(plain, opened, len) != 0)
            return 5;
    if (use_once(64) != HF_OK)
        return 5;
    blob[20] ^= 1;
    size_t n = 0;
    if (hf_coffer_open_into(coffer, &alice, blob, sizeof blob, opened, 64, &n) != HF_ERR_BAD_CIPHERTEXT)
        return 6;
    hf_pool_free(pool, plain);
    hf_pool_free(pool, opened);
    return scan() == 0 ? 0 : 1;
}

/* What this thread's stack looked like before. */
#define UNTOUCHED 0xa5
#define STACK_BYTES ((size_t)256 << 10)
#define OWN_FRAMES 128 /* of the functions that clear */

typedef struct trace {
    size_t depth; /* from the frame of the caller to the lowest byte that was touched */
    size_t not_zero; /* of the KiB above the lowest OWN_FRAMES that were touched */
} trace;

static uint8_t *stack_low;
static trace found;

/* Nothing may be called between the work and the look. */
#define LOOK_AT_STACK() \
    do { \
        const uint8_t *low_ = stack_low; \
        while (*low_ == UNTOUCHED) \
            low_++; \
        found.depth = (size_t)((const uint8_t *)__builtin_frame_address(0) - low_); \
        found.not_zero = 0; \
        for (size_t i_ = 0; i_ < 1024; i_++) \
            found.not_zero += low_[OWN_FRAMES + i_] != 0; \
    } while (0)

static void *run_bare(void *unused)
{
    (void)unused;
    static const uint8_t key[32] = { 1 }, nonce[12] = { 2 };
    hf_view aad = hf_view_of(key, 24);
    if (hf_cipher_seal(coffer->seat[0].ctx, coffer->wipes, key, nonce, aad, hf_view_of(plain, 64), blob) != HF_OK)
        exit(125);
    LOOK_AT_STACK();
    return NULL;
}

static void *run_call(void *unused)
{
    (void)unused;
    hf_err e = use_once(64);
    LOOK_AT_STACK();
    if (e != HF_OK)
        exit(125);
    return NULL;
}

static trace run_on_painted_stack(void *(*work)(void *))
{
    pthread_t thread;
    pthread_attr_t attr;
    stack_low = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack_low == MAP_FAILED)
        exit(125);
    memset(stack_low, UNTOUCHED, STACK_BYTES);
    if (pthread_attr_init(&attr) != 0 || pthread_attr_setstack(&attr, stack_low, STACK_BYTES) != 0 ||
        pthread_create(&thread, &attr, work, NULL) != 0 || pthread_join(thread, NULL) != 0)
        exit(125);
    pthread_attr_destroy(&attr);
    munmap(stack_low, STACK_BYTES);
    return found;
}

static int stack_main(void)
{
    coffer = calm_coffer();
    plain = calloc(1, 64);
    opened = calloc(1, 64);
    memset(plain, 0x77, 64);
    if (use_once(64) != HF_OK) /* what is set up at the first use is deeper */
        return 2;
    trace bare = run_on_painted_stack(run_bare), whole = run_on_painted_stack(run_call);
    fprintf(stderr, "OpenSSL goes %zu bytes deep, a call %zu; %zu bytes there are not zero\n", bare.depth, whole.depth,
            whole.not_zero);
    free(plain);
    free(opened);
    hf_coffer_free(coffer);
    return bare.not_zero > 0 && whole.not_zero == 0 && whole.depth > bare.depth + 2 * OWN_FRAMES ? 0 : 1;
}

static int helper_main(const char *mode)
{
    return strcmp(mode, "leave") == 0 ? leave_main() : stack_main();
}

/* ---- the tests ---- */

/*
 * Values of OPENSSL_ia32cap: as it is; without AVX2 and later; without AES and carry-less products too; the plainest.
 */
static const char *const processors[] = { NULL, ":0", "~0x200000200000000:0", "0:0" };

static void on_every_processor(const char *mode)
{
    for (size_t i = 0; i < HF_COUNT(processors); i++) {
        if (processors[i] == NULL)
            unsetenv("OPENSSL_ia32cap");
        else
            setenv("OPENSSL_ia32cap", processors[i], 1);
        print_message("# %s\n", processors[i] == NULL ? "this processor" : processors[i]);
        assert_exit(helper_run(mode, "-"), 0);
    }
    unsetenv("OPENSSL_ia32cap");
}

static void nothing_stays_in_memory(void **state)
{
    (void)state;
    SKIP_SCANS();
    on_every_processor("leave");
}

static void nothing_stays_on_the_stack(void **state)
{
    (void)state;
    SKIP_SCANS();
    on_every_processor("stack");
}

static void the_desk_is_clean_between_calls(void **state)
{
    (void)state;
    hf_coffer *c = calm_coffer();
    uint8_t text[40] = { 9 }, out[sizeof text], sealed[sizeof text + HF_SEALED_OVERHEAD_BYTES];
    size_t n = 0;
    assert_int_equal(hf_coffer_seal(c, &alice, text, sizeof text, sealed, sizeof sealed, &n), HF_OK);
    assert_zero((const uint8_t *)c->desk, sizeof *c->desk);
    assert_int_equal(hf_coffer_open_into(c, &alice, sealed, n, out, sizeof out, &n), HF_OK);
    assert_zero((const uint8_t *)c->desk, sizeof *c->desk);
    hf_coffer_free(c);
}

/* The contexts of all seats encrypt as those with the zero key do. */
static void contexts_keep_no_key(void **state)
{
    (void)state;
    hf_coffer *c = calm_coffer();
    uint8_t sealed[HF_SEALED_OVERHEAD_BYTES + 16], with_it[16], with_zero[16];
    static const uint8_t zero[32], nonce[12] = { 3 };
    size_t n = 0;
    int got = 0;
    for (int i = 0; i < 10; i++)
        assert_int_equal(hf_coffer_seal(c, &alice, zero, 16, sealed, sizeof sealed, &n), HF_OK);
    EVP_CIPHER_CTX *fresh = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex2(fresh, c->gcm, zero, nonce, NULL), 1);
    assert_int_equal(EVP_EncryptUpdate(fresh, with_zero, &got, zero, 16), 1);
    EVP_CIPHER_CTX_free(fresh);
    for (size_t i = 0; i < HF_COFFER_SEATS; i++) {
        assert_int_equal(EVP_EncryptInit_ex2(c->seat[i].ctx, NULL, NULL, nonce, NULL), 1);
        assert_int_equal(EVP_EncryptUpdate(c->seat[i].ctx, with_it, &got, zero, 16), 1);
        assert_memory_equal(with_it, with_zero, 16);
    }
    hf_coffer_free(c);
}

/* A program's own rounding mode and exception flags. */
static void floating_point_is_as_it_was(void **state)
{
    (void)state;
    hf_coffer *c = calm_coffer();
    uint8_t text[16] = { 1 }, sealed[16 + HF_SEALED_OVERHEAD_BYTES];
    size_t n = 0;
    assert_int_equal(fesetround(FE_UPWARD), 0);
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(FE_DIVBYZERO);
    assert_int_equal(hf_coffer_seal(c, &alice, text, sizeof text, sealed, sizeof sealed, &n), HF_OK);
    assert_int_equal(fegetround(), FE_UPWARD);
    assert_true(fetestexcept(FE_DIVBYZERO) != 0);
    volatile double one = 1.0, three = 3.0;
    double up = one / three;
    assert_int_equal(fesetround(FE_DOWNWARD), 0);
    double down = one / three;
    assert_int_equal(fesetround(FE_TONEAREST), 0);
    assert_true(up > down);
    hf_coffer_free(c);
}

/* Registers that a call may use, full of a secret, are empty afterwards. */
static void vectors_are_cleared(void **state)
{
    (void)state;
#if defined(__x86_64__)
    _Alignas(64) uint8_t full[64], after[64];
    memset(full, 0xee, sizeof full);
    memset(after, 0xee, sizeof after);
    if (__builtin_cpu_supports("avx512f")) {
        __asm__ volatile("vmovdqu64 %1, %%zmm3\n\tvmovdqu64 %1, %%zmm29\n\tcall hf_vectors_clear\n\t"
                         "vporq %%zmm3, %%zmm29, %%zmm29\n\tvmovdqu64 %%zmm29, %0\n\tvzeroupper"
                         : "=m"(after)
                         : "m"(full)
                         : "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
        assert_zero(after, sizeof after);
    }
    __asm__ volatile("movdqu %1, %%xmm3\n\tmovdqu %1, %%xmm15\n\tcall hf_vectors_clear\n\t"
                     "por %%xmm3, %%xmm15\n\tmovdqu %%xmm15, %0"
                     : "=m"(after)
                     : "m"(full)
                     : "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
    assert_zero(after, 16);
#else
    skip();
#endif
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return helper_main(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_stays_in_memory),         cmocka_unit_test(nothing_stays_on_the_stack),
        cmocka_unit_test(the_desk_is_clean_between_calls), cmocka_unit_test(contexts_keep_no_key),
        cmocka_unit_test(floating_point_is_as_it_was),     cmocka_unit_test(vectors_are_cleared),
    };
    return cmocka_run_group_tests_name("sealmem-traces", tests, NULL, NULL);
}
