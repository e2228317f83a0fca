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

/* ---- in a text of somebody else ---- */

/* The next line, without its end and the blanks before that. */
static hf_view line_take(hf_view *text)
{
    size_t n = 0;

    while (n < text->len && text->ptr[n] != '\n' && text->ptr[n] != '\r')
        n++;
    hf_view line = hf_view_of(text->ptr, n);
    n += n < text->len;
    *text = hf_view_of(text->ptr + n, text->len - n);
    while (line.len > 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t'))
        line.len--;
    return line;
}

static bool starts(hf_view line, const char *with)
{
    size_t n = strlen(with);

    return line.len >= n && hf_view_eq_str(hf_view_of(line.ptr, n), with);
}

typedef enum pem_place { PEM_BEFORE, PEM_INSIDE, PEM_AFTER } pem_place;

static hf_err line_read(hf_view line, pem_place *place, hf_writer *letters)
{
    if (starts(line, "-----BEGIN ")) {
        HF_CHECK(*place == PEM_BEFORE && hf_view_eq_str(line, "-----BEGIN PUBLIC KEY-----"), HF_ERR_MALFORMED);
        *place = PEM_INSIDE;
    } else if (starts(line, "-----END ")) {
        HF_CHECK(*place == PEM_INSIDE && hf_view_eq_str(line, end_line), HF_ERR_MALFORMED);
        *place = PEM_AFTER;
    } else if (*place == PEM_INSIDE) {
        hf_put_view(letters, line);
    }
    return HF_OK;
}

hf_err hf_spki_pem_find(hf_view text, uint8_t *dst, size_t cap, size_t *ret_len)
{
    uint8_t letters[HF_SPKI_PEM_CAP];
    hf_writer w = hf_writer_on(letters, sizeof letters);
    pem_place place = PEM_BEFORE;

    while (text.len > 0)
        HF_TRY(line_read(line_take(&text), &place, &w));
    HF_CHECK(place == PEM_AFTER && w.len != 0, HF_ERR_MALFORMED);
    HF_CHECK(!w.failed, HF_ERR_BOUNDS);
    return hf_b64_decode(hf_writer_view(&w), dst, cap, ret_len);
}
