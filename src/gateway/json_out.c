#include "gateway/json_out.h"

#include "base/text.h"
#include "base/time.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 4096
#define KEPT_BYTES (256u << 10) /* a larger buffer is given back */

void json_out_free(json_out *o)
{
    if (o->bytes != NULL)
        hf_wipe(o->bytes, o->len);
    free(o->bytes);
    *o = (json_out) { 0 };
}

void json_out_reset(json_out *o)
{
    if (o->cap > KEPT_BYTES) {
        json_out_free(o);
        return;
    }
    if (o->bytes != NULL)
        hf_wipe(o->bytes, o->len);
    o->len = 0;
    o->failed = o->comma = false;
}

hf_view json_out_view(const json_out *o)
{
    return hf_view_of(o->bytes, o->len);
}

static char *room(json_out *o, size_t n)
{
    if (o->failed)
        return NULL;
    if (n > o->cap - o->len) {
        size_t cap = o->cap * 2 > o->len + n ? o->cap * 2 : o->len + n;
        char *bigger = malloc(cap < FIRST_BYTES ? FIRST_BYTES : cap);
        if (bigger == NULL) {
            o->failed = true;
            return NULL;
        }
        if (o->len > 0) {
            memcpy(bigger, o->bytes, o->len);
            hf_wipe(o->bytes, o->len);
        }
        free(o->bytes);
        o->bytes = bigger;
        o->cap = cap < FIRST_BYTES ? FIRST_BYTES : cap;
    }
    char *at = o->bytes + o->len;
    o->len += n;
    return at;
}

static void put(json_out *o, const char *text, size_t n)
{
    char *at = room(o, n);

    if (at != NULL && n > 0)
        memcpy(at, text, n);
}

static void before_value(json_out *o)
{
    if (o->comma)
        put(o, ",", 1);
    o->comma = true;
}

void json_open(json_out *o, char bracket)
{
    before_value(o);
    put(o, &bracket, 1);
    o->comma = false;
}

void json_close(json_out *o, char bracket)
{
    put(o, &bracket, 1);
    o->comma = true;
}

/* One character that may not stand as it is; the rest of Unicode may. */
static void put_escaped(json_out *o, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    char escape[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

    if (c == '"' || c == '\\' || c == '\n') {
        escape[1] = c == '\n' ? 'n' : (char)c;
        put(o, escape, 2);
    } else {
        put(o, escape, 6);
    }
}

static void put_string(json_out *o, const uint8_t *text, size_t len)
{
    size_t start = 0;

    put(o, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        if (text[i] >= 0x20 && text[i] != '"' && text[i] != '\\' && text[i] != 0x7f)
            continue;
        put(o, (const char *)text + start, i - start);
        put_escaped(o, text[i]);
        start = i + 1;
    }
    if (len > start)
        put(o, (const char *)text + start, len - start);
    put(o, "\"", 1);
}

void json_name(json_out *o, hf_view name)
{
    before_value(o);
    put_string(o, name.ptr, name.len);
    put(o, ":", 1);
    o->comma = false;
}

void json_key(json_out *o, const char *name)
{
    json_name(o, hf_view_str(name));
}

void json_text(json_out *o, hf_view text)
{
    before_value(o);
    put_string(o, text.ptr, text.len);
}

void json_word(json_out *o, const char *text)
{
    json_text(o, hf_view_str(text == NULL ? "unknown" : text));
}

void json_uint(json_out *o, uint64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);

    before_value(o);
    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    put(o, digits + at, sizeof(digits) - at);
}

void json_bool(json_out *o, bool b)
{
    before_value(o);
    put(o, b ? "true" : "false", b ? 4 : 5);
}

void json_b64(json_out *o, hf_view bytes)
{
    before_value(o);
    put(o, "\"", 1);
    char *at = room(o, HF_B64_LEN(bytes.len));
    if (at != NULL)
        (void)hf_b64_encode(bytes, at);
    put(o, "\"", 1);
}

void json_b64url(json_out *o, hf_view bytes)
{
    before_value(o);
    put(o, "\"", 1);
    size_t most = HF_B64_LEN(bytes.len);
    char *at = room(o, most);
    if (at != NULL)
        o->len -= most - hf_b64url_encode(bytes, at);
    put(o, "\"", 1);
}

void json_uuid(json_out *o, const uint8_t id[static 16])
{
    char text[HF_UUID_CAP];

    hf_uuid_format(id, text);
    json_word(o, text);
}

void json_time(json_out *o, int64_t ns)
{
    char text[HF_RFC3339_CAP];

    hf_wall_format((hf_wall) { ns }, text);
    json_word(o, text);
}

void json_members(json_out *o, hf_view object)
{
    if (object.len <= 2) /* {} */
        return;
    before_value(o);
    put(o, (const char *)object.ptr + 1, object.len - 2);
}

void json_raw(json_out *o, hf_view json)
{
    before_value(o);
    put(o, (const char *)json.ptr, json.len);
}
