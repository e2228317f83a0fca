/* Audit records: what goes in comes out, what is too long is shortened where one can see it. */
#include "fixture.h"

static uint8_t bytes[HF_AUDIT_RECORD_MAX_BYTES];
static size_t len;

static hf_err encode(const struct hf_audit_record *rec)
{
    return hf_audit_record_encode(rec, bytes, &len);
}

static void comes_back(void **state)
{
    (void)state;
    struct hf_audit_record rec = record_of("alice"), back;
    rec.seq = 42;
    rec.result = hf_audit_result_of(HF_ERR_DENIED);
    rec.cut = 7; /* the encoder decides */
    assert_int_equal(encode(&rec), HF_OK);
    assert_int_equal(hf_audit_record_decode(hf_view_of(bytes, len), &back), HF_OK);
    assert_int_equal(back.seq, 42);
    assert_int_equal(back.time.ns, rec.time.ns);
    assert_int_equal(back.klass, HF_AUDIT_JOURNAL);
    assert_int_equal(back.action, 0x0120);
    assert_int_equal(back.result, 8);
    assert_int_equal(back.roles, 8);
    assert_int_equal(back.key_version, 3);
    assert_int_equal(back.count, 1);
    assert_int_equal(back.cut, 0);
    assert_memory_equal(back.key_id, rec.key_id, 16);
    assert_memory_equal(back.address, rec.address, 16);
    assert_memory_equal(back.payload_mac, rec.payload_mac, 16);
    assert_true(hf_view_eq_str(back.actor, "alice"));
    assert_true(hf_view_eq_str(back.request_id, "req-1"));
    assert_true(hf_view_eq_str(back.detail, "scheme=ed25519"));
}

static void long_texts_are_cut_visibly(void **state)
{
    (void)state;
    char text[200];
    memset(text, 'x', sizeof(text));
    struct hf_audit_record rec = record_of("a"), back, other;
    rec.seq = 1;
    rec.actor = hf_view_of(text, 128);
    rec.request_id = hf_view_of(text, 65);
    rec.detail = hf_view_of(text, 200);
    assert_int_equal(encode(&rec), HF_OK);
    assert_int_equal(len, HF_AUDIT_RECORD_MAX_BYTES);
    assert_int_equal(hf_audit_record_decode(hf_view_of(bytes, len), &back), HF_OK);
    assert_int_equal(back.cut, HF_AUDIT_CUT_ALL);
    assert_int_equal(back.actor.len, HF_AUDIT_ACTOR_MAX);
    assert_int_equal(back.actor.ptr[47], '~');
    assert_int_equal(back.request_id.len, HF_AUDIT_REQUEST_ID_MAX);
    assert_memory_equal(back.request_id.ptr + 61, "...", 3);
    assert_memory_equal(back.detail.ptr + back.detail.len - 3, "...", 3);

    /* Actors that differ only far behind stay different. */
    uint8_t first[HF_AUDIT_ACTOR_MAX];
    memcpy(first, back.actor.ptr, sizeof(first));
    text[127] = 'y';
    assert_int_equal(encode(&rec), HF_OK);
    assert_int_equal(hf_audit_record_decode(hf_view_of(bytes, len), &other), HF_OK);
    assert_memory_equal(other.actor.ptr, first, 48);
    assert_memory_not_equal(other.actor.ptr, first, sizeof(first));
}

static void exact_fits_are_not_cut(void **state)
{
    (void)state;
    char text[HF_AUDIT_RECORD_MAX_BYTES];
    memset(text, 'x', sizeof(text));
    struct hf_audit_record rec = record_of("a"), back;
    rec.seq = 1;
    rec.actor = hf_view_of(text, HF_AUDIT_ACTOR_MAX);
    rec.request_id = hf_view_of(text, HF_AUDIT_REQUEST_ID_MAX);
    rec.detail = hf_view_of(text, 0);
    assert_int_equal(encode(&rec), HF_OK);
    const size_t room = HF_AUDIT_RECORD_MAX_BYTES - len;
    rec.detail = hf_view_of(text, room);
    assert_int_equal(encode(&rec), HF_OK);
    assert_int_equal(hf_audit_record_decode(hf_view_of(bytes, len), &back), HF_OK);
    assert_int_equal(back.cut, 0);
    rec.detail = hf_view_of(text, room + 1);
    assert_int_equal(encode(&rec), HF_OK);
    assert_int_equal(hf_audit_record_decode(hf_view_of(bytes, len), &back), HF_OK);
    assert_int_equal(back.cut, HF_AUDIT_CUT_DETAIL);
}

/* A cut in the middle of a character would make the record unreadable for its own decoder. */
static void cuts_keep_utf8_whole(void **state)
{
    (void)state;
    char text[200];
    struct hf_audit_record back;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', sizeof(text));
        for (size_t i = shift; i + 4 <= sizeof(text); i += 4)
            memcpy(text + i, "\360\237\224\221", 4); /* U+1F511, a key */
        const size_t whole = shift + (sizeof(text) - shift) / 4 * 4;
        struct hf_audit_record rec = record_of("a");
        rec.seq = 1;
        rec.actor = hf_view_of(text, whole);
        rec.request_id = rec.actor;
        rec.detail = rec.actor;
        assert_int_equal(encode(&rec), HF_OK);
        assert_int_equal(hf_audit_record_decode(hf_view_of(bytes, len), &back), HF_OK);
        assert_int_equal(back.cut, HF_AUDIT_CUT_ALL);
    }
}

