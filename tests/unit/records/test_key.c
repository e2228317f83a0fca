/* The KEY record: what is encoded comes back, what is not valid is refused, what was altered is noticed. */
#include "fixture.h"

#include "records/key_record.h"
#include "records/sealed.h"
#include <stdlib.h>

static struct hf_key_record rec, back;
static uint8_t blob[HF_KEY_RECORD_MAX_BYTES];
static size_t blob_len;
static uint8_t mac[HF_RECORD_MAC_BYTES];

static const uint8_t some_mac[HF_RECORD_MAC_BYTES] = { 1, 2, 3 };

/* Three versions: destroyed, revoked, active. */
static void make_record(void)
{
    uint32_t v;
    memset(&rec, 0, sizeof(rec));
    memset(rec.id, 0xAB, sizeof(rec.id));
    rec.alg = HF_ALG_AES_256_GCM;
    rec.usage = HF_USE_ENCRYPT | HF_USE_DECRYPT;
    rec.created.ns = 1000;
    rec.name = hf_view_str("payments");
    rec.created_by = hf_view_str("alice@example.org");
    rec.description = hf_view_str("for payments, f\303\274r Zahlungen");
    rec.tags = hf_view_str("\004prod\003eur");
    for (int i = 0; i < 3; i++)
        assert_int_equal(hf_key_record_rotate(&rec, (hf_wall) { 1000 + i }, some_mac, &v), HF_OK);
    assert_int_equal(hf_key_record_destroy(&rec, 1, (hf_wall) { 2000 }, 7), HF_OK);
    rec.versions[2].nonce_lease = 65536;
}

static hf_err encode(void)
{
    return hf_key_record_encode(keys, &rec, blob, sizeof(blob), &blob_len, mac);
}

static hf_err open_key(hf_view bytes, const hf_root_keys *with)
{
    return hf_key_record_decode(with, bytes, rec.id, NULL, &back);
}

static void comes_back(void **state)
{
    (void)state;
    make_record();
    assert_int_equal(encode(), HF_OK);
    assert_int_equal(hf_key_record_decode(keys, hf_view_of(blob, blob_len), rec.id, mac, &back), HF_OK);
    assert_true(hf_key_record_valid(&back));
    assert_memory_equal(back.id, rec.id, sizeof(rec.id));
    assert_int_equal(back.generation, 4);
    assert_int_equal(back.alg, HF_ALG_AES_256_GCM);
    assert_int_equal(back.usage, rec.usage);
    assert_int_equal(back.created.ns, 1000);
    assert_true(hf_view_eq(back.name, rec.name) && hf_view_eq(back.created_by, rec.created_by));
    assert_true(hf_view_eq(back.description, rec.description) && hf_view_eq(back.tags, rec.tags));
    assert_int_equal(back.n_versions, 3);
    assert_int_equal(back.versions[0].state, HF_STATE_DESTROYED);
    assert_int_equal(back.versions[0].destroy_epoch, 7);
    assert_int_equal(back.versions[0].destroyed.ns, 2000);
    assert_int_equal(back.versions[1].state, HF_STATE_REVOKED);
    assert_int_equal(back.versions[1].revoked.ns, 1002);
    assert_int_equal(back.versions[2].state, HF_STATE_ACTIVE);
    assert_int_equal(back.versions[2].nonce_lease, 65536);
    assert_memory_equal(back.versions[2].mac, some_mac, sizeof(some_mac));
    uint8_t seen[HF_RECORD_MAC_BYTES];
    assert_int_equal(hf_record_mac_of(hf_view_of(blob, blob_len), seen), HF_OK);
    assert_memory_equal(seen, mac, sizeof(mac));
}

static void alteration_is_noticed(void **state)
{
    (void)state;
    make_record();
    assert_int_equal(encode(), HF_OK);
    assert_tamper_evident(blob, blob_len, open_key);
}

static void another_row_or_mac_is_refused(void **state)
{
    (void)state;
    uint8_t wrong[HF_RECORD_MAC_BYTES];
    make_record();
    assert_int_equal(encode(), HF_OK);
    const hf_view bytes = hf_view_of(blob, blob_len);

    memset(wrong, 0xAC, sizeof(wrong));
    assert_int_equal(hf_key_record_decode(keys, bytes, wrong, NULL, &back), HF_ERR_INTEGRITY);
    /* An older record of the same key is authentic, but not what the index holds. */
    memcpy(wrong, mac, sizeof(wrong));
    wrong[47] ^= 1;
    assert_int_equal(hf_key_record_decode(keys, bytes, rec.id, wrong, &back), HF_ERR_INTEGRITY);
    /* An output is not touched on failure. */
    memset(&back, 0x5A, sizeof(back));
    assert_int_not_equal(hf_key_record_decode(keys, bytes, wrong, NULL, &back), HF_OK);
    for (size_t i = 0; i < sizeof(back); i++)
        assert_int_equal(((const uint8_t *)&back)[i], 0x5A);
    blob[0] = HF_RECORD_FORMAT + 1;
    assert_int_equal(hf_key_record_decode(keys, bytes, rec.id, NULL, &back), HF_ERR_UNSUPPORTED);
}

