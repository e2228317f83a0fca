/* key list, key versions */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/out.h"

#include <inttypes.h>
#include <string.h>

#define TAGS_CAP 1024

/* The server takes one list "a,b". */
static hf_err add_tags(cli *c, const args *a, api_path *path)
{
    char text[TAGS_CAP];
    hf_writer w = hf_writer_on(text, sizeof(text));
    const char *tag;

    for (size_t i = 0; (tag = args_value_at(a, "tag", i)) != NULL; i++) {
        if (strchr(tag, ',') != NULL)
            return cli_fail(c, HF_ERR_INVALID, "keys cannot be chosen by a tag with a comma: '%s'", tag);
        if (i > 0)
            hf_put_u8(&w, ',');
        hf_put_view(&w, hf_view_str(tag));
    }
    hf_put_u8(&w, '\0');
    if (w.failed)
        return cli_fail(c, HF_ERR_TOO_LARGE, "the tags are too long together");
    if (w.len > 1)
        api_path_query(path, "tags", text);
    return HF_OK;
}

static void show(cli *c, yyjson_val *root, uint64_t page)
{
    static const out_column columns[] = {
        { "NAME", "name" },       { "ALGORITHM", "algorithm" }, { "STATE", "state" },
        { "VERSION", "version" }, { "USAGE", "usage" },         { "CREATED", "created_at" },
    };

    if (c->json) {
        out_object(c, root, NULL);
        return;
    }
    out_table(yyjson_obj_get(root, "items"), columns, HF_COUNT(columns));
    if (yyjson_get_bool(yyjson_obj_get(root, "has_more")))
        cli_note("%" PRIu64 " keys in all; the next ones come with --page %" PRIu64,
                 yyjson_get_uint(yyjson_obj_get(root, "total")), page + 1);
}

hf_err cmd_key_list(cli *c, const args *a)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    uint64_t page = 1, per_page = 0;
    api_path path;

    HF_TRY(args_number(c, a, "page", 1, 1000000, &page));
    HF_TRY(args_number(c, a, "per-page", 1, 100, &per_page));
    api_path_start(&path, "/api/v1/keys");
    api_path_number(&path, "page", page);
    if (per_page > 0)
        api_path_number(&path, "per_page", per_page);
    api_path_query(&path, "algorithm", args_value(a, "algorithm"));
    api_path_query(&path, "state", args_value(a, "state"));
    HF_TRY(add_tags(c, a, &path));
    HF_TRY(api_call(c, "GET", &path, NULL, &doc));
    show(c, yyjson_doc_get_root(doc), page);
    return HF_OK;
}

hf_err cmd_key_versions(cli *c, const args *a)
{
    static const out_column columns[] = {
        { "VERSION", "version" }, { "STATE", "state" }, { "CREATED", "created_at" }, { "DESTRUCTION", "destruction" }
    };
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;

    HF_TRY(api_call_key(c, "GET", a->operands[0], "/versions", NULL, &doc));
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (c->json)
        out_object(c, root, NULL);
    else
        out_table(yyjson_obj_get(root, "items"), columns, HF_COUNT(columns));
    return HF_OK;
}
