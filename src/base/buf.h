/*
 * Views, writers and readers over bytes. None of them owns memory or allocates.
 *
 * hf_view borrows bytes: it is valid as long as whoever lent them says. Secrets have a type of
 * their own (hf_secret in <holdfast/secret.h>) that does not convert to a view by itself.
 */
#ifndef HF_BASE_BUF_H
#define HF_BASE_BUF_H

#include "base/macros.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct hf_view {
    const uint8_t *ptr; /* may be NULL when len is 0 */
    size_t len;         /* bytes */
} hf_view;

static inline hf_view hf_view_of(const void *ptr, size_t len)
{
    return (hf_view) { .ptr = ptr, .len = len };
}
/* Without the NUL; NULL gives an empty view. */
static inline hf_view hf_view_str(const char *text)
{
    return hf_view_of(text, text == NULL ? 0 : strlen(text));
}
/* Not constant time: never for secrets or MACs. */
static inline bool hf_view_eq(hf_view a, hf_view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
bool hf_view_eq_str(hf_view a, const char *text);

/* Copies text and a NUL into dst of cap bytes. HF_ERR_BOUNDS when it does not fit or holds a NUL. */
hf_err hf_view_to_str(hf_view v, char *dst, size_t cap) HF_MUST_USE;

/* Equal in time that depends only on n. Leaks: n. */
bool hf_ct_equal(const void *a, const void *b, size_t n);

/* Overwrites n bytes with zero; the compiler may not remove it. */
void hf_wipe(void *p, size_t n);

/*
 * A writer fills a buffer that the caller owns. Integers are big endian. The first write that does
 * not fit sets `failed`; later writes then do nothing, so only the end needs a check.
 */
typedef struct hf_writer {
    uint8_t *ptr;
    size_t cap;
    size_t len;
    bool failed;
} hf_writer;

static inline hf_writer hf_writer_on(void *ptr, size_t cap)
{
    return (hf_writer) { .ptr = ptr, .cap = cap };
}
void hf_put_u8(hf_writer *w, uint8_t v);
void hf_put_u16(hf_writer *w, uint16_t v);
void hf_put_u32(hf_writer *w, uint32_t v);
void hf_put_u64(hf_writer *w, uint64_t v);
static inline void hf_put_bytes(hf_writer *w, const void *ptr, size_t len)
{
    if (w->failed || len > w->cap - w->len) {
        w->failed = true;
        return;
    }
    if (len > 0)
        memcpy(w->ptr + w->len, ptr, len);
    w->len += len;
}
static inline void hf_put_view(hf_writer *w, hf_view v)
{
    hf_put_bytes(w, v.ptr, v.len);
}
/* u16 length, then the bytes; fails above 65535. */
void hf_put_view16(hf_writer *w, hf_view v);
/* u32 length, then the bytes. */
void hf_put_view32(hf_writer *w, hf_view v);
static inline hf_view hf_writer_view(const hf_writer *w)
{
    return hf_view_of(w->ptr, w->len);
}

/* A reader takes from a view. The first read past the end sets `failed`; reads then give zeros. */
typedef struct hf_reader {
    hf_view left;
    bool failed;
} hf_reader;

static inline hf_reader hf_reader_of(hf_view v)
{
    return (hf_reader) { .left = v };
}
/* Borrows from the reader's bytes. */
static inline hf_view hf_get_view(hf_reader *r, size_t len)
{
    if (r->failed || len > r->left.len) {
        r->failed = true;
        return hf_view_of(NULL, 0);
    }
    hf_view v = hf_view_of(r->left.ptr, len);
    if (len > 0)
        r->left.ptr += len;
    r->left.len -= len;
    return v;
}
uint8_t hf_get_u8(hf_reader *r);
uint16_t hf_get_u16(hf_reader *r);
uint32_t hf_get_u32(hf_reader *r);
uint64_t hf_get_u64(hf_reader *r);
void hf_get_bytes(hf_reader *r, void *dst, size_t len);
hf_view hf_get_view16(hf_reader *r);
hf_view hf_get_view32(hf_reader *r);
/* HF_OK when nothing failed and nothing is left; HF_ERR_MALFORMED else. */
hf_err hf_reader_done(const hf_reader *r) HF_MUST_USE;

#endif
