#include "cli/body.h"

#include <string.h>

static void add_words(yyjson_mut_doc *doc, yyjson_mut_val *list, const char *words)
{
    while (*words != '\0') {
        size_t n = strcspn(words, ",");
        (void)yyjson_mut_arr_add_strncpy(doc, list, words, n);
        words += n + (words[n] == ',' ? 1 : 0);
    }
}

void body_add_usage(yyjson_mut_doc *doc, const args *a)
{
    const char *words;

    if (!args_has(a, "usage"))
        return;
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, yyjson_mut_doc_get_root(doc), "usage");
    for (size_t i = 0; (words = args_value_at(a, "usage", i)) != NULL; i++)
        add_words(doc, list, words);
}

void body_add_tags(yyjson_mut_doc *doc, const args *a)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, yyjson_mut_doc_get_root(doc), "policy_tags");
    const char *tag;

    for (size_t i = 0; (tag = args_value_at(a, "tag", i)) != NULL; i++)
        (void)yyjson_mut_arr_add_strcpy(doc, list, tag);
}

static hf_err add_attribute(cli *c, yyjson_mut_doc *doc, yyjson_mut_val *to, const char *text)
{
    const char *equals = strchr(text, '=');

    if (equals == NULL || equals == text)
        return cli_fail(c, HF_ERR_INVALID, "--attribute takes NAME=VALUE, not '%s'", text);
    if (equals[1] == '\0')
        return cli_fail(c, HF_ERR_INVALID, "'%s' has no value; --remove-attribute takes an attribute away", text);
    yyjson_mut_val *name = yyjson_mut_strncpy(doc, text, (size_t)(equals - text));
    (void)yyjson_mut_obj_add(to, name, yyjson_mut_strcpy(doc, equals + 1));
    return HF_OK;
}

hf_err body_add_attributes(cli *c, yyjson_mut_doc *doc, const args *a)
{
    const char *text;

    if (!args_has(a, "attribute") && !args_has(a, "remove-attribute"))
        return HF_OK;
    yyjson_mut_val *to = yyjson_mut_obj_add_obj(doc, yyjson_mut_doc_get_root(doc), "attributes");
    for (size_t i = 0; (text = args_value_at(a, "attribute", i)) != NULL; i++)
        HF_TRY(add_attribute(c, doc, to, text));
    for (size_t i = 0; (text = args_value_at(a, "remove-attribute", i)) != NULL; i++)
        (void)yyjson_mut_obj_add(to, yyjson_mut_strcpy(doc, text), yyjson_mut_null(doc));
    return HF_OK;
}
