/* HPKE and Argon2id: the RFCs' own vectors, and everything that must be refused. */
#include "common.h"

#include "crypto/hpke.h"

#define INFO "4f6465206f6e2061204772656369616e2055726e"
#define PLAIN "4265617574792069732074727574682c20747275746820626561757479"

static const char ikm_r[] = "6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037";
static const char ikm_e[] = "7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234";

/* RFC 9180 appendix A.1.1: sequence number 0 */
static void rfc_9180_gives_its_own_values(void **state)
{
    (void)state;
    uint8_t r[32], e[32], public[32], want[64], info[32], plain[32], enc[32], sealed[64], opened[64], text[64];
    hf_hpke_key *key = NULL;
    struct hf_hpke_input in = {
        .aead = HF_HPKE_AES_128_GCM,
        .ikm_e = test_hex(ikm_e, e, sizeof e),
        .info = test_hex(INFO, info, sizeof info),
        .aad = hf_view_str("Count-0"),
    };
    hf_view pt = test_hex(PLAIN, plain, sizeof plain);

    assert_int_equal(hf_hpke_key_derive(test_hex(ikm_r, r, sizeof r), &key, public), HF_OK);
    test_hex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d", want, sizeof want);
    assert_memory_equal(public, want, 32);
    assert_int_equal(hf_hpke_seal_with(&in, public, pt, enc, sealed), HF_OK);
    test_hex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431", want, sizeof want);
    assert_memory_equal(enc, want, 32);
    hf_view ct = test_hex("f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
                          text, sizeof text);
    assert_memory_equal(sealed, ct.ptr, ct.len);
    in.ikm_e = (hf_view) { NULL, 0 };
    assert_int_equal(hf_hpke_open_with(&in, key, hf_view_of(enc, 32), ct, opened), HF_OK);
    assert_memory_equal(opened, pt.ptr, pt.len);
    hf_hpke_key_free(key);
}

/* Section 5.3. */
static void rfc_9106_gives_its_own_value(void **state)
{
    (void)state;
    uint8_t p[32], s[16], k[8], x[12], out[32], want[32];
    struct hf_argon2_input in = { { p, 32 }, { s, 16 }, { k, 8 }, { x, 12 }, 32, 3, 4 };

    memset(p, 1, sizeof p);
    memset(s, 2, sizeof s);
    memset(k, 3, sizeof k);
    memset(x, 4, sizeof x);
    assert_int_equal(hf_argon2id_with(&in, out, sizeof out), HF_OK);
    test_hex("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659", want, sizeof want);
    assert_memory_equal(out, want, sizeof want);
}

static void argon2id_of_the_reference_implementation(void **state)
{
    (void)state;
    uint8_t out[32], want[32];
    hf_secret *passphrase = NULL;

    /* phc-winner-argon2, src/test.c: hashtest(version, 2, 16, 1, "password", "somesalt", ..., Argon2_id) */
    assert_int_equal(hf_secret_copy("password", 8, &passphrase), HF_OK);
    assert_int_equal(hf_argon2id(passphrase, hf_view_str("somesalt"), 65536, 2, 1, out, sizeof out), HF_OK);
    test_hex("09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7", want, sizeof want);
    assert_memory_equal(out, want, sizeof want);
    hf_secret_free(passphrase);
}

static void argon2id_has_bounds(void **state)
{
    (void)state;
    uint8_t out[32] = { 0x5a };
    hf_secret *p = NULL;
    hf_view salt = hf_view_str("16 bytes of salt");

    assert_int_equal(hf_secret_copy("passphrase", 10, &p), HF_OK);
    assert_int_equal(hf_argon2id(p, hf_view_of(salt.ptr, 7), 1024, 1, 1, out, 32), HF_ERR_BOUNDS);
    assert_int_equal(hf_argon2id(p, salt, 7, 1, 1, out, 32), HF_ERR_BOUNDS);
    assert_int_equal(hf_argon2id(p, salt, 31, 1, 4, out, 32), HF_ERR_BOUNDS);
    assert_int_equal(hf_argon2id(p, salt, UINT32_MAX, 1, 1, out, 32), HF_ERR_BOUNDS);
    assert_int_equal(hf_argon2id(p, salt, 1024, 0, 1, out, 32), HF_ERR_BOUNDS);
    assert_int_equal(hf_argon2id(p, salt, 1024, 1, 0, out, 32), HF_ERR_BOUNDS);
    assert_int_equal(hf_argon2id(p, salt, 1024, 1, 1, out, 3), HF_ERR_BOUNDS);
    assert_int_equal(out[0], 0x5a);
    hf_secret_free(p);
}

