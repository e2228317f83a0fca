/* The index: every key is found by id and name, always in its newest state, and the count of nonces never goes back. */
#include "fixture.h"

#include "base/text.h"

static struct hf_key_record rec;
static uint8_t blob[HF_KEY_RECORD_MAX_BYTES];
static char name[65];

static void id_of(uint32_t n, uint8_t id[static 16])
{
    memset(id, 0, 16);
    memcpy(id, &n, sizeof(n));
    id[15] = 0x80;
}

/* A fresh record with one version. */
static void begin(uint32_t n)
{
    static const uint8_t mac[HF_RECORD_MAC_BYTES] = { 1 };
    uint32_t version;

    memset(&rec, 0, sizeof(rec));
    id_of(n, rec.id);
    snprintf(name, sizeof(name), "key-%u", n);
    rec.name = hf_view_str(name);
    rec.created_by = hf_view_str("alice");
    rec.alg = HF_ALG_AES_256_GCM;
    rec.usage = HF_USE_ENCRYPT | HF_USE_DECRYPT;
    rec.created.ns = 1000 + n;
    assert_int_equal(hf_key_record_rotate(&rec, (hf_wall) { 1000 + n }, mac, &version), HF_OK);
}

static key_entry *put(key_index *ix)
{
    static struct hf_key_record decoded;
    uint8_t mac[HF_RECORD_MAC_BYTES];
    key_entry *e = NULL;
    size_t len;

    assert_int_equal(hf_key_record_encode(the_core.keys, &rec, blob, sizeof(blob), &len, mac), HF_OK);
    assert_int_equal(hf_key_record_decode(the_core.keys, hf_view_of(blob, len), rec.id, mac, &decoded), HF_OK);
    assert_int_equal(index_put(ix, &decoded, hf_view_of(blob, len), &e), HF_OK);
    memset(blob, 0xee, len); /* the index has its own copy */
    return e;
}

#define MANY 3000u

static void all_are_found(void **state)
{
    (void)state;
    key_index *ix = NULL;
    key_entry *entries[MANY];
    uint8_t id[16];

    assert_int_equal(index_new(&ix), HF_OK);
    assert_null(index_by_name(ix, hf_view_str("key-0")));
    for (uint32_t n = 0; n < MANY; n++) {
        begin(n);
        entries[n] = put(ix);
    }
    assert_int_equal(index_count(ix), MANY);
    for (uint32_t n = 0; n < MANY; n++) {
        char text[HF_UUID_CAP];
        id_of(n, id);
        snprintf(name, sizeof(name), "key-%u", n);
        assert_ptr_equal(index_by_id(ix, id), entries[n]); /* entries do not move when the table grows */
        assert_ptr_equal(index_by_name(ix, hf_view_str(name)), entries[n]);
        assert_ptr_equal(index_at(ix, n), entries[n]);
        hf_uuid_format(id, text);
        assert_ptr_equal(index_find(ix, hf_view_str(text)), entries[n]);
        assert_ptr_equal(index_find(ix, hf_view_str(name)), entries[n]);
    }
    id_of(MANY, id);
    assert_null(index_by_id(ix, id));
    assert_null(index_by_name(ix, hf_view_str("key-")));
    assert_null(index_find(ix, hf_view_str("")));
    index_free(ix);
    index_free(NULL);
}

static void a_newer_record_takes_its_place(void **state)
{
    (void)state;
    static const uint8_t mac[HF_RECORD_MAC_BYTES] = { 2 };
    struct hf_key_record *got;
    key_index *ix = NULL;
    uint32_t version;

    assert_int_equal(index_new(&ix), HF_OK);
    begin(1);
    key_entry *e = put(ix);
    assert_true(e->state == HF_STATE_ACTIVE && e->version == 1);
    assert_int_equal(hf_key_record_rotate(&rec, (hf_wall) { 5000 }, mac, &version), HF_OK);
    assert_ptr_equal(put(ix), e);
    assert_true(e->version == 2 && e->state == HF_STATE_ACTIVE && index_count(ix) == 1);
    assert_int_equal(hf_key_record_revoke(&rec, 2, (hf_wall) { 6000 }), HF_OK);
    put(ix);
    assert_int_equal(e->state, HF_STATE_REVOKED);
    assert_int_equal(hf_key_record_destroy(&rec, 1, (hf_wall) { 7000 }, 3), HF_OK);
    assert_int_equal(hf_key_record_destroy(&rec, 2, (hf_wall) { 7000 }, 4), HF_OK);
    put(ix);
    assert_true(e->state == HF_STATE_DESTROYED && e->destroy_epoch == 4);
    assert_ptr_equal(index_by_name(ix, hf_view_str("key-1")), e); /* the name stays taken */
    assert_int_equal(index_record(&the_core, e, &got), HF_OK);
    assert_true(got->n_versions == 2 && hf_view_eq_str(got->name, "key-1"));
    e->blob[e->len / 2] ^= 1; /* ordinary memory: what was altered there is noticed */
    assert_int_equal(index_record(&the_core, e, &got), HF_ERR_INTEGRITY);
    index_free(ix);
}

