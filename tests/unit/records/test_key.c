/* The KEY record: what is encoded comes back, what is not valid is refused, what was altered is noticed. */
#include "fixture.h"

#include "base/text.h"
#include "records/attributes.h"
#include "records/key_record.h"
#include "records/sealed.h"
#include <stdio.h>
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
    blob[0] = HF_KEY_RECORD_FORMAT + 1;
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

/* HF_ATTRIBUTES_MAX of them that fill the room exactly. */
static hf_view most_attributes(uint8_t *dst, size_t cap)
{
    char name[8], value[HF_ATTRIBUTE_VALUE_MAX];
    hf_writer w = hf_writer_on(dst, cap);
    memset(value, 'v', sizeof(value));
    for (int i = 0; i < HF_ATTRIBUTES_MAX; i++) {
        snprintf(name, sizeof(name), "a%03d", i);
        hf_put_view16(&w, hf_view_str(name));
        hf_put_view16(&w, hf_view_of(value, cap / HF_ATTRIBUTES_MAX - 8));
    }
    assert_false(w.failed);
    assert_int_equal(w.len, cap);
    return hf_writer_view(&w);
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
    static uint8_t most[HF_KEY_ATTRIBUTES_MAX];
    rec.attributes = most_attributes(most, sizeof(most));
    assert_int_equal(encode(), HF_OK);
    assert_true(blob_len <= HF_KEY_RECORD_MAX_BYTES);
    assert_int_equal(open_key(hf_view_of(blob, blob_len), keys), HF_OK);
    assert_int_equal(back.n_versions, HF_KEY_VERSIONS_MAX);
    uint8_t unused_mac[HF_RECORD_MAC_BYTES];
    size_t unused_len;
    assert_int_equal(hf_key_record_encode(keys, &rec, blob, blob_len - 1, &unused_len, unused_mac), HF_ERR_BOUNDS);
}

/*
 * As the first release wrote it: without an origin. From then on every release reads it, as long as one reads format 1.
 */
static const char first_release[] =
    "0101000000000000000000000000000000000000000000000004000300000001000000000000000000087061796d656e74730005"
    "616c6963650000000000000000000000030000000105000000000000000100000000000000020000000000000009000000020000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000203000000000000000200000000000000030000000000000000000000000000000000000000010000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000003020000000000000003"
    "00000000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000"
    "000000000000000000000000000000000000000000000000";

static void a_record_of_the_first_release_is_read(void **state)
{
    (void)state;
    uint8_t old[sizeof(first_release) / 2 + HF_RECORD_MAC_BYTES], old_mac[HF_RECORD_MAC_BYTES];
    const uint8_t id[HF_ROW_ID_BYTES] = { 0 };
    size_t len;
    assert_int_equal(hf_hex_decode(hf_view_str(first_release), old, sizeof(old), &len), HF_OK);
    hf_writer w = hf_writer_on(old, sizeof(old));
    w.len = len;
    assert_int_equal(hf_blob_end(&w, hf_root_key(keys, HF_PURPOSE_RECORD_MAC), old_mac), HF_OK);
    assert_int_equal(old[0], 1);
    assert_int_equal(hf_key_record_decode(keys, hf_writer_view(&w), id, old_mac, &rec), HF_OK);
    assert_true(hf_view_eq_str(rec.name, "payments") && rec.n_versions == 3 && rec.origin == HF_ORIGIN_GENERATED);
    /* Its next change writes it in the format of this release. */
    assert_int_equal(encode(), HF_OK);
    assert_int_equal(blob[0], HF_KEY_RECORD_FORMAT);
    assert_int_equal(blob_len, w.len + 1);
    assert_int_equal(hf_key_record_decode(keys, hf_view_of(blob, blob_len), id, mac, &back), HF_OK);
    assert_int_equal(back.generation, rec.generation);
    /* No format is taken for the other: the first byte is authenticated. */
    old[0] = 2;
    assert_int_equal(hf_key_record_decode(keys, hf_writer_view(&w), id, NULL, &back), HF_ERR_INTEGRITY);
    old[0] = 0;
    assert_int_equal(hf_key_record_decode(keys, hf_writer_view(&w), id, NULL, &back), HF_ERR_INTEGRITY);
    old[0] = 3;
    assert_int_equal(hf_key_record_decode(keys, hf_writer_view(&w), id, NULL, &back), HF_ERR_UNSUPPORTED);
}