/* What the memory of the matrix is taken from, and that it is given back. */
static void large_blocks_lie_in_their_own_arena(void **state)
{
    (void)state;
    const hf_arena_spec spec = { (8u << 20) + (1u << 16), HF_BACKING_MALLOC };
    const char *why = "";
    uint8_t first[32], second[32];
    hf_arena *matrix = NULL;
    hf_secret *p = NULL;
    hf_view salt = hf_view_str("16 bytes of salt");

    assert_int_equal(hf_secret_copy("passphrase", 10, &p), HF_OK);
    assert_int_equal(hf_argon2id(p, salt, 8192, 1, 1, first, 32), HF_OK);
    assert_int_equal(hf_arena_create(&spec, &matrix, &why), HF_OK);
    hf_crypto_large_blocks(matrix);
    size_t before = hf_arena_used(test_arena);
    for (int i = 0; i < 3; i++) { /* three times do not fit beside each other */
        assert_int_equal(hf_argon2id(p, salt, 8192, 1, 1, second, 32), HF_OK);
        assert_memory_equal(first, second, sizeof first);
    }
    assert_true(hf_arena_used(test_arena) < before + (1u << 20));
    assert_int_equal(hf_arena_used(matrix), 0);
    hf_crypto_large_blocks(NULL);
    hf_secret_free(p);
}

struct letter {
    hf_hpke_key *key;
    uint8_t public[32], enc[32], sealed[64];
    size_t len;
};

static struct letter letter_new(void)
{
    struct letter l = { NULL };
    hf_secret *plain = NULL;

    assert_int_equal(hf_secret_copy("a passphrase", 12, &plain), HF_OK);
    assert_int_equal(hf_hpke_key_new(&l.key, l.public), HF_OK);
    assert_int_equal(hf_hpke_seal(l.public, hf_view_str("info"), hf_view_str("aad"), plain, l.enc, l.sealed,
                                  sizeof l.sealed, &l.len),
                     HF_OK);
    assert_int_equal(l.len, 12 + HF_HPKE_TAG_BYTES);
    hf_secret_free(plain);
    return l;
}

static hf_err letter_open(const struct letter *l, const char *info, const char *aad, hf_secret **ret)
{
    return hf_hpke_open(l->key, hf_view_of(l->enc, 32), hf_view_str(info), hf_view_str(aad),
                        hf_view_of(l->sealed, l->len), ret);
}

