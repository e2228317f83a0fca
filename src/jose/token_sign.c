#include "jose/token_sign.h"

#include "base/text.h"

#define HEADER_MAX_BYTES 512

/* Straight to its place: a second copy of a token would lie wherever the stack is. */
static void part_put(hf_writer *w, hf_view bytes)
{
    if (w->failed || bytes.len > HF_JWS_PAYLOAD_MAX_BYTES || (bytes.len * 4 + 2) / 3 > w->cap - w->len) {
        w->failed = true;
        return;
    }
    w->len += hf_b64url_encode(bytes, (char *)w->ptr + w->len);
}

/* kid is limited to characters, but these may need an escape in JSON. */
static void header_put(hf_writer *w, const char *alg, hf_view kid)
{
    uint8_t json[HEADER_MAX_BYTES];
    hf_writer text = hf_writer_on(json, sizeof json);

    hf_put_view(&text, hf_view_str("{\"alg\":\""));
    hf_put_view(&text, hf_view_str(alg));
    hf_put_view(&text, hf_view_str("\",\"typ\":\"JWT\",\"kid\":\""));
    for (size_t i = 0; i < kid.len; i++) {
        if (kid.ptr[i] == '"' || kid.ptr[i] == '\\')
            hf_put_u8(&text, '\\');
        hf_put_u8(&text, kid.ptr[i]);
    }
    hf_put_view(&text, hf_view_str("\"}"));
    part_put(w, hf_writer_view(&text));
}

/* header "." payload, and what of it is to be signed. */
static hf_err body_put(hf_writer *dst, const char *alg, hf_view kid, hf_view payload, hf_view *ret)
{
    size_t start = dst->len;

    HF_CHECK(hf_jose_visible(kid, HF_KID_MAX_BYTES) && payload.len != 0, HF_ERR_INVALID);
    header_put(dst, alg, kid);
    hf_put_u8(dst, '.');
    part_put(dst, payload);
    HF_CHECK(!dst->failed, HF_ERR_BOUNDS);
    *ret = hf_view_of(dst->ptr + start, dst->len - start);
    return HF_OK;
}

static hf_err signature_put(hf_writer *dst, hf_view body, hf_view signature)
{
    hf_put_u8(dst, '.');
    part_put(dst, signature);
    return dst->failed || (size_t)(dst->ptr + dst->len - body.ptr) > HF_JWS_MAX_BYTES ? HF_ERR_BOUNDS : HF_OK;
}

hf_err hf_token_sign(const hf_key *key, hf_view kid, hf_view payload, hf_writer *dst)
{
    const struct hf_jose_alg *how = hf_jose_alg_of(hf_key_alg(key));
    uint8_t signature[HF_JOSE_SIGNATURE_MAX_BYTES];
    hf_view body;
    size_t len;

    HF_CHECK(how != NULL && how->scheme != HF_SCHEME_HMAC, HF_ERR_UNSUPPORTED);
    HF_TRY(body_put(dst, how->name, kid, payload, &body));
    HF_TRY(hf_key_sign(key, how->scheme, how->hash, false, body, signature, sizeof signature, &len));
    HF_CHECK(len == how->signature_bytes, HF_ERR_INTERNAL);
    return signature_put(dst, body, hf_view_of(signature, len));
}

hf_err hf_token_sign_secret(const hf_secret *secret, hf_view kid, hf_view payload, hf_writer *dst)
{
    size_t len = hf_secret_len(secret);
    uint8_t mac[HF_HASH_MAX_BYTES];
    hf_view body;

    HF_CHECK(len >= HF_HS256_MIN_BYTES && len <= HF_HS256_MAX_BYTES, HF_ERR_BAD_KEY);
    HF_TRY(body_put(dst, hf_jose_alg_name(HF_ALG_HMAC_SHA256), kid, payload, &body));
    HF_TRY(hf_hmac(HF_HASH_SHA256, hf_view_of(hf_secret_read(secret), len), &body, 1, mac));
    return signature_put(dst, body, hf_view_of(mac, hf_hash_bytes(HF_HASH_SHA256)));
}
