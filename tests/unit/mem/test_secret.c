/* Secrets in the pool of the process: what a user of the type relies on. In an arena: test_alloc.c. */
#include "kernel.h"
#include <holdfast/secret.h>
#include <signal.h>

static void lengths_have_bounds(void **state)
{
    (void)state;
    hf_secret *s = NULL;
    const size_t bad[] = { 0, 65537, SIZE_MAX };
    for (size_t i = 0; i < HF_COUNT(bad); i++) {
        assert_int_equal(hf_secret_new(bad[i], &s), HF_ERR_BOUNDS);
        assert_int_equal(hf_secret_random(bad[i], &s), HF_ERR_BOUNDS);
        assert_int_equal(hf_secret_copy("x", bad[i], &s), HF_ERR_BOUNDS);
    }
    assert_null(s);
    const size_t good[] = { 1, 15, 16, 17, 32, 48, 64, 100, 4096, 16384, 65536 };
    for (size_t i = 0; i < HF_COUNT(good); i++) {
        assert_int_equal(hf_secret_new(good[i], &s), HF_OK);
        assert_int_equal(hf_secret_len(s), good[i]);
        assert_ptr_equal(hf_secret_bytes(s), hf_secret_read(s));
        assert_int_equal((uintptr_t)hf_secret_read(s) % 16, 0);
        assert_true(all_bytes(hf_secret_read(s), good[i], 0));
        memset(hf_secret_bytes(s), 1, good[i]);
        hf_secret_freep(&s);
        assert_null(s);
    }
    hf_secret_free(NULL);
}

static void copies_and_wipes(void **state)
{
    (void)state;
    char mine[] = "key bytes";
    hf_secret *s = NULL;
    assert_int_equal(hf_secret_copy(mine, 9, &s), HF_OK);
    mine[0] = 'K';
    const uint8_t *p = hf_secret_read(s);
    assert_memory_equal(p, "key bytes", 9);
    hf_secret_free(s);
    __asm__ volatile("" : "+r"(p) : : "memory");
    if (!TEST_SANITIZED)
        assert_true(all_bytes(p, 9, 0));
}

static void random_ones_differ(void **state)
{
    (void)state;
    hf_secret *a = NULL, *b = NULL;
    assert_int_equal(hf_secret_random(65536, &a), HF_OK);
    assert_int_equal(hf_secret_random(65536, &b), HF_OK);
    assert_false(hf_secret_equal(a, b));
    size_t seen[256] = { 0 };
    for (size_t i = 0; i < 65536; i++)
        seen[hf_secret_read(a)[i]]++;
    for (size_t i = 0; i < 256; i++)
        assert_in_range(seen[i], 100, 500); /* 256 each, give or take 9 standard deviations */
    hf_secret_free(a);
    hf_secret_free(b);
}

static void equal_ones_are_equal(void **state)
{
    (void)state;
    hf_secret *a = NULL, *b = NULL, *shorter = NULL;
    assert_int_equal(hf_secret_copy("0123456789abcdef!", 17, &a), HF_OK);
    assert_int_equal(hf_secret_copy("0123456789abcdef!", 17, &b), HF_OK);
    assert_int_equal(hf_secret_copy("0123456789abcdef!", 16, &shorter), HF_OK);
    assert_true(hf_secret_equal(a, b));
    assert_true(hf_secret_equal(a, a));
    assert_false(hf_secret_equal(a, shorter));
    for (size_t i = 0; i < 17; i++) {
        hf_secret_bytes(b)[i] ^= 0x80;
        assert_false(hf_secret_equal(a, b));
        hf_secret_bytes(b)[i] ^= 0x80;
    }
    hf_secret_free(a);
    hf_secret_free(b);
    hf_secret_free(shorter);
}

/* ---- in processes of their own ---- */

static void thirty_two_bytes_take_forty_eight(void)
{
    static hf_secret *s[10000];
    hf_pool *p = NULL;
    hf_pool_status before, after;
    MUST(hf_pool_of_process(&p) == HF_OK);
    hf_pool_status_get(p, &before);
    for (size_t i = 0; i < HF_COUNT(s); i++)
        MUST(hf_secret_random(32, &s[i]) == HF_OK);
    hf_pool_status_get(p, &after);
    MUST(after.used_bytes - before.used_bytes <= 49 * HF_COUNT(s));
    MUST(after.locked_bytes <= 64 * HF_COUNT(s));
    MUST(after.live_blocks == HF_COUNT(s));
    MUST(has_flag(hf_secret_read(s[0]), " lo") && has_flag(hf_secret_read(s[9999]), " lo"));
}

static void no_random_bytes_is_an_error(void)
{
    hf_secret *s = NULL;
    hf_pool *p = NULL;
    hf_pool_status status;
    MUST(hf_secret_new(1000, &s) == HF_OK);
    hf_secret_freep(&s);
    deny_syscall(SYS_getrandom, EPERM);
    MUST(hf_secret_random(1000, &s) == HF_ERR_SYSTEM && s == NULL);
    MUST(hf_pool_of_process(&p) == HF_OK);
    hf_pool_status_get(p, &status);
    MUST(status.live_blocks == 0);
}

