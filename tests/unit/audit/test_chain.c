/* Chain, segments and exports: nothing can be altered, left out, doubled, reordered or cut off unnoticed. */
#include "fixture.h"

#include "audit/export.h"

enum { RECORDS = 5 };

static uint8_t entries[RECORDS * HF_AUDIT_ENTRY_MAX_BYTES];
static size_t entries_len;
static const struct hf_audit_chain genesis;

static int make(void **state)
{
    (void)state;
    struct hf_audit_chain chain = { 0 };
    entries_len = append_n(&chain, RECORDS, entries, sizeof(entries));
    return 0;
}

/* HF_OK when a walk from `before` reaches a clean end after n records. */
static hf_err walk(hf_view bytes, const struct hf_audit_chain *before, hf_view key, uint64_t n)
{
    struct hf_audit_walk w;
    struct hf_audit_entry entry;
    hf_err e = HF_OK;
    hf_audit_walk_start(&w, bytes, before, key);
    while (e == HF_OK)
        e = hf_audit_walk_next(&w, &entry);
    if (e != HF_ERR_NOT_FOUND)
        return e;
    return w.at.seq == before->seq + n ? HF_OK : HF_ERR_NOT_FOUND;
}

static void a_chain_verifies(void **state)
{
    (void)state;
    assert_int_equal(walk(hf_view_of(entries, entries_len), &genesis, mac_key(), RECORDS), HF_OK);
    assert_int_equal(walk(hf_view_of(entries, entries_len), &genesis, hf_view_of(NULL, 0), RECORDS), HF_OK);
}

static void every_flipped_bit_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < entries_len; i++) {
        entries[i] ^= (uint8_t)(1u << (i % 8));
        assert_int_equal(walk(hf_view_of(entries, entries_len), &genesis, mac_key(), RECORDS), HF_ERR_INTEGRITY);
        entries[i] ^= (uint8_t)(1u << (i % 8));
    }
    for (size_t n = 0; n < entries_len; n++)
        assert_int_not_equal(walk(hf_view_of(entries, n), &genesis, mac_key(), RECORDS), HF_OK);
}

/* Without the MAC key a forged chain is consistent in itself; with the key it is refused. */
static void the_tag_needs_the_key(void **state)
{
    (void)state;
    struct hf_audit_chain chain = { 0 };
    struct hf_audit_record rec = record_of("mallory");
    uint8_t entry[HF_AUDIT_ENTRY_MAX_BYTES];
    size_t len;
    assert_int_equal(hf_audit_append(&chain, hf_view_str("a guessed key"), &rec, entry, &len), HF_OK);
    assert_int_equal(walk(hf_view_of(entry, len), &genesis, hf_view_of(NULL, 0), 1), HF_OK);
    assert_int_equal(walk(hf_view_of(entry, len), &genesis, mac_key(), 1), HF_ERR_INTEGRITY);
}

