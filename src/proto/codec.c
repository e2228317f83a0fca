#include "proto/codec.h"

#include "base/text.h"
#include <string.h>

size_t hf_message_max_body(uint16_t type)
{
    const hf_message_row *row = hf_message_row_of(type);

    return row == NULL ? 0 : row->max_bytes;
}

bool hf_message_allowed(uint16_t type, hf_peer_role from)
{
    const hf_message_row *row = hf_message_row_of(type);

    return row != NULL && (row->senders & (1u << from)) != 0;
}

static hf_err put_variable(const hf_field *f, hf_view v, hf_writer *w)
{
    HF_CHECK(v.len <= f->bound, HF_ERR_BOUNDS);
    hf_put_view32(w, v);
    return HF_OK;
}

static hf_err put_secret(const hf_field *f, const hf_secret *s, hf_writer *w)
{
    HF_CHECK(s != NULL && hf_secret_len(s) >= 1, HF_ERR_BOUNDS);
    return put_variable(f, hf_view_of(hf_secret_read(s), hf_secret_len(s)), w);
}

static hf_err put_field(const hf_field *f, const void *at, hf_writer *w)
{
    switch (f->kind) {
    case HF_FIELD_U8:
        hf_put_u8(w, *(const uint8_t *)at);
        break;
    case HF_FIELD_BOOL:
        hf_put_u8(w, *(const bool *)at ? 1 : 0);
        break;
    case HF_FIELD_U16:
        hf_put_u16(w, *(const uint16_t *)at);
        break;
    case HF_FIELD_U32:
        hf_put_u32(w, *(const uint32_t *)at);
        break;
    case HF_FIELD_U64:
        hf_put_u64(w, *(const uint64_t *)at);
        break;
    case HF_FIELD_I64:
        hf_put_u64(w, (uint64_t)(*(const int64_t *)at));
        break;
    case HF_FIELD_FIXED:
        hf_put_bytes(w, at, f->bound);
        break;
    case HF_FIELD_TEXT:
        HF_CHECK(hf_text_ok(*(const hf_view *)at), HF_ERR_BOUNDS);
        return put_variable(f, *(const hf_view *)at, w);
    case HF_FIELD_BYTES:
        return put_variable(f, *(const hf_view *)at, w);
    case HF_FIELD_SECRET:
        return put_secret(f, *(hf_secret *const *)at, w);
    }
    return HF_OK;
}

hf_err hf_fields_encode(const hf_field *fields, size_t n, const void *m, hf_writer *w)
{
    for (size_t i = 0; i < n; i++)
        HF_TRY(put_field(&fields[i], (const uint8_t *)m + fields[i].offset, w));
    return w->failed ? HF_ERR_BOUNDS : HF_OK;
}

static hf_err take_bool(hf_reader *r, bool *ret)
{
    uint8_t v = hf_get_u8(r);

    HF_CHECK(v <= 1, HF_ERR_MALFORMED);
    *ret = v == 1;
    return HF_OK;
}

static hf_err take_variable(const hf_field *f, hf_reader *r, hf_view *ret)
{
    hf_view v = hf_get_view32(r);

    HF_CHECK(!r->failed && v.len <= f->bound, HF_ERR_MALFORMED);
    HF_CHECK(f->kind != HF_FIELD_TEXT || hf_text_ok(v), HF_ERR_MALFORMED);
    *ret = v;
    return HF_OK;
}

static hf_err take_secret(const hf_field *f, hf_reader *r, hf_secret **ret)
{
    hf_view v = hf_get_view32(r);

    hf_err e = !r->failed && v.len >= 1 && v.len <= f->bound ? hf_secret_copy(v.ptr, v.len, ret) : HF_ERR_MALFORMED;
    hf_wipe((uint8_t *)(uintptr_t)v.ptr, v.len); /* also when it was refused */
    return e;
}

static hf_err take_field(const hf_field *f, hf_reader *r, void *at)
{
    switch (f->kind) {
    case HF_FIELD_U8:
        *(uint8_t *)at = hf_get_u8(r);
        break;
    case HF_FIELD_BOOL:
        return take_bool(r, at);
    case HF_FIELD_U16:
        *(uint16_t *)at = hf_get_u16(r);
        break;
    case HF_FIELD_U32:
        *(uint32_t *)at = hf_get_u32(r);
        break;
    case HF_FIELD_U64:
        *(uint64_t *)at = hf_get_u64(r);
        break;
    case HF_FIELD_I64:
        *(int64_t *)at = (int64_t)hf_get_u64(r);
        break;
    case HF_FIELD_FIXED:
        hf_get_bytes(r, at, f->bound);
        break;
    case HF_FIELD_TEXT:
    case HF_FIELD_BYTES:
        return take_variable(f, r, at);
    case HF_FIELD_SECRET:
        return take_secret(f, r, at);
    }
    return r->failed ? HF_ERR_MALFORMED : HF_OK;
}

static void free_secrets(const hf_field *fields, size_t n, void *m)
{
    for (size_t i = 0; i < n; i++)
        if (fields[i].kind == HF_FIELD_SECRET)
            hf_secret_freep((hf_secret **)(void *)((uint8_t *)m + fields[i].offset));
}

hf_err hf_fields_decode(const hf_field *fields, size_t n, hf_view body, void *ret, size_t size)
{
    hf_reader r = hf_reader_of(body);
    hf_err e = HF_OK;

    memset(ret, 0, size);
    for (size_t i = 0; i < n && e == HF_OK; i++)
        e = take_field(&fields[i], &r, (uint8_t *)ret + fields[i].offset);
    if (e == HF_OK)
        e = hf_reader_done(&r);
    if (e != HF_OK) {
        free_secrets(fields, n, ret);
        memset(ret, 0, size);
    }
    return e;
}

hf_err hf_record_encode(const hf_field *fields, size_t n, const void *m, hf_writer *w)
{
    size_t at = w->len;

    hf_put_u32(w, 0);
    HF_TRY(hf_fields_encode(fields, n, m, w));
    hf_writer length = hf_writer_on(w->ptr + at, 4);
    hf_put_u32(&length, (uint32_t)(w->len - at - 4));
    return HF_OK;
}

bool hf_record_next(const hf_field *fields, size_t n, hf_reader *list, void *ret, size_t size)
{
    if (list->failed || list->left.len == 0)
        return false;
    hf_view body = hf_get_view32(list);
    if (list->failed || hf_fields_decode(fields, n, body, ret, size) != HF_OK) {
        list->failed = true;
        return false;
    }
    return true;
}
