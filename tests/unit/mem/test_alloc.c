/* The allocator against a model, with threads, and with the mistakes that must end the process. */
#include "helper.h"
#include <holdfast/secret.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define MIB ((size_t)1 << 20)

static hf_arena *arena;

typedef struct block {
    uint8_t *ptr;
    size_t len;
    uint8_t fill;
} block;

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Mostly small, at times around the class limits, seldom large. */
static size_t random_size(uint64_t *state)
{
    uint64_t r = next_random(state);
    switch (r % 16) {
    case 0:
        return 1 + (r >> 8) % 60000;
    case 1:
        return 16384 - 8 + (r >> 8) % 16;
    case 2:
    case 3:
        return 1 + (r >> 8) % 8192;
    default:
        return (r >> 8) % 700;
    }
}

static void assert_all(const uint8_t *p, size_t n, uint8_t value)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != value)
            fail_msg("byte %zu of %zu is %02x and not %02x", i, n, p[i], value);
}

/* A new block must be zero although nobody promises it: it shows that every free wiped what was there. */
static void fill_new(block *b, size_t len, uint8_t fill)
{
    *b = (block) { hf_arena_alloc(arena, len), len, fill };
    assert_non_null(b->ptr);
    assert_int_equal((uintptr_t)b->ptr % 16, 0);
    assert_true(hf_arena_owns(arena, b->ptr));
    if (!TEST_SANITIZED)
        assert_all(b->ptr, len, 0);
    memset(b->ptr, fill, len);
}

static void resize(block *b, size_t len)
{
    size_t common = b->len < len ? b->len : len;
    uint8_t *old = b->ptr;
    b->ptr = hf_arena_realloc(arena, b->ptr, len);
    assert_all(b->ptr, common, b->fill);
    if (!TEST_SANITIZED && b->ptr != old)
        assert_all(old, b->len < 4096 ? b->len : 4096, 0);
    b->len = len;
    memset(b->ptr, b->fill, len);
}

static void follows_a_model(void **state)
{
    (void)state;
    static block live[1500];
    uint64_t random = 0x9e3779b97f4a7c15;
    size_t before = hf_arena_used(arena);
    for (unsigned round = 0; round < 200000; round++) {
        block *b = &live[next_random(&random) % HF_COUNT(live)];
        uint8_t fill = (uint8_t)(1 + round % 255);
        if (b->ptr == NULL) {
            fill_new(b, random_size(&random), fill);
        } else if (next_random(&random) % 4 == 0) {
            resize(b, random_size(&random));
        } else {
            assert_all(b->ptr, b->len, b->fill);
            hf_arena_free(arena, b->ptr);
            b->ptr = NULL;
        }
    }
    for (size_t i = 0; i < HF_COUNT(live); i++) {
        if (live[i].ptr != NULL)
            assert_all(live[i].ptr, live[i].len, live[i].fill);
        hf_arena_free(arena, live[i].ptr);
    }
    assert_true(hf_arena_used(arena) < before + MIB); /* the rest is what the cache of this thread holds */
}

static void large_blocks_join_again(void **state)
{
    (void)state;
    size_t third = hf_arena_capacity(arena) / 4;
    for (unsigned round = 0; round < 3; round++) {
        void *p[3];
        for (unsigned i = 0; i < 3; i++)
            p[i] = hf_arena_alloc(arena, third);
        assert_true(hf_arena_above_high_water(arena));
        for (unsigned i = 0; i < 3; i++)
            hf_arena_free(arena, p[(i + round) % 3]);
        assert_false(hf_arena_above_high_water(arena));
        hf_arena_free(arena, hf_arena_alloc(arena, 3 * third)); /* would end the process were the parts not joined */
    }
}

static void freed_bytes_are_gone_at_once(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    const size_t sizes[] = { 1, 16, 33, 1000, 16384, 16385, 100000 };
    for (size_t i = 0; i < HF_COUNT(sizes); i++) {
        uint8_t *p = hf_arena_alloc(arena, sizes[i]);
        memset(p, 0xa5, sizes[i]);
        hf_arena_free(arena, p);
        __asm__ volatile("" : "+r"(p) : : "memory");
        assert_all(p, sizes[i], 0);
    }
}

static void shrinking_wipes_the_tail(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    uint8_t *p = hf_arena_alloc(arena, 64);
    memset(p, 0xa5, 64);
    uint8_t *q = hf_arena_realloc(arena, p, 50);
    assert_ptr_equal(p, q);
    assert_all(q, 50, 0xa5);
    assert_all(q + 50, 14, 0);
    hf_arena_free(arena, q);
}