static void refused(void)
{
    assert_false(hf_key_record_valid(&rec));
    assert_int_equal(encode(), HF_ERR_INVALID);
    make_record();
}

static void invalid_records_are_refused(void **state)
{
    (void)state;
    static char long_text[HF_KEY_POLICY_MAX + 1];
    memset(long_text, 'a', sizeof(long_text));
    make_record();
    assert_true(hf_key_record_valid(&rec));
    rec.generation = 0, refused();
    rec.alg = HF_ALG_NONE, refused();
    rec.alg = (hf_alg)999, refused();
    rec.usage = 0, refused();
    rec.usage = HF_USE_SIGN, refused(); /* not with AES */
    rec.usage |= 1u << 31, refused();
    rec.name = hf_view_str(""), refused();
    rec.name = hf_view_str("a b"), refused();
    rec.name = hf_view_of(long_text, HF_KEY_NAME_MAX + 1), refused();
    rec.created_by = hf_view_str(""), refused();
    rec.created_by = hf_view_of(long_text, HF_KEY_ACTOR_MAX + 1), refused();
    rec.description = hf_view_str("\377"), refused();
    rec.description = hf_view_of(long_text, HF_KEY_DESCRIPTION_MAX + 1), refused();
    rec.tags = hf_view_of(long_text, HF_KEY_TAGS_MAX + 1), refused();
    rec.policy = hf_view_of(long_text, HF_KEY_POLICY_MAX + 1), refused();
    rec.attributes = hf_view_of(long_text, HF_KEY_ATTRIBUTES_MAX + 1), refused();
    rec.n_versions = 0, refused();
    rec.n_versions = HF_KEY_VERSIONS_MAX + 1, refused();
}

static void invalid_versions_are_refused(void **state)
{
    (void)state;
    make_record();
    rec.versions[0].version = 0, refused();
    rec.versions[1].version = 1, refused();
    rec.versions[1].version = 9, refused();
    rec.versions[1].state = HF_STATE_ACTIVE, rec.versions[1].revoked.ns = 0, refused(); /* two active */
    rec.versions[2].state = HF_STATE_NONE, refused();
    rec.versions[2].state = (hf_key_state)6, refused();
    rec.versions[2].revoked.ns = 5, refused();                         /* active, yet revoked */
    rec.versions[1].revoked.ns = 0, refused();                         /* revoked, but when? */
    rec.versions[0].destroyed.ns = 0, refused();                       /* destroyed, but when? */
    rec.versions[0].destroy_epoch = 0, refused();                      /* and under which epoch? */
    rec.versions[0].mac[0] = 1, refused(); /* destroyed, yet its material is vouched for */
    rec.versions[1].destroyed.ns = 5, refused();
    rec.versions[1].destroy_epoch = 5, refused();
    memset(rec.versions[2].mac, 0, HF_RECORD_MAC_BYTES), refused(); /* active without material */
    rec.versions[2].nonce_lease = (UINT64_C(1) << 32) + 1, refused();
}

/* Authentic bytes with content that the encoder would not write: the decoder checks for itself. */
static void authentic_nonsense_is_refused(void **state)
{
    (void)state;
    uint8_t copy[2048];
    make_record();
    assert_int_equal(encode(), HF_OK);
    const size_t body = blob_len - HF_RECORD_MAC_BYTES;
    const size_t version_bytes = 89;
    const size_t first_version = body - 3 * version_bytes;
    const struct {
        size_t at;
        uint8_t value;
    } changes[] = {
        { 2 + 16 + 7, 0 }, /* generation 0 */
        { 2 + 16 + 8, 9 }, /* unknown algorithm */
        { 2 + 16 + 8 + 2 + 3, 1 }, /* usage of another algorithm */
        { first_version - 1, 2 }, /* one version less than there are bytes */
        { first_version - 1, 4 }, /* one more */
        { first_version - 4, 0xFF }, /* an absurd number of versions */
        { first_version + 4, HF_STATE_ACTIVE }, /* destroyed made active */
        { first_version + version_bytes + 3, 1 }, /* version doubled */
        { first_version + 2 * version_bytes + 4, 6 }, /* unknown state */
    };
    for (size_t i = 0; i < HF_COUNT(changes); i++) {
        memcpy(copy, blob, body);
        assert_int_not_equal(copy[changes[i].at], changes[i].value);
        copy[changes[i].at] = changes[i].value;
        hf_writer w = hf_writer_on(copy, sizeof(copy));
        w.len = body;
        assert_int_equal(hf_blob_end(&w, hf_root_key(keys, HF_PURPOSE_RECORD_MAC), NULL), HF_OK);
        assert_int_equal(open_key(hf_writer_view(&w), keys), HF_ERR_INTEGRITY);
    }
    /* And unchanged it is taken. */
    assert_int_equal(open_key(hf_view_of(blob, blob_len), keys), HF_OK);
}

