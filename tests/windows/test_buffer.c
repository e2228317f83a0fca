/* Guarded buffers on Windows: what touching them does, rights at rest, canaries, scopes, threads, how misuse ends; and secrets. */
#include "shared/kernel.h"

#include "mem/internal.h"
#include <holdfast/secret.h>

static const size_t sizes[] = { 1, 15, 16, 33, 4000, 4080, 4096, 8192, 40000, 100000, 1 << 20 };

static hf_buffer *buffer_of(size_t bytes, hf_access at_rest)
{
    const hf_buffer_spec spec = { .bytes = bytes, .weakest = HF_BACKING_MLOCK, .at_rest = at_rest };
    hf_buffer *b = NULL;
    const char *why = NULL;
    if (hf_buffer_new(&spec, &b, &why) != HF_OK) {
        fprintf(stderr, "no buffer of %zu bytes: %s\n", bytes, why);
        exit(125);
    }
    return b;
}

static DWORD rights_of(const void *p)
{
    MEMORY_BASIC_INFORMATION info;
    assert_int_equal(VirtualQuery(p, &info, sizeof(info)), sizeof(info));
    return info.State == MEM_COMMIT ? info.Protect : 0;
}

/* ---- where they lie ---- */

static void bytes_end_at_a_guard(void **state)
{
    (void)state;
    for (size_t i = 0; i < HF_COUNT(sizes); i++) {
        hf_buffer *b = buffer_of(sizes[i], HF_ACCESS_READ_WRITE);
        uint8_t *p = hf_buffer_bytes(b);
        assert_int_equal(hf_buffer_backing(b), HF_BACKING_MLOCK);
        assert_true(all_bytes(p, sizes[i], 0));
        assert_int_equal((uintptr_t)(p + sizes[i]) % 4096, 0);
        assert_int_equal(rights_of(p + sizes[i] - 1), PAGE_READWRITE);
        assert_true(rights_of(p + sizes[i]) == 0 || rights_of(p + sizes[i]) == PAGE_NOACCESS);
        memset(p, 0xff, sizes[i]);
        assert_int_equal(hf_buffer_check(b), HF_OK);
        hf_buffer_free(b);
    }
}

static void rights_are_those_at_rest_or_of_the_scope(void **state)
{
    static const DWORD rights[] = {
        [HF_ACCESS_NONE] = PAGE_NOACCESS, [HF_ACCESS_READ] = PAGE_READONLY, [HF_ACCESS_READ_WRITE] = PAGE_READWRITE
    };
    (void)state;
    for (size_t i = 0; i < HF_COUNT(sizes) * 3; i++) {
        hf_access at_rest = (hf_access)(i % 3);
        hf_buffer *b = buffer_of(sizes[i / 3], at_rest);
        const void *bytes = hf_buffer_bytes(b);
        void *p = NULL;
        assert_int_equal(rights_of(bytes), rights[at_rest]);
        assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ_WRITE, &p), HF_OK);
        assert_int_equal(rights_of(bytes), PAGE_READWRITE);
        memset(p, 's', sizes[i / 3]);
        hf_buffer_close(b);
        assert_int_equal(rights_of(bytes), rights[at_rest]);
        assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ, &p), HF_OK);
        assert_true(all_bytes(p, sizes[i / 3], 's'));
        hf_buffer_close(b);
        assert_int_equal(hf_buffer_check(b), HF_OK);
        for (unsigned wanted = 0; wanted < 3; wanted++) {
            assert_int_equal(hf_buffer_set_at_rest(b, (hf_access)wanted), HF_OK);
            assert_int_equal(rights_of(bytes), rights[wanted]);
        }
        assert_true(all_bytes(bytes, sizes[i / 3], 's'));
        hf_buffer_free(b);
    }
}