static void known_blobs_are_read_without_their_mac(void **state)
{
    (void)state;
    make_record();
    assert_int_equal(encode(), HF_OK);
    assert_int_equal(hf_key_record_read(hf_view_of(blob, blob_len), &back), HF_OK);
    assert_true(hf_key_record_valid(&back) && back.n_versions == 3 && hf_view_eq(back.name, rec.name));
    for (size_t n = 0; n < blob_len; n++) /* shorter ones are still no records */
        assert_int_not_equal(hf_key_record_read(hf_view_of(blob, n), &back), HF_OK);
}

static void the_origin_is_authentic_and_bounds_the_usage(void **state)
{
    (void)state;
    make_record();
    rec.alg = HF_ALG_EC_P256;
    for (hf_origin o = HF_ORIGIN_GENERATED; o <= HF_ORIGIN_PUBLIC; o++) {
        rec.origin = o;
        rec.usage = HF_USE_VERIFY;
        assert_int_equal(encode(), HF_OK);
        assert_int_equal(open_key(hf_view_of(blob, blob_len), keys), HF_OK);
        assert_int_equal(back.origin, o);
        rec.usage = HF_USE_SIGN | HF_USE_VERIFY; /* with a public key alone nobody signs */
        assert_int_equal(encode(), o == HF_ORIGIN_PUBLIC ? HF_ERR_INVALID : HF_OK);
    }
    make_record();
    rec.origin = (hf_origin)3, refused();
    rec.origin = HF_ORIGIN_PUBLIC, refused(); /* a symmetric key has no public half */
    assert_int_equal(hf_key_usages_possible(HF_ALG_ML_KEM_768, HF_ORIGIN_PUBLIC), HF_USE_ENCAPSULATE);
    assert_int_equal(hf_key_usages_possible(HF_ALG_RSA_2048, HF_ORIGIN_PUBLIC), HF_USE_VERIFY);
    assert_int_equal(hf_key_usages_possible(HF_ALG_HMAC_SHA256, HF_ORIGIN_PUBLIC), 0);
}

static void an_import_key_does_nothing_else(void **state)
{
    (void)state;
    make_record();
    rec.alg = HF_ALG_RSA_2048;
    rec.usage = HF_USE_IMPORT;
    assert_true(hf_key_record_valid(&rec));
    rec.usage = HF_USE_IMPORT | HF_USE_SIGN;
    assert_false(hf_key_record_valid(&rec));
    rec.alg = HF_ALG_ML_KEM_768;
    rec.usage = HF_USE_IMPORT | HF_USE_DECAPSULATE;
    assert_false(hf_key_record_valid(&rec));
    rec.alg = HF_ALG_EC_P256;
    rec.usage = HF_USE_IMPORT;
    assert_false(hf_key_record_valid(&rec));
}

static bool attributes_ok(const char *bytes, size_t len)
{
    make_record();
    rec.attributes = hf_view_of(bytes, len);
    assert_int_equal(hf_key_record_valid(&rec), hf_attributes_valid(rec.attributes));
    return hf_attributes_valid(rec.attributes);
}
#define ATTRIBUTES(s) attributes_ok(s, sizeof(s) - 1)

static void attributes_are_sorted_texts(void **state)
{
    (void)state;
    static uint8_t most[HF_KEY_ATTRIBUTES_MAX + 6];
    assert_true(ATTRIBUTES(""));
    assert_true(ATTRIBUTES("\0\1a\0\0"));
    assert_true(ATTRIBUTES("\0\1a\0\1x\0\1b\0\1x\0\2ba\0\0"));
    assert_false(ATTRIBUTES("\0\1b\0\1x\0\1a\0\1x")); /* order */
    assert_false(ATTRIBUTES("\0\1a\0\1x\0\1a\0\1y")); /* twice */
    assert_false(ATTRIBUTES("\0\0\0\1x")); /* without a name */
    assert_false(ATTRIBUTES("\0\1A\0\1x"));
    assert_false(ATTRIBUTES("\0\1/\0\1x"));
    assert_false(ATTRIBUTES("\0\1a\0\1\n"));
    assert_false(ATTRIBUTES("\0\1a\0\1\xff"));
    assert_false(ATTRIBUTES("\0\1a"));
    assert_false(ATTRIBUTES("\0\1a\0\2x"));
    assert_false(ATTRIBUTES("\0"));
    hf_view full = most_attributes(most, HF_KEY_ATTRIBUTES_MAX);
    assert_true(hf_attributes_valid(full));
    full.len++;
    assert_false(hf_attributes_valid(full));
}

