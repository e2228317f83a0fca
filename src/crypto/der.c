#include "crypto/der.h"

#define DER_LONG_LENGTH 0x80
#define DER_LENGTH_BYTES_MAX 3 /* 16 MiB; nothing here is near it */

/* The length field at the front of r; refuses the indefinite form and every form that is not the shortest. */
static bool take_length(hf_reader *r, size_t *ret)
{
    uint8_t first = hf_get_u8(r);
    size_t n = first & 0x7fu, len = 0;
    if ((first & DER_LONG_LENGTH) == 0) {
        *ret = first;
        return !r->failed;
    }
    if (n == 0 || n > DER_LENGTH_BYTES_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        len = len << 8 | hf_get_u8(r);
        if (i == 0 && len == 0)
            return false;
    }
    *ret = len;
    return !r->failed && len >= DER_LONG_LENGTH;
}

bool hf_der_take(hf_view *in, uint8_t tag, hf_view *ret)
{
    hf_reader r = hf_reader_of(*in);
    size_t len = 0;
    if (hf_get_u8(&r) != tag || !take_length(&r, &len))
        return false;
    hf_view content = hf_get_view(&r, len);
    if (r.failed)
        return false;
    *ret = content;
    *in = r.left;
    return true;
}

bool hf_der_take_last(hf_view *in, uint8_t tag, hf_view *ret)
{
    hf_view rest = *in, content;
    if (!hf_der_take(&rest, tag, &content) || rest.len != 0)
        return false;
    *ret = content;
    *in = rest;
    return true;
}

bool hf_der_take_uint(hf_view *in, hf_view *ret)
{
    hf_view rest = *in, v = { 0 };
    if (!hf_der_take(&rest, HF_DER_INTEGER, &v) || v.len == 0 || (v.ptr[0] & 0x80) != 0)
        return false;
    if (v.len > 1 && v.ptr[0] == 0) {
        if ((v.ptr[1] & 0x80) == 0)
            return false;
        v = hf_view_of(v.ptr + 1, v.len - 1);
    }
    *ret = v;
    *in = rest;
    return true;
}

bool hf_der_take_small(hf_view *in, uint8_t value)
{
    hf_view rest = *in, v;
    if (!hf_der_take_uint(&rest, &v) || v.len != 1 || v.ptr[0] != value)
        return false;
    *in = rest;
    return true;
}

bool hf_der_take_bits(hf_view *in, hf_view *ret)
{
    hf_view rest = *in, v;
    if (!hf_der_take(&rest, HF_DER_BIT_STRING, &v) || v.len == 0 || v.ptr[0] != 0)
        return false;
    *ret = hf_view_of(v.ptr + 1, v.len - 1);
    *in = rest;
    return true;
}

bool hf_der_next_is(hf_view in, uint8_t tag)
{
    return in.len > 0 && in.ptr[0] == tag;
}
