/* What happens when the kernel gives no random bytes and when memory ends. Each case runs in a child process. */
#include "common.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/x509.h>
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
    const hf_alg drawn[] = { HF_ALG_AES_256_GCM, HF_ALG_ED25519,     HF_ALG_ML_KEM_768,
                             HF_ALG_ML_DSA_65,   HF_ALG_HMAC_SHA256, HF_ALG_HMAC_SHA512 };
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

/* ---- an algorithm that OpenSSL does not have ---- */

static const char *missing = ""; /* fetches of this name fail; these definitions come before the shared library's */

#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))
#define IS_MISSING(name) (strcmp(name, missing) == 0)

EVP_SIGNATURE *EVP_SIGNATURE_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties)
{
    return IS_MISSING(name) ? NULL : REAL(EVP_SIGNATURE_fetch)(ctx, name, properties);
}

EVP_CIPHER *EVP_CIPHER_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties)
{
    return IS_MISSING(name) ? NULL : REAL(EVP_CIPHER_fetch)(ctx, name, properties);
}

EVP_MD *EVP_MD_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties)
{
    return IS_MISSING(name) ? NULL : REAL(EVP_MD_fetch)(ctx, name, properties);
}

EVP_MAC *EVP_MAC_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties)
{
    return IS_MISSING(name) ? NULL : REAL(EVP_MAC_fetch)(ctx, name, properties);
}

EVP_KDF *EVP_KDF_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties)
{
    return IS_MISSING(name) ? NULL : REAL(EVP_KDF_fetch)(ctx, name, properties);
}

static int starts(void)
{
    void *state = NULL;
    return test_start(&state) == 0 ? 0 : 1;
}

static void the_library_does_not_start_without_every_algorithm(void **state)
{
    (void)state;
    static const char *const names[] = { "SHA2-256",    "SHA2-384",         "SHA2-512", "HMAC",     "HKDF",
                                         "AES-256-GCM", "AES-256-WRAP-PAD", "ED25519",  "ML-DSA-65" };
    assert_int_equal(in_child(starts), 0);
    for (size_t i = 0; i < HF_COUNT(names); i++) {
        missing = names[i];
        assert_int_equal(in_child(starts), 1); /* an error; a crash would be another number */
    }
    missing = "";
}

static size_t small_bytes;
static hf_alg small_alg;

/* Signs with ever more keys in memory until the arena ends: the process must die there, never answer wrongly. */
static int fill_arena(void)
{
    const hf_arena_spec spec = { small_bytes, HF_BACKING_MALLOC };
    const char *why = "";
    hf_view in = hf_view_str("text");
    hf_secret *material = NULL;
    if (freopen("/dev/null", "w", stderr) == NULL || hf_arena_create(&spec, &test_arena, &why) != HF_OK)
        return 1;
    hf_secret_use_arena(test_arena);
    if (hf_crypto_start(test_arena) != HF_OK)
        return 2;
    for (unsigned i = 0; i < 1000000; i++) {
        hf_key *k = NULL;
        uint8_t sig[HF_SIGNATURE_MAX_BYTES];
        size_t len = 0;
        /* making RSA keys takes long: one is loaded again and again */
        if (((i == 0 || !hf_alg_slow(small_alg)) && hf_key_generate(small_alg, &material) != HF_OK) ||
            hf_key_load_private(small_alg, material, &k) != HF_OK ||
            hf_key_sign(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, in, sig, sizeof sig, &len) != HF_OK ||
            hf_key_verify(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, in, (hf_view) { sig, len }) != HF_OK)
            return 3;
    }
    return 4;
}

static void a_full_arena_ends_the_process(void **state)
{
    (void)state;
    static const hf_alg algs[] = { HF_ALG_EC_P256, HF_ALG_EC_P384, HF_ALG_RSA_2048, HF_ALG_ML_DSA_65,
                                   HF_ALG_HMAC_SHA256 };
    for (size_t i = 0; i < HF_COUNT(algs); i++) {
        small_alg = algs[i];
        for (small_bytes = 2u << 20; small_bytes <= 3u << 20; small_bytes += i == 0 ? 256 * 1024 : 2u << 20)
            assert_int_equal(in_child(fill_arena), EXIT_ARENA_EXHAUSTED);
    }
}

/* Sizes at which the end comes during the start: no hang, no half-started library. */
static void a_tiny_arena_ends_the_process_at_the_start(void **state)
{
    (void)state;
    small_alg = HF_ALG_EC_P256;
    for (small_bytes = 64 * 1024; small_bytes <= 384 * 1024; small_bytes += 64 * 1024)
        assert_int_equal(in_child(fill_arena), EXIT_ARENA_EXHAUSTED);
}

#ifndef HF_ARENA_MALLOC /* a sanitizer's own system calls would be killed */
/* ---- no system call but the six that OpenSSL was measured to need ---- */

