#include "gateway/route.h"

#include "base/names.h"
#include "base/num.h"
#include "base/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- refusing ---- */

static hf_err refuse_v(call *c, uint16_t status, const char *code, const char *format, va_list args)
{
    c->refusal.status = status;
    c->refusal.code = code;
    (void)vsnprintf(c->refusal.detail, sizeof(c->refusal.detail), format, args);
    return HF_ERR_INVALID;
}

hf_err call_refuse(call *c, uint16_t status, const char *code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    hf_err e = refuse_v(c, status, code, format, args);
    va_end(args);
    return e;
}

hf_err call_unusable(call *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    hf_err e = refuse_v(c, 422, "unprocessable", format, args);
    va_end(args);
    return e;
}

hf_err call_unknown_algorithm(call *c)
{
    char known[192] = "";
    const char *name;
    size_t len = 0;

    for (hf_alg a = HF_ALG_NONE + 1; len < sizeof(known) && (name = hf_alg_name(a)) != NULL; a++)
        len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", len == 0 ? "" : ", ", name);
    return call_unusable(c, "'algorithm' must be one of %s", known);
}

/* ---- the body ---- */

static yyjson_val *member(const call *c, const char *name)
{
    return c->body == NULL ? NULL : yyjson_obj_get(c->body, name);
}

static hf_view text_of(yyjson_val *v)
{
    return hf_view_of(yyjson_get_str(v), yyjson_get_len(v));
}

bool field_present(const call *c, const char *name)
{
    return member(c, name) != NULL;
}

static hf_err refuse_unknown(call *c, hf_view name)
{
    if (name.len <= 64 && hf_text_ok(name))
        return call_unusable(c, "there is no member '%.*s' here", (int)name.len, (const char *)name.ptr);
    return call_unusable(c, "the body has an unknown member");
}

hf_err field_only(call *c, const char *const *names, size_t n)
{
    size_t i, max;
    yyjson_val *key, *value;

    if (c->body == NULL)
        return HF_OK;
    yyjson_obj_foreach(c->body, i, max, key, value)
    {
        bool known = false;
        for (size_t k = 0; k < n && !known; k++)
            known = hf_view_eq_str(text_of(key), names[k]);
        if (!known)
            return refuse_unknown(c, text_of(key));
    }
    return HF_OK;
}

hf_err field_required(call *c, const char *name)
{
    return member(c, name) != NULL ? HF_OK : call_unusable(c, "the member '%s' is needed", name);
}

hf_err field_text(call *c, const char *name, size_t max, hf_view *ret)
{
    yyjson_val *v = member(c, name);

    if (v == NULL)
        return HF_OK;
    if (!yyjson_is_str(v) || !hf_text_ok(text_of(v)))
        return call_unusable(c, "'%s' must be text without control characters", name);
    if (yyjson_get_len(v) > max)
        return call_unusable(c, "'%s' may have at most %zu bytes", name, max);
    *ret = text_of(v);
    return HF_OK;
}

hf_err field_b64(call *c, const char *name, size_t max, hf_view *ret)
{
    yyjson_val *v = member(c, name);
    size_t len = 0;

    if (v == NULL)
        return HF_OK;
    if (!yyjson_is_str(v))
        return call_unusable(c, "'%s' must be text", name);
    uint8_t *dst = c->scratch.ptr + c->scratch.len;
    size_t cap = c->scratch.cap - c->scratch.len;
    if (hf_b64_decode(text_of(v), dst, cap, &len) != HF_OK) {
        hf_wipe(dst, hf_min_size(cap, HF_B64_MAX_BYTES(yyjson_get_len(v)))); /* what was decoded before the fault */
        return call_unusable(c, "'%s' must be standard base64 with padding", name);
    }
    c->scratch.len += len;
    if (len > max)
        return call_refuse(c, 413, "too_large", "'%s' may stand for at most %zu bytes", name, max);
    *ret = hf_view_of(dst, len);
    return HF_OK;
}

hf_err field_uint(call *c, const char *name, uint64_t max, uint64_t *ret)
{
    yyjson_val *v = member(c, name);

    if (v == NULL)
        return HF_OK;
    if (!yyjson_is_uint(v) || yyjson_get_uint(v) > max)
        return call_unusable(c, "'%s' must be a whole number, at most %llu", name, (unsigned long long)max);
    *ret = yyjson_get_uint(v);
    return HF_OK;
}

hf_err field_payload(call *c, hf_view *ret, bool *ret_prehashed)
{
    bool payload = field_present(c, "payload_b64"), digest = field_present(c, "digest_b64");

    if (payload == digest)
        return call_unusable(c, "one of 'payload_b64' and 'digest_b64' is needed");
    HF_TRY(field_b64(c, "payload_b64", 1u << 20, ret));
    HF_TRY(field_b64(c, "digest_b64", 64, ret));
    *ret_prehashed = digest;
    return HF_OK;
}

hf_err field_scheme(call *c, uint8_t *ret_scheme, uint8_t *ret_hash)
{
    hf_view scheme_name = { 0 }, hash_name = { 0 };
    hf_scheme scheme;
    hf_hash hash;

    HF_TRY(field_text(c, "scheme", 64, &scheme_name));
    HF_TRY(field_text(c, "hash", 64, &hash_name));
    if (hf_scheme_parse(scheme_name, &scheme) != HF_OK)
        return call_unusable(c, "'scheme' is not one that is known here");
    if (hf_hash_parse(hash_name, &hash) != HF_OK)
        return call_unusable(c, "'hash' is not one that is known here");
    *ret_scheme = (uint8_t)scheme;
    *ret_hash = (uint8_t)hash;
    return HF_OK;
}

/* ---- the query ---- */

static query_field *query_row(query_field *rows, size_t n, hf_view name)
{
    for (size_t i = 0; i < n; i++)
        if (hf_view_eq_str(name, rows[i].name))
            return &rows[i];
    return NULL;
}

hf_err query_read(call *c, query_field *rows, size_t n)
{
    hf_view query = c->http->query;
    hf_http_parameter p;
    bool got = false;

    for (;;) {
        if (hf_http_query_next(&query, &c->scratch, &p, &got) != HF_OK || (got && !hf_text_ok(p.value)))
            return call_refuse(c, 400, "malformed", "the query is not well-formed");
        if (!got)
            return HF_OK;
        query_field *row = query_row(rows, n, p.name);
        if (row == NULL)
            return call_unusable(c, "the query has an unknown parameter");
        if (row->present)
            return call_refuse(c, 400, "malformed", "the parameter '%s' stands twice", row->name);
        row->present = true;
        row->value = p.value;
    }
}

hf_err query_uint(call *c, const query_field *row, uint64_t min, uint64_t max, uint64_t otherwise, uint64_t *ret)
{
    uint64_t n = 0;

    if (!row->present) {
        *ret = otherwise;
        return HF_OK;
    }
    bool ok = row->value.len > 0 && row->value.len <= 19;
    for (size_t i = 0; ok && i < row->value.len; i++) {
        ok = row->value.ptr[i] >= '0' && row->value.ptr[i] <= '9';
        n = n * 10 + (uint64_t)(row->value.ptr[i] - '0');
    }
    if (!ok || n < min || n > max)
        return call_unusable(c, "'%s' must be a whole number from %llu to %llu", row->name, (unsigned long long)min,
                             (unsigned long long)max);
    *ret = n;
    return HF_OK;
}
