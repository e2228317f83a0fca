#include "audit/chain.h"

#include <string.h>

/* One of the two is there. */
struct tag_key {
    hf_view bytes;
    const hf_key *loaded;
};

static hf_err next_hash(const uint8_t before[static HF_AUDIT_HASH_BYTES], hf_view record,
                        uint8_t dst[static HF_AUDIT_HASH_BYTES])
{
    const hf_view parts[] = { hf_view_of(before, HF_AUDIT_HASH_BYTES), record };
    return hf_digest(HF_HASH_SHA256, parts, HF_COUNT(parts), dst);
}

static hf_err tag_of(struct tag_key key, const uint8_t hash[static HF_AUDIT_HASH_BYTES],
                     uint8_t dst[static HF_AUDIT_TAG_BYTES])
{
    uint8_t mac[32];
    size_t len = sizeof(mac);
    const hf_view part = hf_view_of(hash, HF_AUDIT_HASH_BYTES);
    if (key.loaded != NULL)
        HF_TRY(hf_key_sign(key.loaded, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, part, mac, sizeof(mac), &len));
    else
        HF_TRY(hf_hmac(HF_HASH_SHA256, key.bytes, &part, 1, mac));
    HF_CHECK(len == sizeof(mac), HF_ERR_INVALID);
    memcpy(dst, mac, HF_AUDIT_TAG_BYTES);
    return HF_OK;
}

static hf_err append(struct hf_audit_chain *chain, struct tag_key key, struct hf_audit_record *rec,
                     uint8_t dst[static HF_AUDIT_ENTRY_MAX_BYTES], size_t *ret_len)
{
    uint8_t bytes[HF_AUDIT_RECORD_MAX_BYTES];
    uint8_t hash[HF_AUDIT_HASH_BYTES];
    uint8_t tag[HF_AUDIT_TAG_BYTES];
    size_t len;
    HF_CHECK(chain->seq < UINT64_MAX, HF_ERR_INVALID);
    struct hf_audit_record next = *rec;
    next.seq = chain->seq + 1;
    HF_TRY(hf_audit_record_encode(&next, bytes, &len));
    HF_TRY(next_hash(chain->head, hf_view_of(bytes, len), hash));
    HF_TRY(tag_of(key, hash, tag));

    hf_writer w = hf_writer_on(dst, HF_AUDIT_ENTRY_MAX_BYTES);
    hf_put_view16(&w, hf_view_of(bytes, len));
    hf_put_bytes(&w, hash, sizeof(hash));
    hf_put_bytes(&w, tag, sizeof(tag));
    HF_CHECK(!w.failed, HF_ERR_INTERNAL);
    rec->seq = next.seq;
    chain->seq = next.seq;
    memcpy(chain->head, hash, sizeof(hash));
    *ret_len = w.len;
    return HF_OK;
}

hf_err hf_audit_append(struct hf_audit_chain *chain, hf_view mac_key, struct hf_audit_record *rec,
                       uint8_t dst[static HF_AUDIT_ENTRY_MAX_BYTES], size_t *ret_len)
{
    HF_CHECK(mac_key.len > 0, HF_ERR_INVALID);
    return append(chain, (struct tag_key) { .bytes = mac_key }, rec, dst, ret_len);
}

hf_err hf_audit_append_with(struct hf_audit_chain *chain, const hf_key *mac_key, struct hf_audit_record *rec,
                            uint8_t dst[static HF_AUDIT_ENTRY_MAX_BYTES], size_t *ret_len)
{
    HF_CHECK(mac_key != NULL && hf_key_alg(mac_key) == HF_ALG_HMAC_SHA256, HF_ERR_INVALID);
    return append(chain, (struct tag_key) { .loaded = mac_key }, rec, dst, ret_len);
}

void hf_audit_walk_start(struct hf_audit_walk *walk, hf_view entries, const struct hf_audit_chain *before,
                         hf_view mac_key)
{
    walk->left = entries;
    walk->mac_key = mac_key;
    walk->at = *before;
}

static hf_err check_tag(hf_view mac_key, const struct hf_audit_entry *entry)
{
    uint8_t tag[HF_AUDIT_TAG_BYTES];
    if (mac_key.len == 0)
        return HF_OK;
    HF_TRY(tag_of((struct tag_key) { .bytes = mac_key }, entry->hash, tag));
    return hf_ct_equal(tag, entry->tag, sizeof(tag)) ? HF_OK : HF_ERR_INTEGRITY;
}

hf_err hf_audit_walk_next(struct hf_audit_walk *walk, struct hf_audit_entry *ret)
{
    struct hf_audit_entry entry;
    uint8_t hash[HF_AUDIT_HASH_BYTES];
    hf_view left = walk->left;
    const hf_err e = hf_audit_entry_next(&left, &entry);
    HF_CHECK(e != HF_ERR_NOT_FOUND, HF_ERR_NOT_FOUND);
    HF_CHECK(e == HF_OK, HF_ERR_INTEGRITY);
    HF_CHECK(walk->at.seq < UINT64_MAX && entry.seq == walk->at.seq + 1, HF_ERR_INTEGRITY);
    HF_TRY(next_hash(walk->at.head, entry.record, hash));
    HF_CHECK(hf_ct_equal(hash, entry.hash, sizeof(hash)), HF_ERR_INTEGRITY);
    HF_TRY(check_tag(walk->mac_key, &entry));

    walk->left = left;
    walk->at.seq = entry.seq;
    memcpy(walk->at.head, hash, sizeof(hash));
    *ret = entry;
    return HF_OK;
}