static void attributes_are_merged(void **state)
{
    static const struct {
        const char *has, *changes, *after; /* "a=1,b=2" */
    } rows[] = {
        { "", "", "" },
        { "", "a=1", "a=1" },
        { "a=1", "", "a=1" },
        { "a=1", "a=2", "a=2" },
        { "a=1", "a=", "" },
        { "a=1", "b=", "a=1" },
        { "", "a=", "" },
        { "b=1", "a=2", "a=2,b=1" },
        { "a=1", "b=2", "a=1,b=2" },
        { "a=1,c=3,e=5", "a=,b=2,c=4,f=6", "b=2,c=4,e=5,f=6" },
        { "ab=1", "a=2,abc=3", "a=2,ab=1,abc=3" },
    };
    uint8_t bytes[3][128];

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        const char *texts[] = { rows[i].has, rows[i].changes, rows[i].after };
        hf_writer w[3], merged;
        for (size_t k = 0; k < 3; k++) {
            w[k] = hf_writer_on(bytes[k], sizeof(bytes[k]));
            for (const char *p = texts[k]; *p != '\0'; p += strcspn(p, ",") + (p[strcspn(p, ",")] == ',')) {
                size_t name = strcspn(p, "="), whole = strcspn(p, ",");
                hf_put_view16(&w[k], hf_view_of(p, name));
                hf_put_view16(&w[k], hf_view_of(p + name + 1, whole - name - 1));
            }
        }
        uint8_t out[128];
        merged = hf_writer_on(out, sizeof(out));
        hf_attributes_merge(hf_writer_view(&w[0]), hf_writer_view(&w[1]), &merged);
        assert_false(merged.failed);
        assert_true(hf_attributes_valid(hf_writer_view(&merged)));
        assert_true(hf_view_eq(hf_writer_view(&merged), hf_writer_view(&w[2])));
    }
    hf_writer small = hf_writer_on(bytes[0], 5);
    hf_attributes_merge(hf_view_of("\0\1a\0\1x", 6), hf_view_of("", 0), &small);
    assert_true(small.failed);
}

static void tags_are_texts(void **state)
{
    (void)state;
    static uint8_t list[HF_KEY_TAGS_MAX + 2];
    assert_true(hf_tags_valid(hf_view_of("", 0)));
    assert_true(hf_tags_valid(hf_view_of("\0\4prod\0\3eur", 11)));
    assert_false(hf_tags_valid(hf_view_of("\0\4prod\0\4eur", 11)));
    assert_false(hf_tags_valid(hf_view_of("\0\0", 2)));
    assert_false(hf_tags_valid(hf_view_of("\0\1\n", 3)));
    hf_writer w = hf_writer_on(list, sizeof(list));
    static char text[HF_TAG_MAX + 1];
    memset(text, 't', sizeof(text));
    hf_put_view16(&w, hf_view_of(text, HF_TAG_MAX));
    assert_true(hf_tags_valid(hf_writer_view(&w)));
    w.len = 0;
    hf_put_view16(&w, hf_view_of(text, HF_TAG_MAX + 1));
    assert_false(hf_tags_valid(hf_writer_view(&w)));
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
        cmocka_unit_test(a_record_of_the_first_release_is_read),
        cmocka_unit_test(known_blobs_are_read_without_their_mac),
        cmocka_unit_test(the_origin_is_authentic_and_bounds_the_usage),
        cmocka_unit_test(an_import_key_does_nothing_else),
        cmocka_unit_test(attributes_are_sorted_texts),
        cmocka_unit_test(attributes_are_merged),
        cmocka_unit_test(tags_are_texts),
        cmocka_unit_test(rotation_leaves_one_active),
        cmocka_unit_test(states_change_one_way),
    };
    return cmocka_run_group_tests_name("records-key", tests, set_up, tear_down);
}
