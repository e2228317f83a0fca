#include "base/text.h"

#include <string.h>

static const char b64_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char b64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t encode_with(const char *alphabet, bool pad, hf_view in, char *dst)
{
    char *out = dst;
    size_t i = 0;

    for (; i + 3 <= in.len; i += 3) {
        uint32_t v = (uint32_t)in.ptr[i] << 16 | (uint32_t)in.ptr[i + 1] << 8 | in.ptr[i + 2];
        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = alphabet[v >> 6 & 63];
        *out++ = alphabet[v & 63];
    }
    if (i < in.len) {
        bool two = i + 2 == in.len;
        uint32_t v = (uint32_t)in.ptr[i] << 16 | (two ? (uint32_t)in.ptr[i + 1] << 8 : 0);
        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        if (two)
            *out++ = alphabet[v >> 6 & 63];
        else if (pad)
            *out++ = '=';
        if (pad)
            *out++ = '=';
    }
    return (size_t)(out - dst);
}

size_t hf_b64_encode(hf_view in, char *dst)
{
    return encode_with(b64_std, true, in, dst);
}

size_t hf_b64url_encode(hf_view in, char *dst)
{
    return encode_with(b64_url, false, in, dst);
}

/* Value of a character, 64 and above when it is not in the alphabet. */
static uint32_t value_of(uint8_t c, char c62, char c63)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0' + 52);
    if (c == (uint8_t)c62)
        return 62;
    return c == (uint8_t)c63 ? 63 : 64;
}

/* Decodes characters without padding: whole groups of four and a rest of 0, 2 or 3. */
static hf_err decode_with(char c62, char c63, hf_view in, uint8_t *dst, size_t cap, size_t *ret_len)
{
    size_t rest = in.len % 4, len = in.len / 4 * 3 + (rest == 0 ? 0 : rest - 1), out = 0;
    uint32_t acc = 0;

    HF_CHECK(rest != 1, HF_ERR_MALFORMED);
    HF_CHECK(len <= cap, HF_ERR_BOUNDS);
    for (size_t i = 0; i < in.len; i++) {
        uint32_t v = value_of(in.ptr[i], c62, c63);
        HF_CHECK(v < 64, HF_ERR_MALFORMED);
        acc = acc << 6 | v;
        if (i % 4 == 3) {
            dst[out++] = (uint8_t)(acc >> 16);
            dst[out++] = (uint8_t)(acc >> 8);
            dst[out++] = (uint8_t)acc;
            acc = 0;
        }
    }
    if (rest == 2) {
        HF_CHECK((acc & 15) == 0, HF_ERR_MALFORMED);
        dst[out++] = (uint8_t)(acc >> 4);
    } else if (rest == 3) {
        HF_CHECK((acc & 3) == 0, HF_ERR_MALFORMED);
        dst[out++] = (uint8_t)(acc >> 10);
        dst[out++] = (uint8_t)(acc >> 2);
    }
    *ret_len = out;
    return HF_OK;
}

hf_err hf_b64_decode(hf_view in, uint8_t *dst, size_t cap, size_t *ret_len)
{
    HF_CHECK(in.len % 4 == 0, HF_ERR_MALFORMED);
    for (int pad = 0; pad < 2 && in.len > 0 && in.ptr[in.len - 1] == '='; pad++)
        in.len--;
    return decode_with('+', '/', in, dst, cap, ret_len);
}

hf_err hf_b64url_decode(hf_view in, uint8_t *dst, size_t cap, size_t *ret_len)
{
    return decode_with('-', '_', in, dst, cap, ret_len);
}

void hf_hex_encode(hf_view in, char *dst)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < in.len; i++) {
        dst[2 * i] = digits[in.ptr[i] >> 4];
        dst[2 * i + 1] = digits[in.ptr[i] & 15];
    }
    dst[2 * in.len] = '\0';
}

static int nibble_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

