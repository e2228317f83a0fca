/* VERSION and WRAP: material comes back under the right keys, in the right place, and in no other. */
#include "fixture.h"

#include "records/version_record.h"

static const struct hf_version_head head = {
    .id = { 1, 2, 3 }, .version = 2, .alg = HF_ALG_ED25519, .created = { 77 }
};
static const struct hf_wrap_head wrap_head = { .id = { 1, 2, 3 }, .version = 2, .epoch = 5 };

static hf_secret *dek, *epoch_key, *material;
static uint8_t version[HF_VERSION_MAX_BYTES];
static size_t version_len;
static uint8_t version_mac[HF_RECORD_MAC_BYTES];
static uint8_t wrap[HF_WRAP_BYTES];
static uint8_t wrap_mac[HF_RECORD_MAC_BYTES];

static int make(void **state)
{
    (void)state;
    dek = secret_of(10, HF_DEK_BYTES);
    epoch_key = secret_of(20, HF_DEK_BYTES);
    material = secret_of(30, 32);
    assert_int_equal(hf_version_seal(keys, &head, dek, material, version, sizeof(version), &version_len, version_mac),
                     HF_OK);
    assert_int_equal(hf_wrap_seal(keys, &wrap_head, epoch_key, dek, wrap, wrap_mac), HF_OK);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    hf_secret_free(dek);
    hf_secret_free(epoch_key);
    hf_secret_free(material);
    return 0;
}

static hf_err open_version_as(hf_view blob, const hf_root_keys *with, const struct hf_version_head *expect,
                              const hf_secret *key)
{
    hf_secret *out = NULL;
    const hf_err e = hf_version_open(with, blob, expect, version_mac, key, &out);
    assert_true((e == HF_OK) == (out != NULL));
    if (e == HF_OK) {
        assert_int_equal(hf_secret_len(out), hf_secret_len(material));
        assert_memory_equal(hf_secret_read(out), hf_secret_read(material), hf_secret_len(material));
    }
    hf_secret_free(out);
    return e;
}

static hf_err open_version(hf_view blob, const hf_root_keys *with)
{
    return open_version_as(blob, with, &head, dek);
}

static hf_err open_wrap_as(hf_view blob, const hf_root_keys *with, const struct hf_wrap_head *expect,
                           const hf_secret *key)
{
    hf_secret *out = NULL;
    const hf_err e = hf_wrap_open(with, blob, expect, NULL, key, &out);
    assert_true((e == HF_OK) == (out != NULL));
    if (e == HF_OK)
        assert_memory_equal(hf_secret_read(out), hf_secret_read(dek), HF_DEK_BYTES);
    hf_secret_free(out);
    return e;
}

static hf_err open_wrap(hf_view blob, const hf_root_keys *with)
{
    return open_wrap_as(blob, with, &wrap_head, epoch_key);
}

static hf_err check_wrap(hf_view blob, const hf_root_keys *with)
{
    struct hf_wrap_head seen;
    return hf_wrap_check(with, blob, wrap_head.id, wrap_head.version, NULL, &seen);
}

static void alteration_is_noticed(void **state)
{
    (void)state;
    assert_int_equal(version_len, HF_VERSION_OVERHEAD_BYTES + 32);
    assert_tamper_evident(version, version_len, open_version);
    assert_tamper_evident(wrap, sizeof(wrap), open_wrap);
    assert_tamper_evident(wrap, sizeof(wrap), check_wrap);
}

static void another_place_is_refused(void **state)
{
    (void)state;
    const hf_view v = hf_view_of(version, version_len);
    const hf_view w = hf_view_of(wrap, sizeof(wrap));
    struct hf_version_head other = head;
    other.id[15] ^= 1;
    assert_int_equal(open_version_as(v, keys, &other, dek), HF_ERR_INTEGRITY);
    other = head, other.version = 3;
    assert_int_equal(open_version_as(v, keys, &other, dek), HF_ERR_INTEGRITY);
    other = head, other.alg = HF_ALG_AES_256_GCM;
    assert_int_equal(open_version_as(v, keys, &other, dek), HF_ERR_INTEGRITY);
    assert_int_equal(open_version_as(v, keys, &head, epoch_key), HF_ERR_INTEGRITY);

    struct hf_wrap_head place = wrap_head;
    place.id[0] ^= 1;
    assert_int_equal(open_wrap_as(w, keys, &place, epoch_key), HF_ERR_INTEGRITY);
    place = wrap_head, place.version = 1;
    assert_int_equal(open_wrap_as(w, keys, &place, epoch_key), HF_ERR_INTEGRITY);
    place = wrap_head, place.epoch = 4;
    assert_int_equal(open_wrap_as(w, keys, &place, epoch_key), HF_ERR_INTEGRITY);
    assert_int_equal(open_wrap_as(w, keys, &wrap_head, dek), HF_ERR_INTEGRITY);
    /* One kind is never taken for the other. */
    assert_int_equal(open_version_as(w, keys, &head, dek), HF_ERR_INTEGRITY);
    assert_int_equal(open_wrap_as(v, keys, &wrap_head, epoch_key), HF_ERR_INTEGRITY);
}

