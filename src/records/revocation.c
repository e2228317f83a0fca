#include "records/revocation.h"

#include "crypto/crypto.h"
#include "records/sealed.h"
#include <string.h>

hf_err hf_revocation_id(hf_view jti, uint8_t ret_id[static HF_ROW_ID_BYTES])
{
    uint8_t digest[32];
    HF_CHECK(jti.len > 0, HF_ERR_INVALID);
    HF_TRY(hf_digest(HF_HASH_SHA256, &jti, 1, digest));
    memcpy(ret_id, digest, HF_ROW_ID_BYTES);
    return HF_OK;
}

hf_err hf_revocation_encode(const hf_root_keys *keys, const uint8_t id[static HF_ROW_ID_BYTES], int64_t expires_s,
                            uint8_t dst[static HF_REVOCATION_BYTES], uint8_t ret_mac[static HF_RECORD_MAC_BYTES])
{
    hf_writer w = hf_writer_on(dst, HF_REVOCATION_BYTES);
    hf_blob_begin(&w, HF_ROW_REVOCATION);
    hf_put_bytes(&w, id, HF_ROW_ID_BYTES);
    hf_put_u64(&w, (uint64_t)expires_s);
    return hf_blob_end(&w, hf_root_key(keys, HF_PURPOSE_RECORD_MAC), ret_mac);
}

hf_err hf_revocation_decode(const hf_root_keys *keys, hf_view blob, const uint8_t expect_id[static HF_ROW_ID_BYTES],
                            int64_t *ret_expires_s)
{
    hf_reader r;
    HF_TRY(hf_blob_open(blob, HF_ROW_REVOCATION, hf_root_key(keys, HF_PURPOSE_RECORD_MAC), NULL, &r));
    const hf_view id = hf_get_view(&r, HF_ROW_ID_BYTES);
    const int64_t expires_s = (int64_t)hf_get_u64(&r);
    HF_CHECK(hf_reader_done(&r) == HF_OK, HF_ERR_INTEGRITY);
    HF_CHECK(hf_view_eq(id, hf_view_of(expect_id, HF_ROW_ID_BYTES)), HF_ERR_INTEGRITY);
    *ret_expires_s = expires_s;
    return HF_OK;
}
