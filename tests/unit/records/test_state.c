/* The records that hold the whole state together: manifest, set hash, epoch file, anchor, keyset, revocations. */
#include "fixture.h"

#include "records/anchor.h"
#include "records/ciphertext.h"
#include "records/epoch_file.h"
#include "records/keyset_mac.h"
#include "records/manifest.h"
#include "records/revocation.h"
#include "records/sealed.h"

/* ---- root keys ---- */

static void purposes_have_their_own_keys(void **state)
{
    (void)state;
    for (int p = 0; p < HF_PURPOSE_COUNT; p++) {
        const hf_view a = hf_root_key(keys, (hf_purpose)p);
        assert_true(a.len >= 32);
        assert_memory_not_equal(a.ptr, hf_root_key(other_keys, (hf_purpose)p).ptr, 32);
        for (int q = 0; q < p; q++)
            assert_memory_not_equal(a.ptr, hf_root_key(keys, (hf_purpose)q).ptr, 32);
    }
    assert_int_equal(hf_root_key(keys, HF_PURPOSE_COUNT).len, 0);
    assert_null(hf_root_key_secret(keys, (hf_purpose)-1));
}

static void a_short_root_is_refused(void **state)
{
    (void)state;
    hf_root_keys *out = NULL;
    hf_secret *half = secret_of(0, 32);
    assert_int_equal(hf_root_keys_derive(half, &out), HF_ERR_BOUNDS);
    assert_int_equal(hf_root_keys_derive(NULL, &out), HF_ERR_BOUNDS);
    assert_null(out);
    hf_secret_free(half);
}

/* ---- set hash ---- */

static struct hf_row_ref row_of(uint8_t kind, uint8_t n)
{
    struct hf_row_ref row = { .kind = kind, .version = n };
    memset(row.id, n, sizeof(row.id));
    memset(row.mac, n + 1, sizeof(row.mac));
    return row;
}

static void add(struct hf_set_hash *set, struct hf_row_ref row)
{
    assert_int_equal(hf_set_hash_add(keys, set, &row), HF_OK);
}

static void drop(struct hf_set_hash *set, struct hf_row_ref row)
{
    struct hf_set_change ch = { 0 };
    assert_int_equal(hf_set_change_remove(keys, &ch, &row), HF_OK);
    assert_int_equal(hf_set_hash_apply(set, &ch), HF_OK);
}

static void order_does_not_matter(void **state)
{
    (void)state;
    struct hf_set_hash a, b;
    struct hf_set_hash_sealed sealed;
    hf_set_hash_init(&a);
    hf_set_hash_init(&b);
    for (uint8_t i = 0; i < 10; i++) {
        add(&a, row_of(HF_ROW_KEY, i));
        add(&b, row_of(HF_ROW_KEY, (uint8_t)(9 - i)));
    }
    assert_int_equal(hf_set_hash_seal(keys, &a, &sealed), HF_OK);
    assert_int_equal(hf_set_hash_equal(keys, &b, &sealed), HF_OK);
    add(&b, row_of(HF_ROW_WRAP, 3));
    assert_int_equal(hf_set_hash_equal(keys, &b, &sealed), HF_ERR_INTEGRITY);
    drop(&b, row_of(HF_ROW_WRAP, 3));
    assert_int_equal(hf_set_hash_equal(keys, &b, &sealed), HF_OK);
    assert_int_equal(hf_set_hash_equal(other_keys, &b, &sealed), HF_ERR_INTEGRITY);
}

