#include "records/sealed.h"

#include "crypto/crypto.h"
#include <string.h>

#define FRAME_BYTES (2 + HF_RECORD_MAC_BYTES)

/* The newest format of a kind. */
static uint8_t format_of(uint8_t kind)
{
    return kind == HF_ROW_KEY ? HF_KEY_RECORD_FORMAT : HF_RECORD_FORMAT;
}

void hf_blob_begin(hf_writer *w, uint8_t kind)
{
    hf_put_u8(w, format_of(kind));
    hf_put_u8(w, kind);
}

hf_err hf_blob_end(hf_writer *w, hf_view mac_key, uint8_t *ret_mac)
{
    HF_CHECK(!w->failed, HF_ERR_BOUNDS);
    uint8_t mac[HF_RECORD_MAC_BYTES];
    const hf_view covered = hf_writer_view(w);
    HF_TRY(hf_hmac(HF_HASH_SHA384, mac_key, &covered, 1, mac));
    hf_put_bytes(w, mac, sizeof(mac));
    HF_CHECK(!w->failed, HF_ERR_BOUNDS);
    if (ret_mac != NULL)
        memcpy(ret_mac, mac, sizeof(mac));
    return HF_OK;
}

hf_err hf_blob_open_known(hf_view blob, uint8_t kind, hf_reader *ret)
{
    HF_CHECK(blob.len >= FRAME_BYTES, HF_ERR_INTEGRITY);
    /* Only formats of this release have a MAC that it knows how to check. */
    HF_CHECK(blob.ptr[0] <= format_of(kind), HF_ERR_UNSUPPORTED);
    HF_CHECK(blob.ptr[0] != 0 && blob.ptr[0] + 1 >= format_of(kind) && blob.ptr[1] == kind, HF_ERR_INTEGRITY);
    *ret = hf_reader_of(hf_view_of(blob.ptr + 2, blob.len - FRAME_BYTES));
    return HF_OK;
}

hf_err hf_blob_open(hf_view blob, uint8_t kind, hf_view mac_key, const uint8_t *expect_mac, hf_reader *ret)
{
    hf_reader inside;
    HF_TRY(hf_blob_open_known(blob, kind, &inside));

    const hf_view covered = hf_view_of(blob.ptr, blob.len - HF_RECORD_MAC_BYTES);
    const uint8_t *stored = blob.ptr + covered.len;
    uint8_t mac[HF_RECORD_MAC_BYTES];
    HF_TRY(hf_hmac(HF_HASH_SHA384, mac_key, &covered, 1, mac));
    HF_CHECK(hf_ct_equal(mac, stored, sizeof(mac)), HF_ERR_INTEGRITY);
    HF_CHECK(expect_mac == NULL || hf_ct_equal(mac, expect_mac, sizeof(mac)), HF_ERR_INTEGRITY);
    *ret = inside;
    return HF_OK;
}

hf_err hf_record_mac_of(hf_view blob, uint8_t ret_mac[static HF_RECORD_MAC_BYTES])
{
    HF_CHECK(blob.len >= FRAME_BYTES, HF_ERR_MALFORMED);
    memcpy(ret_mac, blob.ptr + blob.len - HF_RECORD_MAC_BYTES, HF_RECORD_MAC_BYTES);
    return HF_OK;
}
