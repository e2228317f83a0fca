/*
 * Every call of OpenSSL, of the system and of the layers below fails once: an error, no output, no leak, and the next
 * call works. Or everything is wiped at that call, as another thread may do.
 */
#include "helper.h"
#include "sys/sandbox.h"
#include <errno.h>

static unsigned countdown; /* 0: nothing fails */
static unsigned failures;
static bool wipes_instead;

static bool fails(void)
{
    if (countdown == 0 || --countdown > 0)
        return false;
    failures++;
    if (wipes_instead)
        hf_wipe_all();
    return !wipes_instead;
}

#define WRAP_INT(name, params, args, failure) \
    int __real_##name params; \
    int __wrap_##name params; \
    int __wrap_##name params \
    { \
        return fails() ? (failure) : __real_##name args; \
    }
#define WRAP_ERR(name, params, args, failure) \
    hf_err __real_##name params; \
    hf_err __wrap_##name params; \
    hf_err __wrap_##name params \
    { \
        return fails() ? (hf_err)(failure) : __real_##name args; \
    }
#define WRAP_PTR(type, name, params, args) \
    type *__real_##name params; \
    type *__wrap_##name params; \
    type *__wrap_##name params \
    { \
        return fails() ? NULL : __real_##name args; \
    }

WRAP_INT(EVP_CipherInit_ex2,
         (EVP_CIPHER_CTX * c, const EVP_CIPHER *t, const unsigned char *k, const unsigned char *n, int e,
          const OSSL_PARAM p[]),
         (c, t, k, n, e, p), 0)
WRAP_INT(EVP_CipherUpdate, (EVP_CIPHER_CTX * c, unsigned char *o, int *n, const unsigned char *i, int l),
         (c, o, n, i, l), 0)
WRAP_INT(EVP_CipherFinal_ex, (EVP_CIPHER_CTX * c, unsigned char *o, int *n), (c, o, n), 0)
WRAP_INT(EVP_CIPHER_CTX_get_params, (EVP_CIPHER_CTX * c, OSSL_PARAM p[]), (c, p), 0)
WRAP_PTR(EVP_CIPHER, EVP_CIPHER_fetch, (OSSL_LIB_CTX * c, const char *a, const char *p), (c, a, p))
WRAP_PTR(EVP_CIPHER_CTX, EVP_CIPHER_CTX_new, (void), ())
WRAP_PTR(void, calloc, (size_t n, size_t m), (n, m))
WRAP_ERR(hf_random, (void *d, size_t n), (d, n), HF_ERR_SYSTEM)
WRAP_ERR(hf_pool_new, (const hf_pool_spec *s, hf_pool **r, const char **w), (s, r, w),
         (*w = "a fault", HF_ERR_LOCKED_MEMORY))
WRAP_ERR(hf_pool_alloc, (hf_pool * p, size_t n, void **r), (p, n, r), HF_ERR_LOCKED_MEMORY)

/* Before main, from the constructor of the library. */
#define NO_HANDLERS "HOLDFAST_TEST_NO_HANDLERS"
int __real_pthread_atfork(void (*a)(void), void (*b)(void), void (*c)(void));
int __wrap_pthread_atfork(void (*a)(void), void (*b)(void), void (*c)(void));
int __wrap_pthread_atfork(void (*a)(void), void (*b)(void), void (*c)(void))
{
    return getenv(NO_HANDLERS) != NULL ? ENOMEM : __real_pthread_atfork(a, b, c);
}

/* The coffer whose calls are watched, and how often they cleared stack or registers: taken, or with no seat taken. */
static hf_coffer *watched;
static unsigned cleared_seated, cleared_late;

static void note_clearing(void)
{
    bool seated = false;
    for (size_t i = 0; watched != NULL && i < HF_COFFER_SEATS; i++) {
        if (pthread_mutex_trylock(&watched->seat[i].lock) == 0)
            pthread_mutex_unlock(&watched->seat[i].lock);
        else
            seated = true;
    }
    cleared_seated += watched != NULL && seated;
    cleared_late += watched != NULL && !seated;
}

