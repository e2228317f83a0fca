/* key create, show, rotate, revoke: each answers with the key as it then is. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/out.h"

#include <string.h>

static hf_err tell(cli *c, const char *method, const char *key, const char *what)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;

    HF_TRY(api_call_key(c, method, key, what, NULL, &doc));
    out_object(c, yyjson_doc_get_root(doc), NULL);
    return HF_OK;
}

hf_err cmd_key_show(cli *c, const args *a)
{
    return tell(c, "GET", a->operands[0], "");
}

hf_err cmd_key_rotate(cli *c, const args *a)
{
    return tell(c, "POST", a->operands[0], "/rotate");
}

hf_err cmd_key_revoke(cli *c, const args *a)
{
    return tell(c, "POST", a->operands[0], "/revoke");
}

/* ---- create ---- */

static void add_list(yyjson_mut_doc *doc, yyjson_mut_val *list, const char *words)
{
    while (*words != '\0') {
        size_t n = strcspn(words, ",");
        (void)yyjson_mut_arr_add_strncpy(doc, list, words, n);
        words += n + (words[n] == ',' ? 1 : 0);
    }
}

static void add_usage(yyjson_mut_doc *doc, const args *a)
{
    const char *words;

    if (!args_has(a, "usage"))
        return;
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, yyjson_mut_doc_get_root(doc), "usage");
    for (size_t i = 0; (words = args_value_at(a, "usage", i)) != NULL; i++)
        add_list(doc, list, words);
}

static void add_tags(yyjson_mut_doc *doc, const args *a)
{
    const char *tag;
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, yyjson_mut_doc_get_root(doc), "policy_tags");

    for (size_t i = 0; (tag = args_value_at(a, "tag", i)) != NULL; i++)
        (void)yyjson_mut_arr_add_strcpy(doc, list, tag);
}

hf_err cmd_key_create(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;

    HF_TRY(api_new(c, &body));
    api_add_text(body, "name", a->operands[0]);
    api_add_text(body, "algorithm", args_value(a, "algorithm"));
    add_usage(body, a);
    add_tags(body, a);
    api_add_text(body, "description", args_value(a, "description"));
    api_path_start(&path, "/api/v1/keys");
    HF_TRY(api_call(c, "POST", &path, body, &doc));
    out_object(c, yyjson_doc_get_root(doc), NULL);
    return HF_OK;
}