/* The key as bytes for each record, or loaded once for all: the same entries and the same payload MACs. */
static void a_loaded_key_makes_the_same_entries(void **state)
{
    (void)state;
    struct hf_audit_chain chain = { 0 }, other = { 0 };
    uint8_t by_bytes[HF_AUDIT_ENTRY_MAX_BYTES], loaded[HF_AUDIT_ENTRY_MAX_BYTES], mac[16], other_mac[16];
    size_t len, other_len;
    hf_secret *material;
    hf_key *key;

    assert_int_equal(hf_secret_copy(mac_key_bytes, sizeof(mac_key_bytes), &material), HF_OK);
    assert_int_equal(hf_key_load_private(HF_ALG_HMAC_SHA256, material, &key), HF_OK);
    for (int i = 0; i < 3; i++) {
        struct hf_audit_record rec = record_of("alice"), same = rec;
        assert_int_equal(hf_audit_append(&chain, mac_key(), &rec, by_bytes, &len), HF_OK);
        assert_int_equal(hf_audit_append_with(&other, key, &same, loaded, &other_len), HF_OK);
        assert_int_equal(len, other_len);
        assert_memory_equal(by_bytes, loaded, len);
        assert_memory_equal(&chain, &other, sizeof(chain));
        hf_view payload = hf_view_of(loaded, (size_t)i * 30);
        assert_int_equal(hf_audit_payload_mac(mac_key(), &payload, 1, mac), HF_OK);
        assert_int_equal(hf_audit_payload_mac_with(key, payload, other_mac), HF_OK);
        assert_memory_equal(mac, other_mac, sizeof(mac));
    }
    struct hf_audit_record rec = record_of("alice");
    assert_int_equal(hf_audit_append_with(&other, sign_key, &rec, loaded, &other_len), HF_ERR_INVALID);
    assert_int_equal(hf_audit_append_with(&other, NULL, &rec, loaded, &other_len), HF_ERR_INVALID);
    assert_int_equal(hf_audit_payload_mac_with(sign_key, hf_view_of(loaded, 1), mac), HF_ERR_INVALID);
    assert_memory_equal(&chain, &other, sizeof(chain));
    hf_key_free(key);
    hf_secret_free(material);
}

static void gaps_and_swaps_show(void **state)
{
    (void)state;
    struct hf_audit_entry first, second;
    uint8_t swapped[2 * HF_AUDIT_ENTRY_MAX_BYTES];
    hf_view left = hf_view_of(entries, entries_len);
    assert_int_equal(hf_audit_entry_next(&left, &first), HF_OK);
    assert_int_equal(walk(left, &genesis, mac_key(), RECORDS - 1), HF_ERR_INTEGRITY);
    assert_int_equal(hf_audit_entry_next(&left, &second), HF_OK);
    memcpy(swapped, second.whole.ptr, second.whole.len);
    memcpy(swapped + second.whole.len, first.whole.ptr, first.whole.len);
    assert_int_equal(walk(hf_view_of(swapped, first.whole.len + second.whole.len), &genesis, mac_key(), 2),
                     HF_ERR_INTEGRITY);
    memcpy(swapped, first.whole.ptr, first.whole.len);
    memcpy(swapped + first.whole.len, first.whole.ptr, first.whole.len);
    assert_int_equal(walk(hf_view_of(swapped, 2 * first.whole.len), &genesis, mac_key(), 2), HF_ERR_INTEGRITY);
    /* The same records after another past. */
    struct hf_audit_chain past = { .head = { 1 } };
    assert_int_equal(walk(hf_view_of(entries, entries_len), &past, mac_key(), RECORDS), HF_ERR_INTEGRITY);
}

static void a_failed_append_changes_nothing(void **state)
{
    (void)state;
    struct hf_audit_chain chain = { .seq = 3, .head = { 1 } }, before = chain;
    struct hf_audit_record rec = record_of("alice");
    uint8_t entry[HF_AUDIT_ENTRY_MAX_BYTES];
    size_t len;
    rec.count = 0;
    assert_int_equal(hf_audit_append(&chain, mac_key(), &rec, entry, &len), HF_ERR_INVALID);
    rec.count = 1;
    assert_int_equal(hf_audit_append(&chain, hf_view_of(NULL, 0), &rec, entry, &len), HF_ERR_INVALID);
    assert_memory_equal(&chain, &before, sizeof(chain));
    assert_int_equal(rec.seq, 0);
    chain.seq = UINT64_MAX;
    assert_int_equal(hf_audit_append(&chain, mac_key(), &rec, entry, &len), HF_ERR_INVALID);
}

/* A writer that skips a number but chains correctly: the hashes hold, the gap shows all the same. */
static void a_gap_in_a_correct_chain_shows(void **state)
{
    (void)state;
    struct hf_audit_chain chain = { 0 };
    size_t len = append_n(&chain, 1, entries, sizeof(entries));
    chain.seq++;
    len += append_n(&chain, 1, entries + len, sizeof(entries) - len);
    assert_int_equal(walk(hf_view_of(entries, len), &genesis, mac_key(), 2), HF_ERR_INTEGRITY);
}

