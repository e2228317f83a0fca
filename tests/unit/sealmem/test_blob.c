/* Sealing and opening: what goes in comes out, under the same identity, from the same bytes, and nowhere else. */
#include "helper.h"
#include <openssl/err.h>

static hf_coffer *coffer;

static const uint8_t text[32] = "a secret of thirty-two bytes ok";

#define BLOB (sizeof text + HF_SEALED_OVERHEAD_BYTES)

static void seal_text(const hf_sealed_id *id, uint8_t blob[static BLOB])
{
    size_t len = 0;
    assert_int_equal(hf_coffer_seal(coffer, id, text, sizeof text, blob, BLOB, &len), HF_OK);
    assert_int_equal(len, BLOB);
}

/* Nothing of the plaintext may be in the output, nor anything that was there before. */
static void assert_refused(const hf_sealed_id *id, const uint8_t *blob, size_t len, hf_err want)
{
    uint8_t out[sizeof text];
    size_t n = 77;
    memset(out, 0xa5, sizeof out);
    assert_int_equal(hf_coffer_open_into(coffer, id, blob, len, out, sizeof out, &n), want);
    assert_int_equal(n, 77);
    if (want == HF_ERR_BAD_CIPHERTEXT)
        assert_zero(out, hf_sealed_plain_size(len));
    hf_secret *s = NULL;
    assert_int_equal(hf_coffer_open(coffer, id, blob, len, &s), want);
    assert_null(s);
}

static void round_trip_of(size_t len)
{
    uint8_t *plain = malloc(len), *blob = malloc(hf_sealed_size(len)), *out = malloc(len);
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        plain[i] = (uint8_t)(i * 31 + len);
    assert_int_equal(hf_coffer_seal(coffer, &alice, plain, len, blob, hf_sealed_size(len), &n), HF_OK);
    assert_int_equal(n, hf_sealed_size(len));
    assert_int_equal(hf_coffer_open_into(coffer, &alice, blob, n, out, len, &n), HF_OK);
    assert_int_equal(n, len);
    assert_memory_equal(out, plain, len);
    free(plain);
    free(blob);
    free(out);
}

static void every_size_comes_back(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 130; len++)
        round_trip_of(len);
    const size_t more[] = { 255, 256, 257, 4095, 4096, 4097, 65536, 1000003, HF_SEALED_MAX_BYTES };
    for (size_t i = 0; i < HF_COUNT(more); i++)
        round_trip_of(more[i]);
}

static void sizes_outside_the_bounds_are_refused(void **state)
{
    (void)state;
    uint8_t blob[BLOB] = { 0 };
    size_t n = 77;
    assert_int_equal(hf_coffer_seal(coffer, &alice, text, 0, blob, sizeof blob, &n), HF_ERR_BOUNDS);
    assert_int_equal(hf_coffer_seal(coffer, &alice, text, sizeof text, blob, sizeof blob - 1, &n), HF_ERR_BOUNDS);
    assert_int_equal(hf_coffer_seal(coffer, &alice, text, HF_SEALED_MAX_BYTES + 1, blob, SIZE_MAX, &n), HF_ERR_BOUNDS);
    assert_int_equal(hf_coffer_seal(coffer, &alice, text, SIZE_MAX, blob, SIZE_MAX, &n), HF_ERR_BOUNDS);
    assert_int_equal(n, 77);
    assert_zero(blob, sizeof blob);
    seal_text(&alice, blob);
    uint8_t out[sizeof text];
    assert_int_equal(hf_coffer_open_into(coffer, &alice, blob, sizeof blob, out, sizeof out - 1, &n), HF_ERR_BOUNDS);
}

static void two_seals_differ(void **state)
{
    (void)state;
    uint8_t a[BLOB], b[BLOB];
    seal_text(&alice, a);
    seal_text(&alice, b);
    assert_memory_not_equal(a + 1, b + 1, HF_COFFER_NONCE_BYTES);
    assert_memory_not_equal(a + 13, b + 13, sizeof text);
}

