#include "config/pem_key.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

typedef enum key_form { FORM_NONE, FORM_SKIPPED, FORM_PKCS8, FORM_SEC1, FORM_PKCS1, FORM_ENCRYPTED } key_form;

enum {
    DER_INTEGER = 0x02,
    DER_OCTETS = 0x04,
    DER_OID = 0x06,
    DER_SEQUENCE = 0x30,
    DER_CONTEXT_0 = 0xa0,
    DER_CONTEXT_1 = 0xa1
};

/* ---- PEM ---- */

static hf_view line_next(hf_view *left)
{
    const uint8_t *end = left->len > 0 ? memchr(left->ptr, '\n', left->len) : NULL;
    size_t len = end == NULL ? left->len : (size_t)(end - left->ptr);
    hf_view line = hf_view_of(left->ptr, len);
    size_t taken = len + (end != NULL);

    *left = hf_view_of(left->ptr + taken, left->len - taken);
    while (line.len > 0 && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == ' '))
        line.len--;
    return line;
}

/* "-----BEGIN label-----" and what its label stands for; FORM_NONE for any other line. */
static key_form form_of(hf_view line, const char *edge)
{
    static const struct {
        const char *label;
        key_form form;
    } labels[] = {
        { "PRIVATE KEY", FORM_PKCS8 },     { "EC PRIVATE KEY", FORM_SEC1 },
        { "RSA PRIVATE KEY", FORM_PKCS1 }, { "ENCRYPTED PRIVATE KEY", FORM_ENCRYPTED },
        { "EC PARAMETERS", FORM_SKIPPED },
    };
    char expected[64];

    for (size_t i = 0; i < HF_COUNT(labels); i++) {
        snprintf(expected, sizeof(expected), "-----%s %s-----", edge, labels[i].label);
        if (hf_view_eq_str(line, expected))
            return labels[i].form;
    }
    return FORM_NONE;
}

/* The lines up to the END line, joined into dst, which has room for the whole file. */
static hf_err body_join(hf_view *left, key_form form, hf_secret *dst, size_t *ret_len, const char **reterr_why)
{
    size_t len = 0;

    for (;;) {
        *reterr_why = "ends inside its key";
        HF_CHECK(left->len > 0, HF_ERR_BAD_KEY);
        hf_view line = line_next(left);
        if (form_of(line, "END") == form)
            break;
        /* RFC 1421 headers: old encrypted keys have them ("Proc-Type: 4,ENCRYPTED"). */
        *reterr_why = "is encrypted; write it without a passphrase: openssl pkey -in KEY -out NEW";
        HF_CHECK(line.len == 0 || memchr(line.ptr, ':', line.len) == NULL, HF_ERR_BAD_KEY);
        if (line.len > 0)
            memcpy(hf_secret_bytes(dst) + len, line.ptr, line.len);
        len += line.len;
    }
    *ret_len = len;
    return HF_OK;
}

/* The first key of the file: its DER in *ret, which has room for it. */
static hf_err block_find(hf_view left, hf_secret *base64, hf_secret *ret, size_t *ret_len, key_form *ret_form,
                         const char **reterr_why)
{
    key_form form = FORM_NONE;
    size_t len = 0;

    while (form == FORM_NONE || form == FORM_SKIPPED) {
        *reterr_why = "holds no private key in PEM (BEGIN PRIVATE KEY)";
        HF_CHECK(left.len > 0, HF_ERR_BAD_KEY);
        form = form_of(line_next(&left), "BEGIN");
        *reterr_why = "is encrypted; write it without a passphrase: openssl pkey -in KEY -out NEW";
        HF_CHECK(form != FORM_ENCRYPTED, HF_ERR_BAD_KEY);
        if (form != FORM_NONE)
            HF_TRY(body_join(&left, form, base64, &len, reterr_why));
    }
    *reterr_why = "holds a key that is not base64";
    HF_CHECK(hf_b64_decode(hf_view_of(hf_secret_read(base64), len), hf_secret_bytes(ret), hf_secret_len(ret),
                           ret_len) == HF_OK,
             HF_ERR_BAD_KEY);
    *ret_form = form;
    return HF_OK;
}

/* ---- DER (X.690), as far as wrapping takes it ---- */

/* Takes one element with this tag off the front; definite lengths of at most two bytes, in their shortest form. */
static bool der_take(hf_view *in, uint8_t tag, hf_view *ret)
{
    if (in->len < 2 || in->ptr[0] != tag)
        return false;
    size_t head = 2, len = in->ptr[1];
    if (len == 0x81 && in->len >= 3) {
        head = 3;
        len = in->ptr[2];
        if (len < 0x80)
            return false;
    } else if (len == 0x82 && in->len >= 4) {
        head = 4;
        len = (size_t)in->ptr[2] << 8 | in->ptr[3];
        if (len < 0x100)
            return false;
    } else if (len >= 0x80) {
        return false;
    }
    if (len > in->len - head)
        return false;
    *ret = hf_view_of(in->ptr + head, len);
    *in = hf_view_of(in->ptr + head + len, in->len - head - len);
    return true;
}

static size_t der_size(size_t len)
{
    return len + (len < 0x80 ? 2 : len < 0x100 ? 3 : 4);
}

