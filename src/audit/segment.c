#include "audit/segment.h"

#include <string.h>

#define KIND_SEGMENT 4 /* hf_row_kind of src/records: the row that carries it */

/*
 * What MAC and signature cover starts with these words and their NUL, so that neither can be taken for anything else.
 */
static const char mac_context[] = "holdfast audit segment mac v1";
static const char sign_context[] = "holdfast audit segment v1";

static hf_err head_mac(hf_view mac_key, hf_view head, uint8_t dst[static HF_SEGMENT_MAC_BYTES])
{
    const hf_view parts[] = { hf_view_of(mac_context, sizeof(mac_context)), head };
    HF_CHECK(mac_key.len > 0, HF_ERR_INVALID);
    return hf_hmac(HF_HASH_SHA384, mac_key, parts, HF_COUNT(parts), dst);
}

/* Ed25519 signs one message: context and head side by side. */
static hf_view signed_bytes(hf_view head, uint8_t dst[static sizeof(sign_context) + HF_SEGMENT_HEAD_BYTES])
{
    hf_writer w = hf_writer_on(dst, sizeof(sign_context) + HF_SEGMENT_HEAD_BYTES);
    hf_put_bytes(&w, sign_context, sizeof(sign_context));
    hf_put_view(&w, head);
    return hf_writer_view(&w);
}

static hf_err sign_head(const hf_key *key, hf_view head, uint8_t dst[static HF_SEGMENT_SIGNATURE_BYTES])
{
    uint8_t message[sizeof(sign_context) + HF_SEGMENT_HEAD_BYTES];
    uint8_t signature[HF_SEGMENT_SIGNATURE_BYTES];
    size_t len = 0;
    HF_CHECK(hf_key_alg(key) == HF_ALG_ED25519, HF_ERR_BAD_KEY);
    HF_TRY(hf_key_sign(key, HF_SCHEME_ED25519, HF_HASH_NONE, false, signed_bytes(head, message), signature,
                       sizeof(signature), &len));
    HF_CHECK(len == sizeof(signature), HF_ERR_INTERNAL);
    memcpy(dst, signature, sizeof(signature));
    return HF_OK;
}

/* Counts whole entries and checks that their numbers follow each other. */
static hf_err scan_entries(const struct hf_audit_chain *before, hf_view entries, struct hf_segment *seg)
{
    struct hf_audit_entry entry = { 0 };
    uint64_t seq = before->seq;
    while (entries.len > 0) {
        HF_CHECK(hf_audit_entry_next(&entries, &entry) == HF_OK && entry.seq == seq + 1, HF_ERR_INVALID);
        seq = entry.seq;
    }
    HF_CHECK(entry.hash != NULL, HF_ERR_INVALID);
    seg->first_seq = before->seq + 1;
    seg->last_seq = seq;
    seg->count = (uint32_t)(seq - before->seq);
    memcpy(seg->prev_head, before->head, sizeof(seg->prev_head));
    memcpy(seg->head, entry.hash, sizeof(seg->head));
    return HF_OK;
}

static void put_head(hf_writer *w, const struct hf_segment *seg)
{
    hf_put_u8(w, HF_AUDIT_FORMAT);
    hf_put_u8(w, KIND_SEGMENT);
    hf_put_u64(w, seg->index);
    hf_put_u64(w, seg->first_seq);
    hf_put_u64(w, seg->last_seq);
    hf_put_u32(w, seg->count);
    hf_put_bytes(w, seg->prev_head, sizeof(seg->prev_head));
    hf_put_bytes(w, seg->head, sizeof(seg->head));
    hf_put_u64(w, (uint64_t)seg->time.ns);
    hf_put_u32(w, (uint32_t)seg->entries.len);
    hf_put_bytes(w, seg->entries_sha256, sizeof(seg->entries_sha256));
}

hf_err hf_segment_seal(uint64_t index, const struct hf_audit_chain *before, hf_wall now, hf_view entries,
                       hf_view mac_key, const hf_key *sign_key, uint8_t *dst, size_t cap, size_t *ret_len)
{
    struct hf_segment seg = { .index = index, .time = now, .entries = entries };
    uint8_t mac[HF_SEGMENT_MAC_BYTES];
    uint8_t signature[HF_SEGMENT_SIGNATURE_BYTES];
    HF_CHECK(index != 0 && sign_key != NULL, HF_ERR_INVALID);
    HF_CHECK(entries.len <= HF_SEGMENT_ENTRIES_MAX && cap >= HF_SEGMENT_OVERHEAD + entries.len, HF_ERR_BOUNDS);
    HF_TRY(scan_entries(before, entries, &seg));
    HF_TRY(hf_digest(HF_HASH_SHA256, &entries, 1, seg.entries_sha256));

    hf_writer w = hf_writer_on(dst, cap);
    put_head(&w, &seg);
    const hf_view head = hf_writer_view(&w);
    HF_TRY(head_mac(mac_key, head, mac));
    HF_TRY(sign_head(sign_key, head, signature));
    hf_put_bytes(&w, mac, sizeof(mac));
    hf_put_bytes(&w, signature, sizeof(signature));
    hf_put_view(&w, entries);
    HF_CHECK(!w.failed, HF_ERR_BOUNDS);
    *ret_len = w.len;
    return HF_OK;
}

static bool numbers_ok(const struct hf_segment *seg)
{
    return seg->index != 0 && seg->first_seq != 0 && seg->last_seq >= seg->first_seq && seg->count != 0 &&
           seg->last_seq - seg->first_seq == (uint64_t)seg->count - 1;
}

