#include "audit/record.h"

#include "base/text.h"
#include "crypto/crypto.h"
#include <string.h>

#define DETAIL_MAX (HF_AUDIT_RECORD_MAX_BYTES - HF_AUDIT_FIXED_BYTES - 3)
#define ACTOR_HASH_DIGITS 16
#define ACTOR_KEPT (HF_AUDIT_ACTOR_MAX - 1 - ACTOR_HASH_DIGITS)

_Static_assert(HF_AUDIT_FIXED_BYTES + 3 + HF_AUDIT_ACTOR_MAX + HF_AUDIT_REQUEST_ID_MAX + 3 <= HF_AUDIT_RECORD_MAX_BYTES,
               "the longest actor and request id must leave room for a shortened detail");

static const char ellipsis[] = "...";

/* The longest start of text with at most max bytes that ends between characters. */
static size_t utf8_prefix(hf_view text, size_t max)
{
    size_t n = text.len < max ? text.len : max;
    while (n > 0 && n < text.len && (text.ptr[n] & 0xC0) == 0x80)
        n--;
    return n;
}

/* A text as it will stand in the record. */
struct fitted {
    uint8_t bytes[HF_AUDIT_RECORD_MAX_BYTES];
    size_t len;
    bool cut;
};

static void fit_whole(struct fitted *f, hf_view text)
{
    if (text.len > 0)
        memcpy(f->bytes, text.ptr, text.len);
    f->len = text.len;
    f->cut = false;
}

static void fit_text(struct fitted *f, hf_view text, size_t max)
{
    if (text.len <= max) {
        fit_whole(f, text);
        return;
    }
    fit_whole(f, hf_view_of(text.ptr, utf8_prefix(text, max - (sizeof(ellipsis) - 1))));
    memcpy(f->bytes + f->len, ellipsis, sizeof(ellipsis) - 1);
    f->len += sizeof(ellipsis) - 1;
    f->cut = true;
}

/* Two long actors with the same start must stay apart, so that a digest of the whole name stands at the end. */
static hf_err fit_actor(struct fitted *f, hf_view actor)
{
    if (actor.len <= HF_AUDIT_ACTOR_MAX) {
        fit_whole(f, actor);
        return HF_OK;
    }
    uint8_t digest[32];
    char digits[ACTOR_HASH_DIGITS + 1];
    HF_TRY(hf_digest(HF_HASH_SHA256, &actor, 1, digest));
    hf_hex_encode(hf_view_of(digest, ACTOR_HASH_DIGITS / 2), digits);
    fit_whole(f, hf_view_of(actor.ptr, utf8_prefix(actor, ACTOR_KEPT)));
    f->bytes[f->len++] = '~';
    memcpy(f->bytes + f->len, digits, ACTOR_HASH_DIGITS);
    f->len += ACTOR_HASH_DIGITS;
    f->cut = true;
    return HF_OK;
}

static void put_text8(hf_writer *w, const struct fitted *f)
{
    hf_put_u8(w, (uint8_t)f->len);
    hf_put_bytes(w, f->bytes, f->len);
}

static void put_fixed(hf_writer *w, const struct hf_audit_record *rec, uint8_t cut)
{
    hf_put_u8(w, HF_AUDIT_FORMAT);
    hf_put_u64(w, rec->seq);
    hf_put_u64(w, (uint64_t)rec->time.ns);
    hf_put_u8(w, (uint8_t)rec->klass);
    hf_put_u16(w, rec->action);
    hf_put_u16(w, rec->result);
    hf_put_u16(w, rec->roles);
    hf_put_bytes(w, rec->key_id, sizeof(rec->key_id));
    hf_put_u32(w, rec->key_version);
    hf_put_bytes(w, rec->address, sizeof(rec->address));
    hf_put_bytes(w, rec->payload_mac, sizeof(rec->payload_mac));
    hf_put_u32(w, rec->count);
    hf_put_u8(w, cut);
}

hf_err hf_audit_record_encode(const struct hf_audit_record *rec, uint8_t dst[static HF_AUDIT_RECORD_MAX_BYTES],
                              size_t *ret_len)
{
    struct fitted actor, request_id, detail;
    HF_CHECK(hf_audit_record_valid(rec), HF_ERR_INVALID);
    HF_TRY(fit_actor(&actor, rec->actor));
    fit_text(&request_id, rec->request_id, HF_AUDIT_REQUEST_ID_MAX);
    fit_text(&detail, rec->detail, DETAIL_MAX - actor.len - request_id.len);

    hf_writer w = hf_writer_on(dst, HF_AUDIT_RECORD_MAX_BYTES);
    put_fixed(&w, rec,
              (uint8_t)((actor.cut ? HF_AUDIT_CUT_ACTOR : 0u) | (request_id.cut ? HF_AUDIT_CUT_REQUEST_ID : 0u) |
                        (detail.cut ? HF_AUDIT_CUT_DETAIL : 0u)));
    put_text8(&w, &actor);
    put_text8(&w, &request_id);
    put_text8(&w, &detail);
    HF_CHECK(!w.failed, HF_ERR_INTERNAL);
    *ret_len = w.len;
    return HF_OK;
}

hf_err hf_audit_payload_mac(hf_view payload_key, const hf_view *parts, size_t n, uint8_t dst[static 16])
{
    uint8_t mac[32];
    HF_CHECK(payload_key.len > 0, HF_ERR_INVALID);
    HF_TRY(hf_hmac(HF_HASH_SHA256, payload_key, parts, n, mac));
    memcpy(dst, mac, 16);
    return HF_OK;
}

hf_err hf_audit_payload_mac_with(const hf_key *payload_key, hf_view payload, uint8_t dst[static 16])
{
    uint8_t mac[32];
    size_t len = 0;
    HF_CHECK(hf_key_alg(payload_key) == HF_ALG_HMAC_SHA256, HF_ERR_INVALID);
    HF_TRY(hf_key_sign(payload_key, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, payload, mac, sizeof(mac), &len));
    HF_CHECK(len == sizeof(mac), HF_ERR_INTERNAL);
    memcpy(dst, mac, 16);
    return HF_OK;
}
