#include "keysetfmt/keysetfmt.h"

#include "base/num.h"
#include "base/text.h"
#include <string.h>

#define LINE_CHARS 64

static const char begin_line[] = "-----BEGIN PUBLIC KEY-----\n";
static const char end_line[] = "-----END PUBLIC KEY-----";

hf_err hf_spki_pem_write(hf_view spki, hf_writer *pem)
{
    char text[HF_SPKI_PEM_CAP];
    size_t len;

    HF_CHECK(HF_B64_LEN(spki.len) <= sizeof text, HF_ERR_BOUNDS);
    len = hf_b64_encode(spki, text);
    hf_put_view(pem, hf_view_str(begin_line));
    for (size_t at = 0; at < len; at += LINE_CHARS) {
        hf_put_bytes(pem, text + at, hf_min_size(LINE_CHARS, len - at));
        hf_put_u8(pem, '\n');
    }
    hf_put_view(pem, hf_view_str(end_line));
    hf_put_u8(pem, '\n');
    return pem->failed ? HF_ERR_BOUNDS : HF_OK;
}

/* Takes the line ends out of the body; what is left must be base64 to the last character. */
static hf_err body_join(hf_view body, char *dst, size_t cap, size_t *ret_len)
{
    size_t len = 0;

    for (size_t i = 0; i < body.len; i++) {
        if (body.ptr[i] == '\n')
            continue;
        HF_CHECK(len < cap, HF_ERR_BOUNDS);
        dst[len++] = (char)body.ptr[i];
    }
    *ret_len = len;
    return HF_OK;
}

hf_err hf_spki_pem_read(hf_view pem, uint8_t *dst, size_t cap, size_t *ret_len)
{
    size_t begin = strlen(begin_line), end = strlen(end_line);
    char text[HF_SPKI_PEM_CAP];
    hf_view body;
    size_t len = pem.len;

    if (len != 0 && pem.ptr[len - 1] == '\n')
        len--;
    HF_CHECK(len > begin + end && hf_view_eq_str(hf_view_of(pem.ptr, begin), begin_line), HF_ERR_MALFORMED);
    HF_CHECK(hf_view_eq_str(hf_view_of(pem.ptr + len - end, end), end_line), HF_ERR_MALFORMED);
    body = hf_view_of(pem.ptr + begin, len - begin - end);
    HF_CHECK(body.ptr[body.len - 1] == '\n', HF_ERR_MALFORMED);
    HF_TRY(body_join(body, text, sizeof text, &len));
    HF_CHECK(len != 0, HF_ERR_MALFORMED);
    return hf_b64_decode(hf_view_of(text, len), dst, cap, ret_len);
}