static void what_is_sealed_opens_once_more(void **state)
{
    (void)state;
    struct letter l = letter_new();
    hf_secret *got = NULL;

    assert_int_equal(letter_open(&l, "info", "aad", &got), HF_OK);
    assert_int_equal(hf_secret_len(got), 12);
    assert_memory_equal(hf_secret_read(got), "a passphrase", 12);
    assert_true(hf_arena_owns(test_arena, l.key));
    hf_secret_free(got);
    hf_hpke_key_free(l.key);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct letter l = letter_new();
    hf_secret *got = NULL;

    /* The last bit of enc too, which X25519 itself ignores (RFC 7748 section 5): HPKE binds the bytes. */
    for (size_t bit = 0; bit < 8 * (32 + l.len); bit++) {
        uint8_t *at = bit < 256 ? &l.enc[bit / 8] : &l.sealed[bit / 8 - 32];
        *at ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(letter_open(&l, "info", "aad", &got), HF_ERR_BAD_CIPHERTEXT);
        assert_null(got);
        *at ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(letter_open(&l, "other", "aad", &got), HF_ERR_BAD_CIPHERTEXT);
    assert_int_equal(letter_open(&l, "info", "other", &got), HF_ERR_BAD_CIPHERTEXT);
    hf_hpke_key_free(l.key);
}

static void lengths_and_other_keys_are_refused(void **state)
{
    (void)state;
    struct letter l = letter_new(), other = letter_new();
    hf_secret *got = NULL;
    hf_view enc = hf_view_of(l.enc, 32), sealed = hf_view_of(l.sealed, l.len), info = hf_view_str("info"),
            aad = hf_view_str("aad");

    for (size_t n = 0; n < 32; n++)
        assert_int_equal(hf_hpke_open(l.key, hf_view_of(l.enc, n), info, aad, sealed, &got), HF_ERR_BAD_CIPHERTEXT);
    for (size_t n = 0; n < l.len; n++)
        assert_int_equal(hf_hpke_open(l.key, enc, info, aad, hf_view_of(l.sealed, n), &got), HF_ERR_BAD_CIPHERTEXT);
    assert_int_equal(hf_hpke_open(other.key, enc, info, aad, sealed, &got), HF_ERR_BAD_CIPHERTEXT);
    assert_null(got);
    hf_hpke_key_free(l.key);
    hf_hpke_key_free(other.key);
}

/* A shared secret of zero would make the message readable for everybody (RFC 7748 section 6.1, RFC 9180 section 7.1.4). */
static void points_of_low_order_are_refused(void **state)
{
    (void)state;
    struct letter l = letter_new();
    uint8_t low[32] = { 0 }, enc[32], dst[64];
    size_t len;
    hf_secret *got = NULL, *plain = NULL;

    assert_int_equal(hf_secret_copy("a passphrase", 12, &plain), HF_OK);
    for (int one = 0; one < 2; one++) {
        low[0] = (uint8_t)one;
        assert_int_equal(hf_hpke_open(l.key, hf_view_of(low, 32), hf_view_str("info"), hf_view_str("aad"),
                                      hf_view_of(l.sealed, l.len), &got),
                         HF_ERR_BAD_CIPHERTEXT);
        assert_int_equal(hf_hpke_seal(low, hf_view_str(""), hf_view_str(""), plain, enc, dst, sizeof dst, &len),
                         HF_ERR_BAD_KEY);
    }
    assert_int_equal(hf_hpke_seal(l.public, hf_view_str(""), hf_view_str(""), plain, enc, dst, 27, &len),
                     HF_ERR_BOUNDS);
    hf_secret_free(plain);
    hf_hpke_key_free(l.key);
}

static void the_known_answers_hold(void **state)
{
    (void)state;
    const char *failed = "";
    assert_int_equal(hf_crypto_selftest_hpke(&failed), HF_OK);
    assert_int_equal(hf_crypto_selftest_argon2(&failed), HF_OK);
    assert_string_equal(failed, "");
}

/* test_start's arena is too small for 64 MiB and more. */
static int start_large(void **state)
{
    (void)state;
    const hf_arena_spec spec = { 80u << 20, HF_BACKING_MALLOC };
    const char *why = "";
    if (hf_arena_create(&spec, &test_arena, &why) != HF_OK)
        return -1;
    hf_secret_use_arena(test_arena);
    return hf_crypto_start(test_arena) == HF_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_9180_gives_its_own_values),
        cmocka_unit_test(rfc_9106_gives_its_own_value),
        cmocka_unit_test(argon2id_of_the_reference_implementation),
        cmocka_unit_test(argon2id_has_bounds),
        cmocka_unit_test(large_blocks_lie_in_their_own_arena),
        cmocka_unit_test(what_is_sealed_opens_once_more),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(lengths_and_other_keys_are_refused),
        cmocka_unit_test(points_of_low_order_are_refused),
        cmocka_unit_test(the_known_answers_hold),
    };
    return cmocka_run_group_tests_name("hpke", tests, start_large, NULL);
}
