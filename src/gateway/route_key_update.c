/*
 * PATCH /api/v1/keys/:id: a merge patch (RFC 7396) of description, policy_tags and attributes. null empties the first two
 * and takes a single attribute away; attributes that are not named stay. With If-Match only in that state of the key.
 */
#include "gateway/routes.h"

#include "base/num.h"
#include <string.h>

/* As core takes them (records/attributes.h). */
#define NAME_MAX_BYTES 64
#define VALUE_MAX_BYTES 256
#define CHANGES_MAX 64
#define ATTRIBUTES_MAX 8192 /* bytes of all, with a u16 length before each name and value */

static hf_view text_of(yyjson_val *v)
{
    return hf_view_of(yyjson_get_str(v), yyjson_get_len(v));
}

static bool name_ok(hf_view name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";

    for (size_t i = 0; i < name.len; i++)
        if (memchr(letters, name.ptr[i], sizeof(letters) - 1) == NULL)
            return false;
    return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

static hf_err put_attribute(call *c, yyjson_val *name, yyjson_val *value, hf_writer *w)
{
    hf_view n = text_of(name), v = text_of(value);

    if (!name_ok(n))
        return call_unusable(c, "an attribute's name must be 1 to %d of a-z 0-9 . _ -", NAME_MAX_BYTES);
    bool removed = yyjson_is_null(value);
    if (!removed && (!yyjson_is_str(value) || v.len == 0 || v.len > VALUE_MAX_BYTES || !hf_text_ok(v)))
        return call_unusable(c,
                             "an attribute's value must be text of 1 to %d bytes without control characters, or null "
                             "to remove it",
                             VALUE_MAX_BYTES);
    hf_put_view16(w, n);
    hf_put_view16(w, removed ? (hf_view) { 0 } : v);
    return HF_OK;
}

static bool ascends(yyjson_val *before, yyjson_val *after)
{
    size_t n = hf_min_size(yyjson_get_len(before), yyjson_get_len(after));
    int order = n == 0 ? 0 : memcmp(yyjson_get_str(before), yyjson_get_str(after), n);

    return order < 0 || (order == 0 && yyjson_get_len(before) < yyjson_get_len(after));
}

/* The names in the order that core wants; there is room for CHANGES_MAX. */
static size_t sort_names(yyjson_val *object, yyjson_val **names)
{
    size_t i, max, at, n = 0;
    yyjson_val *name, *value;

    yyjson_obj_foreach(object, i, max, name, value)
    {
        for (at = n++; at > 0 && ascends(name, names[at - 1]); at--)
            names[at] = names[at - 1];
        names[at] = name;
    }
    return n;
}

static hf_err read_attributes(call *c, hf_view *ret)
{
    yyjson_val *object = yyjson_obj_get(c->body, "attributes"), *names[CHANGES_MAX];
    hf_writer w = field_room(c, ATTRIBUTES_MAX);

    if (!yyjson_is_obj(object) || yyjson_obj_size(object) == 0)
        return call_unusable(c,
                             "'attributes' must be an object that names each attribute to set, or null to remove it");
    if (yyjson_obj_size(object) > CHANGES_MAX)
        return call_unusable(c, "at most %d attributes may be named, and a key has at most %d", CHANGES_MAX,
                             CHANGES_MAX);
    size_t n = sort_names(object, names);
    for (size_t i = 0; i < n; i++)
        HF_TRY(put_attribute(c, names[i], yyjson_obj_iter_get_val(names[i]), &w));
    if (w.failed)
        return call_unusable(
            c, "the attributes are too long: names and values may have %d bytes together, with 4 for each attribute",
            ATTRIBUTES_MAX);
    *ret = field_keep(c, &w);
    return HF_OK;
}

static bool is_null(call *c, const char *name)
{
    return yyjson_is_null(yyjson_obj_get(c->body, name));
}

hf_err route_key_update_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "description", "policy_tags", "attributes" };
    struct hf_key_update m = { .head = c->head, .key = c->id };

    HF_TRY(header_if_match(c, &m.if_generation));
    HF_TRY(field_only(c, members, HF_COUNT(members)));
    m.has_description = field_present(c, "description");
    m.has_tags = field_present(c, "policy_tags");
    m.has_attributes = field_present(c, "attributes");
    if (!m.has_description && !m.has_tags && !m.has_attributes)
        return call_unusable(c, "nothing is to be changed; give 'description', 'policy_tags' or 'attributes'");
    if (m.has_description && !is_null(c, "description"))
        HF_TRY(field_text(c, "description", FIELD_DESCRIPTION_MAX, &m.description));
    if (m.has_tags && !is_null(c, "policy_tags"))
        HF_TRY(field_tags(c, &m.tags));
    if (m.has_attributes)
        HF_TRY(read_attributes(c, &m.attributes));
    return hf_key_update_encode(&m, w);
}

hf_err route_key_update_tell(reply *r)
{
    return tell_key(r);
}