static bool allow_only_what_openssl_needs(void)
{
    static const unsigned allowed[] = { SYS_getrandom, SYS_futex, SYS_getpid, SYS_write, SYS_exit, SYS_exit_group };
    struct sock_filter code[3 + HF_COUNT(allowed)] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    unsigned short n = 1;
    for (size_t i = 0; i < HF_COUNT(allowed); i++)
        code[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], (uint8_t)(HF_COUNT(allowed) - i), 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = { .len = n, .filter = code };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static bool works(hf_alg a)
{
    hf_secret *material = NULL;
    hf_key *k = NULL, *public = NULL;
    uint8_t out[HF_SIGNATURE_MAX_BYTES], spki[HF_SPKI_MAX_BYTES], shared[HF_KEM_SECRET_BYTES];
    size_t len = 0, spki_len = 0;
    hf_view in = hf_view_str("text");
    bool ok = hf_key_generate(a, &material) == HF_OK && hf_key_load_private(a, material, &k) == HF_OK;
    if (ok && (hf_alg_usages(a) & HF_USE_SIGN) != 0)
        ok = hf_key_sign(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, in, out, sizeof out, &len) == HF_OK &&
             hf_key_verify(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, in, (hf_view) { out, len }) == HF_OK;
    if (ok && (hf_alg_usages(a) & HF_USE_DECAPSULATE) != 0)
        ok = hf_key_encapsulate(k, out, sizeof out, &len, shared) == HF_OK &&
             hf_key_decapsulate(k, (hf_view) { out, len }, shared) == HF_OK;
    if (ok && !hf_alg_symmetric(a))
        ok = hf_key_public_der(k, spki, sizeof spki, &spki_len) == HF_OK &&
             hf_key_load_any_public((hf_view) { spki, spki_len }, &public) == HF_OK;
    hf_key_free(k);
    hf_key_free(public);
    hf_secret_free(material);
    return ok;
}

/* As an import does: the key that wraps, the wrapped key, and PKCS #8 of every algorithm, with the tests for primes. */
static bool import_works(const hf_secret *pkcs8[], size_t n)
{
    hf_secret *material = NULL, *kek = NULL, *opened = NULL;
    hf_key *k = NULL;
    uint8_t sealed[HF_OAEP_MAX_BYTES], wrapped[64];
    size_t len = 0;
    hf_alg a;
    bool ok = hf_key_generate(HF_ALG_RSA_2048, &material) == HF_OK &&
              hf_key_load_private(HF_ALG_RSA_2048, material, &k) == HF_OK &&
              hf_key_generate(HF_ALG_AES_256_GCM, &kek) == HF_OK &&
              hf_key_oaep_seal(k, kek, sealed, sizeof sealed, &len) == HF_OK &&
              hf_key_oaep_open(k, (hf_view) { sealed, len }, &opened) == HF_OK &&
              hf_kwp_wrap(opened, kek, wrapped, sizeof wrapped, &len) == HF_OK;
    hf_secret_free(opened);
    opened = NULL;
    ok = ok && hf_kwp_unwrap(kek, (hf_view) { wrapped, len }, &opened) == HF_OK;
    for (size_t i = 0; i < n && ok; i++) {
        hf_secret *read = NULL;
        ok = hf_key_read_pkcs8(HF_ALG_NONE, pkcs8[i], &a, &read) == HF_OK;
        hf_secret_free(read);
    }
    return ok;
}

static const hf_alg every_alg[] = { HF_ALG_AES_256_GCM, HF_ALG_EC_P256,     HF_ALG_ED25519,    HF_ALG_ML_KEM_768,
                                    HF_ALG_EC_P384,     HF_ALG_RSA_2048,    HF_ALG_RSA_3072,   HF_ALG_ML_DSA_65,
                                    HF_ALG_HMAC_SHA256, HF_ALG_HMAC_SHA384, HF_ALG_HMAC_SHA512 };

static hf_secret *pkcs8_of(const char *type, const char *group)
{
    EVP_PKEY *pkey = group != NULL              ? EVP_PKEY_Q_keygen(NULL, NULL, type, group)
                     : strcmp(type, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, type, (size_t)3072)
                                                : EVP_PKEY_Q_keygen(NULL, NULL, type);
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    unsigned char *der = NULL;
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    hf_secret *s = NULL;
    if (len <= 0 || hf_secret_copy(der, (size_t)len, &s) != HF_OK)
        return NULL;
    return s;
}

static int everything_behind_the_filter(void)
{
    void *state = NULL;
    if (test_start(&state) != 0)
        return 1;
    const hf_secret *pkcs8[] = { pkcs8_of("EC", "P-384"), pkcs8_of("RSA", NULL), pkcs8_of("ML-DSA-65", NULL),
                                 pkcs8_of("ML-KEM-768", NULL), pkcs8_of("ED25519", NULL) };
    if (!allow_only_what_openssl_needs())
        return 2;
    for (size_t i = 0; i < HF_COUNT(every_alg); i++) {
        if (!works(every_alg[i]))
            return 10 + (int)i;
    }
    return import_works(pkcs8, HF_COUNT(pkcs8)) ? 0 : 3;
}

/* Nothing is opened, mapped or asked lazily, RSA key generation and the import of keys included. */
static void every_algorithm_works_behind_the_filter(void **state)
{
    (void)state;
    assert_int_equal(in_child(everything_behind_the_filter), 0);
}

#endif

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
        cmocka_unit_test(the_library_does_not_start_without_every_algorithm),
#ifndef HF_ARENA_MALLOC
        cmocka_unit_test(every_algorithm_works_behind_the_filter),
#endif
        cmocka_unit_test(a_full_heap_ends_the_process_too),
        cmocka_unit_test(a_full_arena_ends_the_process),
        cmocka_unit_test(a_tiny_arena_ends_the_process_at_the_start),
    };
    return cmocka_run_group_tests_name("failures", tests, NULL, NULL);
}