/* ---- segments ---- */

static uint8_t segment[HF_SEGMENT_MAX_BYTES];
static size_t segment_len;

static int make_segment(void **state)
{
    make(state);
    assert_int_equal(hf_segment_seal(1, &genesis, (hf_wall) { 99 }, hf_view_of(entries, entries_len), mac_key(),
                                     sign_key, segment, sizeof(segment), &segment_len),
                     HF_OK);
    return 0;
}

static hf_err verify_public(hf_view blob)
{
    struct hf_segment seg;
    uint64_t seq;
    HF_TRY(hf_segment_decode(blob, &seg));
    return hf_segment_verify_public(&seg, public_key, &seq);
}

static hf_err verify_mac(hf_view blob)
{
    struct hf_segment seg;
    uint64_t seq;
    HF_TRY(hf_segment_decode(blob, &seg));
    return hf_segment_verify_mac(&seg, mac_key(), &seq);
}

static void a_segment_verifies(void **state)
{
    (void)state;
    struct hf_segment seg;
    uint64_t seq;
    const hf_view blob = hf_view_of(segment, segment_len);
    assert_int_equal(segment_len, HF_SEGMENT_OVERHEAD + entries_len);
    assert_int_equal(hf_segment_decode(blob, &seg), HF_OK);
    assert_int_equal(seg.index, 1);
    assert_int_equal(seg.first_seq, 1);
    assert_int_equal(seg.last_seq, RECORDS);
    assert_int_equal(seg.count, RECORDS);
    assert_int_equal(seg.time.ns, 99);
    assert_int_equal(hf_segment_verify_public(&seg, public_key, &seq), HF_OK);
    assert_int_equal(hf_segment_verify_mac(&seg, mac_key(), &seq), HF_OK);
    assert_int_equal(hf_segment_verify_public(&seg, other_key, &seq), HF_ERR_BAD_SIGNATURE);
    assert_int_equal(hf_segment_verify_mac(&seg, hf_view_str("another key"), &seq), HF_ERR_INTEGRITY);
    assert_int_equal(hf_segment_follows(0, &genesis, &seg), HF_OK);
}

/* The signature leaves out only the two proofs themselves: the MAC is covered by who has its key. */
static void every_flipped_bit_of_a_segment_shows(void **state)
{
    (void)state;
    const hf_view blob = hf_view_of(segment, segment_len);
    const size_t mac_at = HF_SEGMENT_HEAD_BYTES;
    const size_t signature_at = mac_at + HF_SEGMENT_MAC_BYTES;
    const size_t entries_at = signature_at + HF_SEGMENT_SIGNATURE_BYTES;
    for (size_t i = 0; i < segment_len; i++) {
        const bool in_mac = i >= mac_at && i < signature_at;
        const bool in_signature = i >= signature_at && i < entries_at;
        segment[i] ^= (uint8_t)(1u << (i % 8));
        assert_true((verify_public(blob) == HF_OK) == in_mac);
        assert_true((verify_mac(blob) == HF_OK) == in_signature);
        segment[i] ^= (uint8_t)(1u << (i % 8));
    }
    for (size_t n = 0; n < segment_len; n++)
        assert_int_equal(verify_public(hf_view_of(segment, n)), HF_ERR_MALFORMED);
    segment[0] = HF_AUDIT_FORMAT + 1;
    assert_int_equal(verify_public(blob), HF_ERR_UNSUPPORTED);
}