void __real_hf_stack_clear(size_t bytes);
void __wrap_hf_stack_clear(size_t bytes);
void __wrap_hf_stack_clear(size_t bytes)
{
    note_clearing();
    __real_hf_stack_clear(bytes);
}

void __real_hf_vectors_clear(void);
void __wrap_hf_vectors_clear(void);
void __wrap_hf_vectors_clear(void)
{
    note_clearing();
    __real_hf_vectors_clear();
}

static const uint8_t text[32] = "a secret of thirty-two bytes ok";

#define BLOB (sizeof text + HF_SEALED_OVERHEAD_BYTES)

static void coffers_are_made_whole_or_not(void **state)
{
    (void)state;
    unsigned refused = 0;
    for (unsigned k = 1;; k++) {
        const hf_coffer_spec spec = { .weakest = ANY_BACKING };
        hf_coffer *c = NULL;
        const char *why = NULL;
        failures = 0;
        countdown = k;
        hf_err e = hf_coffer_new(&spec, &c, &why);
        countdown = 0;
        assert_non_null(why);
        if (e != HF_OK) {
            refused++;
            assert_null(c);
            assert_true(why[0] != '\0');
            continue;
        }
        hf_coffer_free(c);
        if (failures == 0)
            break;
    }
    assert_true(refused > 30);
}

static void assert_usable(hf_coffer *c)
{
    uint8_t blob[BLOB], out[sizeof text];
    size_t n = 0;
    for (size_t i = 0; i < 2 * HF_COFFER_SEATS; i++) {
        assert_int_equal(hf_coffer_seal(c, &alice, text, sizeof text, blob, sizeof blob, &n), HF_OK);
        assert_int_equal(hf_coffer_open_into(c, &alice, blob, n, out, sizeof out, &n), HF_OK);
        assert_memory_equal(out, text, sizeof text);
    }
    assert_zero((const uint8_t *)c->desk, sizeof *c->desk);
}

/* uses: how many before new halves. Gives how many faults were refusals. */
static unsigned fail_each_of_a_seal(uint32_t uses)
{
    hf_coffer *c = coffer_with(UINT32_MAX, uses);
    unsigned refused = 0;
    for (unsigned k = 1;; k++) {
        uint8_t blob[BLOB] = { 0 };
        size_t n = 77;
        failures = 0;
        countdown = k;
        hf_err e = hf_coffer_seal(c, &alice, text, sizeof text, blob, sizeof blob, &n);
        countdown = 0;
        if (e != HF_OK) {
            refused++;
            assert_true(n == 77);
            assert_zero(blob, sizeof blob);
        }
        assert_usable(c);
        if (failures == 0)
            break;
    }
    hf_coffer_free(c);
    return refused;
}

static void a_seal_that_fails_gives_nothing(void **state)
{
    (void)state;
    assert_int_equal(fail_each_of_a_seal(UINT32_MAX),
                     5); /* key, AAD, text, end, tag; not: the key that is put over it */
    assert_int_equal(fail_each_of_a_seal(1), 6); /* and the random bytes of new halves */
}

static void an_open_that_fails_gives_nothing(void **state)
{
    (void)state;
    hf_coffer *c = calm_coffer();
    uint8_t blob[BLOB];
    size_t n = 0;
    unsigned refused = 0;
    assert_int_equal(hf_coffer_seal(c, &alice, text, sizeof text, blob, sizeof blob, &n), HF_OK);
    for (unsigned k = 1;; k++) {
        uint8_t out[sizeof text];
        memset(out, 0xa5, sizeof out);
        n = 77;
        failures = 0;
        countdown = k;
        hf_err e = hf_coffer_open_into(c, &alice, blob, sizeof blob, out, sizeof out, &n);
        countdown = 0;
        if (e != HF_OK) {
            refused++;
            assert_true(n == 77);
            assert_zero(out, sizeof out);
        }
        assert_usable(c);
        if (failures == 0)
            break;
    }
    assert_int_equal(refused, 4);
    hf_coffer_free(c);
}