/* SP 800-38D 8.2.1: one fixed field, and a counter that no two seals share. */
static void nonces_count(void **state)
{
    (void)state;
    uint8_t a[BLOB], b[BLOB];
    seal_text(&alice, a);
    for (int i = 0; i < 1000; i++) {
        seal_text(&alice, b);
        assert_memory_equal(a + 1, b + 1, 4);
        hf_reader x = hf_reader_of(hf_view_of(a + 5, 8)), y = hf_reader_of(hf_view_of(b + 5, 8));
        assert_true(hf_get_u64(&x) + 1 == hf_get_u64(&y)); /* one thread, so one seat */
        memcpy(a, b, sizeof a);
    }
}

static void any_changed_bit_is_refused(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    seal_text(&alice, blob);
    for (size_t bit = 0; bit < 8 * BLOB; bit++) {
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_refused(&alice, blob, BLOB, HF_ERR_BAD_CIPHERTEXT);
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    hf_secret *s = NULL;
    assert_int_equal(hf_coffer_open(coffer, &alice, blob, BLOB, &s), HF_OK);
    assert_memory_equal(hf_secret_read(s), text, sizeof text);
    hf_secret_free(s);
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    uint8_t blob[BLOB + 1] = { 0 };
    seal_text(&alice, blob);
    for (size_t len = 0; len < BLOB; len++)
        assert_refused(&alice, blob, len, HF_ERR_BAD_CIPHERTEXT);
    hf_secret *s = NULL;
    assert_int_equal(hf_coffer_open(coffer, &alice, blob, BLOB + 1, &s), HF_ERR_BAD_CIPHERTEXT);
    assert_int_equal(hf_coffer_open(coffer, &alice, NULL, 0, &s), HF_ERR_BAD_CIPHERTEXT);
    assert_int_equal(hf_coffer_open(coffer, &alice, blob, SIZE_MAX, &s), HF_ERR_BAD_CIPHERTEXT);
    assert_null(s);
}

static void another_identity_is_refused(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    hf_sealed_id other[8];
    for (size_t i = 0; i < HF_COUNT(other); i++)
        other[i] = alice;
    other[0].name = "db/passwort";
    other[1].name_len--;
    other[2].owner = "alicf";
    other[3].owner_len = 0;
    other[4].version++;
    other[5].expires = 0;
    other[6].name = "db/passworda", other[6].name_len = 12, other[6].owner = "lice", other[6].owner_len = 4;
    other[7].version = alice.expires, other[7].expires = alice.version;
    seal_text(&alice, blob);
    for (size_t i = 0; i < HF_COUNT(other); i++)
        assert_refused(&other[i], blob, BLOB, HF_ERR_BAD_CIPHERTEXT);
    assert_refused(NULL, blob, BLOB, HF_ERR_BAD_CIPHERTEXT);
    seal_text(NULL, blob);
    assert_refused(&alice, blob, BLOB, HF_ERR_BAD_CIPHERTEXT);
}

static void no_identity_is_the_empty_one(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    const hf_sealed_id empty = { 0 };
    hf_secret *s = NULL;
    seal_text(NULL, blob);
    assert_int_equal(hf_coffer_open(coffer, &empty, blob, BLOB, &s), HF_OK);
    hf_secret_free(s);
}

static void names_that_are_too_long_are_refused(void **state)
{
    (void)state;
    static const uint8_t name[HF_SEALED_NAMES_MAX_BYTES + 1];
    const hf_sealed_id id = { .name = name, .name_len = sizeof name };
    uint8_t blob[BLOB] = { 0 };
    size_t n = 77;
    assert_int_equal(hf_coffer_seal(coffer, &id, text, sizeof text, blob, BLOB, &n), HF_ERR_BOUNDS);
    assert_zero(blob, BLOB);
    seal_text(&alice, blob);
    assert_refused(&id, blob, BLOB, HF_ERR_BOUNDS);
}

static void another_coffer_is_refused(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    hf_secret *s = NULL;
    hf_coffer *other = calm_coffer();
    seal_text(&alice, blob);
    assert_int_equal(hf_coffer_open(other, &alice, blob, BLOB, &s), HF_ERR_BAD_CIPHERTEXT);
    hf_coffer_free(other);
}

static void a_taken_secret_is_gone(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    size_t n = 0;
    hf_secret *s = NULL;
    assert_int_equal(hf_secret_copy(text, sizeof text, &s), HF_OK);
    const uint8_t *was = hf_secret_read(s);
    assert_int_equal(hf_coffer_seal_secret(coffer, &alice, &s, blob, BLOB - 1, &n), HF_ERR_BOUNDS);
    assert_memory_equal(hf_secret_read(s), text, sizeof text);
    assert_int_equal(hf_coffer_seal_secret(coffer, &alice, &s, blob, BLOB, &n), HF_OK);
    assert_null(s);
    __asm__ volatile("" : "+r"(was) : : "memory");
    if (!TEST_SANITIZED)
        assert_zero(was, sizeof text);
    assert_int_equal(hf_coffer_open(coffer, &alice, blob, n, &s), HF_OK);
    assert_memory_equal(hf_secret_read(s), text, sizeof text);
    hf_secret_free(s);
}

static void more_than_a_secret_opens_into_other_memory(void **state)
{
    (void)state;
    const size_t len = 65537;
    uint8_t *plain = calloc(1, len), *blob = malloc(hf_sealed_size(len));
    size_t n = 0;
    hf_secret *s = NULL;
    assert_int_equal(hf_coffer_seal(coffer, NULL, plain, len, blob, hf_sealed_size(len), &n), HF_OK);
    assert_int_equal(hf_coffer_open(coffer, NULL, blob, n, &s), HF_ERR_BOUNDS);
    assert_null(s);
    assert_int_equal(hf_coffer_open_into(coffer, NULL, blob, n, plain, len, &n), HF_OK);
    free(plain);
    free(blob);
}

static void a_guarded_buffer_rests_without_rights(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    hf_buffer *b = NULL;
    const char *why = NULL;
    void *p = NULL;
    seal_text(&alice, blob);
    assert_int_equal(hf_coffer_open_guarded(coffer, &alice, blob, BLOB, HF_ACCESS_NONE, &b, &why), HF_OK);
    assert_non_null(why);
    assert_int_equal(hf_buffer_size(b), sizeof text);
    if (!TEST_SANITIZED) {
        int pipe_fd[2]; /* the kernel says EFAULT where a read would be SIGSEGV */
        assert_int_equal(pipe(pipe_fd), 0);
        assert_int_equal(write(pipe_fd[1], hf_buffer_bytes(b), sizeof text), -1);
        close(pipe_fd[0]);
        close(pipe_fd[1]);
    }
    assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ, &p), HF_OK);
    assert_memory_equal(p, text, sizeof text);
    hf_buffer_close(b);
    hf_buffer_free(b);
    b = NULL;
    blob[20] ^= 1;
    assert_int_equal(hf_coffer_open_guarded(coffer, &alice, blob, BLOB, HF_ACCESS_NONE, &b, &why),
                     HF_ERR_BAD_CIPHERTEXT);
    assert_int_equal(hf_coffer_open_guarded(coffer, &alice, blob, 29, HF_ACCESS_NONE, &b, &why), HF_ERR_BAD_CIPHERTEXT);
    assert_null(b);
}

