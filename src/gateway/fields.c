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
        bool known = c->item && (hf_view_eq_str(text_of(key), "operation") || hf_view_eq_str(text_of(key), "key"));
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

/* Text that may have lines, as PEM has. */
static bool lines_ok(hf_view text)
{
    while (text.len > 0) {
        size_t n = 0;
        while (n < text.len && text.ptr[n] != '\n' && text.ptr[n] != '\r' && text.ptr[n] != '\t')
            n++;
        if (!hf_text_ok(hf_view_of(text.ptr, n)))
            return false;
        n += n < text.len;
        text = hf_view_of(text.ptr + n, text.len - n);
    }
    return true;
}

hf_err field_lines(call *c, const char *name, size_t max, hf_view *ret)
{
    yyjson_val *v = member(c, name);

    if (v == NULL)
        return HF_OK;
    if (!yyjson_is_str(v) || !lines_ok(text_of(v)))
        return call_unusable(c, "'%s' must be text", name);
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

#define NONCE_BYTES 12
#define CIPHERTEXT_MAX ((1u << 20) + 32) /* prefix and tag round 1 MiB */
#define ASSOCIATED_MAX 65536

hf_err field_sealed(call *c, hf_view *ret_ciphertext, hf_view *ret_nonce, hf_view *ret_associated)
{
    static const char *const members[] = { "ciphertext_b64", "nonce_b64", "associated_data_b64" };

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    HF_TRY(field_required(c, "ciphertext_b64"));
    HF_TRY(field_required(c, "nonce_b64"));
    HF_TRY(field_b64(c, "ciphertext_b64", CIPHERTEXT_MAX, ret_ciphertext));
    HF_TRY(field_b64(c, "nonce_b64", 64, ret_nonce));
    if (ret_nonce->len != NONCE_BYTES)
        return call_unusable(c, "'nonce_b64' must stand for %d bytes", NONCE_BYTES);
    return field_b64(c, "associated_data_b64", ASSOCIATED_MAX, ret_associated);
}

hf_err field_scheme(call *c, uint8_t *ret_scheme, uint8_t *ret_hash)
{
    hf_view scheme_name = { 0 }, hash_name = { 0 };
    hf_scheme scheme;
    hf_hash hash;

    HF_TRY(field_text(c, "scheme", 64, &scheme_name));
    HF_TRY(field_text(c, "hash", 64, &hash_name));
    if (hf_scheme_parse(scheme_name, &scheme) != HF_OK)
        return call_unusable(c, "'scheme' must be ecdsa-der, ecdsa-raw, ed25519, rsa-pss, rsa-pkcs1, ml-dsa or hmac");
    if (hf_hash_parse(hash_name, &hash) != HF_OK)
        return call_unusable(c, "'hash' must be sha256, sha384 or sha512");
    *ret_scheme = (uint8_t)scheme;
    *ret_hash = (uint8_t)hash;
    return HF_OK;
}

hf_err field_version(call *c, const char *name, uint32_t *ret)
{
    uint64_t version = 0;

    HF_TRY(field_uint(c, name, UINT32_MAX, &version));
    *ret = (uint32_t)version;
    return HF_OK;
}

/* ---- members of a key to be ---- */

hf_writer field_room(call *c, size_t cap)
{
    return hf_writer_on(c->scratch.ptr + c->scratch.len, hf_min_size(cap, c->scratch.cap - c->scratch.len));
}

hf_view field_keep(call *c, const hf_writer *w)
{
    c->scratch.len += w->len;
    return hf_writer_view(w);
}

hf_err field_algorithm(call *c, uint16_t *ret)
{
    hf_view name = { 0 };

    if (!field_present(c, "algorithm"))
        return HF_OK;
    HF_TRY(field_text(c, "algorithm", 64, &name));
    *ret = (uint16_t)hf_alg_parse(name);
    return *ret != HF_ALG_NONE ? HF_OK : call_unknown_algorithm(c);
}

hf_err field_usage(call *c, uint32_t *ret)
{
    yyjson_val *list = member(c, "usage"), *word;
    size_t i, max;

    if (list == NULL)
        return HF_OK;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) == 0)
        return call_unusable(c, "'usage' must be a list of words that is not empty");
    yyjson_arr_foreach(list, i, max, word)
    {
        uint32_t bit = hf_usage_parse(text_of(word));
        if (bit == 0 || (*ret & bit) != 0)
            return call_unusable(c, "'usage' holds a word that is unknown or stands twice");
        *ret |= bit;
    }
    return HF_OK;
}