/* What several changes add and take, in any order and grouping, leaves the set that the rows make. */
static void changes_add_up(void **state)
{
    (void)state;
    struct hf_set_hash step, whole, unchanged;
    struct hf_set_hash_sealed sealed;
    struct hf_set_change a = { 0 }, b = { 0 }, c = { 0 };
    struct hf_row_ref rows[4] = { row_of(HF_ROW_KEY, 1), row_of(HF_ROW_KEY, 2), row_of(HF_ROW_WRAP, 2),
                                  row_of(HF_ROW_ANSWER, 3) };
    hf_set_hash_init(&step);
    hf_set_hash_init(&whole);
    add(&whole, rows[1]);
    add(&whole, rows[2]);
    add(&whole, rows[3]);
    assert_int_equal(hf_set_hash_seal(keys, &whole, &sealed), HF_OK);
    add(&step, rows[0]);
    assert_int_equal(hf_set_change_add(keys, &a, &rows[1]), HF_OK);
    assert_int_equal(hf_set_change_add(keys, &b, &rows[2]), HF_OK);
    assert_int_equal(hf_set_change_remove(keys, &b, &rows[0]), HF_OK); /* before something is added, too */
    assert_int_equal(hf_set_change_add(keys, &c, &rows[3]), HF_OK);
    assert_int_equal(hf_set_hash_apply(&step, &b), HF_OK);
    assert_int_equal(hf_set_hash_apply(&step, &c), HF_OK);
    assert_int_equal(hf_set_hash_equal(keys, &step, &sealed), HF_ERR_INTEGRITY);
    assert_int_equal(hf_set_hash_apply(&step, &a), HF_OK);
    assert_int_equal(hf_set_hash_equal(keys, &step, &sealed), HF_OK);
    unchanged = step;
    a = (struct hf_set_change) { .removed = 4 }; /* more than there is */
    assert_int_equal(hf_set_hash_apply(&step, &a), HF_ERR_INTERNAL);
    a = (struct hf_set_change) { .added = UINT64_MAX };
    assert_int_equal(hf_set_hash_apply(&step, &a), HF_ERR_INTERNAL);
    assert_memory_equal(&step, &unchanged, sizeof(step));
}

/* Every part of an element counts: a row that changed in any of them is another row. */
static void every_part_of_a_row_counts(void **state)
{
    (void)state;
    struct hf_set_hash set;
    struct hf_set_hash_sealed sealed;
    hf_set_hash_init(&set);
    add(&set, row_of(HF_ROW_KEY, 1));
    assert_int_equal(hf_set_hash_seal(keys, &set, &sealed), HF_OK);
    for (int part = 0; part < 4; part++) {
        struct hf_row_ref row = row_of(HF_ROW_KEY, 1);
        struct hf_set_hash other;
        row.kind = part == 0 ? HF_ROW_WRAP : row.kind;
        row.id[15] = part == 1 ? 9 : row.id[15];
        row.version = part == 2 ? UINT64_MAX : row.version;
        row.mac[47] = part == 3 ? 9 : row.mac[47];
        hf_set_hash_init(&other);
        add(&other, row);
        assert_int_equal(hf_set_hash_equal(keys, &other, &sealed), HF_ERR_INTEGRITY);
    }
}

static void withholding_doubling_and_emptying_show(void **state)
{
    (void)state;
    struct hf_set_hash set, other;
    struct hf_set_hash_sealed sealed, empty;
    hf_set_hash_init(&set);
    hf_set_hash_init(&other);
    assert_int_equal(hf_set_hash_seal(keys, &set, &empty), HF_OK);
    add(&set, row_of(HF_ROW_KEY, 1));
    add(&set, row_of(HF_ROW_KEY, 2));
    assert_int_equal(hf_set_hash_seal(keys, &set, &sealed), HF_OK);
    add(&other, row_of(HF_ROW_KEY, 1));
    assert_int_equal(hf_set_hash_equal(keys, &other, &sealed), HF_ERR_INTEGRITY);
    /* A row three times is XOR-equal to the row once: the count tells them apart. */
    drop(&set, row_of(HF_ROW_KEY, 2));
    assert_int_equal(hf_set_hash_seal(keys, &set, &sealed), HF_OK);
    add(&other, row_of(HF_ROW_KEY, 1));
    add(&other, row_of(HF_ROW_KEY, 1));
    assert_int_equal(hf_set_hash_equal(keys, &other, &sealed), HF_ERR_INTEGRITY);
    /* Down to nothing and no further. */
    drop(&set, row_of(HF_ROW_KEY, 1));
    assert_int_equal(hf_set_hash_equal(keys, &set, &empty), HF_OK);
    const struct hf_set_change one_more = { .removed = 1 };
    assert_int_equal(hf_set_hash_apply(&set, &one_more), HF_ERR_INTERNAL);
    assert_int_equal(hf_set_hash_equal(keys, &set, &empty), HF_OK);
}

