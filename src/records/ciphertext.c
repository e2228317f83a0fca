#include "records/ciphertext.h"

#include <string.h>

static const uint8_t magic[3] = { 'H', 'F', '1' };

hf_err hf_ciphertext_prefix(hf_alg alg, uint32_t version, uint8_t dst[static HF_CIPHERTEXT_PREFIX_BYTES])
{
    HF_CHECK(alg == HF_ALG_AES_256_GCM && version != 0, HF_ERR_INVALID);
    hf_writer w = hf_writer_on(dst, HF_CIPHERTEXT_PREFIX_BYTES);
    hf_put_bytes(&w, magic, sizeof(magic));
    hf_put_u8(&w, (uint8_t)alg);
    hf_put_u32(&w, version);
    return w.failed ? HF_ERR_INTERNAL : HF_OK;
}

hf_err hf_ciphertext_parse(hf_view bytes, struct hf_ciphertext *ret)
{
    hf_reader r = hf_reader_of(bytes);
    HF_CHECK(bytes.len >= HF_CIPHERTEXT_OVERHEAD, HF_ERR_BAD_CIPHERTEXT);
    const hf_view head = hf_get_view(&r, sizeof(magic));
    HF_CHECK(hf_ct_equal(head.ptr, magic, sizeof(magic)), HF_ERR_BAD_CIPHERTEXT);
    struct hf_ciphertext ct = { .prefix = hf_view_of(bytes.ptr, HF_CIPHERTEXT_PREFIX_BYTES) };
    ct.alg = (hf_alg)hf_get_u8(&r);
    ct.version = hf_get_u32(&r);
    ct.sealed = r.left;
    HF_CHECK(ct.alg == HF_ALG_AES_256_GCM && ct.version != 0, HF_ERR_BAD_CIPHERTEXT);
    *ret = ct;
    return HF_OK;
}