static void empty_and_null_are_fine(void **state)
{
    (void)state;
    hf_arena_free(arena, NULL);
    void *a = hf_arena_alloc(arena, 0);
    void *b = hf_arena_alloc(arena, 0);
    assert_ptr_not_equal(a, b);
    a = hf_arena_realloc(arena, a, 0);
    assert_non_null(a);
    hf_arena_free(arena, a);
    hf_arena_free(arena, b);
    void *c = hf_arena_realloc(arena, NULL, 100);
    assert_true(hf_arena_owns(arena, c));
    hf_arena_free(arena, c);
    int local = 0;
    assert_false(hf_arena_owns(arena, &local));
    assert_false(hf_arena_owns(arena, NULL));
}

/* Threads exchange blocks through these, so that most are freed by another thread than made them. */
static uint8_t *_Atomic slot[256];

static void *trade(void *seed)
{
    uint64_t random = (uint64_t)(uintptr_t)seed * 0x9e3779b97f4a7c15 + 1;
    for (unsigned i = 0; i < 30000; i++) {
        size_t len = 2 + random_size(&random) % 3000;
        uint8_t *p = hf_arena_alloc(arena, len);
        uint8_t fill = (uint8_t)(1 + random % 255);
        p[0] = (uint8_t)(len < 256 ? len : 255);
        memset(p + 1, fill, p[0] - 1u);
        p = atomic_exchange(&slot[next_random(&random) % HF_COUNT(slot)], p);
        if (p == NULL)
            continue;
        for (unsigned j = 2; j < p[0]; j++)
            if (p[j] != p[1])
                abort();
        hf_arena_free(arena, p);
    }
    return NULL;
}

static void threads_trade_blocks(void **state)
{
    (void)state;
    size_t before = hf_arena_used(arena);
    for (unsigned round = 0; round < 3; round++) { /* later rounds use the caches of ended threads */
        pthread_t thread[4];
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, trade, (void *)(1 + i + 4 * round)), 0);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(pthread_join(thread[i], NULL), 0);
    }
    for (size_t i = 0; i < HF_COUNT(slot); i++)
        hf_arena_free(arena, atomic_exchange(&slot[i], NULL));
    assert_true(hf_arena_used(arena) < before + MIB);
}

static void *use_once(void *unused)
{
    (void)unused;
    hf_arena_free(arena, hf_arena_alloc(arena, 100));
    return NULL;
}

static void ended_threads_leave_nothing(void **state)
{
    (void)state;
    size_t before = hf_arena_used(arena);
    for (unsigned i = 0; i < 500; i++) { /* many more than there are caches */
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, use_once, NULL), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    assert_true(hf_arena_used(arena) < before + 64 * 1024);
}

static void misuse_ends_the_process(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    const char *const misuse[] = {
        "double-free",   "double-free-large",       "free-inside",        "free-unaligned", "free-foreign",
        "realloc-freed", "free-other-thread-twice", "secret-written-past"
    };
    for (size_t i = 0; i < HF_COUNT(misuse); i++) {
        print_message("# %s\n", misuse[i]);
        assert_signal(helper_run(misuse[i], ""), SIGABRT);
    }
}

static void exhaustion_exits_71(void **state)
{
    (void)state;
    assert_exit(helper_run("exhaust", "100"), 71);
    assert_exit(helper_run("exhaust", "70000"), 71);
    assert_exit(helper_run("exhaust", "9223372036854775807"), 71);
    assert_exit(helper_run("exhaust", "18446744073709551615"), 71);
    assert_exit(helper_run("exhaust-threads", "300"), 71);
}

static void secrets_have_bounds(void **state)
{
    (void)state;
    hf_secret *s = NULL;
    assert_int_equal(hf_secret_new(0, &s), HF_ERR_BOUNDS);
    assert_int_equal(hf_secret_new(65537, &s), HF_ERR_BOUNDS);
    assert_null(s);
    assert_int_equal(hf_secret_new(65536, &s), HF_OK);
    assert_int_equal(hf_secret_len(s), 65536);
    assert_all(hf_secret_read(s), 65536, 0);
    hf_secret_free(s);
    hf_secret_free(NULL);
}