static void a_full_pool_is_an_error(void)
{
    become_nobody(64 * KIB);
    hf_secret *s[100] = { NULL };
    size_t n = 0;
    hf_err e = HF_OK;
    while (n < HF_COUNT(s) && (e = hf_secret_new(4000, &s[n])) == HF_OK)
        n++;
    MUST(e == HF_ERR_LOCKED_MEMORY && s[n] == NULL && n >= 12);
    hf_secret_freep(&s[0]);
    MUST(hf_secret_new(4000, &s[0]) == HF_OK);
}

/* Which of the two a secret is in is told from its address, so it may be freed after a change. */
static void an_arena_may_be_set_later(void)
{
    hf_secret *of_pool = NULL, *of_arena = NULL;
    hf_pool *p = NULL;
    hf_pool_status status;
    MUST(hf_secret_new(32, &of_pool) == HF_OK);
    hf_arena *a = arena_of(MIB, HF_BACKING_MALLOC);
    hf_secret_use_arena(a);
    MUST(hf_secret_new(32, &of_arena) == HF_OK && hf_arena_owns(a, hf_secret_read(of_arena)));
    hf_secret_free(of_pool);
    hf_secret_free(of_arena);
    hf_secret_use_arena(NULL);
    MUST(hf_secret_new(32, &of_pool) == HF_OK && !hf_arena_owns(a, hf_secret_read(of_pool)));
    hf_secret_free(of_pool);
    MUST(hf_pool_of_process(&p) == HF_OK);
    hf_pool_status_get(p, &status);
    MUST(status.live_blocks == 0);
}

static int child_with_an_arena(void *secret)
{
    hf_secret *s = NULL;
    if (hf_secret_new(32, &s) != HF_ERR_FORKED)
        return 1;
    hf_secret_free(secret);
    hf_secret_use_arena(NULL);
    if (hf_secret_new(32, &s) != HF_OK)
        return 2;
    hf_secret_free(s);
    return 0;
}

static void a_child_has_no_arena(void)
{
    hf_secret *s = NULL;
    hf_secret_use_arena(arena_of(MIB, HF_BACKING_MALLOC));
    MUST(hf_secret_new(32, &s) == HF_OK);
    for (int raw = 0; raw < 2; raw++) {
        int status = in_child(raw, child_with_an_arena, s);
        MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    hf_secret_free(s);
}

static int equal_in_a_child(void *pair)
{
    hf_secret *const *s = pair;
    return hf_secret_equal(s[0], s[1]) ? 1 : 0;
}

/* Lost secrets have no length that could be compared: whoever asks then must not hear that a wrong token is the right one. */
static void lost_secrets_equal_nothing(void)
{
    hf_secret *s[2] = { NULL, NULL };
    MUST(hf_secret_copy("right token", 11, &s[0]) == HF_OK && hf_secret_copy("wrong", 5, &s[1]) == HF_OK);
    for (int raw = 0; raw < 2; raw++) {
        int status = in_child(raw, equal_in_a_child, s);
        MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    MUST(hf_secret_equal(s[0], s[0]));
    hf_wipe_all();
    MUST(!hf_secret_equal(s[0], s[1]));
}

static int mistake_main(const char *name)
{
    no_core_file();
    hf_secret *s = NULL;
    if (hf_secret_new(33, &s) != HF_OK)
        return 125;
    if (strcmp(name, "written-past") == 0)
        hf_secret_bytes(s)[33] ^= 1;
    if (strcmp(name, "length") == 0) {
        memset(hf_secret_bytes(s) + 33, 0xff, 31);
        return (int)hf_secret_len(s);
    }
    if (strcmp(name, "inside") == 0)
        s = (hf_secret *)(void *)((uint8_t *)s - 16);
    if (strcmp(name, "double-free") == 0)
        hf_secret_free(s);
    hf_secret_free(strcmp(name, "foreign") == 0 ? calloc(1, 100) : s);
    return 0;
}

static void mistakes_end_the_process(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    const char *const mistakes[] = { "written-past", "length", "inside", "double-free", "foreign" };
    for (size_t i = 0; i < HF_COUNT(mistakes); i++)
        assert_signal(helper_run("mistake", mistakes[i]), SIGABRT);
    assert_exit(helper_run("mistake", "none"), 0);
}

#define CASE(name) { #name, name }
static const own_case cases[] = {
    CASE(thirty_two_bytes_take_forty_eight), CASE(no_random_bytes_is_an_error), CASE(a_full_pool_is_an_error),
    CASE(an_arena_may_be_set_later),         CASE(a_child_has_no_arena),        CASE(lost_secrets_equal_nothing),
};

static void run_cases(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    for (size_t i = 0; i < HF_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        own_process(cases[i].name);
    }
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return strcmp(argv[1], "own") == 0 ? own_main(cases, HF_COUNT(cases), argv[2]) : mistake_main(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_have_bounds),      cmocka_unit_test(copies_and_wipes),
        cmocka_unit_test(random_ones_differ),       cmocka_unit_test(equal_ones_are_equal),
        cmocka_unit_test(mistakes_end_the_process), cmocka_unit_test(run_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
