#include "verify-offline/public_key.h"

#include "base/text.h"
#include <string.h>

static const char begin[] = "-----BEGIN PUBLIC KEY-----";
static const char end[] = "-----END PUBLIC KEY-----";

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Copies all but white space. */
static hf_view squeeze(hf_view text, uint8_t dst[static PUBLIC_KEY_PEM_MAX_BYTES])
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_space(text.ptr[i]))
            dst[n++] = text.ptr[i];
    }
    return hf_view_of(dst, n);
}

static hf_view trim(hf_view text)
{
    while (text.len > 0 && is_space(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

hf_err public_key_load(hf_view pem, hf_key **ret)
{
    uint8_t chars[PUBLIC_KEY_PEM_MAX_BYTES];
    uint8_t der[HF_SPKI_MAX_BYTES];
    size_t len;
    const size_t begin_len = sizeof(begin) - 1;
    const size_t end_len = sizeof(end) - 1;
    const hf_view text = trim(pem);
    HF_CHECK(text.len <= sizeof(chars) && text.len >= begin_len + end_len, HF_ERR_BAD_KEY);
    HF_CHECK(hf_view_eq(hf_view_of(text.ptr, begin_len), hf_view_str(begin)), HF_ERR_BAD_KEY);
    HF_CHECK(hf_view_eq(hf_view_of(text.ptr + text.len - end_len, end_len), hf_view_str(end)), HF_ERR_BAD_KEY);
    const hf_view body = hf_view_of(text.ptr + begin_len, text.len - begin_len - end_len);
    HF_CHECK(hf_b64_decode(squeeze(body, chars), der, sizeof(der), &len) == HF_OK, HF_ERR_BAD_KEY);
    return hf_key_load_any_public(hf_view_of(der, len), ret);
}
