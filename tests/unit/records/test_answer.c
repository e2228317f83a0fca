/* The ANSWER row, and the envelope of a wrapped import: what is stored comes back, all else is refused. */
#include "fixture.h"

#include "records/answer.h"
#include "records/envelope.h"

static uint8_t blob[HF_ANSWER_MAX_BYTES + 1];
static size_t blob_len;
static uint8_t mac[HF_RECORD_MAC_BYTES];
static uint8_t id[HF_ROW_ID_BYTES];

static hf_err encode(hf_view reply)
{
    struct hf_answer a = { .expires_s = 86400, .type = 0x8110, .reply = reply };
    memcpy(a.id, id, sizeof(a.id));
    memset(a.request, 0x5A, sizeof(a.request));
    return hf_answer_encode(keys, &a, blob, sizeof(blob), &blob_len, mac);
}

static hf_err open_answer(hf_view bytes, const hf_root_keys *with)
{
    struct hf_answer a;
    return hf_answer_decode(with, bytes, id, &a);
}

static void comes_back(void **state)
{
    (void)state;
    struct hf_answer a;
    assert_int_equal(hf_answer_id(hf_view_str("alice"), hf_view_str("key-1"), id), HF_OK);
    assert_int_equal(encode(hf_view_str("reply")), HF_OK);
    assert_int_equal(hf_answer_decode(keys, hf_view_of(blob, blob_len), id, &a), HF_OK);
    assert_true(a.expires_s == 86400 && a.type == 0x8110 && a.request[31] == 0x5A && hf_view_eq_str(a.reply, "reply"));
    assert_tamper_evident(blob, blob_len, open_answer);
    id[0] ^= 1; /* another row */
    assert_int_equal(open_answer(hf_view_of(blob, blob_len), keys), HF_ERR_INTEGRITY);
    id[0] ^= 1;
    blob[0]++;
    assert_int_equal(open_answer(hf_view_of(blob, blob_len), keys), HF_ERR_UNSUPPORTED);
}

static void replies_have_a_bound(void **state)
{
    (void)state;
    static uint8_t reply[HF_ANSWER_REPLY_MAX + 1];
    assert_int_equal(encode(hf_view_of(reply, HF_ANSWER_REPLY_MAX)), HF_OK);
    assert_int_equal(blob_len, HF_ANSWER_MAX_BYTES);
    assert_int_equal(open_answer(hf_view_of(blob, blob_len), keys), HF_OK);
    assert_int_equal(encode(hf_view_of(reply, HF_ANSWER_REPLY_MAX + 1)), HF_ERR_BOUNDS);
}

/* Where the actor ends and the key begins cannot be shifted. */
static void ids_are_of_actor_and_key(void **state)
{
    (void)state;
    uint8_t a[HF_ROW_ID_BYTES], b[HF_ROW_ID_BYTES];
    assert_int_equal(hf_answer_id(hf_view_str("ab"), hf_view_str("c"), a), HF_OK);
    assert_int_equal(hf_answer_id(hf_view_str("a"), hf_view_str("bc"), b), HF_OK);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(hf_answer_id(hf_view_str("ab"), hf_view_str("c"), b), HF_OK);
    assert_memory_equal(a, b, sizeof(a));
    assert_int_equal(hf_answer_id(hf_view_str("xy"), hf_view_str("c"), b), HF_OK);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(hf_answer_id(hf_view_str("ab"), hf_view_str("d"), b), HF_OK);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(hf_answer_id(hf_view_str(""), hf_view_str("c"), b), HF_ERR_INVALID);
    assert_int_equal(hf_answer_id(hf_view_str("a"), hf_view_str(""), b), HF_ERR_INVALID);
}

static void envelopes_have_two_parts(void **state)
{
    (void)state;
    static uint8_t bytes[1088 + 64];
    static const struct {
        hf_alg alg;
        size_t head;
    } doors[] = { { HF_ALG_RSA_2048, 256 }, { HF_ALG_RSA_3072, 384 }, { HF_ALG_ML_KEM_768, 1088 } };
    struct hf_envelope e;
    for (size_t i = 0; i < HF_COUNT(doors); i++) {
        for (size_t body = 0; body <= 64; body++) {
            hf_err got = hf_envelope_parse(doors[i].alg, hf_view_of(bytes, doors[i].head + body), &e);
            assert_int_equal(got, body >= 16 && body % 8 == 0 ? HF_OK : HF_ERR_BAD_CIPHERTEXT);
            if (got == HF_OK)
                assert_true(e.head.ptr == bytes && e.head.len == doors[i].head && e.body.ptr == bytes + doors[i].head &&
                            e.body.len == body);
        }
        assert_int_equal(hf_envelope_parse(doors[i].alg, hf_view_of(bytes, 8), &e), HF_ERR_BAD_CIPHERTEXT);
    }
    assert_int_equal(hf_envelope_parse(HF_ALG_EC_P256, hf_view_of(bytes, 512), &e), HF_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(replies_have_a_bound),
        cmocka_unit_test(ids_are_of_actor_and_key),
        cmocka_unit_test(envelopes_have_two_parts),
    };
    return cmocka_run_group_tests_name("records-answer", tests, set_up, tear_down);
}