static void the_bad_record_is_named(void **state)
{
    (void)state;
    struct hf_segment seg;
    uint64_t seq = 99;
    hf_view left = hf_view_of(segment + HF_SEGMENT_OVERHEAD, entries_len);
    struct hf_audit_entry entry;
    for (int i = 0; i < 3; i++)
        assert_int_equal(hf_audit_entry_next(&left, &entry), HF_OK);
    segment[(size_t)(entry.record.ptr - segment) + 18] ^= 1; /* the action of record 3 */
    assert_int_equal(hf_segment_decode(hf_view_of(segment, segment_len), &seg), HF_OK);
    assert_int_equal(hf_segment_verify_public(&seg, public_key, &seq), HF_ERR_INTEGRITY);
    assert_int_equal(seq, 3);
    /* A tag is only in the digest: the segment as a whole. */
    segment[(size_t)(entry.record.ptr - segment) + 18] ^= 1;
    segment[(size_t)(entry.tag - segment)] ^= 1;
    assert_int_equal(hf_segment_verify_public(&seg, public_key, &seq), HF_ERR_INTEGRITY);
    assert_int_equal(seq, 0);
    assert_int_equal(hf_segment_verify_mac(&seg, mac_key(), &seq), HF_ERR_INTEGRITY);
    assert_int_equal(seq, 3);
}

static void wrong_entries_are_not_sealed(void **state)
{
    (void)state;
    size_t len;
    struct hf_audit_chain gap = { .seq = 1 };
    const hf_view all = hf_view_of(entries, entries_len);
    uint8_t dst[HF_SEGMENT_OVERHEAD + sizeof(entries)];
    const hf_wall now = { 1 };
    assert_int_equal(hf_segment_seal(1, &gap, now, all, mac_key(), sign_key, dst, sizeof(dst), &len), HF_ERR_INVALID);
    assert_int_equal(hf_segment_seal(0, &genesis, now, all, mac_key(), sign_key, dst, sizeof(dst), &len),
                     HF_ERR_INVALID);
    assert_int_equal(
        hf_segment_seal(1, &genesis, now, hf_view_of(entries, 0), mac_key(), sign_key, dst, sizeof(dst), &len),
        HF_ERR_INVALID);
    assert_int_equal(hf_segment_seal(1, &genesis, now, hf_view_of(entries, entries_len - 1), mac_key(), sign_key, dst,
                                     sizeof(dst), &len),
                     HF_ERR_INVALID);
    assert_int_equal(
        hf_segment_seal(1, &genesis, now, all, mac_key(), sign_key, dst, HF_SEGMENT_OVERHEAD + entries_len - 1, &len),
        HF_ERR_BOUNDS);
    assert_int_equal(hf_segment_seal(1, &genesis, now, all, hf_view_of(NULL, 0), sign_key, dst, sizeof(dst), &len),
                     HF_ERR_INVALID);
}

/* ---- exports ---- */

enum { SEGMENTS = 4 };

static uint8_t parts[SEGMENTS][HF_SEGMENT_OVERHEAD + sizeof(entries)];
static size_t part_len[SEGMENTS];
static uint8_t file[sizeof(parts) + 4 * SEGMENTS + 16];

static int make_export(void **state)
{
    (void)state;
    struct hf_audit_chain chain = { 0 };
    for (unsigned i = 0; i < SEGMENTS; i++) {
        const struct hf_audit_chain before = chain;
        const size_t len = append_n(&chain, i + 1, entries, sizeof(entries));
        assert_int_equal(hf_segment_seal(i + 1, &before, (hf_wall) { (int64_t)i }, hf_view_of(entries, len), mac_key(),
                                         sign_key, parts[i], sizeof(parts[i]), &part_len[i]),
                         HF_OK);
    }
    return 0;
}

/* Writes the named segments, in that order, as a file. */
static hf_view export_of(const unsigned *which, size_t n)
{
    hf_writer w = hf_writer_on(file, sizeof(file));
    for (size_t i = 0; i < n; i++)
        hf_export_put(&w, hf_view_of(parts[which[i]], part_len[which[i]]));
    assert_false(w.failed);
    return hf_writer_view(&w);
}

