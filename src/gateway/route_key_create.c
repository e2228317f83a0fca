/* POST /api/v1/keys */
#include "gateway/routes.h"

#define TAG_MAX 128
#define TAGS_MAX 4096 /* bytes of all, with a u16 length each */

static hf_err read_usage(call *c, uint32_t *ret)
{
    yyjson_val *list = yyjson_obj_get(c->body, "usage"), *word;
    size_t i, max;

    if (list == NULL)
        return HF_OK;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) == 0)
        return call_unusable(c, "'usage' must be a list of words that is not empty");
    yyjson_arr_foreach(list, i, max, word)
    {
        uint32_t bit = hf_usage_parse(hf_view_of(yyjson_get_str(word), yyjson_get_len(word)));
        if (bit == 0 || (*ret & bit) != 0)
            return call_unusable(c, "'usage' holds a word that is unknown or stands twice");
        *ret |= bit;
    }
    return HF_OK;
}

static hf_err read_tags(call *c, hf_view *ret)
{
    yyjson_val *list = yyjson_obj_get(c->body, "policy_tags"), *tag;
    hf_writer w = hf_writer_on(c->scratch.ptr + c->scratch.len, TAGS_MAX);
    size_t i, max;

    if (list == NULL)
        return HF_OK;
    if (!yyjson_is_arr(list))
        return call_unusable(c, "'policy_tags' must be a list of texts");
    yyjson_arr_foreach(list, i, max, tag)
    {
        hf_view text = hf_view_of(yyjson_get_str(tag), yyjson_get_len(tag));
        if (!yyjson_is_str(tag) || text.len == 0 || text.len > TAG_MAX || !hf_text_ok(text))
            return call_unusable(c, "a tag must be text of 1 to %d bytes without control characters", TAG_MAX);
        hf_put_view16(&w, text);
    }
    if (w.failed)
        return call_unusable(c, "the tags are too many or too long");
    c->scratch.len += w.len;
    *ret = hf_writer_view(&w);
    return HF_OK;
}

static hf_err read_algorithm(call *c, uint16_t *ret)
{
    hf_view name = { 0 };

    HF_TRY(field_required(c, "algorithm"));
    HF_TRY(field_text(c, "algorithm", 64, &name));
    *ret = (uint16_t)hf_alg_parse(name);
    return *ret != HF_ALG_NONE ? HF_OK : call_unknown_algorithm(c);
}

hf_err route_key_create_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "name", "algorithm", "usage", "policy_tags", "description" };
    struct hf_key_create m = { .head = c->head };

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    HF_TRY(field_required(c, "name"));
    HF_TRY(field_text(c, "name", 64, &m.name));
    if (!hf_name_ok(m.name))
        return call_unusable(
            c, "'name' must be 1 to 64 of A-Z a-z 0-9 . _ -, start with a letter or digit, and not be a UUID");
    HF_TRY(read_algorithm(c, &m.algorithm));
    HF_TRY(read_usage(c, &m.usage));
    HF_TRY(field_text(c, "description", 1024, &m.description));
    HF_TRY(read_tags(c, &m.tags));
    return hf_key_create_encode(&m, w);
}

hf_err route_key_create_tell(reply *r)
{
    return tell_key(r);
}