static void what_is_freed_is_zero_for_the_next(void **state)
{
    (void)state;
    hf_buffer *b[64];
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < HF_COUNT(b); i++) {
            b[i] = buffer_of(100 + i, (hf_access)(i % 3));
            void *p = NULL;
            assert_int_equal(hf_buffer_open(b[i], HF_ACCESS_READ_WRITE, &p), HF_OK);
            assert_true(all_bytes(p, 100 + i, 0));
            memset(p, 's', 100 + i);
            hf_buffer_close(b[i]);
        }
        for (size_t i = 0; i < HF_COUNT(b); i++)
            hf_buffer_free(b[i]);
    }
}

static void a_strict_caller_is_refused(void **state)
{
    (void)state;
    const hf_buffer_spec spec = { .bytes = 32, .weakest = HF_BACKING_MEMFD_SECRET };
    hf_buffer *b = NULL;
    const char *why = NULL;
    assert_int_equal(hf_buffer_new(&spec, &b, &why), HF_ERR_LOCKED_MEMORY);
    assert_non_null(strstr(why, "Windows has no memfd_secret"));
    assert_null(b);
}

static void comparing_and_wiping(void **state)
{
    (void)state;
    uint8_t a[100], b[100];
    assert_true(hf_random_fill(a, sizeof(a)));
    memcpy(b, a, sizeof(b));
    for (size_t i = 0; i < sizeof(a); i++) {
        assert_true(hf_mem_equal(a, b, sizeof(a)));
        b[i] ^= 0x80;
        assert_false(hf_mem_equal(a, b, sizeof(a)));
        assert_true(hf_mem_equal(a, b, i));
        b[i] ^= 0x80;
    }
    hf_mem_wipe(b, sizeof(b) - 1);
    assert_true(all_bytes(b, sizeof(b) - 1, 0) && b[sizeof(b) - 1] == a[sizeof(a) - 1]);
}

static void secrets_are_owned_and_wiped(void **state)
{
    (void)state;
    hf_secret *s = NULL;
    assert_int_equal(hf_secret_copy("key bytes", 9, &s), HF_OK);
    const uint8_t *bytes = hf_secret_read(s);
    assert_int_equal(rights_of(bytes), PAGE_READWRITE);
    assert_memory_equal(bytes, "key bytes", 9);
    hf_secret_freep(&s);
    assert_null(s);
    assert_true(all_bytes(bytes, 9, 0)); /* the pool of the process is still there */
}

/* ---- touching and misuse, each in a process of its own ---- */

static int touch(const char *how)
{
    hf_buffer *b = buffer_of(strstr(how, "large") != NULL ? 100000 : 100,
                             strstr(how, "closed") != NULL ? HF_ACCESS_NONE : HF_ACCESS_READ);
    volatile uint8_t *p = hf_buffer_bytes(b);
    if (strstr(how, "past") != NULL)
        return p[hf_buffer_size(b)] == 0 ? 1 : 2;
    if (strstr(how, "write") != NULL)
        p[0] = 1;
    return p[0] == 0 ? 0 : 2;
}

static void touching_what_is_forbidden_is_an_access_violation(void **state)
{
    static const char *const forbidden[] = { "past",         "past large", "closed",     "closed large",
                                             "closed write", "write",      "write large" };
    (void)state;
    for (size_t i = 0; i < HF_COUNT(forbidden); i++) {
        print_message("# %s\n", forbidden[i]);
        assert_signal(helper_run("touch", forbidden[i]), SIGSEGV);
    }
    assert_exit(helper_run("touch", "read"), 0);
}

static hf_buffer *witness; /* another buffer */

static void at_abort(int signal_number)
{
    (void)signal_number;
    _exit(all_bytes(hf_buffer_bytes(witness), 100, 0) ? 77 : 78);
}