static void an_export_verifies(void **state)
{
    (void)state;
    struct hf_export_result result;
    assert_int_equal(hf_export_verify(export_of((const unsigned[]) { 0, 1, 2, 3 }, 4), public_key, &result), HF_OK);
    assert_int_equal(result.segments, 4);
    assert_int_equal(result.records, 10);
    assert_int_equal(result.first_seq, 1);
    assert_int_equal(result.last_seq, 10);
    assert_int_equal(result.err_segment, 0);
    /* From the middle: said by first_seq. */
    assert_int_equal(hf_export_verify(export_of((const unsigned[]) { 2, 3 }, 2), public_key, &result), HF_OK);
    assert_int_equal(result.first_seq, 4);
    assert_int_equal(hf_export_verify(hf_view_of(file, 0), public_key, &result), HF_ERR_MALFORMED);
}

static void faults_in_an_export_are_named(void **state)
{
    (void)state;
    struct hf_export_result result;
    const unsigned left_out[] = { 0, 1, 3 }, swapped[] = { 0, 2, 1, 3 }, doubled[] = { 0, 1, 1, 2 };
    assert_int_equal(hf_export_verify(export_of(left_out, 3), public_key, &result), HF_ERR_INTEGRITY);
    assert_int_equal(result.err_segment, 3);
    assert_int_equal(hf_export_verify(export_of(swapped, 4), public_key, &result), HF_ERR_INTEGRITY);
    assert_int_equal(result.err_segment, 2);
    assert_int_equal(hf_export_verify(export_of(doubled, 4), public_key, &result), HF_ERR_INTEGRITY);
    assert_int_equal(result.err_segment, 3);
    assert_int_equal(hf_export_verify(export_of(doubled, 1), other_key, &result), HF_ERR_INTEGRITY);
    assert_int_equal(result.err_segment, 1);
    assert_non_null(result.err_what);

    /* One record in the third segment: named by segment and number. */
    parts[2][HF_SEGMENT_OVERHEAD + 2 + 18] ^= 1;
    assert_int_equal(hf_export_verify(export_of((const unsigned[]) { 0, 1, 2, 3 }, 4), public_key, &result),
                     HF_ERR_INTEGRITY);
    assert_int_equal(result.err_segment, 3);
    assert_int_equal(result.err_seq, 4);
}

static void a_cut_export_shows(void **state)
{
    (void)state;
    struct hf_export_result result;
    const hf_view whole = export_of((const unsigned[]) { 0, 1 }, 2);
    for (size_t n = 1; n < whole.len; n++) {
        const hf_err e = hf_export_verify(hf_view_of(file, n), public_key, &result);
        if (n == 4 + part_len[0]) /* a whole segment less is another, shorter export */
            assert_int_equal(e, HF_OK);
        else
            assert_int_equal(e, HF_ERR_INTEGRITY);
    }
}

/* A second history with the same key, in which record 1 differs: no mixture of the two passes. */
static void histories_do_not_mix(void **state)
{
    (void)state;
    struct hf_export_result result;
    struct hf_audit_chain chain = { 0 };
    struct hf_audit_record rec = record_of("someone else");
    size_t len;
    assert_int_equal(hf_audit_append(&chain, mac_key(), &rec, entries, &len), HF_OK);
    assert_int_equal(hf_segment_seal(1, &genesis, (hf_wall) { 0 }, hf_view_of(entries, len), mac_key(), sign_key,
                                     parts[0], sizeof(parts[0]), &part_len[0]),
                     HF_OK);
    assert_int_equal(hf_export_verify(export_of((const unsigned[]) { 0 }, 1), public_key, &result), HF_OK);
    assert_int_equal(hf_export_verify(export_of((const unsigned[]) { 0, 1 }, 2), public_key, &result),
                     HF_ERR_INTEGRITY);
    assert_int_equal(result.err_segment, 2);
}

/* Seals two records after `before` as parts[which]: correctly signed, whatever its place. */
static void seal_at(unsigned which, uint64_t index, struct hf_audit_chain before)
{
    struct hf_audit_chain chain = before;
    const size_t len = append_n(&chain, 2, entries, sizeof(entries));
    assert_int_equal(hf_segment_seal(index, &before, (hf_wall) { 0 }, hf_view_of(entries, len), mac_key(), sign_key,
                                     parts[which], sizeof(parts[which]), &part_len[which]),
                     HF_OK);
}

