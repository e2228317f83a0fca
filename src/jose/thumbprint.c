#include "jose/thumbprint.h"

#include "base/text.h"

#define COORDINATE_BYTES 32
#define P256_SPKI_BYTES 91   /* ends with 04 || x || y */
#define ED25519_SPKI_BYTES 44 /* ends with the point */

static void member_put(hf_writer *w, const char *before, const uint8_t bytes[static COORDINATE_BYTES])
{
    char text[HF_B64_LEN(COORDINATE_BYTES)];

    hf_put_view(w, hf_view_str(before));
    hf_put_bytes(w, text, hf_b64url_encode(hf_view_of(bytes, COORDINATE_BYTES), text));
    hf_put_u8(w, '"');
}

/* Members in alphabetical order, no white space: RFC 7638 section 3.3. */
static hf_err canonical_put(hf_alg alg, hf_view spki, hf_writer *w)
{
    const uint8_t *end = spki.ptr + spki.len;

    if (alg == HF_ALG_EC_P256 && spki.len == P256_SPKI_BYTES && end[-2 * COORDINATE_BYTES - 1] == 4) {
        member_put(w, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"", end - 2 * COORDINATE_BYTES);
        member_put(w, ",\"y\":\"", end - COORDINATE_BYTES);
    } else if (alg == HF_ALG_ED25519 && spki.len == ED25519_SPKI_BYTES) {
        member_put(w, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"", end - COORDINATE_BYTES);
    } else {
        return HF_ERR_UNSUPPORTED;
    }
    hf_put_u8(w, '}');
    return w->failed ? HF_ERR_INTERNAL : HF_OK;
}

hf_err hf_jwk_thumbprint(const hf_key *key, char dst[static HF_THUMBPRINT_CAP])
{
    uint8_t spki[HF_SPKI_MAX_BYTES], json[256], digest[32];
    hf_writer w = hf_writer_on(json, sizeof json);
    hf_view text;
    size_t len;

    HF_TRY(hf_key_public_der(key, spki, sizeof spki, &len));
    HF_TRY(canonical_put(hf_key_alg(key), hf_view_of(spki, len), &w));
    text = hf_writer_view(&w);
    HF_TRY(hf_digest(HF_HASH_SHA256, &text, 1, digest));
    dst[hf_b64url_encode(hf_view_of(digest, sizeof digest), dst)] = '\0';
    return HF_OK;
}