static void an_open_without_room_gives_nothing(void **state)
{
    (void)state;
    hf_coffer *c = calm_coffer();
    uint8_t blob[BLOB];
    size_t n = 0;
    hf_secret *s = NULL;
    assert_int_equal(hf_coffer_seal(c, &alice, text, sizeof text, blob, sizeof blob, &n), HF_OK);
    assert_int_equal(hf_coffer_open(c, &alice, blob, n, &s), HF_OK); /* the pool of the process is there */
    hf_secret_freep(&s);
    countdown = 1;
    assert_int_equal(hf_coffer_open(c, &alice, blob, n, &s), HF_ERR_LOCKED_MEMORY);
    assert_null(s);
    countdown = 0;
    hf_coffer_free(c);
}

static void objects_are_made_whole_or_not(void **state)
{
    (void)state;
    hf_coffer *c = calm_coffer();
    for (unsigned k = 1;; k++) {
        hf_sealed *s = NULL;
        hf_secret *secret = NULL;
        assert_int_equal(hf_secret_copy(text, sizeof text, &secret), HF_OK);
        failures = 0;
        countdown = k;
        hf_err e = hf_sealed_take(c, &secret, &s);
        countdown = 0;
        assert_true((e == HF_OK) == (s != NULL) && (e == HF_OK) == (secret == NULL));
        hf_sealed_free(s);
        hf_secret_free(secret);
        if (failures == 0)
            break;
    }
    hf_coffer_free(c);
}

/* The first way to forget a key fails: the second one forgets it too. */
static void a_key_is_forgotten_all_the_same(void **state)
{
    (void)state;
    static const uint8_t key[32] = { 5 }, nonce[12] = { 6 }, zero[32];
    uint8_t out[48], with_it[16], with_zero[16];
    int n = 0;
    EVP_CIPHER *gcm = NULL;
    EVP_CIPHER_CTX *ctx[HF_COFFER_SEATS];
    assert_int_equal(hf_cipher_fetch(&gcm), HF_OK);
    assert_int_equal(hf_cipher_contexts(gcm, ctx), HF_OK);
    assert_int_equal(
        hf_cipher_seal(ctx[0], hf_wipe_count(), key, nonce, hf_view_of(zero, 8), hf_view_of(zero, 32), out), HF_OK);
    countdown = 1;
    hf_cipher_forget(ctx[0], gcm);
    assert_int_equal(countdown, 0);
    assert_int_equal(EVP_EncryptInit_ex2(ctx[0], NULL, NULL, nonce, NULL), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx[0], with_it, &n, zero, 16), 1);
    assert_int_equal(EVP_EncryptInit_ex2(ctx[1], NULL, zero, nonce, NULL), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx[1], with_zero, &n, zero, 16), 1);
    assert_memory_equal(with_it, with_zero, 16);
    for (size_t i = 0; i < HF_COFFER_SEATS; i++)
        EVP_CIPHER_CTX_free(ctx[i]);
    EVP_CIPHER_free(gcm);
}

/* ---- hf_wipe_all by another thread, at each call ---- */

static bool wiped_whole(const hf_coffer *c)
{
    static const uint8_t zero[64];
    return memcmp(c->left, zero, sizeof *c->left) == 0 && memcmp(c->right, zero, sizeof *c->right) == 0;
}

/* Gives at how many calls of a seal a wipe was noticed; nothing is ever sealed under what a wipe left. */
static unsigned wipe_at_each_of_a_seal(uint32_t uses)
{
    unsigned refused = 0;
    for (unsigned k = 1;; k++) {
        hf_coffer *c = coffer_with(UINT32_MAX, uses);
        uint8_t blob[BLOB], none[BLOB] = { 0 };
        size_t n = 77;
        if (uses == 1)
            assert_int_equal(hf_coffer_seal(c, &alice, text, sizeof text, blob, sizeof blob, &n), HF_OK);
        uint64_t before = hf_wipe_count();
        n = 77;
        failures = 0;
        countdown = k;
        hf_err e = hf_coffer_seal(c, &alice, text, sizeof text, none, sizeof none, &n);
        countdown = 0;
        assert_true(hf_wipe_count() == before + failures && hf_wipe_count_settled() == before + failures);
        if (e != HF_OK) {
            refused++;
            assert_int_equal(e, HF_ERR_WRONG_STATE);
            assert_true(n == 77);
            assert_zero(none, sizeof none);
        }
        if (failures != 0) {
            assert_true(wiped_whole(c));
            assert_int_equal(hf_coffer_seal(c, &alice, text, sizeof text, blob, sizeof blob, &n), HF_ERR_WRONG_STATE);
        }
        hf_coffer_free(c);
        if (failures == 0)
            return refused;
    }
}