/* The sum itself never leaves: two sealings of one set have nothing in common. */
static void each_sealing_is_masked_anew(void **state)
{
    (void)state;
    struct hf_set_hash set;
    struct hf_set_hash_sealed a, b;
    hf_set_hash_init(&set);
    add(&set, row_of(HF_ROW_KEY, 1));
    assert_int_equal(hf_set_hash_seal(keys, &set, &a), HF_OK);
    assert_int_equal(hf_set_hash_seal(keys, &set, &b), HF_OK);
    assert_memory_not_equal(a.r, b.r, sizeof(a.r));
    assert_memory_not_equal(a.hash, b.hash, sizeof(a.hash));
    assert_memory_not_equal(a.hash, set.sum, sizeof(a.hash));
    b.hash[0] ^= 1;
    assert_int_equal(hf_set_hash_equal(keys, &set, &b), HF_ERR_INTEGRITY);
    a.r[0] ^= 1;
    assert_int_equal(hf_set_hash_equal(keys, &set, &a), HF_ERR_INTEGRITY);
}

/* ---- manifest ---- */

static hf_err open_manifest(hf_view blob, const hf_root_keys *with)
{
    struct hf_manifest m;
    return hf_manifest_decode(with, blob, &m);
}

static void manifest_comes_back(void **state)
{
    (void)state;
    struct hf_manifest m = { .generation = 9, .epoch = 3, .key_count = 1000, .keyset_generation = 4, .audit_seq = 77 };
    struct hf_manifest back;
    uint8_t blob[HF_MANIFEST_BYTES];
    memset(m.audit_head, 0xEE, sizeof(m.audit_head));
    memset(&m.set, 0x11, sizeof(m.set));
    assert_int_equal(hf_manifest_encode(keys, &m, blob), HF_OK);
    assert_int_equal(hf_manifest_decode(keys, hf_view_of(blob, sizeof(blob)), &back), HF_OK);
    assert_int_equal(back.generation, 9);
    assert_int_equal(back.epoch, 3);
    assert_int_equal(back.key_count, 1000);
    assert_int_equal(back.keyset_generation, 4);
    assert_int_equal(back.audit_seq, 77);
    assert_memory_equal(back.audit_head, m.audit_head, sizeof(m.audit_head));
    assert_int_equal(back.set.count, m.set.count);
    assert_memory_equal(back.set.r, m.set.r, sizeof(m.set.r));
    assert_memory_equal(back.set.hash, m.set.hash, sizeof(m.set.hash));
    assert_tamper_evident(blob, sizeof(blob), open_manifest);
    blob[0] = HF_RECORD_FORMAT + 1;
    assert_int_equal(open_manifest(hf_view_of(blob, sizeof(blob)), keys), HF_ERR_UNSUPPORTED);
    m.generation = 0;
    assert_int_equal(hf_manifest_encode(keys, &m, blob), HF_ERR_INVALID);
    m.generation = 1, m.epoch = 0;
    assert_int_equal(hf_manifest_encode(keys, &m, blob), HF_ERR_INVALID);
}

/* ---- anchor ---- */

static hf_err open_anchor(hf_view blob, const hf_root_keys *with)
{
    struct hf_anchor a;
    return hf_anchor_decode(with, blob, &a);
}

static void anchor_comes_back(void **state)
{
    (void)state;
    struct hf_anchor a = { .manifest_generation = 9, .audit_seq = 5, .epoch = 2, .written = { -5 } };
    struct hf_anchor back;
    uint8_t blob[HF_ANCHOR_BYTES];
    memset(a.audit_head, 0xDD, sizeof(a.audit_head));
    assert_int_equal(hf_anchor_encode(keys, &a, blob), HF_OK);
    assert_int_equal(hf_anchor_decode(keys, hf_view_of(blob, sizeof(blob)), &back), HF_OK);
    assert_int_equal(back.manifest_generation, 9);
    assert_int_equal(back.audit_seq, 5);
    assert_int_equal(back.epoch, 2);
    assert_int_equal(back.written.ns, -5);
    assert_memory_equal(back.audit_head, a.audit_head, sizeof(a.audit_head));
    assert_tamper_evident(blob, sizeof(blob), open_anchor);
    a.epoch = 0;
    assert_int_equal(hf_anchor_encode(keys, &a, blob), HF_ERR_INVALID);
}

