/* The form of entries, without the cryptography that verifies them. */
#include "audit/chain.h"

hf_err hf_audit_entry_next(hf_view *entries, struct hf_audit_entry *ret)
{
    HF_CHECK(entries->len > 0, HF_ERR_NOT_FOUND);
    struct hf_audit_entry entry = { 0 };
    struct hf_audit_record rec;
    hf_reader r = hf_reader_of(*entries);
    entry.record = hf_get_view16(&r);
    entry.hash = hf_get_view(&r, HF_AUDIT_HASH_BYTES).ptr;
    entry.tag = hf_get_view(&r, HF_AUDIT_TAG_BYTES).ptr;
    HF_CHECK(!r.failed, HF_ERR_MALFORMED);
    HF_CHECK(hf_audit_record_decode(entry.record, &rec) == HF_OK, HF_ERR_MALFORMED);
    entry.seq = rec.seq;
    entry.whole = hf_view_of(entries->ptr, entries->len - r.left.len);
    *entries = r.left;
    *ret = entry;
    return HF_OK;
}
