#include "records/set_hash.h"

#include "crypto/crypto.h"
#include <string.h>

/* First byte of every HMAC input: keeps masks and elements apart. */
enum { DOMAIN_MASK = 0, DOMAIN_ELEMENT = 1 };

static hf_err element_hash(const hf_root_keys *keys, const struct hf_row_ref *row,
                           uint8_t dst[static HF_SET_HASH_BYTES])
{
    uint8_t bytes[1 + 1 + HF_ROW_ID_BYTES + 8 + HF_RECORD_MAC_BYTES];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    hf_put_u8(&w, DOMAIN_ELEMENT);
    hf_put_u8(&w, row->kind);
    hf_put_bytes(&w, row->id, sizeof(row->id));
    hf_put_u64(&w, row->version);
    hf_put_bytes(&w, row->mac, sizeof(row->mac));
    HF_CHECK(!w.failed, HF_ERR_INTERNAL);
    const hf_view part = hf_writer_view(&w);
    return hf_hmac(HF_HASH_SHA256, hf_root_key(keys, HF_PURPOSE_SET_HASH), &part, 1, dst);
}

static hf_err mask_hash(const hf_root_keys *keys, const uint8_t r[static HF_SET_HASH_BYTES],
                        uint8_t dst[static HF_SET_HASH_BYTES])
{
    const uint8_t domain = DOMAIN_MASK;
    const hf_view parts[] = { hf_view_of(&domain, 1), hf_view_of(r, HF_SET_HASH_BYTES) };
    return hf_hmac(HF_HASH_SHA256, hf_root_key(keys, HF_PURPOSE_SET_HASH), parts, HF_COUNT(parts), dst);
}

static void xor_into(uint8_t dst[static HF_SET_HASH_BYTES], const uint8_t src[static HF_SET_HASH_BYTES])
{
    for (size_t i = 0; i < HF_SET_HASH_BYTES; i++)
        dst[i] = (uint8_t)(dst[i] ^ src[i]);
}

void hf_set_hash_init(struct hf_set_hash *set)
{
    memset(set, 0, sizeof(*set));
}

hf_err hf_set_hash_add(const hf_root_keys *keys, struct hf_set_hash *set, const struct hf_row_ref *row)
{
    uint8_t h[HF_SET_HASH_BYTES];
    HF_CHECK(set->count < UINT64_MAX, HF_ERR_INTERNAL);
    HF_TRY(element_hash(keys, row, h));
    xor_into(set->sum, h);
    set->count++;
    return HF_OK;
}

hf_err hf_set_change_add(const hf_root_keys *keys, struct hf_set_change *ch, const struct hf_row_ref *row)
{
    uint8_t h[HF_SET_HASH_BYTES];
    HF_TRY(element_hash(keys, row, h));
    xor_into(ch->sum, h);
    ch->added++;
    return HF_OK;
}

hf_err hf_set_change_remove(const hf_root_keys *keys, struct hf_set_change *ch, const struct hf_row_ref *row)
{
    uint8_t h[HF_SET_HASH_BYTES];
    HF_TRY(element_hash(keys, row, h));
    xor_into(ch->sum, h);
    ch->removed++;
    return HF_OK;
}

hf_err hf_set_hash_apply(struct hf_set_hash *set, const struct hf_set_change *ch)
{
    HF_CHECK(set->count <= UINT64_MAX - ch->added && set->count + ch->added >= ch->removed, HF_ERR_INTERNAL);
    xor_into(set->sum, ch->sum);
    set->count = set->count + ch->added - ch->removed;
    return HF_OK;
}

hf_err hf_set_hash_seal(const hf_root_keys *keys, const struct hf_set_hash *set, struct hf_set_hash_sealed *ret)
{
    struct hf_set_hash_sealed sealed = { .count = set->count };
    HF_TRY(hf_random(sealed.r, sizeof(sealed.r)));
    HF_TRY(mask_hash(keys, sealed.r, sealed.hash));
    xor_into(sealed.hash, set->sum);
    *ret = sealed;
    return HF_OK;
}

hf_err hf_set_hash_equal(const hf_root_keys *keys, const struct hf_set_hash *set,
                         const struct hf_set_hash_sealed *sealed)
{
    uint8_t h[HF_SET_HASH_BYTES];
    HF_TRY(mask_hash(keys, sealed->r, h));
    xor_into(h, set->sum);
    HF_CHECK(hf_ct_equal(h, sealed->hash, sizeof(h)) && set->count == sealed->count, HF_ERR_INTEGRITY);
    return HF_OK;
}