static void refused(struct hf_audit_record rec)
{
    assert_int_equal(encode(&rec), HF_ERR_INVALID);
}

static void bad_records_are_refused(void **state)
{
    (void)state;
    struct hf_audit_record rec = record_of("alice");
    rec.seq = 1;
    assert_int_equal(encode(&rec), HF_OK);
    struct hf_audit_record bad = rec;
    bad.seq = 0, refused(bad);
    bad = rec, bad.count = 0, refused(bad);
    bad = rec, bad.klass = (hf_audit_class)0, refused(bad);
    bad = rec, bad.klass = (hf_audit_class)3, refused(bad);
    bad = rec, bad.actor = hf_view_str("a\nb"), refused(bad);
    bad = rec, bad.request_id = hf_view_str("\300\200"), refused(bad);
    bad = rec, bad.detail = hf_view_str("\033[2J"), refused(bad);
}

static void bad_bytes_are_refused(void **state)
{
    (void)state;
    struct hf_audit_record rec = record_of("alice"), back;
    uint8_t copy[HF_AUDIT_RECORD_MAX_BYTES + 1];
    rec.seq = 1;
    assert_int_equal(encode(&rec), HF_OK);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(hf_audit_record_decode(hf_view_of(bytes, n), &back), HF_ERR_MALFORMED);
    memcpy(copy, bytes, len);
    copy[len] = 0;
    assert_int_equal(hf_audit_record_decode(hf_view_of(copy, len + 1), &back), HF_ERR_MALFORMED);
    copy[0] = HF_AUDIT_FORMAT + 1;
    assert_int_equal(hf_audit_record_decode(hf_view_of(copy, len), &back), HF_ERR_UNSUPPORTED);
    copy[0] = 0;
    assert_int_equal(hf_audit_record_decode(hf_view_of(copy, len), &back), HF_ERR_MALFORMED);
    copy[0] = HF_AUDIT_FORMAT;
    copy[len - 1] = '\n';
    assert_int_equal(hf_audit_record_decode(hf_view_of(copy, len), &back), HF_ERR_MALFORMED);
    copy[len - 1] = bytes[len - 1];
    copy[80] = 8; /* an unknown cut bit */
    assert_int_not_equal(bytes[80], copy[80]);
    assert_int_equal(hf_audit_record_decode(hf_view_of(copy, len), &back), HF_ERR_MALFORMED);
}

/* The codes are stored for years: this is the list as it stands, and no error may be without one. */
static void result_codes_are_stable(void **state)
{
    (void)state;
    static const char *const names[] = {
        "ok",          "invalid",       "malformed",     "bounds",        "no_token",
        "bad_token",   "token_expired", "token_revoked", "denied",        "not_found",
        "exists",      "wrong_state",   "wrong_usage",   "conflict",      "too_large",
        "unsupported", "rate",          "quota",         "sealed",        "overloaded",
        "peer_gone",   "audit_full",    "store",         "locked_memory", "clock_unavailable",
        "timeout",     "integrity",     "rollback",      "bad_signature", "bad_ciphertext",
        "bad_key",     "selftest",      "system",        "protection",    "internal",
        "forked",      "no_anchor"
    };
    for (uint16_t code = 0; code < HF_COUNT(names); code++)
        assert_string_equal(hf_audit_result_name(code), names[code]);
    for (int e = 0; e < HF_ERR_COUNT; e++) {
        const uint16_t code = hf_audit_result_of((hf_err)e);
        assert_int_not_equal(code, HF_AUDIT_RESULT_UNKNOWN);
        assert_string_equal(hf_audit_result_name(code), hf_err_name((hf_err)e));
    }
    assert_int_equal(hf_audit_result_of(HF_ERR_COUNT), HF_AUDIT_RESULT_UNKNOWN);
    assert_string_equal(hf_audit_result_name(999), "unknown");
}

static void payloads_are_maced(void **state)
{
    (void)state;
    uint8_t a[16], b[16];
    const hf_view whole = hf_view_str("payload");
    const hf_view parts[] = { hf_view_str("pay"), hf_view_str("load") };
    const hf_view other_key_bytes = hf_view_str("other key");
    assert_int_equal(hf_audit_payload_mac(mac_key(), &whole, 1, a), HF_OK);
    assert_int_equal(hf_audit_payload_mac(mac_key(), parts, 2, b), HF_OK);
    assert_memory_equal(a, b, sizeof(a));
    assert_int_equal(hf_audit_payload_mac(other_key_bytes, &whole, 1, b), HF_OK);
    assert_memory_not_equal(a, b, sizeof(a)); /* keyed: not a hash that anybody can compute */
    assert_int_equal(hf_audit_payload_mac(hf_view_of(NULL, 0), &whole, 1, b), HF_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(long_texts_are_cut_visibly),
        cmocka_unit_test(exact_fits_are_not_cut),
        cmocka_unit_test(cuts_keep_utf8_whole),
        cmocka_unit_test(bad_records_are_refused),
        cmocka_unit_test(bad_bytes_are_refused),
        cmocka_unit_test(result_codes_are_stable),
        cmocka_unit_test(payloads_are_maced),
    };
    return cmocka_run_group_tests_name("audit-record", tests, set_up, tear_down);
}
