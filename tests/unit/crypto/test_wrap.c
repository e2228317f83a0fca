/* RSAES-OAEP and AES-256-KWP: what goes in comes out, and nothing else is taken. */
#include "common.h"

static hf_secret *secret_of(const void *bytes, size_t n)
{
    hf_secret *s = NULL;
    assert_int_equal(hf_secret_copy(bytes, n, &s), HF_OK);
    return s;
}

static hf_secret *pattern(size_t n)
{
    static uint8_t bytes[70000];
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(i * 7 + n);
    return secret_of(bytes, n);
}

static bool same(const hf_secret *a, const hf_secret *b)
{
    return hf_secret_len(a) == hf_secret_len(b) && memcmp(hf_secret_read(a), hf_secret_read(b), hf_secret_len(a)) == 0;
}

/* ---- AES-256-KWP ---- */

/* RFC 5649 section 3: eight bytes in front, and the rest in eights. */
static size_t kwp_bytes(size_t n)
{
    return (n + 7) / 8 * 8 + 8;
}

static void kwp_round_trips_at_every_length(void **state)
{
    (void)state;
    static uint8_t out[66000];
    hf_secret *kek = pattern(32);
    static const size_t lengths[] = { 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 1193, 4096, 65520, 65528 };
    for (size_t i = 0; i < HF_COUNT(lengths); i++) {
        hf_secret *plain = pattern(lengths[i]), *back = NULL;
        size_t len = 0, want = kwp_bytes(lengths[i]);
        assert_int_equal(hf_kwp_wrap(kek, plain, out, want - 1, &len), HF_ERR_BOUNDS);
        assert_int_equal(hf_kwp_wrap(kek, plain, out, want, &len), HF_OK);
        assert_int_equal(len, want);
        assert_int_equal(hf_kwp_unwrap(kek, (hf_view) { out, len }, &back), HF_OK);
        assert_true(same(plain, back));
        hf_secret_free(plain);
        hf_secret_free(back);
    }
    hf_secret_free(kek);
}

static hf_err unwrap(const hf_secret *kek, hf_view in)
{
    hf_secret *back = NULL;
    hf_err e = hf_kwp_unwrap(kek, in, &back);
    assert_true((e == HF_OK) == (back != NULL));
    hf_secret_free(back);
    return e;
}

