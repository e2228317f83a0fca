#include "records/attributes.h"

#include "base/text.h"
#include "records/key_record.h"

static bool name_ok(hf_view name)
{
    if (name.len == 0 || name.len > HF_ATTRIBUTE_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        const uint8_t c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

static bool ascends(hf_view before, hf_view after)
{
    size_t i = 0;
    while (i < before.len && i < after.len && before.ptr[i] == after.ptr[i])
        i++;
    return i < after.len && (i == before.len || before.ptr[i] < after.ptr[i]);
}

bool hf_attributes_valid(hf_view list)
{
    hf_reader r = hf_reader_of(list);
    hf_view last = { 0 };
    if (list.len > HF_KEY_ATTRIBUTES_MAX)
        return false;
    for (size_t n = 0; r.left.len > 0; n++) {
        const hf_view name = hf_get_view16(&r);
        const hf_view value = hf_get_view16(&r);
        if (r.failed || n == HF_ATTRIBUTES_MAX || !name_ok(name) || !ascends(last, name))
            return false;
        if (value.len > HF_ATTRIBUTE_VALUE_MAX || !hf_text_ok(value))
            return false;
        last = name;
    }
    return true;
}

typedef struct attribute {
    hf_view name, value;
    bool there;
} attribute;

static attribute next_of(hf_reader *r)
{
    attribute a = { .there = r->left.len > 0 };

    if (a.there) {
        a.name = hf_get_view16(r);
        a.value = hf_get_view16(r);
    }
    return a;
}

static void put(hf_writer *w, const attribute *a)
{
    hf_put_view16(w, a->name);
    hf_put_view16(w, a->value);
}

void hf_attributes_merge(hf_view has, hf_view changes, hf_writer *w)
{
    hf_reader old = hf_reader_of(has), new = hf_reader_of(changes);
    attribute o = next_of(&old), n = next_of(&new);

    while (o.there || n.there) {
        bool old_first = o.there && (!n.there || ascends(o.name, n.name));
        bool same = o.there && n.there && !old_first && !ascends(n.name, o.name);
        if (old_first)
            put(w, &o);
        else if (n.value.len > 0)
            put(w, &n);
        if (old_first || same)
            o = next_of(&old);
        if (!old_first)
            n = next_of(&new);
    }
}

bool hf_tags_valid(hf_view list)
{
    hf_reader r = hf_reader_of(list);
    if (list.len > HF_KEY_TAGS_MAX)
        return false;
    while (r.left.len > 0) {
        const hf_view tag = hf_get_view16(&r);
        if (r.failed || tag.len == 0 || tag.len > HF_TAG_MAX || !hf_text_ok(tag))
            return false;
    }
    return true;
}