static void objects_are_not_mistaken_for_each_other(void **state)
{
    (void)state;
    HF_AUTO(hf_sealed_freep) hf_sealed *a = NULL;
    HF_AUTO(hf_sealed_freep) hf_sealed *b = NULL;
    hf_secret *s = NULL;
    assert_int_equal(hf_sealed_new(coffer, "", 0, &a), HF_ERR_BOUNDS);
    assert_null(a);
    assert_int_equal(hf_sealed_new(coffer, text, sizeof text, &a), HF_OK);
    assert_int_equal(hf_secret_copy("other", 5, &s), HF_OK);
    assert_int_equal(hf_sealed_take(coffer, &s, &b), HF_OK);
    assert_null(s);
    assert_int_equal(hf_sealed_len(a), sizeof text);
    assert_int_equal(hf_sealed_len(b), 5);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hf_sealed_open(a, &s), HF_OK);
        assert_memory_equal(hf_secret_read(s), text, sizeof text);
        hf_secret_freep(&s);
    }
    assert_int_equal(hf_sealed_open(b, &s), HF_OK);
    assert_memory_equal(hf_secret_read(s), "other", 5);
    hf_secret_free(s);
    hf_sealed_free(NULL);
}

/* The one blob with the number of the other: somebody who can write the heap exchanges two objects. */
static void an_exchanged_object_is_refused(void **state)
{
    (void)state;
    HF_AUTO(hf_sealed_freep) hf_sealed *a = NULL;
    HF_AUTO(hf_sealed_freep) hf_sealed *b = NULL;
    hf_secret *s = NULL;
    assert_int_equal(hf_sealed_new(coffer, text, sizeof text, &a), HF_OK);
    assert_int_equal(hf_sealed_new(coffer, text, sizeof text, &b), HF_OK);
    uint8_t *x = (uint8_t *)a + 24, *y = (uint8_t *)b + 24; /* behind the coffer, the number and the length */
    for (size_t i = 0; i < BLOB; i++) {
        uint8_t t = x[i];
        x[i] = y[i];
        y[i] = t;
    }
    assert_int_equal(x[0], HF_COFFER_FORMAT);
    assert_int_equal(hf_sealed_open(a, &s), HF_ERR_BAD_CIPHERTEXT);
    assert_int_equal(hf_sealed_open(b, &s), HF_ERR_BAD_CIPHERTEXT);
    assert_null(s);
}

