#include "records/keyset_mac.h"

#include "crypto/crypto.h"

static const char context[] = "holdfast keyset v1"; /* its NUL is part of what is authenticated */

hf_err hf_keyset_mac(const hf_root_keys *keys, uint64_t generation, hf_view rows,
                     uint8_t ret_mac[static HF_KEYSET_MAC_BYTES])
{
    uint8_t number[8];
    hf_writer w = hf_writer_on(number, sizeof(number));
    hf_put_u64(&w, generation);
    const hf_view parts[] = { hf_view_of(context, sizeof(context)), hf_writer_view(&w), rows };
    return hf_hmac(HF_HASH_SHA256, hf_root_key(keys, HF_PURPOSE_KEYSET_MAC), parts, HF_COUNT(parts), ret_mac);
}

hf_err hf_keyset_check(const hf_root_keys *keys, uint64_t generation, hf_view rows,
                       const uint8_t mac[static HF_KEYSET_MAC_BYTES])
{
    uint8_t want[HF_KEYSET_MAC_BYTES];
    HF_TRY(hf_keyset_mac(keys, generation, rows, want));
    return hf_ct_equal(want, mac, sizeof(want)) ? HF_OK : HF_ERR_INTEGRITY;
}
