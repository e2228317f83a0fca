/* Description, tags and attributes of a key: what people say about it, never what it may do. */
#include "core/op.h"

#include "base/text.h"
#include "records/attributes.h"
#include "records/key_record.h"

static hf_err refuse_attributes(op *o)
{
    return op_fails(
        o, HF_ERR_INVALID,
        "attributes are at most %d, sorted by name, each name once: 1 to %d of a-z 0-9 . _ -, values up to %d bytes",
        HF_ATTRIBUTES_MAX, HF_ATTRIBUTE_NAME_MAX, HF_ATTRIBUTE_VALUE_MAX);
}

static hf_err check_request(op *o, const struct hf_key_update *in)
{
    if (!in->has_description && !in->has_tags && !in->has_attributes)
        return op_fails(o, HF_ERR_INVALID, "nothing to change: give a description, tags or attributes");
    if (in->has_tags && !hf_tags_valid(in->tags))
        return op_fails(o, HF_ERR_INVALID, "a tag is text of 1 to %d bytes without control characters", HF_TAG_MAX);
    if (in->has_attributes && !hf_attributes_valid(in->attributes))
        return refuse_attributes(o);
    return HF_OK;
}

hf_err op_key_update(op *o)
{
    const struct hf_key_update *in = &o->in.key_update;
    uint8_t attributes[HF_KEY_ATTRIBUTES_MAX];
    hf_writer merged = hf_writer_on(attributes, sizeof(attributes));
    struct hf_key_record *rec;
    bool waits;

    HF_TRY(check_request(o, in));
    HF_TRY(op_key_change_start(o, (hf_view) { 0 }, &waits));
    if (waits)
        return HF_OK;
    HF_TRY(index_record(o->core, o->entry, &rec));
    if (in->if_generation != 0 && in->if_generation != rec->generation)
        return op_fails(o, HF_ERR_CONFLICT, "the key is at generation %llu, not %llu: read it again and retry",
                        (unsigned long long)rec->generation, (unsigned long long)in->if_generation);
    if (in->has_description)
        rec->description = in->description;
    if (in->has_tags)
        rec->tags = in->tags;
    if (in->has_attributes) {
        hf_attributes_merge(rec->attributes, in->attributes, &merged);
        if (merged.failed || !hf_attributes_valid(hf_writer_view(&merged)))
            return op_fails(o, HF_ERR_UNSUPPORTED,
                            "the key would have too many attributes: at most %d, of %d bytes together with 4 for each",
                            HF_ATTRIBUTES_MAX, HF_KEY_ATTRIBUTES_MAX);
        rec->attributes = hf_writer_view(&merged);
    }
    rec->generation++;
    return op_put_record(o, o->change, rec, o->entry);
}
