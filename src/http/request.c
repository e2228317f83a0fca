#include "http/request.h"

#include <string.h>
#include <strings.h>

bool hf_http_name_is(hf_view name, const char *expected)
{
    return name.len == strlen(expected) && strncasecmp((const char *)name.ptr, expected, name.len) == 0;
}

const hf_http_header *hf_http_find(const hf_http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (hf_http_name_is(r->headers[i].name, name))
            return &r->headers[i];
    return NULL;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static hf_err decode(hf_view in, bool plus_is_space, uint8_t highest, hf_writer *out)
{
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.ptr[i] == '+' && plus_is_space ? ' ' : in.ptr[i];
        if (c == '%') {
            HF_CHECK(in.len - i > 2, HF_ERR_MALFORMED);
            int high = hex_digit(in.ptr[i + 1]), low = hex_digit(in.ptr[i + 2]);
            HF_CHECK(high >= 0 && low >= 0, HF_ERR_MALFORMED);
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        HF_CHECK(c >= 0x20 && c != 0x7f && c <= highest, HF_ERR_MALFORMED);
        hf_put_u8(out, c);
    }
    return out->failed ? HF_ERR_BOUNDS : HF_OK;
}

hf_err hf_http_percent_decode(hf_view in, hf_writer *out)
{
    return decode(in, false, 0x7e, out);
}

/* Cuts the part before the first `mark` off *v; all of it when there is none. */
static hf_view cut(hf_view *v, uint8_t mark)
{
    const uint8_t *at = v->len > 0 ? memchr(v->ptr, mark, v->len) : NULL;
    size_t n = at == NULL ? v->len : (size_t)(at - v->ptr);
    hf_view part = { v->ptr, n };

    *v = at == NULL ? hf_view_of(NULL, 0) : hf_view_of(at + 1, v->len - n - 1);
    return part;
}

static hf_err decode_part(hf_view in, hf_writer *scratch, hf_view *ret)
{
    size_t start = scratch->len;

    HF_TRY(decode(in, true, 0xff, scratch));
    *ret = hf_view_of(scratch->ptr + start, scratch->len - start);
    return HF_OK;
}

hf_err hf_http_query_next(hf_view *query, hf_writer *scratch, hf_http_parameter *ret, bool *ret_got)
{
    hf_http_parameter p;

    if (query->len == 0) {
        *ret_got = false;
        return HF_OK;
    }
    hf_view value = cut(query, '&');
    hf_view name = cut(&value, '=');
    HF_TRY(decode_part(name, scratch, &p.name));
    HF_TRY(decode_part(value, scratch, &p.value));
    HF_CHECK(p.name.len > 0, HF_ERR_MALFORMED);
    *ret = p;
    *ret_got = true;
    return HF_OK;
}

static hf_view trim(hf_view v)
{
    while (v.len > 0 && (v.ptr[0] == ' ' || v.ptr[0] == '\t'))
        v = hf_view_of(v.ptr + 1, v.len - 1);
    while (v.len > 0 && (v.ptr[v.len - 1] == ' ' || v.ptr[v.len - 1] == '\t'))
        v.len--;
    return v;
}

/* RFC 9110 section 12.4.2: a weight of 0, 0., 0.0 ... means "not acceptable". */
static bool weight_is_zero(hf_view parameters)
{
    while (parameters.len > 0) {
        hf_view value = trim(cut(&parameters, ';'));
        hf_view name = trim(cut(&value, '='));
        if (!hf_http_name_is(name, "q"))
            continue;
        value = trim(value);
        if (value.len == 0)
            return true;
        for (size_t i = 0; i < value.len; i++)
            if (value.ptr[i] != '0' && value.ptr[i] != '.')
                return false;
        return true;
    }
    return false;
}

/* How exactly a media range fits: 0 not at all, 1 by * / *, 2 by type / *, 3 by name. */
static int range_fit(hf_view range, const char *type, const char *subtype)
{
    hf_view major = trim(cut(&range, '/'));
    hf_view minor = trim(range);

    if (hf_view_eq_str(major, "*"))
        return hf_view_eq_str(minor, "*") ? 1 : 0;
    if (!hf_http_name_is(major, type))
        return 0;
    if (hf_view_eq_str(minor, "*"))
        return 2;
    return hf_http_name_is(minor, subtype) ? 3 : 0;
}

/* The most exact range that fits decides (RFC 9110 section 12.5.1). */
bool hf_http_accepts(const hf_http_request *r, const char *type, const char *subtype)
{
    bool any_header = false, admitted = false;
    int best = 0;

    for (size_t i = 0; i < r->n_headers; i++) {
        if (!hf_http_name_is(r->headers[i].name, "accept"))
            continue;
        any_header = true;
        for (hf_view list = r->headers[i].value; list.len > 0;) {
            hf_view parameters = cut(&list, ',');
            int fit = range_fit(trim(cut(&parameters, ';')), type, subtype);
            if (fit < best || fit == 0)
                continue;
            admitted = !weight_is_zero(parameters) || (fit == best && admitted);
            best = fit;
        }
    }
    return !any_header || admitted;
}

bool hf_http_content_is(const hf_http_request *r, const char *media_type)
{
    const hf_http_header *h = hf_http_find(r, "content-type");

    if (h == NULL)
        return false;
    hf_view value = h->value;
    return hf_http_name_is(trim(cut(&value, ';')), media_type);
}