static void secrets_copy_and_wipe(void **state)
{
    (void)state;
    hf_secret *s = NULL;
    assert_int_equal(hf_secret_copy("key bytes", 9, &s), HF_OK);
    const uint8_t *p = hf_secret_read(s);
    assert_true(hf_arena_owns(arena, p) || TEST_SANITIZED);
    assert_int_equal((uintptr_t)p % 16, 0);
    assert_memory_equal(p, "key bytes", 9);
    hf_secret_freep(&s);
    assert_null(s);
    __asm__ volatile("" : "+r"(p) : : "memory");
    if (!TEST_SANITIZED)
        assert_all(p, 9, 0);
}

static void secrets_of_a_full_arena_are_refused(void **state)
{
    (void)state;
    hf_arena *small = arena_of(65536, HF_BACKING_MALLOC);
    hf_secret_use_arena(small);
    static hf_secret *s[100];
    size_t n = 0;
    hf_err e = HF_OK;
    while (n < HF_COUNT(s) && (e = hf_secret_new(4000, &s[n])) == HF_OK)
        n++;
    assert_int_equal(e, HF_ERR_LOCKED_MEMORY);
    assert_null(s[n]);
    assert_true(n >= 10);
    while (n > 0)
        hf_secret_freep(&s[--n]);
    assert_int_equal(hf_secret_new(4000, &s[0]), HF_OK);
    hf_secret_freep(&s[0]);
    hf_secret_use_arena(arena);
}

static void *free_it(void *p)
{
    hf_arena_free(arena, p);
    return NULL;
}

static void free_elsewhere(void *p)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, free_it, p) == 0)
        (void)pthread_join(thread, NULL);
}

static int misuse_main(const char *mode)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
    uint8_t *p = hf_arena_alloc(arena, strcmp(mode, "double-free-large") == 0 ? 50000 : 100);
    uint8_t *foreign = malloc(100);
    if (strncmp(mode, "double-free", 11) == 0) {
        hf_arena_free(arena, p);
        hf_arena_free(arena, p);
    } else if (strcmp(mode, "free-inside") == 0) {
        hf_arena_free(arena, p + 16);
    } else if (strcmp(mode, "free-unaligned") == 0) {
        hf_arena_free(arena, p + 1);
    } else if (strcmp(mode, "free-foreign") == 0) {
        hf_arena_free(arena, foreign);
    } else if (strcmp(mode, "realloc-freed") == 0) {
        hf_arena_free(arena, p);
        p = hf_arena_realloc(arena, p, 200);
    } else if (strcmp(mode, "free-other-thread-twice") == 0) {
        free_elsewhere(p);
        free_elsewhere(p);
    }
    hf_secret *s = NULL;
    hf_secret_use_arena(arena);
    if (strcmp(mode, "secret-written-past") == 0 && hf_secret_copy("0123456789", 10, &s) == HF_OK) {
        hf_secret_bytes(s)[10] ^= 1;
        hf_secret_free(s);
    }
    free(foreign);
    return 0;
}

static _Atomic size_t exhaust_step;

static void *exhaust(void *unused)
{
    (void)unused;
    for (;;)
        memset(hf_arena_alloc(arena, exhaust_step), 1, 16);
    return NULL;
}

static int helper_main(const char *mode, const char *arg)
{
    if (strncmp(mode, "exhaust", 7) != 0)
        return misuse_main(mode);
    exhaust_step = strtoull(arg, NULL, 10);
    pthread_t thread;
    for (unsigned i = 0; i < 3 && strcmp(mode, "exhaust-threads") == 0; i++)
        (void)pthread_create(&thread, NULL, exhaust, NULL);
    (void)exhaust(NULL);
    return 0;
}

int main(int argc, char **argv)
{
    arena = arena_of(argc > 2 ? 4 * MIB : 32 * MIB, HF_BACKING_MALLOC);
    if (argc > 2)
        return helper_main(argv[1], argv[2]);
    hf_secret_use_arena(arena);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_blocks_join_again),      cmocka_unit_test(follows_a_model),
        cmocka_unit_test(freed_bytes_are_gone_at_once), cmocka_unit_test(shrinking_wipes_the_tail),
        cmocka_unit_test(empty_and_null_are_fine),      cmocka_unit_test(threads_trade_blocks),
        cmocka_unit_test(ended_threads_leave_nothing),  cmocka_unit_test(misuse_ends_the_process),
        cmocka_unit_test(exhaustion_exits_71),          cmocka_unit_test(secrets_have_bounds),
        cmocka_unit_test(secrets_copy_and_wipe),        cmocka_unit_test(secrets_of_a_full_arena_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