/* ---- epoch file ---- */

static hf_err open_epoch(hf_view blob, const hf_root_keys *with)
{
    struct hf_epoch_file file = { 0 };
    const hf_err e = hf_epoch_file_decode(with, blob, &file);
    assert_true(e == HF_OK || (file.current.key == NULL && file.next.key == NULL));
    hf_epoch_file_clear(&file);
    return e;
}

static void epoch_file_comes_back(void **state)
{
    (void)state;
    struct hf_epoch_file file = { .current = { 7, secret_of(1, 32) } };
    struct hf_epoch_file back = { 0 };
    uint8_t blob[HF_EPOCH_FILE_BYTES];
    assert_int_equal(hf_epoch_file_encode(keys, &file, blob), HF_OK);
    assert_tamper_evident(blob, sizeof(blob), open_epoch);
    assert_int_equal(hf_epoch_file_decode(keys, hf_view_of(blob, sizeof(blob)), &back), HF_OK);
    assert_int_equal(back.current.epoch, 7);
    assert_null(back.next.key);
    hf_epoch_file_clear(&back);

    /* While a rotation runs both are there. */
    assert_int_equal(hf_epoch_key_new(&file.next.key), HF_OK);
    file.next.epoch = 8;
    assert_int_equal(hf_epoch_file_encode(keys, &file, blob), HF_OK);
    assert_null(memmem(blob, sizeof(blob), hf_secret_read(file.next.key), 8));
    assert_tamper_evident(blob, sizeof(blob), open_epoch);
    assert_int_equal(hf_epoch_file_decode(keys, hf_view_of(blob, sizeof(blob)), &back), HF_OK);
    assert_memory_equal(hf_secret_read(hf_epoch_file_key(&back, 7)), hf_secret_read(file.current.key), 32);
    assert_memory_equal(hf_secret_read(hf_epoch_file_key(&back, 8)), hf_secret_read(file.next.key), 32);
    assert_null(hf_epoch_file_key(&back, 9));
    assert_null(hf_epoch_file_key(&back, 0));
    hf_epoch_file_clear(&back);
    hf_epoch_file_clear(&file);
    assert_null(file.current.key);
}

static void a_wrong_epoch_file_is_not_written(void **state)
{
    (void)state;
    uint8_t blob[HF_EPOCH_FILE_BYTES];
    struct hf_epoch_file file = { 0 };
    assert_int_equal(hf_epoch_file_encode(keys, &file, blob), HF_ERR_INVALID);
    file.current = (struct hf_epoch_slot) { 0, secret_of(1, 32) };
    assert_int_equal(hf_epoch_file_encode(keys, &file, blob), HF_ERR_INVALID);
    file.current.epoch = 7;
    file.next = (struct hf_epoch_slot) { 9, secret_of(2, 32) }; /* one was left out */
    assert_int_equal(hf_epoch_file_encode(keys, &file, blob), HF_ERR_INVALID);
    file.next.epoch = 7;
    assert_int_equal(hf_epoch_file_encode(keys, &file, blob), HF_ERR_INVALID);
    file.next.epoch = 8;
    assert_int_equal(hf_epoch_file_encode(keys, &file, blob), HF_OK);
    hf_secret_free(file.next.key);
    file.next.key = secret_of(2, 31);
    assert_int_equal(hf_epoch_file_encode(keys, &file, blob), HF_ERR_INVALID);
    hf_epoch_file_clear(&file);
}