#define TAG_MAX 128
#define TAGS_MAX 4096 /* bytes of all, with a u16 length each */

static bool has_tag(hf_view tags, hf_view tag)
{
    for (hf_reader r = hf_reader_of(tags); r.left.len > 0;)
        if (hf_view_eq(hf_get_view16(&r), tag))
            return true;
    return false;
}

hf_err field_tags(call *c, hf_view *ret)
{
    yyjson_val *list = member(c, "policy_tags"), *tag;
    hf_writer w = field_room(c, TAGS_MAX);
    size_t i, max;

    if (list == NULL)
        return HF_OK;
    if (!yyjson_is_arr(list))
        return call_unusable(c, "'policy_tags' must be a list of texts");
    yyjson_arr_foreach(list, i, max, tag)
    {
        hf_view text = text_of(tag);
        if (!yyjson_is_str(tag) || text.len == 0 || text.len > TAG_MAX || !hf_text_ok(text))
            return call_unusable(c, "a tag must be text of 1 to %d bytes without control characters", TAG_MAX);
        /* the filter of the list of keys separates them by commas */
        if (memchr(text.ptr, ',', text.len) != NULL)
            return call_unusable(c, "a tag must have no comma: a list of tags is separated by them");
        if (has_tag(hf_writer_view(&w), text))
            return call_unusable(c, "'policy_tags' holds a tag twice");
        hf_put_view16(&w, text);
        if (w.failed)
            return call_unusable(c, "the tags are too many or too long");
    }
    *ret = field_keep(c, &w);
    return HF_OK;
}

/* ---- headers ---- */

/* Of a structured field string (RFC 9651 section 3.3.3), quoted; what we allow inside needs no escapes. */
static hf_view unquoted(hf_view v)
{
    if (v.len >= 2 && v.ptr[0] == '"' && v.ptr[v.len - 1] == '"')
        return hf_view_of(v.ptr + 1, v.len - 2);
    return v;
}

static size_t header_count(const hf_http_request *r, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_headers; i++)
        n += hf_http_name_is(r->headers[i].name, name);
    return n;
}

hf_err header_idempotency(call *c)
{
    size_t n = header_count(c->http, "idempotency-key");

    if (n == 0)
        return HF_OK;
    hf_view key = unquoted(hf_http_find(c->http, "idempotency-key")->value);
    if (n > 1 || !hf_request_id_ok(key))
        return call_refuse(c, 400, "malformed",
                           "Idempotency-Key must stand once, with 1 to 64 of A-Z a-z 0-9 . _ -, in quotes or bare");
    c->head.idempotency_key = key;
    return HF_OK;
}

hf_err header_if_match(call *c, uint64_t *ret_generation)
{
    size_t n = header_count(c->http, "if-match");
    uint64_t generation = 0;

    *ret_generation = 0;
    if (n == 0)
        return HF_OK;
    hf_view tag = hf_http_find(c->http, "if-match")->value;
    if (n == 1 && hf_view_eq_str(tag, "*"))
        return HF_OK;
    hf_view digits = unquoted(tag);
    bool ok = n == 1 && digits.len + 2 == tag.len && digits.len > 0 && digits.len <= 16 && digits.ptr[0] != '0';
    for (size_t i = 0; ok && i < digits.len; i++) {
        ok = digits.ptr[i] >= '0' && digits.ptr[i] <= '9';
        generation = generation * 10 + (uint64_t)(digits.ptr[i] - '0');
    }
    if (!ok)
        return call_refuse(c, 412, "precondition_failed",
                           "If-Match names no state of this key; give one ETag as GET of the key answers it");
    c->format = 1;
    *ret_generation = generation;
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