/* The program's own errors of OpenSSL stay in its queue, and nothing is added. */
static void openssl_errors_are_left_alone(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    ERR_clear_error();
    EVP_MD_free(EVP_MD_fetch(NULL, "no such digest", NULL));
    unsigned long before = ERR_peek_last_error();
    assert_true(before != 0);
    seal_text(&alice, blob);
    blob[40] ^= 1;
    assert_refused(&alice, blob, BLOB, HF_ERR_BAD_CIPHERTEXT);
    assert_true(ERR_peek_last_error() == before);
    ERR_clear_error();
    assert_refused(&alice, blob, BLOB, HF_ERR_BAD_CIPHERTEXT);
    assert_true(ERR_peek_error() == 0);
}

int main(void)
{
    coffer = calm_coffer();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_comes_back),
        cmocka_unit_test(sizes_outside_the_bounds_are_refused),
        cmocka_unit_test(two_seals_differ),
        cmocka_unit_test(nonces_count),
        cmocka_unit_test(any_changed_bit_is_refused),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(another_identity_is_refused),
        cmocka_unit_test(no_identity_is_the_empty_one),
        cmocka_unit_test(names_that_are_too_long_are_refused),
        cmocka_unit_test(another_coffer_is_refused),
        cmocka_unit_test(a_taken_secret_is_gone),
        cmocka_unit_test(more_than_a_secret_opens_into_other_memory),
        cmocka_unit_test(a_guarded_buffer_rests_without_rights),
        cmocka_unit_test(objects_are_not_mistaken_for_each_other),
        cmocka_unit_test(an_exchanged_object_is_refused),
        cmocka_unit_test(openssl_errors_are_left_alone),
    };
    int failed = cmocka_run_group_tests_name("sealmem-blob", tests, NULL, NULL);
    hf_coffer_free(coffer);
    return failed;
}