/* Authentic bytes whose two slots come from different files: the epochs do not follow each other. */
static void spliced_slots_are_refused(void **state)
{
    (void)state;
    uint8_t a[HF_EPOCH_FILE_BYTES], b[HF_EPOCH_FILE_BYTES];
    struct hf_epoch_file file = { .current = { 5, secret_of(1, 32) }, .next = { 6, secret_of(2, 32) } };
    assert_int_equal(hf_epoch_file_encode(keys, &file, a), HF_OK);
    file.current.epoch = 7;
    file.next.epoch = 8;
    assert_int_equal(hf_epoch_file_encode(keys, &file, b), HF_OK);
    hf_epoch_file_clear(&file);
    memcpy(a + 2 + HF_EPOCH_SLOT_BYTES, b + 2 + HF_EPOCH_SLOT_BYTES, HF_EPOCH_SLOT_BYTES);
    hf_writer w = hf_writer_on(a, sizeof(a));
    w.len = sizeof(a) - HF_RECORD_MAC_BYTES;
    assert_int_equal(hf_blob_end(&w, hf_root_key(keys, HF_PURPOSE_EPOCH_MAC), NULL), HF_OK);
    assert_int_equal(open_epoch(hf_view_of(a, sizeof(a)), keys), HF_ERR_INTEGRITY);
}

/* ---- revocation ---- */

static uint8_t revoked_id[HF_ROW_ID_BYTES];

static hf_err open_revocation(hf_view blob, const hf_root_keys *with)
{
    int64_t expires;
    return hf_revocation_decode(with, blob, revoked_id, &expires);
}

static void revocation_comes_back(void **state)
{
    (void)state;
    uint8_t blob[HF_REVOCATION_BYTES], mac[HF_RECORD_MAC_BYTES];
    int64_t expires = 0;
    assert_int_equal(hf_revocation_id(hf_view_str(""), revoked_id), HF_ERR_INVALID);
    /* SHA-256("abc"), FIPS 180-4 */
    static const uint8_t abc[16] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                     0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23 };
    assert_int_equal(hf_revocation_id(hf_view_str("abc"), revoked_id), HF_OK);
    assert_memory_equal(revoked_id, abc, sizeof(abc));
    assert_int_equal(hf_revocation_encode(keys, revoked_id, 1234567, blob, mac), HF_OK);
    assert_int_equal(hf_revocation_decode(keys, hf_view_of(blob, sizeof(blob)), revoked_id, &expires), HF_OK);
    assert_int_equal(expires, 1234567);
    assert_tamper_evident(blob, sizeof(blob), open_revocation);
    revoked_id[0] ^= 1;
    assert_int_equal(open_revocation(hf_view_of(blob, sizeof(blob)), keys), HF_ERR_INTEGRITY);
}

/* ---- keyset ---- */

static void keyset_mac_binds_rows_and_generation(void **state)
{
    (void)state;
    uint8_t mac[HF_KEYSET_MAC_BYTES];
    const hf_view rows = hf_view_str("encoded rows");
    assert_int_equal(hf_keyset_mac(keys, 5, rows, mac), HF_OK);
    assert_int_equal(hf_keyset_check(keys, 5, rows, mac), HF_OK);
    assert_int_equal(hf_keyset_check(keys, 4, rows, mac), HF_ERR_INTEGRITY);
    assert_int_equal(hf_keyset_check(keys, 5, hf_view_str("encoded row"), mac), HF_ERR_INTEGRITY);
    assert_int_equal(hf_keyset_check(keys, 5, hf_view_str(""), mac), HF_ERR_INTEGRITY);
    assert_int_equal(hf_keyset_check(other_keys, 5, rows, mac), HF_ERR_INTEGRITY);
    for (size_t i = 0; i < sizeof(mac); i++) {
        mac[i] ^= 0x80;
        assert_int_equal(hf_keyset_check(keys, 5, rows, mac), HF_ERR_INTEGRITY);
        mac[i] ^= 0x80;
    }
}

/* A blob of one type must not pass for another, even where key and size would fit. */
static void types_are_not_exchanged(void **state)
{
    (void)state;
    uint8_t blob[HF_REVOCATION_BYTES], mac[HF_RECORD_MAC_BYTES];
    assert_int_equal(hf_revocation_encode(keys, revoked_id, 1, blob, mac), HF_OK);
    assert_int_equal(open_anchor(hf_view_of(blob, sizeof(blob)), keys), HF_ERR_INTEGRITY);
    assert_int_equal(open_manifest(hf_view_of(blob, sizeof(blob)), keys), HF_ERR_INTEGRITY);
    assert_int_equal(open_epoch(hf_view_of(blob, sizeof(blob)), keys), HF_ERR_INTEGRITY);
    assert_int_equal(hf_record_mac_of(hf_view_of(blob, 49), mac), HF_ERR_MALFORMED);
}

