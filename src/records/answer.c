#include "records/answer.h"

#include "crypto/crypto.h"
#include "records/sealed.h"
#include <string.h>

static const char domain[] = "holdfast idempotency v1"; /* with its NUL */

hf_err hf_answer_id(hf_view actor, hf_view key, uint8_t ret_id[static HF_ROW_ID_BYTES])
{
    uint8_t lengths[2][2], digest[32];
    hf_writer a = hf_writer_on(lengths[0], 2), k = hf_writer_on(lengths[1], 2);
    HF_CHECK(actor.len > 0 && key.len > 0 && actor.len <= UINT16_MAX && key.len <= UINT16_MAX, HF_ERR_INVALID);
    hf_put_u16(&a, (uint16_t)actor.len);
    hf_put_u16(&k, (uint16_t)key.len);
    const hf_view parts[] = { hf_view_of(domain, sizeof(domain)), hf_writer_view(&a), actor, hf_writer_view(&k), key };
    HF_TRY(hf_digest(HF_HASH_SHA256, parts, HF_COUNT(parts), digest));
    memcpy(ret_id, digest, HF_ROW_ID_BYTES);
    return HF_OK;
}

hf_err hf_answer_encode(const hf_root_keys *keys, const struct hf_answer *a, uint8_t *dst, size_t cap, size_t *ret_len,
                        uint8_t ret_mac[static HF_RECORD_MAC_BYTES])
{
    HF_CHECK(a->reply.len <= HF_ANSWER_REPLY_MAX, HF_ERR_BOUNDS);
    hf_writer w = hf_writer_on(dst, cap);
    hf_blob_begin(&w, HF_ROW_ANSWER);
    hf_put_bytes(&w, a->id, sizeof(a->id));
    hf_put_u64(&w, (uint64_t)a->expires_s);
    hf_put_bytes(&w, a->request, sizeof(a->request));
    hf_put_u16(&w, a->type);
    hf_put_view16(&w, a->reply);
    HF_TRY(hf_blob_end(&w, hf_root_key(keys, HF_PURPOSE_RECORD_MAC), ret_mac));
    *ret_len = w.len;
    return HF_OK;
}

hf_err hf_answer_decode(const hf_root_keys *keys, hf_view blob, const uint8_t expect_id[static HF_ROW_ID_BYTES],
                        struct hf_answer *ret)
{
    hf_reader r;
    struct hf_answer a = { 0 };
    HF_TRY(hf_blob_open(blob, HF_ROW_ANSWER, hf_root_key(keys, HF_PURPOSE_RECORD_MAC), NULL, &r));
    hf_get_bytes(&r, a.id, sizeof(a.id));
    a.expires_s = (int64_t)hf_get_u64(&r);
    hf_get_bytes(&r, a.request, sizeof(a.request));
    a.type = hf_get_u16(&r);
    a.reply = hf_get_view16(&r);
    HF_CHECK(hf_reader_done(&r) == HF_OK && a.reply.len <= HF_ANSWER_REPLY_MAX, HF_ERR_INTEGRITY);
    HF_CHECK(hf_ct_equal(a.id, expect_id, sizeof(a.id)), HF_ERR_INTEGRITY);
    *ret = a;
    return HF_OK;
}