/*
 * A restart takes up at the end of the lease; a new lease in the same process goes on where it was; a new version
 * begins anew.
 */
static void nonces_are_never_undercounted(void **state)
{
    (void)state;
    static const uint8_t mac[HF_RECORD_MAC_BYTES] = { 3 };
    key_index *ix = NULL;
    uint32_t version;

    assert_int_equal(index_new(&ix), HF_OK);
    begin(1);
    rec.versions[0].nonce_lease = 131072;
    key_entry *e = put(ix);
    assert_true(e->uses == 131072 && e->uses_lease == 131072);
    rec.versions[0].nonce_lease = 196608;
    put(ix);
    assert_true(e->uses == 131072 && e->uses_lease == 196608);
    e->uses = 150000;
    rec.generation++;
    put(ix);
    assert_true(e->uses == 150000 && e->uses_lease == 196608);
    assert_int_equal(hf_key_record_rotate(&rec, (hf_wall) { 5000 }, mac, &version), HF_OK);
    put(ix);
    assert_true(e->uses == 0 && e->uses_lease == 0 && e->version == version);
    index_free(ix);
}

/* Order of creation, however they come: newest first in lists, the same after every start. */
static void sorting_keeps_everything_together(void **state)
{
    (void)state;
    uint8_t mac[HF_RECORD_MAC_BYTES] = { 0 }, id[16];
    key_index *ix = NULL;
    key_entry *e;

    assert_int_equal(index_new(&ix), HF_OK);
    assert_int_equal(index_sort(ix), HF_OK);
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t n = (i * 1237) % MANY; /* every one once */
        begin(n);
        rec.created.ns = n / 2; /* two of each time: the id decides */
        e = put(ix);
        mac[0] = (uint8_t)n;
        assert_int_equal(index_put_wrap(ix, e->id, 1, n + 1, mac), HF_OK);
        if (n % 3 == 0)
            assert_int_equal(index_put_wrap(ix, e->id, 2, n + 2, mac), HF_OK);
    }
    assert_int_equal(index_sort(ix), HF_OK);
    assert_int_equal(index_count(ix), MANY);
    for (uint32_t n = 0; n < MANY; n++) {
        id_of(n, id);
        e = index_by_id(ix, id);
        snprintf(name, sizeof(name), "key-%u", n);
        assert_non_null(e);
        assert_ptr_equal(index_by_name(ix, hf_view_str(name)), e);
        assert_true(e->created_ns == n / 2 && e->n_wraps == (n % 3 == 0 ? 2u : 1u));
        assert_true(index_wrap(e, 1)->epoch == n + 1 && index_wrap(e, 1)->mac[0] == (uint8_t)n);
        if (n > 0)
            assert_true(index_at(ix, n - 1)->created_ns <= index_at(ix, n)->created_ns);
    }
    index_free(ix);
}

static uint8_t tag_bytes[128];

static hf_view tags_of(const char *a, const char *b)
{
    hf_writer w = hf_writer_on(tag_bytes, sizeof(tag_bytes));

    hf_put_view16(&w, hf_view_str(a));
    if (b != NULL)
        hf_put_view16(&w, hf_view_str(b));
    return hf_writer_view(&w);
}

static uint64_t selected(const key_index *ix, struct key_filter f)
{
    uint32_t at[8];
    size_t n;

    return index_select(ix, index_count(ix), &f, 0, at, HF_COUNT(at), &n);
}

