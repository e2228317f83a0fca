#include "audit/export.h"

#include <string.h>

hf_err hf_export_next(hf_view *file, hf_view *ret_blob)
{
    HF_CHECK(file->len > 0, HF_ERR_NOT_FOUND);
    hf_reader r = hf_reader_of(*file);
    const hf_view blob = hf_get_view32(&r);
    HF_CHECK(!r.failed && blob.len <= HF_SEGMENT_MAX_BYTES, HF_ERR_MALFORMED);
    *file = r.left;
    *ret_blob = blob;
    return HF_OK;
}

void hf_export_put(hf_writer *w, hf_view blob)
{
    hf_put_view32(w, blob);
}

/* Where the verification stands between two segments. */
struct position {
    uint64_t index;
    struct hf_audit_chain chain;
};

/* The first segment of a file says where the file begins; from then on nothing may be missing. */
static void begin_at(struct position *at, const struct hf_segment *seg)
{
    at->index = seg->index - 1;
    at->chain.seq = seg->first_seq - 1;
    memcpy(at->chain.head, seg->prev_head, sizeof(at->chain.head));
}

static bool is_genesis(const struct hf_segment *seg)
{
    static const uint8_t zeros[HF_AUDIT_HASH_BYTES];
    return (seg->index == 1) == (seg->first_seq == 1) &&
           (seg->first_seq != 1 || hf_ct_equal(seg->prev_head, zeros, sizeof(zeros)));
}

/* NULL when the segment is good, else what is wrong with it. */
static const char *judge(hf_view blob, const hf_key *public_key, struct position *at, bool first,
                         struct hf_segment *seg, uint64_t *err_seq)
{
    if (hf_segment_decode(blob, seg) != HF_OK)
        return "the segment does not have the form of this release";
    const hf_err e = hf_segment_verify_public(seg, public_key, err_seq);
    if (e == HF_ERR_INTEGRITY)
        return *err_seq != 0 ? "a record does not fit the chain" : "the records are not those that were signed";
    if (e != HF_OK)
        return "the signature over the segment's head is not valid";
    if (first)
        begin_at(at, seg);
    if (first && !is_genesis(seg))
        return "the first segment of the audit does not start the chain";
    if (hf_segment_follows(at->index, &at->chain, seg) != HF_OK)
        return "the segment does not follow the one before it: one is missing, doubled or out of order";
    return NULL;
}

static void advance(struct hf_export_result *result, struct position *at, const struct hf_segment *seg)
{
    if (result->segments == 0)
        result->first_seq = seg->first_seq;
    result->segments++;
    result->records += seg->count;
    result->last_seq = seg->last_seq;
    memcpy(result->head, seg->head, sizeof(result->head));
    at->index = seg->index;
    at->chain.seq = seg->last_seq;
    memcpy(at->chain.head, seg->head, sizeof(at->chain.head));
}

hf_err hf_export_verify(hf_view file, const hf_key *public_key, struct hf_export_result *ret)
{
    struct hf_export_result result = { 0 };
    struct position at = { 0 };
    HF_CHECK(file.len > 0, HF_ERR_MALFORMED);
    HF_CHECK(hf_key_alg(public_key) == HF_ALG_ED25519, HF_ERR_BAD_KEY);
    while (file.len > 0 && result.err_segment == 0) {
        struct hf_segment seg = { 0 };
        hf_view blob;
        if (hf_export_next(&file, &blob) != HF_OK)
            result.err_what = "the file ends inside a segment";
        else
            result.err_what = judge(blob, public_key, &at, result.segments == 0, &seg, &result.err_seq);
        if (result.err_what != NULL)
            result.err_segment = result.segments + 1;
        else
            advance(&result, &at, &seg);
    }
    *ret = result;
    return result.err_segment == 0 ? HF_OK : HF_ERR_INTEGRITY;
}