static void kwp_takes_no_other_length_key_or_bit(void **state)
{
    (void)state;
    hf_secret *kek = pattern(32), *other = secret_of("0123456789abcdef0123456789abcdef", 32), *plain = pattern(21);
    uint8_t out[64];
    size_t len = 0;
    assert_int_equal(hf_kwp_wrap(kek, plain, out, sizeof out, &len), HF_OK);
    assert_int_equal(unwrap(other, (hf_view) { out, len }), HF_ERR_BAD_CIPHERTEXT);
    for (size_t n = 0; n <= sizeof out; n++) /* also the empty input, which OpenSSL calls a success */
        assert_int_equal(unwrap(kek, (hf_view) { out, n }), n == len ? HF_OK : HF_ERR_BAD_CIPHERTEXT);
    for (size_t bit = 0; bit < len * 8; bit++) {
        out[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(unwrap(kek, (hf_view) { out, len }), HF_ERR_BAD_CIPHERTEXT);
        out[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    static uint8_t huge[65544];
    assert_int_equal(unwrap(kek, (hf_view) { huge, sizeof huge }), HF_ERR_BAD_CIPHERTEXT);
    for (size_t n = 1; n < 40; n += 3) {
        hf_secret *odd = pattern(n);
        assert_int_equal(hf_kwp_wrap(odd, plain, out, sizeof out, &len), n == 32 ? HF_OK : HF_ERR_BOUNDS);
        assert_int_equal(unwrap(odd, (hf_view) { out, 32 }), HF_ERR_BOUNDS);
        hf_secret_free(odd);
    }
    hf_secret_free(kek);
    hf_secret_free(other);
    hf_secret_free(plain);
}

/* ---- OAEP ---- */

static void oaep_round_trips_at_every_length(void **state)
{
    (void)state;
    static const struct {
        hf_alg alg;
        size_t modulus, most;
    } rows[] = { { HF_ALG_RSA_2048, 256, 190 }, { HF_ALG_RSA_3072, 384, 318 } };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        hf_key *k = test_key(rows[i].alg);
        const size_t lengths[] = { 1, 31, 32, 33, rows[i].most };
        uint8_t out[HF_OAEP_MAX_BYTES], again[HF_OAEP_MAX_BYTES];
        size_t len = 0;
        for (size_t j = 0; j < HF_COUNT(lengths); j++) {
            hf_secret *plain = pattern(lengths[j]), *back = NULL;
            assert_int_equal(hf_key_oaep_seal(k, plain, out, rows[i].modulus - 1, &len), HF_ERR_BOUNDS);
            assert_int_equal(hf_key_oaep_seal(k, plain, out, sizeof out, &len), HF_OK);
            assert_int_equal(len, rows[i].modulus);
            assert_int_equal(hf_key_oaep_open(k, (hf_view) { out, len }, &back), HF_OK);
            assert_true(same(plain, back));
            assert_int_equal(hf_key_oaep_seal(k, plain, again, sizeof again, &len), HF_OK);
            assert_memory_not_equal(out, again, len); /* a fresh seed each time */
            hf_secret_free(plain);
            hf_secret_free(back);
        }
        hf_secret *large = pattern(rows[i].most + 1);
        assert_int_equal(hf_key_oaep_seal(k, large, out, sizeof out, &len), HF_ERR_BOUNDS);
        hf_secret_free(large);
        hf_key_free(k);
    }
}

static hf_err open_oaep(const hf_key *k, hf_view in)
{
    hf_secret *back = NULL;
    hf_err e = hf_key_oaep_open(k, in, &back);
    assert_true((e == HF_OK) == (back != NULL));
    hf_secret_free(back);
    return e;
}

/* One error for every cause: a wrong key, a wrong bit, a number above the modulus, a length. */
static void oaep_says_the_same_whatever_is_wrong(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_RSA_2048), *other = test_key(HF_ALG_RSA_2048);
    hf_secret *plain = pattern(32);
    uint8_t out[257] = { 0 };
    size_t len = 0;
    assert_int_equal(hf_key_oaep_seal(k, plain, out, sizeof out, &len), HF_OK);
    assert_int_equal(open_oaep(other, (hf_view) { out, len }), HF_ERR_BAD_CIPHERTEXT);
    for (size_t n = 0; n <= sizeof out; n += n < 250 ? 31 : 1)
        assert_int_equal(open_oaep(k, (hf_view) { out, n }), n == len ? HF_OK : HF_ERR_BAD_CIPHERTEXT);
    for (size_t bit = 0; bit < len * 8; bit += 37) {
        out[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(open_oaep(k, (hf_view) { out, len }), HF_ERR_BAD_CIPHERTEXT);
        out[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    memset(out, 0xff, 256);
    assert_int_equal(open_oaep(k, (hf_view) { out, 256 }), HF_ERR_BAD_CIPHERTEXT);
    hf_secret_free(plain);
    hf_key_free(k);
    hf_key_free(other);
}

/* One in 256 ciphertexts begins with a zero byte; without it OpenSSL reads the same number. */
static void oaep_ciphertexts_have_one_length_only(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_RSA_2048);
    hf_secret *plain = pattern(32);
    uint8_t out[256];
    size_t len = 0;
    do {
        assert_int_equal(hf_key_oaep_seal(k, plain, out, sizeof out, &len), HF_OK);
    } while (out[0] != 0);
    assert_int_equal(open_oaep(k, (hf_view) { out, 256 }), HF_OK);
    assert_int_equal(open_oaep(k, (hf_view) { out + 1, 255 }), HF_ERR_BAD_CIPHERTEXT);
    hf_secret_free(plain);
    hf_key_free(k);
}

static void oaep_needs_an_rsa_key_and_its_private_half(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_RSA_2048), *public = NULL, *ec = test_key(HF_ALG_EC_P256);
    hf_secret *plain = pattern(32);
    uint8_t out[384], spki[HF_SPKI_MAX_BYTES];
    size_t len = 0, spki_len = 0;
    assert_int_equal(hf_key_public_der(k, spki, sizeof spki, &spki_len), HF_OK);
    assert_int_equal(hf_key_load_any_public((hf_view) { spki, spki_len }, &public), HF_OK);
    assert_int_equal(hf_key_oaep_seal(public, plain, out, sizeof out, &len), HF_OK);
    assert_int_equal(open_oaep(public, (hf_view) { out, len }), HF_ERR_UNSUPPORTED);
    assert_int_equal(open_oaep(k, (hf_view) { out, len }), HF_OK);
    assert_int_equal(hf_key_oaep_seal(ec, plain, out, sizeof out, &len), HF_ERR_UNSUPPORTED);
    assert_int_equal(open_oaep(ec, (hf_view) { out, 256 }), HF_ERR_UNSUPPORTED);
    hf_secret_free(plain);
    hf_key_free(k);
    hf_key_free(public);
    hf_key_free(ec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kwp_round_trips_at_every_length),
        cmocka_unit_test(kwp_takes_no_other_length_key_or_bit),
        cmocka_unit_test(oaep_round_trips_at_every_length),
        cmocka_unit_test(oaep_says_the_same_whatever_is_wrong),
        cmocka_unit_test(oaep_ciphertexts_have_one_length_only),
        cmocka_unit_test(oaep_needs_an_rsa_key_and_its_private_half),
    };
    return cmocka_run_group_tests_name("wrap", tests, test_start, NULL);
}
