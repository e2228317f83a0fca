#include "records/manifest.h"

#include "records/sealed.h"

hf_err hf_manifest_encode(const hf_root_keys *keys, const struct hf_manifest *m, uint8_t dst[static HF_MANIFEST_BYTES])
{
    HF_CHECK(m->generation != 0 && m->epoch != 0, HF_ERR_INVALID);
    hf_writer w = hf_writer_on(dst, HF_MANIFEST_BYTES);
    hf_blob_begin(&w, HF_ROW_MANIFEST);
    hf_put_u64(&w, m->generation);
    hf_put_u32(&w, m->epoch);
    hf_put_u64(&w, m->key_count);
    hf_put_u64(&w, m->keyset_generation);
    hf_put_bytes(&w, m->set.r, sizeof(m->set.r));
    hf_put_u64(&w, m->set.count);
    hf_put_bytes(&w, m->set.hash, sizeof(m->set.hash));
    hf_put_u64(&w, m->audit_seq);
    hf_put_bytes(&w, m->audit_head, sizeof(m->audit_head));
    return hf_blob_end(&w, hf_root_key(keys, HF_PURPOSE_MANIFEST_MAC), NULL);
}

hf_err hf_manifest_decode(const hf_root_keys *keys, hf_view blob, struct hf_manifest *ret)
{
    hf_reader r;
    struct hf_manifest m = { 0 };
    HF_TRY(hf_blob_open(blob, HF_ROW_MANIFEST, hf_root_key(keys, HF_PURPOSE_MANIFEST_MAC), NULL, &r));
    m.generation = hf_get_u64(&r);
    m.epoch = hf_get_u32(&r);
    m.key_count = hf_get_u64(&r);
    m.keyset_generation = hf_get_u64(&r);
    hf_get_bytes(&r, m.set.r, sizeof(m.set.r));
    m.set.count = hf_get_u64(&r);
    hf_get_bytes(&r, m.set.hash, sizeof(m.set.hash));
    m.audit_seq = hf_get_u64(&r);
    hf_get_bytes(&r, m.audit_head, sizeof(m.audit_head));
    HF_CHECK(hf_reader_done(&r) == HF_OK && m.generation != 0 && m.epoch != 0, HF_ERR_INTEGRITY);
    *ret = m;
    return HF_OK;
}