hf_err hf_segment_decode(hf_view blob, struct hf_segment *ret)
{
    struct hf_segment seg = { 0 };
    hf_reader r = hf_reader_of(blob);
    HF_CHECK(blob.len > HF_SEGMENT_OVERHEAD && blob.len <= HF_SEGMENT_MAX_BYTES, HF_ERR_MALFORMED);
    HF_CHECK(blob.ptr[0] <= HF_AUDIT_FORMAT, HF_ERR_UNSUPPORTED);
    HF_CHECK(blob.ptr[0] == HF_AUDIT_FORMAT && blob.ptr[1] == KIND_SEGMENT, HF_ERR_MALFORMED);
    (void)hf_get_u16(&r); /* format and kind */
    seg.index = hf_get_u64(&r);
    seg.first_seq = hf_get_u64(&r);
    seg.last_seq = hf_get_u64(&r);
    seg.count = hf_get_u32(&r);
    hf_get_bytes(&r, seg.prev_head, sizeof(seg.prev_head));
    hf_get_bytes(&r, seg.head, sizeof(seg.head));
    seg.time.ns = (int64_t)hf_get_u64(&r);
    const uint32_t entries_len = hf_get_u32(&r);
    hf_get_bytes(&r, seg.entries_sha256, sizeof(seg.entries_sha256));
    seg.head_bytes = hf_view_of(blob.ptr, HF_SEGMENT_HEAD_BYTES);
    seg.mac = hf_get_view(&r, HF_SEGMENT_MAC_BYTES);
    seg.signature = hf_get_view(&r, HF_SEGMENT_SIGNATURE_BYTES);
    seg.entries = hf_get_view(&r, entries_len);
    HF_TRY(hf_reader_done(&r));
    HF_CHECK(numbers_ok(&seg), HF_ERR_MALFORMED);
    *ret = seg;
    return HF_OK;
}

/* Every record against the head, which the caller has verified. */
static hf_err verify_entries(const struct hf_segment *seg, hf_view mac_key, uint64_t *reterr_seq)
{
    struct hf_audit_chain before = { .seq = seg->first_seq - 1 };
    struct hf_audit_walk walk;
    struct hf_audit_entry entry;
    memcpy(before.head, seg->prev_head, sizeof(before.head));
    hf_audit_walk_start(&walk, seg->entries, &before, mac_key);
    hf_err e = HF_OK;
    while (e == HF_OK)
        e = hf_audit_walk_next(&walk, &entry);
    const bool at_end = e == HF_ERR_NOT_FOUND && walk.at.seq == seg->last_seq &&
                        hf_ct_equal(walk.at.head, seg->head, sizeof(seg->head));
    if (!at_end)
        *reterr_seq = walk.at.seq < seg->last_seq ? walk.at.seq + 1 : seg->last_seq;
    return at_end ? HF_OK : HF_ERR_INTEGRITY;
}

static hf_err verify_body(const struct hf_segment *seg, hf_view mac_key, uint64_t *reterr_seq)
{
    uint8_t digest[32];
    *reterr_seq = 0;
    HF_TRY(verify_entries(seg, mac_key, reterr_seq));
    /* What the chain does not cover, such as the tags for a reader without the MAC key. */
    HF_TRY(hf_digest(HF_HASH_SHA256, &seg->entries, 1, digest));
    return hf_ct_equal(digest, seg->entries_sha256, sizeof(digest)) ? HF_OK : HF_ERR_INTEGRITY;
}

hf_err hf_segment_verify_public(const struct hf_segment *seg, const hf_key *public_key, uint64_t *reterr_seq)
{
    uint8_t message[sizeof(sign_context) + HF_SEGMENT_HEAD_BYTES];
    *reterr_seq = 0;
    HF_CHECK(hf_key_alg(public_key) == HF_ALG_ED25519, HF_ERR_BAD_KEY);
    HF_TRY(hf_key_verify(public_key, HF_SCHEME_ED25519, HF_HASH_NONE, false, signed_bytes(seg->head_bytes, message),
                         seg->signature));
    return verify_body(seg, hf_view_of(NULL, 0), reterr_seq);
}

hf_err hf_segment_verify_head_mac(const struct hf_segment *seg, hf_view mac_key)
{
    uint8_t mac[HF_SEGMENT_MAC_BYTES];
    HF_TRY(head_mac(mac_key, seg->head_bytes, mac));
    return hf_ct_equal(mac, seg->mac.ptr, sizeof(mac)) ? HF_OK : HF_ERR_INTEGRITY;
}

hf_err hf_segment_verify_mac(const struct hf_segment *seg, hf_view mac_key, uint64_t *reterr_seq)
{
    *reterr_seq = 0;
    HF_TRY(hf_segment_verify_head_mac(seg, mac_key));
    return verify_body(seg, mac_key, reterr_seq);
}

hf_err hf_segment_follows(uint64_t before_index, const struct hf_audit_chain *before, const struct hf_segment *seg)
{
    HF_CHECK(before_index < UINT64_MAX && seg->index == before_index + 1, HF_ERR_INTEGRITY);
    HF_CHECK(before->seq < UINT64_MAX && seg->first_seq == before->seq + 1, HF_ERR_INTEGRITY);
    return hf_ct_equal(seg->prev_head, before->head, sizeof(before->head)) ? HF_OK : HF_ERR_INTEGRITY;
}