/* Well signed segments that do not fit together: index, sequence and head must each continue. */
static void the_place_of_a_segment_is_checked(void **state)
{
    (void)state;
    struct hf_export_result result;
    struct hf_segment seg;
    struct hf_audit_chain after = { 0 };
    seal_at(0, 1, genesis);
    assert_int_equal(hf_segment_decode(hf_view_of(parts[0], part_len[0]), &seg), HF_OK);
    after.seq = seg.last_seq;
    memcpy(after.head, seg.head, sizeof(after.head));

    seal_at(1, 2, after);
    assert_int_equal(hf_export_verify(export_of((const unsigned[]) { 0, 1 }, 2), public_key, &result), HF_OK);
    seal_at(1, 3, after);
    assert_int_equal(hf_export_verify(export_of((const unsigned[]) { 0, 1 }, 2), public_key, &result),
                     HF_ERR_INTEGRITY);
    after.seq++;
    seal_at(1, 2, after);
    assert_int_equal(hf_export_verify(export_of((const unsigned[]) { 0, 1 }, 2), public_key, &result),
                     HF_ERR_INTEGRITY);
    after.seq--;
    after.head[31] ^= 1;
    seal_at(1, 2, after);
    assert_int_equal(hf_export_verify(export_of((const unsigned[]) { 0, 1 }, 2), public_key, &result),
                     HF_ERR_INTEGRITY);
    assert_int_equal(result.err_segment, 2);
}

/* The very first segment starts at record 1 after nothing. */
static void the_first_segment_starts_the_chain(void **state)
{
    (void)state;
    struct hf_export_result result;
    const struct hf_audit_chain hidden_past = { .head = { 1 } }, later = { .seq = 7, .head = { 1 } };
    seal_at(0, 1, hidden_past);
    assert_int_equal(hf_export_verify(export_of((const unsigned[]) { 0 }, 1), public_key, &result), HF_ERR_INTEGRITY);
    seal_at(0, 1, later);
    assert_int_equal(hf_export_verify(export_of((const unsigned[]) { 0 }, 1), public_key, &result), HF_ERR_INTEGRITY);
    seal_at(0, 2, genesis);
    assert_int_equal(hf_export_verify(export_of((const unsigned[]) { 0 }, 1), public_key, &result), HF_ERR_INTEGRITY);
    seal_at(0, 2, later);
    assert_int_equal(hf_export_verify(export_of((const unsigned[]) { 0 }, 1), public_key, &result), HF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_chain_verifies, make),
        cmocka_unit_test_setup(every_flipped_bit_shows, make),
        cmocka_unit_test(the_tag_needs_the_key),
        cmocka_unit_test(a_loaded_key_makes_the_same_entries),
        cmocka_unit_test_setup(gaps_and_swaps_show, make),
        cmocka_unit_test(a_gap_in_a_correct_chain_shows),
        cmocka_unit_test(a_failed_append_changes_nothing),
        cmocka_unit_test_setup(a_segment_verifies, make_segment),
        cmocka_unit_test_setup(every_flipped_bit_of_a_segment_shows, make_segment),
        cmocka_unit_test_setup(the_bad_record_is_named, make_segment),
        cmocka_unit_test_setup(wrong_entries_are_not_sealed, make),
        cmocka_unit_test_setup(an_export_verifies, make_export),
        cmocka_unit_test_setup(faults_in_an_export_are_named, make_export),
        cmocka_unit_test_setup(a_cut_export_shows, make_export),
        cmocka_unit_test_setup(histories_do_not_mix, make_export),
        cmocka_unit_test(the_place_of_a_segment_is_checked),
        cmocka_unit_test(the_first_segment_starts_the_chain),
    };
    return cmocka_run_group_tests_name("audit-chain", tests, set_up, tear_down);
}