/* Two authentic VERSION rows of one place: only the one that the KEY record names is opened. */
static void the_key_record_names_the_row(void **state)
{
    (void)state;
    uint8_t again[HF_VERSION_MAX_BYTES], again_mac[HF_RECORD_MAC_BYTES];
    size_t again_len;
    assert_int_equal(hf_version_seal(keys, &head, dek, material, again, sizeof(again), &again_len, again_mac), HF_OK);
    assert_int_equal(open_version(hf_view_of(again, again_len), keys), HF_ERR_INTEGRITY);
    hf_secret *out = NULL;
    assert_int_equal(hf_version_open(keys, hf_view_of(again, again_len), &head, again_mac, dek, &out), HF_OK);
    hf_secret_free(out);
    assert_int_equal(hf_wrap_open(keys, hf_view_of(wrap, sizeof(wrap)), &wrap_head, again_mac, epoch_key, &out),
                     HF_ERR_INTEGRITY);
    assert_int_equal(hf_wrap_open(keys, hf_view_of(wrap, sizeof(wrap)), &wrap_head, wrap_mac, epoch_key, &out), HF_OK);
    hf_secret_free(out);
}

static void nonces_do_not_repeat(void **state)
{
    (void)state;
    enum { ROUNDS = 256, NONCE_AT = 2 + 16 + 4 + 4 };
    static uint8_t nonces[ROUNDS][12];
    uint8_t blob[HF_WRAP_BYTES], mac[HF_RECORD_MAC_BYTES];
    for (size_t i = 0; i < ROUNDS; i++) {
        assert_int_equal(hf_wrap_seal(keys, &wrap_head, epoch_key, dek, blob, mac), HF_OK);
        memcpy(nonces[i], blob + NONCE_AT, 12);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(nonces[i], nonces[j], 12);
    }
}

/* The material and the data key must not lie in the rows in the clear. */
static void nothing_is_in_the_clear(void **state)
{
    (void)state;
    assert_null(memmem(version, version_len, hf_secret_read(material), 8));
    assert_null(memmem(wrap, sizeof(wrap), hf_secret_read(dek), 8));
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    uint8_t blob[HF_VERSION_MAX_BYTES], mac[HF_RECORD_MAC_BYTES];
    size_t len;
    struct hf_version_head bad = head;
    bad.version = 0;
    assert_int_equal(hf_version_seal(keys, &bad, dek, material, blob, sizeof(blob), &len, mac), HF_ERR_INVALID);
    bad = head, bad.alg = (hf_alg)77;
    assert_int_equal(hf_version_seal(keys, &bad, dek, material, blob, sizeof(blob), &len, mac), HF_ERR_INVALID);
    assert_int_equal(hf_version_seal(keys, &head, dek, material, blob, version_len - 1, &len, mac), HF_ERR_BOUNDS);
    hf_secret *short_key = secret_of(0, 31);
    hf_secret *big = secret_of(0, HF_MATERIAL_MAX_BYTES + 1);
    assert_int_equal(hf_version_seal(keys, &head, short_key, material, blob, sizeof(blob), &len, mac), HF_ERR_BOUNDS);
    assert_int_equal(hf_version_seal(keys, &head, dek, big, blob, sizeof(blob), &len, mac), HF_ERR_BOUNDS);
    struct hf_wrap_head bad_wrap = wrap_head;
    bad_wrap.epoch = 0;
    assert_int_equal(hf_wrap_seal(keys, &bad_wrap, epoch_key, dek, blob, mac), HF_ERR_INVALID);
    assert_int_equal(hf_wrap_seal(keys, &wrap_head, short_key, dek, blob, mac), HF_ERR_BOUNDS);
    assert_int_equal(hf_wrap_seal(keys, &wrap_head, epoch_key, short_key, blob, mac), HF_ERR_BOUNDS);
    hf_secret_free(short_key);
    hf_secret_free(big);
}

static void the_largest_material_fits(void **state)
{
    (void)state;
    hf_secret *big = secret_of(3, HF_MATERIAL_MAX_BYTES);
    hf_secret *out = NULL;
    uint8_t blob[HF_VERSION_MAX_BYTES], mac[HF_RECORD_MAC_BYTES];
    size_t len;
    assert_int_equal(hf_version_seal(keys, &head, dek, big, blob, sizeof(blob), &len, mac), HF_OK);
    assert_int_equal(len, HF_VERSION_MAX_BYTES);
    assert_int_equal(hf_version_open(keys, hf_view_of(blob, len), &head, mac, dek, &out), HF_OK);
    assert_memory_equal(hf_secret_read(out), hf_secret_read(big), HF_MATERIAL_MAX_BYTES);
    hf_secret_free(big);
    hf_secret_free(out);
}

static void fresh_keys_differ(void **state)
{
    (void)state;
    hf_secret *a = NULL, *b = NULL;
    assert_int_equal(hf_dek_new(&a), HF_OK);
    assert_int_equal(hf_dek_new(&b), HF_OK);
    assert_int_equal(hf_secret_len(a), HF_DEK_BYTES);
    assert_memory_not_equal(hf_secret_read(a), hf_secret_read(b), HF_DEK_BYTES);
    hf_secret_free(a);
    hf_secret_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(alteration_is_noticed, make, unmake),
        cmocka_unit_test_setup_teardown(another_place_is_refused, make, unmake),
        cmocka_unit_test_setup_teardown(the_key_record_names_the_row, make, unmake),
        cmocka_unit_test_setup_teardown(nonces_do_not_repeat, make, unmake),
        cmocka_unit_test_setup_teardown(nothing_is_in_the_clear, make, unmake),
        cmocka_unit_test_setup_teardown(bad_arguments_are_refused, make, unmake),
        cmocka_unit_test_setup_teardown(the_largest_material_fits, make, unmake),
        cmocka_unit_test(fresh_keys_differ),
    };
    return cmocka_run_group_tests_name("records-version", tests, set_up, tear_down);
}
