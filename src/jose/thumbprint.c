#include "jose/thumbprint.h"

#include "base/text.h"

#define COORDINATE_BYTES 32
#define P256_SPKI_BYTES 91   /* ends with 04 || x || y */
#define ED25519_SPKI_BYTES 44 /* ends with the point */
#define MODULUS_MAX_BYTES 384
#define JSON_MAX_BYTES 640

#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_SEQUENCE 0x30

static void member_put(hf_writer *w, const char *before, hf_view bytes)
{
    char text[HF_B64_LEN(MODULUS_MAX_BYTES)];

    if (bytes.len > MODULUS_MAX_BYTES) {
        w->failed = true;
        return;
    }
    hf_put_view(w, hf_view_str(before));
    hf_put_bytes(w, text, hf_b64url_encode(bytes, text));
    hf_put_u8(w, '"');
}

/* The content of the next DER element; the key was loaded from this DER, so only its place is looked for. */
static hf_reader der_take(hf_reader *r, uint8_t tag)
{
    size_t len;

    if (hf_get_u8(r) != tag)
        r->failed = true;
    len = hf_get_u8(r);
    if (len == 0x81)
        len = hf_get_u8(r);
    else if (len == 0x82)
        len = hf_get_u16(r);
    return hf_reader_of(hf_get_view(r, len));
}

/* A positive integer without the zero byte that keeps DER's sign (RFC 7518 section 6.3.1). */
static hf_view number_take(hf_reader *r)
{
    hf_view v = der_take(r, DER_INTEGER).left;

    if (v.len > 1 && v.ptr[0] == 0)
        return hf_view_of(v.ptr + 1, v.len - 1);
    return v;
}

/* SubjectPublicKeyInfo (RFC 8017 appendix A.1.1): the numbers stand in a sequence in the bit string. */
static hf_err rsa_put(hf_view spki, hf_writer *w)
{
    hf_reader whole = hf_reader_of(spki), info = der_take(&whole, DER_SEQUENCE), bits, numbers;
    hf_view n, e;

    (void)der_take(&info, DER_SEQUENCE); /* the algorithm */
    bits = der_take(&info, DER_BIT_STRING);
    (void)hf_get_u8(&bits); /* unused bits */
    numbers = der_take(&bits, DER_SEQUENCE);
    n = number_take(&numbers);
    e = number_take(&numbers);
    HF_CHECK(!whole.failed && !info.failed && !bits.failed && !numbers.failed, HF_ERR_INTERNAL);
    member_put(w, "{\"e\":\"", e);
    member_put(w, ",\"kty\":\"RSA\",\"n\":\"", n);
    return HF_OK;
}

static hf_err p256_put(hf_view spki, hf_writer *w)
{
    const uint8_t *end = spki.ptr + spki.len;

    HF_CHECK(spki.len == P256_SPKI_BYTES && end[-2 * COORDINATE_BYTES - 1] == 4, HF_ERR_INTERNAL);
    member_put(w, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"",
               hf_view_of(end - 2 * COORDINATE_BYTES, COORDINATE_BYTES));
    member_put(w, ",\"y\":\"", hf_view_of(end - COORDINATE_BYTES, COORDINATE_BYTES));
    return HF_OK;
}

static hf_err ed25519_put(hf_view spki, hf_writer *w)
{
    HF_CHECK(spki.len == ED25519_SPKI_BYTES, HF_ERR_INTERNAL);
    member_put(w, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"",
               hf_view_of(spki.ptr + spki.len - COORDINATE_BYTES, COORDINATE_BYTES));
    return HF_OK;
}

/* Members in alphabetical order, no white space: RFC 7638 section 3.3. */
static hf_err canonical_put(hf_alg alg, hf_view spki, hf_writer *w)
{
    if (alg == HF_ALG_EC_P256)
        HF_TRY(p256_put(spki, w));
    else if (alg == HF_ALG_ED25519)
        HF_TRY(ed25519_put(spki, w));
    else if (alg == HF_ALG_RSA_2048 || alg == HF_ALG_RSA_3072)
        HF_TRY(rsa_put(spki, w));
    else
        return HF_ERR_UNSUPPORTED;
    hf_put_u8(w, '}');
    return w->failed ? HF_ERR_INTERNAL : HF_OK;
}

hf_err hf_jwk_thumbprint(const hf_key *key, char dst[static HF_THUMBPRINT_CAP])
{
    uint8_t spki[HF_SPKI_MAX_BYTES], json[JSON_MAX_BYTES], digest[32];
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
