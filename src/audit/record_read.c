/* Reading records: apart from writing them, because store and gateway only read, and link no cryptography. */
#include "audit/record.h"

#include "base/text.h"

static bool class_ok(hf_audit_class klass)
{
    return klass == HF_AUDIT_JOURNAL || klass == HF_AUDIT_DURABLE;
}

bool hf_audit_record_valid(const struct hf_audit_record *rec)
{
    return rec->seq != 0 && rec->count != 0 && class_ok(rec->klass) && hf_text_ok(rec->actor) &&
           hf_text_ok(rec->request_id) && hf_text_ok(rec->detail);
}

static hf_view get_text8(hf_reader *r)
{
    const uint8_t len = hf_get_u8(r);
    return hf_get_view(r, len);
}

static bool decoded_ok(const struct hf_audit_record *rec)
{
    return hf_audit_record_valid(rec) && (rec->cut & ~HF_AUDIT_CUT_ALL) == 0 && rec->actor.len <= HF_AUDIT_ACTOR_MAX &&
           rec->request_id.len <= HF_AUDIT_REQUEST_ID_MAX;
}

hf_err hf_audit_record_decode(hf_view bytes, struct hf_audit_record *ret)
{
    struct hf_audit_record rec = { 0 };
    hf_reader r = hf_reader_of(bytes);
    HF_CHECK(bytes.len >= HF_AUDIT_FIXED_BYTES + 3 && bytes.len <= HF_AUDIT_RECORD_MAX_BYTES, HF_ERR_MALFORMED);
    const uint8_t format = hf_get_u8(&r);
    HF_CHECK(format <= HF_AUDIT_FORMAT, HF_ERR_UNSUPPORTED);
    HF_CHECK(format == HF_AUDIT_FORMAT, HF_ERR_MALFORMED);
    rec.seq = hf_get_u64(&r);
    rec.time.ns = (int64_t)hf_get_u64(&r);
    rec.klass = (hf_audit_class)hf_get_u8(&r);
    rec.action = hf_get_u16(&r);
    rec.result = hf_get_u16(&r);
    rec.roles = hf_get_u16(&r);
    hf_get_bytes(&r, rec.key_id, sizeof(rec.key_id));
    rec.key_version = hf_get_u32(&r);
    hf_get_bytes(&r, rec.address, sizeof(rec.address));
    hf_get_bytes(&r, rec.payload_mac, sizeof(rec.payload_mac));
    rec.count = hf_get_u32(&r);
    rec.cut = hf_get_u8(&r);
    rec.actor = get_text8(&r);
    rec.request_id = get_text8(&r);
    rec.detail = get_text8(&r);
    HF_TRY(hf_reader_done(&r));
    HF_CHECK(decoded_ok(&rec), HF_ERR_MALFORMED);
    *ret = rec;
    return HF_OK;
}