static void the_largest_record_fits(void **state)
{
    (void)state;
    static uint8_t filler[HF_KEY_POLICY_MAX];
    uint32_t v;
    memset(filler, 'x', sizeof(filler));
    make_record();
    while (rec.n_versions < HF_KEY_VERSIONS_MAX)
        assert_int_equal(hf_key_record_rotate(&rec, (hf_wall) { 5000 }, some_mac, &v), HF_OK);
    assert_int_equal(v, HF_KEY_VERSIONS_MAX);
    const uint64_t generation = rec.generation;
    assert_int_equal(hf_key_record_rotate(&rec, (hf_wall) { 5000 }, some_mac, &v), HF_ERR_QUOTA);
    assert_int_equal(rec.generation, generation);
    rec.name = hf_view_of(filler, HF_KEY_NAME_MAX);
    rec.created_by = hf_view_of(filler, HF_KEY_ACTOR_MAX);
    rec.description = hf_view_of(filler, HF_KEY_DESCRIPTION_MAX);
    rec.tags = hf_view_of(filler, HF_KEY_TAGS_MAX);
    rec.policy = hf_view_of(filler, HF_KEY_POLICY_MAX);
    rec.attributes = hf_view_of(filler, HF_KEY_ATTRIBUTES_MAX);
    assert_int_equal(encode(), HF_OK);
    assert_true(blob_len <= HF_KEY_RECORD_MAX_BYTES);
    assert_int_equal(open_key(hf_view_of(blob, blob_len), keys), HF_OK);
    assert_int_equal(back.n_versions, HF_KEY_VERSIONS_MAX);
    uint8_t unused_mac[HF_RECORD_MAC_BYTES];
    size_t unused_len;
    assert_int_equal(hf_key_record_encode(keys, &rec, blob, blob_len - 1, &unused_len, unused_mac), HF_ERR_BOUNDS);
}

static unsigned count_active(void)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < rec.n_versions; i++)
        n += rec.versions[i].state == HF_STATE_ACTIVE;
    return n;
}

static void rotation_leaves_one_active(void **state)
{
    (void)state;
    uint32_t v = 99;
    make_record();
    assert_int_equal(hf_key_record_next_version(&rec), 4);
    assert_int_equal(hf_key_record_rotate(&rec, (hf_wall) { 3000 }, some_mac, &v), HF_OK);
    assert_int_equal(v, 4);
    assert_int_equal(count_active(), 1);
    assert_int_equal(hf_key_record_active(&rec)->version, 4);
    assert_int_equal(hf_key_record_find(&rec, 3)->state, HF_STATE_REVOKED);
    assert_null(hf_key_record_find(&rec, 5));
    assert_true(hf_key_record_valid(&rec));
}

static void states_change_one_way(void **state)
{
    (void)state;
    uint32_t v;
    make_record();
    assert_int_equal(hf_key_record_revoke(&rec, 3, (hf_wall) { 3000 }), HF_OK);
    assert_int_equal(hf_key_record_revoke(&rec, 3, (hf_wall) { 3001 }), HF_ERR_WRONG_STATE);
    assert_int_equal(hf_key_record_revoke(&rec, 9, (hf_wall) { 3001 }), HF_ERR_NOT_FOUND);
    assert_null(hf_key_record_active(&rec));
    assert_int_equal(hf_key_record_rotate(&rec, (hf_wall) { 3002 }, some_mac, &v), HF_ERR_WRONG_STATE);
    assert_int_equal(hf_key_record_destroy(&rec, 3, (hf_wall) { 3003 }, 0), HF_ERR_INVALID);
    assert_int_equal(hf_key_record_destroy(&rec, 3, (hf_wall) { 3003 }, 2), HF_OK);
    assert_int_equal(hf_key_record_destroy(&rec, 3, (hf_wall) { 3004 }, 2), HF_ERR_WRONG_STATE);
    assert_int_equal(hf_key_record_revoke(&rec, 3, (hf_wall) { 3005 }), HF_ERR_WRONG_STATE);
    assert_int_equal(hf_key_record_destroy(&rec, 9, (hf_wall) { 3005 }, 2), HF_ERR_NOT_FOUND);
    assert_true(hf_key_record_valid(&rec));
    assert_int_equal(encode(), HF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(alteration_is_noticed),
        cmocka_unit_test(another_row_or_mac_is_refused),
        cmocka_unit_test(invalid_records_are_refused),
        cmocka_unit_test(invalid_versions_are_refused),
        cmocka_unit_test(authentic_nonsense_is_refused),
        cmocka_unit_test(the_largest_record_fits),
        cmocka_unit_test(rotation_leaves_one_active),
        cmocka_unit_test(states_change_one_way),
    };
    return cmocka_run_group_tests_name("records-key", tests, set_up, tear_down);
}
