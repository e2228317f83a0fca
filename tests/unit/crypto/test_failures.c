/* What happens when the kernel gives no random bytes and when memory ends. Each case runs in a child process. */
#include "common.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <openssl/crypto.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_ARENA_EXHAUSTED 71

/* Runs body in a child that starts the library by itself (an arena does not survive fork) and gives its exit code. */
static int in_child(int (*body)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(body());
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + status;
}

static bool deny_getrandom(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = HF_COUNT(code), .filter = code };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

static int random_denied(void)
{
    uint8_t bytes[600];
    if (hf_random(bytes, sizeof bytes) != HF_OK || !deny_getrandom())
        return 1;
    if (hf_random(bytes, sizeof bytes) != HF_ERR_SYSTEM)
        return 2;
    return all_zero(bytes, sizeof bytes) ? 0 : 3;
}

static void denied_random_is_an_error_and_wipes(void **state)
{
    (void)state;
    assert_int_equal(in_child(random_denied), 0);
}

static int generation_denied(void)
{
    const hf_alg drawn[] = { HF_ALG_AES_256_GCM, HF_ALG_ED25519, HF_ALG_ML_KEM_768 };
    void *state = NULL;
    if (test_start(&state) != 0 || !deny_getrandom())
        return 1;
    for (size_t i = 0; i < HF_COUNT(drawn); i++) {
        hf_secret *material = NULL;
        if (hf_key_generate(drawn[i], &material) != HF_ERR_SYSTEM || material != NULL)
            return 2;
    }
    return 0;
}

static void no_key_is_made_without_random_bytes(void **state)
{
    (void)state;
    assert_int_equal(in_child(generation_denied), 0);
}

/* Without its seed OpenSSL's generator cannot start, so neither can the library. */
static int start_denied(void)
{
    const hf_arena_spec spec = { 32u << 20, HF_BACKING_MALLOC };
    const char *why = "";
    if (hf_arena_create(&spec, &test_arena, &why) != HF_OK || !deny_getrandom())
        return 1;
    return hf_crypto_start(test_arena) == HF_OK ? 2 : 0;
}

static void the_library_does_not_start_without_random_bytes(void **state)
{
    (void)state;
    assert_int_equal(in_child(start_denied), 0);
}

static size_t small_bytes;

/* Signs with ever more keys in memory until the arena ends: the process must die there, never answer wrongly. */
static int fill_arena(void)
{
    const hf_arena_spec spec = { small_bytes, HF_BACKING_MALLOC };
    const char *why = "";
    hf_view in = hf_view_str("text");
    if (freopen("/dev/null", "w", stderr) == NULL || hf_arena_create(&spec, &test_arena, &why) != HF_OK)
        return 1;
    hf_secret_use_arena(test_arena);
    if (hf_crypto_start(test_arena) != HF_OK)
        return 2;
    for (unsigned i = 0; i < 1000000; i++) {
        hf_key *k = NULL;
        hf_secret *material = NULL;
        uint8_t sig[80];
        size_t len = 0;
        if (hf_key_generate(HF_ALG_EC_P256, &material) != HF_OK ||
            hf_key_load_private(HF_ALG_EC_P256, material, &k) != HF_OK ||
            hf_key_sign(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, in, sig, sizeof sig, &len) != HF_OK ||
            hf_key_verify(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, in, (hf_view) { sig, len }) != HF_OK)
            return 3;
    }
    return 4;
}

static void a_full_arena_ends_the_process(void **state)
{
    (void)state;
    for (small_bytes = 2u << 20; small_bytes <= 3u << 20; small_bytes += 256 * 1024)
        assert_int_equal(in_child(fill_arena), EXIT_ARENA_EXHAUSTED);
}

/* Sizes at which the end comes during the start: no hang, no half-started library. */
static void a_tiny_arena_ends_the_process_at_the_start(void **state)
{
    (void)state;
    for (small_bytes = 64 * 1024; small_bytes <= 384 * 1024; small_bytes += 64 * 1024)
        assert_int_equal(in_child(fill_arena), EXIT_ARENA_EXHAUSTED);
}

/* Without an arena the ordinary heap must not give OpenSSL a NULL either. */
static int heap_ends(void)
{
    volatile size_t too_much = SIZE_MAX / 4;
    if (freopen("/dev/null", "w", stderr) == NULL || hf_crypto_start(NULL) != HF_OK)
        return 1;
    return OPENSSL_malloc(too_much) == NULL ? 2 : 3;
}

static void a_full_heap_ends_the_process_too(void **state)
{
    (void)state;
    assert_int_equal(in_child(heap_ends), EXIT_ARENA_EXHAUSTED);
}

/* So that a sanitizer's heap answers as the ordinary one does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(denied_random_is_an_error_and_wipes),
        cmocka_unit_test(no_key_is_made_without_random_bytes),
        cmocka_unit_test(the_library_does_not_start_without_random_bytes),
        cmocka_unit_test(a_full_heap_ends_the_process_too),
        cmocka_unit_test(a_full_arena_ends_the_process),
        cmocka_unit_test(a_tiny_arena_ends_the_process_at_the_start),
    };
    return cmocka_run_group_tests_name("failures", tests, NULL, NULL);
}