hf_err hf_hex_decode(hf_view in, uint8_t *dst, size_t cap, size_t *ret_len)
{
    HF_CHECK(in.len % 2 == 0, HF_ERR_MALFORMED);
    HF_CHECK(in.len / 2 <= cap, HF_ERR_BOUNDS);
    for (size_t i = 0; i < in.len / 2; i++) {
        int hi = nibble_of(in.ptr[2 * i]), lo = nibble_of(in.ptr[2 * i + 1]);
        HF_CHECK(hi >= 0 && lo >= 0, HF_ERR_MALFORMED);
        dst[i] = (uint8_t)(hi << 4 | lo);
    }
    *ret_len = in.len / 2;
    return HF_OK;
}

static bool dash_after(size_t byte)
{
    return byte == 3 || byte == 5 || byte == 7 || byte == 9;
}

void hf_uuid_format(const uint8_t id[static 16], char dst[static HF_UUID_CAP])
{
    char *out = dst;

    for (size_t i = 0; i < 16; i++) {
        hf_hex_encode((hf_view) { &id[i], 1 }, out);
        out += 2;
        if (dash_after(i))
            *out++ = '-';
    }
    *out = '\0';
}

hf_err hf_uuid_parse(hf_view in, uint8_t ret_id[static 16])
{
    uint8_t id[16];
    size_t at = 0, n;

    HF_CHECK(in.len == HF_UUID_CAP - 1, HF_ERR_MALFORMED);
    for (size_t i = 0; i < 16; i++) {
        HF_TRY(hf_hex_decode((hf_view) { in.ptr + at, 2 }, &id[i], 1, &n));
        at += 2;
        if (dash_after(i))
            HF_CHECK(in.ptr[at++] == '-', HF_ERR_MALFORMED);
    }
    memcpy(ret_id, id, sizeof(id));
    return HF_OK;
}

static bool is_alnum(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool all_word_characters(hf_view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (!is_alnum(v.ptr[i]) && v.ptr[i] != '.' && v.ptr[i] != '_' && v.ptr[i] != '-')
            return false;
    return true;
}

bool hf_name_ok(hf_view name)
{
    uint8_t id[16];

    return name.len >= 1 && name.len <= 64 && is_alnum(name.ptr[0]) && all_word_characters(name) &&
           hf_uuid_parse(name, id) != HF_OK;
}

bool hf_request_id_ok(hf_view id)
{
    return id.len >= 1 && id.len <= 64 && all_word_characters(id);
}

/* Bytes of the UTF-8 sequence at p, 0 when it is not one (RFC 3629, table of section 4). */
static size_t utf8_length(const uint8_t *p, size_t left)
{
    uint8_t c = p[0], low = 0x80, high = 0xbf;
    size_t n;

    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        n = 2;
    else if (c >= 0xe0 && c <= 0xef)
        n = 3;
    else if (c >= 0xf0 && c <= 0xf4)
        n = 4;
    else
        return 0;
    if (n > left)
        return 0;
    if (c == 0xe0)
        low = 0xa0;
    if (c == 0xed)
        high = 0x9f;
    if (c == 0xf0)
        low = 0x90;
    if (c == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return n;
}

/* Are the eight bytes at p all from 0x20 to 0x7e? Sets the high bit of each byte that is not. */
static bool eight_plain(const uint8_t *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    uint64_t below_space = v - ones * 0x20;   /* also set for bytes above 0x9f, which `v` names anyway */
    uint64_t is_delete = (v ^ ones * 0x7f) - ones; /* exact where no byte has its high bit set */
    return ((v | below_space | is_delete) & high) == 0;
}

bool hf_text_ok(hf_view text)
{
    for (size_t i = 0; i < text.len;) {
        if (text.len - i >= 8 && eight_plain(text.ptr + i)) {
            i += 8;
            continue;
        }
        uint8_t c = text.ptr[i];
        size_t n = utf8_length(text.ptr + i, text.len - i);
        /* C0, DEL, and the C1 range that UTF-8 spells c2 80 to c2 9f */
        if (n == 0 || c < 0x20 || c == 0x7f || (c == 0xc2 && text.ptr[i + 1] < 0xa0))
            return false;
        i += n;
    }
    return true;
}