static int misuse(const char *how)
{
    void *p = NULL;
    hf_buffer *b = buffer_of(100, HF_ACCESS_READ_WRITE);
    witness = buffer_of(100, HF_ACCESS_READ_WRITE);
    memset(hf_buffer_bytes(witness), 's', 100);
    (void)hf_buffer_set_at_rest(witness, HF_ACCESS_NONE);
    (void)signal(SIGABRT, at_abort);
    uint8_t *bytes = hf_buffer_bytes(b);
    if (strcmp(how, "below") == 0)
        bytes[-1] = (uint8_t)(bytes[-1] + 1);
    if (strcmp(how, "far below") == 0)
        bytes[-2000] = 1;
    if (strcmp(how, "open") == 0 && hf_buffer_open(b, HF_ACCESS_READ, &p) != HF_OK)
        return 1;
    if (strcmp(how, "close") == 0)
        hf_buffer_close(b);
    hf_buffer_free(b);
    if (strcmp(how, "twice") == 0)
        hf_buffer_free(b);
    if (strcmp(how, "after") == 0)
        (void)!hf_buffer_open(b, HF_ACCESS_READ, &p);
    return 0;
}

static void misuse_wipes_and_ends_the_process(void **state)
{
    static const char *const mistakes[] = { "below", "far below", "open", "close", "twice", "after" };
    (void)state;
    for (size_t i = 0; i < HF_COUNT(mistakes); i++) {
        print_message("# %s\n", mistakes[i]);
        assert_exit(helper_run("misuse", mistakes[i]), 77);
    }
    assert_exit(helper_run("misuse", "none"), 0);
}

/* ---- threads ---- */

static void *trade(void *seed)
{
    uintptr_t x = (uintptr_t)seed;
    for (unsigned i = 0; i < 400; i++) {
        x = x * 1103515245 + 12345;
        size_t n = 1 + x / 65536 % 9000;
        hf_buffer *b = buffer_of(n, (hf_access)(x / 256 % 3));
        void *p = NULL;
        if (hf_buffer_open(b, HF_ACCESS_READ_WRITE, &p) != HF_OK || !all_bytes(p, n, 0))
            return b;
        memset(p, 's', n);
        hf_buffer_close(b);
        hf_buffer_free(b);
    }
    return NULL;
}

static hf_buffer *shared;

static void *write_and_read(void *fill)
{
    for (unsigned i = 0; i < 400; i++) {
        void *p = NULL;
        if (hf_buffer_open(shared, HF_ACCESS_READ_WRITE, &p) != HF_OK)
            return fill;
        memset(p, (int)(uintptr_t)fill, 3000);
        bool alone = all_bytes(p, 3000, (uint8_t)(uintptr_t)fill);
        hf_buffer_close(shared);
        if (!alone || hf_buffer_open(shared, HF_ACCESS_READ, &p) != HF_OK)
            return fill;
        alone = all_bytes(p, 3000, ((const uint8_t *)p)[0]);
        hf_buffer_close(shared);
        if (!alone)
            return fill;
    }
    return NULL;
}

static void in_threads(void *(*work)(void *))
{
    pthread_t thread[4];
    for (uintptr_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, work, (void *)(i + 1)), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(thread[i], &failed), 0);
        assert_null(failed);
    }
}

static void threads_make_and_free(void **state)
{
    (void)state;
    in_threads(trade);
}

static void writers_are_alone(void **state)
{
    (void)state;
    shared = buffer_of(3000, HF_ACCESS_NONE);
    in_threads(write_and_read);
    hf_buffer_free(shared);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_end_at_a_guard),
        cmocka_unit_test(rights_are_those_at_rest_or_of_the_scope),
        cmocka_unit_test(what_is_freed_is_zero_for_the_next),
        cmocka_unit_test(a_strict_caller_is_refused),
        cmocka_unit_test(comparing_and_wiping),
        cmocka_unit_test(secrets_are_owned_and_wiped),
        cmocka_unit_test(touching_what_is_forbidden_is_an_access_violation),
        cmocka_unit_test(misuse_wipes_and_ends_the_process),
        cmocka_unit_test(threads_make_and_free),
        cmocka_unit_test(writers_are_alone),
    };
    if (argc > 2)
        return strcmp(argv[1], "touch") == 0 ? touch(argv[2]) : misuse(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
