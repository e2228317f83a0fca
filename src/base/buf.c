#include "base/buf.h"

#include <endian.h>
#include <string.h>

bool hf_view_eq_str(hf_view a, const char *text)
{
    return hf_view_eq(a, hf_view_str(text));
}

hf_err hf_view_to_str(hf_view v, char *dst, size_t cap)
{
    HF_CHECK(v.len < cap, HF_ERR_BOUNDS);
    HF_CHECK(v.len == 0 || memchr(v.ptr, 0, v.len) == NULL, HF_ERR_BOUNDS);
    if (v.len > 0)
        memcpy(dst, v.ptr, v.len);
    dst[v.len] = '\0';
    return HF_OK;
}

bool hf_ct_equal(const void *a, const void *b, size_t n)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t diff = 0;

    for (size_t i = 0; i < n; i++)
        diff = (uint8_t)(diff | (x[i] ^ y[i]));
    return diff == 0;
}

void hf_wipe(void *p, size_t n)
{
    if (n > 0)
        explicit_bzero(p, n);
}

/* ---- writer ---- */

/* n from 1 to 8. */
static inline void put_be(hf_writer *w, uint64_t v, size_t n)
{
    uint64_t bytes = htobe64(v << (64 - 8 * n));

    hf_put_bytes(w, &bytes, n);
}

void hf_put_u8(hf_writer *w, uint8_t v)
{
    put_be(w, v, 1);
}

void hf_put_u16(hf_writer *w, uint16_t v)
{
    put_be(w, v, 2);
}

void hf_put_u32(hf_writer *w, uint32_t v)
{
    put_be(w, v, 4);
}

void hf_put_u64(hf_writer *w, uint64_t v)
{
    put_be(w, v, 8);
}

void hf_put_view16(hf_writer *w, hf_view v)
{
    if (v.len > UINT16_MAX) {
        w->failed = true;
        return;
    }
    hf_put_u16(w, (uint16_t)v.len);
    hf_put_view(w, v);
}

void hf_put_view32(hf_writer *w, hf_view v)
{
    if (v.len > UINT32_MAX) {
        w->failed = true;
        return;
    }
    hf_put_u32(w, (uint32_t)v.len);
    hf_put_view(w, v);
}

/* ---- reader ---- */

static inline uint64_t get_be(hf_reader *r, size_t n)
{
    hf_view v = hf_get_view(r, n);
    uint64_t x = 0;

    for (size_t i = 0; i < v.len; i++)
        x = (x << 8) | v.ptr[i];
    return x;
}

uint8_t hf_get_u8(hf_reader *r)
{
    return (uint8_t)get_be(r, 1);
}

uint16_t hf_get_u16(hf_reader *r)
{
    return (uint16_t)get_be(r, 2);
}

uint32_t hf_get_u32(hf_reader *r)
{
    return (uint32_t)get_be(r, 4);
}

uint64_t hf_get_u64(hf_reader *r)
{
    return get_be(r, 8);
}

void hf_get_bytes(hf_reader *r, void *dst, size_t len)
{
    hf_view v = hf_get_view(r, len);

    if (v.len == len && len > 0)
        memcpy(dst, v.ptr, len);
    else if (len > 0)
        memset(dst, 0, len);
}

hf_view hf_get_view16(hf_reader *r)
{
    return hf_get_view(r, hf_get_u16(r));
}

hf_view hf_get_view32(hf_reader *r)
{
    return hf_get_view(r, hf_get_u32(r));
}

hf_err hf_reader_done(const hf_reader *r)
{
    return !r->failed && r->left.len == 0 ? HF_OK : HF_ERR_MALFORMED;
}
