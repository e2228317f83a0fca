#include "jose/json.h"

#include <string.h>

#define NUMBER_CHARS_MAX 32

static hf_err refuse(const char **reterr_why, const char *why)
{
    *reterr_why = why;
    return HF_ERR_MALFORMED;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* yyjson has checked the grammar, so only digits after an optional sign make an integer. */
static bool is_integer(const char *text, size_t len)
{
    for (size_t i = text[0] == '-' ? 1 : 0; i < len; i++) {
        if (!is_digit(text[i]))
            return false;
    }
    return true;
}

/* Gives the magnitude of an integer text; false above 2^53. */
static bool integer_value(const char *text, size_t len, int64_t *ret)
{
    int64_t value = 0;

    for (size_t i = 0; i < len; i++) {
        value = value * 10 + (text[i] - '0');
        if (value > HF_JSON_INT_MAX)
            return false;
    }
    *ret = value;
    return true;
}

static hf_err number_check(yyjson_val *v, const char **reterr_why)
{
    const char *text = unsafe_yyjson_get_raw(v);
    size_t len = unsafe_yyjson_get_len(v);
    size_t sign = text[0] == '-' ? 1 : 0;
    int64_t ignored;

    if (len > NUMBER_CHARS_MAX)
        return refuse(reterr_why, "the JSON has a number of more than 32 characters");
    if (is_integer(text, len) && !integer_value(text + sign, len - sign, &ignored))
        return refuse(reterr_why, "the JSON has an integer beyond 2^53");
    return HF_OK;
}

static hf_err value_check(yyjson_val *v, const hf_json_limits *limits, unsigned depth, const char **reterr_why);

static hf_err array_check(yyjson_val *array, const hf_json_limits *limits, unsigned depth, const char **reterr_why)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(array);

    if (yyjson_arr_size(array) > limits->members)
        return refuse(reterr_why, "the JSON has an array with too many elements");
    for (yyjson_val *v = yyjson_arr_iter_next(&it); v != NULL; v = yyjson_arr_iter_next(&it))
        HF_TRY(value_check(v, limits, depth, reterr_why));
    return HF_OK;
}

/* Names are compared after their escapes were decoded, so "alg" and "\u0061lg" are the same name. */
static bool name_seen_before(yyjson_val *object, yyjson_val *name)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(object);

    for (yyjson_val *k = yyjson_obj_iter_next(&it); k != name && k != NULL; k = yyjson_obj_iter_next(&it)) {
        if (hf_view_eq(hf_json_name(k), hf_json_name(name)))
            return true;
    }
    return false;
}

static hf_err object_check(yyjson_val *object, const hf_json_limits *limits, unsigned depth, const char **reterr_why)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(object);

    if (yyjson_obj_size(object) > limits->members)
        return refuse(reterr_why, "the JSON has an object with too many members");
    for (yyjson_val *k = yyjson_obj_iter_next(&it); k != NULL; k = yyjson_obj_iter_next(&it)) {
        if (name_seen_before(object, k))
            return refuse(reterr_why, "the JSON has a duplicate member");
        HF_TRY(value_check(yyjson_obj_iter_get_val(k), limits, depth, reterr_why));
    }
    return HF_OK;
}

/* Recursion is bounded by limits->depth. */
static hf_err value_check(yyjson_val *v, const hf_json_limits *limits, unsigned depth, const char **reterr_why)
{
    if (yyjson_is_raw(v))
        return number_check(v, reterr_why);
    if (!yyjson_is_ctn(v))
        return HF_OK;
    if (depth == 0)
        return refuse(reterr_why, "the JSON is nested too deeply");
    if (yyjson_is_arr(v))
        return array_check(v, limits, depth - 1, reterr_why);
    return object_check(v, limits, depth - 1, reterr_why);
}

hf_err hf_json_read(hf_view text, const hf_json_limits *limits, const yyjson_alc *alloc, yyjson_doc **ret,
                    const char **reterr_why)
{
    yyjson_read_err ignored;
    yyjson_doc *doc;
    hf_err e;

    if (text.len == 0)
        return refuse(reterr_why, "the JSON is empty");
    /* Without the in-place flag yyjson copies the text and only reads it: the cast drops const, nothing is written. */
    doc = yyjson_read_opts((char *)(uintptr_t)text.ptr, text.len, YYJSON_READ_NUMBER_AS_RAW, alloc, &ignored);
    if (doc == NULL)
        return refuse(reterr_why, "the text is not valid JSON");
    e = value_check(yyjson_doc_get_root(doc), limits, limits->depth, reterr_why);
    if (e != HF_OK) {
        yyjson_doc_free(doc);
        return e;
    }
    *ret = doc;
    return HF_OK;
}

hf_err hf_json_uint(yyjson_val *v, int64_t *ret)
{
    const char *text = yyjson_get_raw(v);

    HF_CHECK(text != NULL && is_digit(text[0]), HF_ERR_MALFORMED);
    HF_CHECK(is_integer(text, yyjson_get_len(v)), HF_ERR_MALFORMED);
    HF_CHECK(integer_value(text, yyjson_get_len(v), ret), HF_ERR_MALFORMED);
    return HF_OK;
}

hf_err hf_json_text(yyjson_val *v, hf_view *ret)
{
    HF_CHECK(yyjson_is_str(v), HF_ERR_MALFORMED);
    *ret = hf_view_of(yyjson_get_str(v), yyjson_get_len(v));
    return HF_OK;
}

hf_view hf_json_name(yyjson_val *key)
{
    return hf_view_of(yyjson_get_str(key), yyjson_get_len(key));
}