static void lists_select(void **state)
{
    (void)state;
    uint8_t even[64], odd[64];
    hf_writer w = hf_writer_on(even, sizeof(even));
    key_index *ix = NULL;
    uint32_t at[8];
    size_t n;

    hf_put_view16(&w, hf_view_str("even"));
    hf_put_view16(&w, hf_view_str("all"));
    hf_view tags_even = hf_writer_view(&w);
    w = hf_writer_on(odd, sizeof(odd));
    hf_put_view16(&w, hf_view_str("all"));
    assert_int_equal(index_new(&ix), HF_OK);
    for (uint32_t i = 0; i < 2000; i++) {
        begin(i);
        rec.tags = i % 2 == 0 ? tags_even : hf_writer_view(&w);
        put(ix);
    }
    assert_int_equal(selected(ix, (struct key_filter) { 0 }), 2000);
    assert_int_equal(selected(ix, (struct key_filter) { .alg = HF_ALG_AES_256_GCM }), 2000);
    assert_int_equal(selected(ix, (struct key_filter) { .alg = HF_ALG_EC_P256 }), 0);
    assert_int_equal(selected(ix, (struct key_filter) { .state = HF_STATE_REVOKED }), 0);
    assert_int_equal(selected(ix, (struct key_filter) { .tags = tags_of("all", NULL) }), 2000);
    assert_int_equal(selected(ix, (struct key_filter) { .tags = tags_of("even", "all") }), 1000);
    assert_int_equal(selected(ix, (struct key_filter) { .tags = tags_of("eve", NULL) }), 0);
    assert_int_equal(selected(ix, (struct key_filter) { .tags = { tag_bytes, 1 } }), 0); /* no list at all */
    assert_int_equal(selected(ix, (struct key_filter) { .search = hf_view_str("KEY-") }), 2000);
    assert_int_equal(selected(ix, (struct key_filter) { .search = hf_view_str("y-199") }), 11);
    assert_int_equal(selected(ix, (struct key_filter) { .search = hf_view_str("-1999") }), 1);
    assert_int_equal(selected(ix, (struct key_filter) { .search = hf_view_str("key-19999") }), 0);
    assert_int_equal(
        selected(ix, (struct key_filter) { .search = hf_view_str("y-199"), .tags = tags_of("even", NULL) }), 5);
    struct key_filter all = { .search = hf_view_str("key") };
    assert_int_equal(index_select(ix, 2000, &all, 5, at, 3, &n), 2000);
    assert_true(n == 3 && at[0] == 1994 && at[1] == 1993 && at[2] == 1992); /* newest first */
    assert_int_equal(index_select(ix, 2000, &all, 1999, at, 3, &n), 2000);
    assert_true(n == 1 && at[0] == 0);
    assert_int_equal(index_select(ix, 10, &all, 0, at, 3, &n), 10); /* of the first ten alone */
    assert_true(n == 3 && at[0] == 9);
    index_free(ix);
}

/* Tags that change leave their old text behind: it is given back, and nothing else is. */
static void replaced_texts_are_given_back(void **state)
{
    (void)state;
    char tag[65];
    key_index *ix = NULL;

    assert_int_equal(index_new(&ix), HF_OK);
    for (uint32_t i = 0; i < 100; i++) {
        begin(i);
        put(ix);
    }
    for (uint32_t round = 0; round < 300; round++)
        for (uint32_t i = 0; i < 100; i++) {
            begin(i);
            snprintf(tag, sizeof(tag), "%060u%03u", round, i);
            rec.tags = tags_of(tag, NULL);
            put(ix);
            assert_int_equal(index_tidy(ix), HF_OK);
        }
    snprintf(tag, sizeof(tag), "%060u%03u", 299u, 42u);
    assert_int_equal(selected(ix, (struct key_filter) { .tags = tags_of(tag, NULL) }), 1);
    snprintf(tag, sizeof(tag), "%060u%03u", 298u, 42u);
    assert_int_equal(selected(ix, (struct key_filter) { .tags = tags_of(tag, NULL) }), 0);
    assert_int_equal(selected(ix, (struct key_filter) { .search = hf_view_str("key-42") }), 1);
    assert_non_null(index_by_name(ix, hf_view_str("key-99")));
    index_free(ix);
}

static void wrappings(void **state)
{
    (void)state;
    uint8_t mac[HF_RECORD_MAC_BYTES] = { 9 }, id[16];
    key_index *ix = NULL;

    assert_int_equal(index_new(&ix), HF_OK);
    begin(1);
    key_entry *e = put(ix);
    id_of(2, id);
    assert_int_equal(index_put_wrap(ix, id, 1, 1, mac), HF_ERR_INTEGRITY); /* of no key */
    for (uint32_t v = 1; v <= 20; v++)
        assert_int_equal(index_put_wrap(ix, e->id, v, 1, mac), HF_OK);
    mac[0] = 8;
    assert_int_equal(index_put_wrap(ix, e->id, 7, 2, mac), HF_OK);
    assert_int_equal(e->n_wraps, 20);
    assert_true(index_wrap(e, 7)->epoch == 2 && index_wrap(e, 7)->mac[0] == 8 && index_wrap(e, 8)->epoch == 1);
    assert_null(index_wrap(e, 21));
    index_drop_wraps(e);
    assert_null(index_wrap(e, 1));
    index_free(ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_found),
        cmocka_unit_test(a_newer_record_takes_its_place),
        cmocka_unit_test(nonces_are_never_undercounted),
        cmocka_unit_test(sorting_keeps_everything_together),
        cmocka_unit_test(lists_select),
        cmocka_unit_test(replaced_texts_are_given_back),
        cmocka_unit_test(wrappings),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