/* The same bytes under the same key, authentic as another kind. */
static void the_kind_is_checked(void **state)
{
    (void)state;
    uint8_t blob[HF_REVOCATION_BYTES], mac[HF_RECORD_MAC_BYTES];
    for (uint8_t kind = 0; kind < 16; kind++) {
        assert_int_equal(hf_revocation_encode(keys, revoked_id, 1, blob, mac), HF_OK);
        blob[1] = kind;
        hf_writer w = hf_writer_on(blob, sizeof(blob));
        w.len = sizeof(blob) - HF_RECORD_MAC_BYTES;
        assert_int_equal(hf_blob_end(&w, hf_root_key(keys, HF_PURPOSE_RECORD_MAC), NULL), HF_OK);
        assert_int_equal(open_revocation(hf_view_of(blob, sizeof(blob)), keys),
                         kind == HF_ROW_REVOCATION ? HF_OK : HF_ERR_INTEGRITY);
    }
}

/* ---- ciphertext ---- */

static void ciphertext_names_its_version(void **state)
{
    (void)state;
    uint8_t bytes[HF_CIPHERTEXT_OVERHEAD + 5] = { 0 };
    struct hf_ciphertext ct;
    assert_int_equal(hf_ciphertext_prefix(HF_ALG_AES_256_GCM, 0x01020304, bytes), HF_OK);
    assert_memory_equal(bytes, "HF1\001\001\002\003\004", 8);
    assert_int_equal(hf_ciphertext_parse(hf_view_of(bytes, sizeof(bytes)), &ct), HF_OK);
    assert_int_equal(ct.alg, HF_ALG_AES_256_GCM);
    assert_int_equal(ct.version, 0x01020304);
    assert_int_equal(ct.sealed.len, 5 + 16);
    assert_ptr_equal(ct.sealed.ptr, bytes + 8);
    assert_true(ct.prefix.ptr == bytes && ct.prefix.len == 8);
    for (size_t n = 0; n < HF_CIPHERTEXT_OVERHEAD; n++)
        assert_int_equal(hf_ciphertext_parse(hf_view_of(bytes, n), &ct), HF_ERR_BAD_CIPHERTEXT);
    assert_int_equal(hf_ciphertext_parse(hf_view_of(bytes, HF_CIPHERTEXT_OVERHEAD), &ct), HF_OK);
    for (size_t i = 0; i < 4; i++) {
        bytes[i] ^= 2;
        assert_int_equal(hf_ciphertext_parse(hf_view_of(bytes, sizeof(bytes)), &ct), HF_ERR_BAD_CIPHERTEXT);
        bytes[i] ^= 2;
    }
    memset(bytes + 4, 0, 4);
    assert_int_equal(hf_ciphertext_parse(hf_view_of(bytes, sizeof(bytes)), &ct), HF_ERR_BAD_CIPHERTEXT);
    assert_int_equal(hf_ciphertext_prefix(HF_ALG_AES_256_GCM, 0, bytes), HF_ERR_INVALID);
    assert_int_equal(hf_ciphertext_prefix(HF_ALG_ED25519, 1, bytes), HF_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(purposes_have_their_own_keys),
        cmocka_unit_test(a_short_root_is_refused),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(changes_add_up),
        cmocka_unit_test(every_part_of_a_row_counts),
        cmocka_unit_test(withholding_doubling_and_emptying_show),
        cmocka_unit_test(each_sealing_is_masked_anew),
        cmocka_unit_test(manifest_comes_back),
        cmocka_unit_test(anchor_comes_back),
        cmocka_unit_test(epoch_file_comes_back),
        cmocka_unit_test(a_wrong_epoch_file_is_not_written),
        cmocka_unit_test(spliced_slots_are_refused),
        cmocka_unit_test(revocation_comes_back),
        cmocka_unit_test(keyset_mac_binds_rows_and_generation),
        cmocka_unit_test(types_are_not_exchanged),
        cmocka_unit_test(the_kind_is_checked),
        cmocka_unit_test(ciphertext_names_its_version),
    };
    return cmocka_run_group_tests_name("records-state", tests, set_up, tear_down);
}