static void der_head(hf_writer *w, uint8_t tag, size_t len)
{
    hf_put_u8(w, tag);
    if (len >= 0x100) {
        hf_put_u8(w, 0x82);
        hf_put_u8(w, (uint8_t)(len >> 8));
    } else if (len >= 0x80) {
        hf_put_u8(w, 0x81);
    }
    hf_put_u8(w, (uint8_t)len);
}

static void der_put(hf_writer *w, uint8_t tag, hf_view content)
{
    der_head(w, tag, content.len);
    hf_put_view(w, content);
}

/* PrivateKeyInfo (RFC 5958): version 0, this algorithm, and room for `len` bytes of key, which the caller puts. */
static void pkcs8_head(hf_writer *w, hf_view algorithm, size_t len)
{
    static const uint8_t version[] = { 0 };

    der_head(w, DER_SEQUENCE, 3 + der_size(algorithm.len) + der_size(len));
    der_put(w, DER_INTEGER, hf_view_of(version, 1));
    der_put(w, DER_SEQUENCE, algorithm);
    der_head(w, DER_OCTETS, len);
}

/* RSAPrivateKey (RFC 8017 appendix A.1.2) is what the octets of PKCS #8 hold. */
static hf_err wrap_pkcs1(hf_view der, hf_writer *w)
{
    static const uint8_t rsa[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };

    pkcs8_head(w, hf_view_of(rsa, sizeof(rsa)), der.len);
    hf_put_view(w, der);
    return w->failed ? HF_ERR_BAD_KEY : HF_OK;
}

/*
 * ECPrivateKey (RFC 5915): the curve stands inside; in PKCS #8 it stands in the algorithm, and is left out of the octets.
 */
static hf_err wrap_sec1(hf_view der, hf_writer *w)
{
    static const uint8_t ec[] = { 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
    uint8_t algorithm[sizeof(ec) + 32];
    hf_writer a = hf_writer_on(algorithm, sizeof(algorithm));
    hf_view outer, version, scalar, curve, oid, point = { NULL, 0 };

    HF_CHECK(der_take(&der, DER_SEQUENCE, &outer) && der.len == 0, HF_ERR_BAD_KEY);
    HF_CHECK(der_take(&outer, DER_INTEGER, &version) && version.len == 1 && version.ptr[0] == 1, HF_ERR_BAD_KEY);
    HF_CHECK(der_take(&outer, DER_OCTETS, &scalar), HF_ERR_BAD_KEY);
    HF_CHECK(der_take(&outer, DER_CONTEXT_0, &curve) && der_take(&curve, DER_OID, &oid) && curve.len == 0,
             HF_ERR_BAD_KEY);
    bool has_point = outer.len > 0;
    HF_CHECK(!has_point || (der_take(&outer, DER_CONTEXT_1, &point) && outer.len == 0), HF_ERR_BAD_KEY);

    hf_put_bytes(&a, ec, sizeof(ec));
    der_put(&a, DER_OID, oid);
    HF_CHECK(!a.failed, HF_ERR_BAD_KEY);
    size_t inner = der_size(version.len) + der_size(scalar.len) + (has_point ? der_size(point.len) : 0);
    pkcs8_head(w, hf_writer_view(&a), der_size(inner));
    der_head(w, DER_SEQUENCE, inner);
    der_put(w, DER_INTEGER, version);
    der_put(w, DER_OCTETS, scalar);
    if (has_point)
        der_put(w, DER_CONTEXT_1, point);
    return w->failed ? HF_ERR_BAD_KEY : HF_OK;
}

static hf_err wrap(key_form form, hf_view der, hf_writer *w)
{
    if (form == FORM_SEC1)
        return wrap_sec1(der, w);
    if (form == FORM_PKCS1)
        return wrap_pkcs1(der, w);
    hf_put_view(w, der);
    return w->failed ? HF_ERR_BAD_KEY : HF_OK;
}

hf_err pem_key_read(const hf_secret *text, size_t len, hf_secret **ret, const char **reterr_why)
{
    HF_AUTO(hf_secret_freep) hf_secret *base64 = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *der = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *pkcs8 = NULL;
    key_form form = FORM_NONE;
    size_t der_len = 0;

    *reterr_why = "cannot be read: memory is short";
    HF_TRY(hf_secret_new(PEM_KEY_FILE_MAX, &base64));
    HF_TRY(hf_secret_new(PEM_KEY_FILE_MAX, &der));
    HF_TRY(hf_secret_new(PEM_KEY_PKCS8_MAX, &pkcs8));
    HF_TRY(block_find(hf_view_of(hf_secret_read(text), len), base64, der, &der_len, &form, reterr_why));
    hf_writer w = hf_writer_on(hf_secret_bytes(pkcs8), PEM_KEY_PKCS8_MAX);
    *reterr_why = "holds a key whose form is not understood; try: openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW";
    HF_TRY(wrap(form, hf_view_of(hf_secret_read(der), der_len), &w));
    HF_CHECK(w.len > 0, HF_ERR_BAD_KEY);
    return hf_secret_copy(hf_secret_read(pkcs8), w.len, ret);
}
