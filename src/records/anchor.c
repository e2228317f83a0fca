#include "records/anchor.h"

#include "records/sealed.h"

hf_err hf_anchor_encode(const hf_root_keys *keys, const struct hf_anchor *a, uint8_t dst[static HF_ANCHOR_BYTES])
{
    HF_CHECK(a->manifest_generation != 0 && a->epoch != 0, HF_ERR_INVALID);
    hf_writer w = hf_writer_on(dst, HF_ANCHOR_BYTES);
    hf_blob_begin(&w, HF_BLOB_ANCHOR);
    hf_put_u64(&w, a->manifest_generation);
    hf_put_u64(&w, a->audit_seq);
    hf_put_bytes(&w, a->audit_head, sizeof(a->audit_head));
    hf_put_u32(&w, a->epoch);
    hf_put_u64(&w, (uint64_t)a->written.ns);
    return hf_blob_end(&w, hf_root_key(keys, HF_PURPOSE_ANCHOR_MAC), NULL);
}

hf_err hf_anchor_decode(const hf_root_keys *keys, hf_view bytes, struct hf_anchor *ret)
{
    hf_reader r;
    struct hf_anchor a = { 0 };
    HF_TRY(hf_blob_open(bytes, HF_BLOB_ANCHOR, hf_root_key(keys, HF_PURPOSE_ANCHOR_MAC), NULL, &r));
    a.manifest_generation = hf_get_u64(&r);
    a.audit_seq = hf_get_u64(&r);
    hf_get_bytes(&r, a.audit_head, sizeof(a.audit_head));
    a.epoch = hf_get_u32(&r);
    a.written.ns = (int64_t)hf_get_u64(&r);
    HF_CHECK(hf_reader_done(&r) == HF_OK && a.manifest_generation != 0 && a.epoch != 0, HF_ERR_INTEGRITY);
    *ret = a;
    return HF_OK;
}