static void a_wipe_in_the_middle_of_a_seal_ends_it(void **state)
{
    (void)state;
    SKIP_SANITIZED(); /* its pools are plain malloc, which wipe_all does not reach */
    wipes_instead = true;
    assert_int_equal(wipe_at_each_of_a_seal(UINT32_MAX), 5); /* key, AAD, text, end, tag; not: forgetting the key */
    assert_int_equal(wipe_at_each_of_a_seal(1), 6); /* and the random bytes of new halves */
    wipes_instead = false;
}

static void a_wipe_in_the_middle_of_an_open_is_no_forgery(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    unsigned refused = 0;
    wipes_instead = true;
    for (unsigned k = 1;; k++) {
        hf_coffer *c = calm_coffer();
        uint8_t blob[BLOB], out[sizeof text];
        size_t n = 0;
        assert_int_equal(hf_coffer_seal(c, &alice, text, sizeof text, blob, sizeof blob, &n), HF_OK);
        failures = 0;
        countdown = k;
        hf_err e = hf_coffer_open_into(c, &alice, blob, sizeof blob, out, sizeof out, &n);
        countdown = 0;
        if (e != HF_OK) {
            refused++;
            assert_int_equal(e, HF_ERR_WRONG_STATE);
            assert_zero(out, sizeof out);
        }
        hf_coffer_free(c);
        if (failures == 0)
            break;
    }
    wipes_instead = false;
    assert_int_equal(refused, 4);
}

/* ---- traces ---- */

static void traces_are_cleared_before_the_seat_is_left(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    size_t n = 0;
    watched = coffer_with(UINT32_MAX, 1);
    assert_int_equal(hf_coffer_seal(watched, &alice, text, sizeof text, blob, sizeof blob, &n), HF_OK);
    assert_int_equal(cleared_seated, 2);
    countdown = 1; /* no randomness for new halves */
    assert_int_equal(hf_coffer_seal(watched, &alice, text, sizeof text, blob, sizeof blob, &n), HF_ERR_SYSTEM);
    assert_int_equal(countdown, 0);
    assert_int_equal(cleared_seated, 4);
    assert_int_equal(hf_coffer_rerandomize(watched), HF_OK);
    assert_int_equal(cleared_seated, 6);
    assert_int_equal(cleared_late, 0);
    hf_coffer *c = watched;
    watched = NULL;
    hf_coffer_free(c);
}

/* ---- forks ---- */

static int no_handlers_main(void)
{
    const hf_coffer_spec spec = { .weakest = ANY_BACKING };
    hf_coffer *c = NULL;
    const char *why = NULL;
    return hf_coffer_new(&spec, &c, &why) == HF_ERR_SYSTEM && c == NULL && why[0] != '\0' ? 0 : 1;
}

static void without_handlers_there_is_no_coffer(void **state)
{
    (void)state;
    setenv(NO_HANDLERS, "1", 1);
    assert_exit(helper_run("no-handlers", ""), 0);
    unsetenv(NO_HANDLERS);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 2)
        return no_handlers_main();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coffers_are_made_whole_or_not),
        cmocka_unit_test(a_seal_that_fails_gives_nothing),
        cmocka_unit_test(an_open_that_fails_gives_nothing),
        cmocka_unit_test(an_open_without_room_gives_nothing),
        cmocka_unit_test(objects_are_made_whole_or_not),
        cmocka_unit_test(a_key_is_forgotten_all_the_same),
        cmocka_unit_test(a_wipe_in_the_middle_of_a_seal_ends_it),
        cmocka_unit_test(a_wipe_in_the_middle_of_an_open_is_no_forgery),
        cmocka_unit_test(traces_are_cleared_before_the_seat_is_left),
        cmocka_unit_test(without_handlers_there_is_no_coffer),
    };
    return cmocka_run_group_tests_name("sealmem-faults", tests, NULL, NULL);
}
