/* key list, key versions */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/progress.h"

#include <inttypes.h>
#include <string.h>

#define TAGS_CAP 1024
#define PER_PAGE_MAX 1000

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

/* ---- one page ---- */

static hf_err ask(cli *c, const args *a, uint64_t page, uint64_t per_page, yyjson_doc **ret)
{
    api_path path;

    api_path_start(&path, "/api/v1/keys");
    api_path_number(&path, "page", page);
    if (per_page > 0)
        api_path_number(&path, "per_page", per_page);
    api_path_query(&path, "q", args_value(a, "search"));
    api_path_query(&path, "algorithm", args_value(a, "algorithm"));
    api_path_query(&path, "state", args_value(a, "state"));
    HF_TRY(add_tags(c, a, &path));
    return api_call(c, "GET", &path, NULL, ret);
}

/* ---- all of them ---- */

static hf_err take_page(cli *c, const args *a, uint64_t page, yyjson_mut_doc *all, bool *ret_more)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    yyjson_mut_val *to = yyjson_mut_obj_get(yyjson_mut_doc_get_root(all), "items");
    yyjson_val *item;
    size_t i, max;

    HF_TRY(ask(c, a, page, PER_PAGE_MAX, &doc));
    yyjson_val *root = yyjson_doc_get_root(doc), *items = yyjson_obj_get(root, "items");
    yyjson_arr_foreach(items, i, max, item)
    {
        if (!yyjson_mut_arr_append(to, yyjson_val_mut_copy(all, item)))
            return cli_fail(c, HF_ERR_SYSTEM, "there is no memory for so many keys; use --page");
    }
    *ret_more = yyjson_get_bool(yyjson_obj_get(root, "has_more")) && yyjson_arr_size(items) > 0;
    progress_show("%zu of %" PRIu64 " keys ...", yyjson_mut_arr_size(to),
                  yyjson_get_uint(yyjson_obj_get(root, "total")));
    return HF_OK;
}

static hf_err list_all(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *all = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    bool more = true;

    if (args_has(a, "page") || args_has(a, "per-page"))
        return cli_fail(c, HF_ERR_INVALID, "--all excludes --page and --per-page");
    HF_TRY(api_new(c, &all));
    yyjson_mut_val *items = yyjson_mut_obj_add_arr(all, yyjson_mut_doc_get_root(all), "items");
    c->patient = true;
    for (uint64_t page = 1; more; page++)
        HF_TRY(take_page(c, a, page, all, &more));
    progress_end();
    api_add_number(all, "total", yyjson_mut_arr_size(items));
    if ((doc = yyjson_mut_doc_imut_copy(all, &wiped_pool)) == NULL)
        return cli_fail(c, HF_ERR_SYSTEM, "there is no memory for so many keys; use --page");
    show(c, yyjson_doc_get_root(doc), 0);
    return HF_OK;
}

hf_err cmd_key_list(cli *c, const args *a)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    uint64_t page = 1, per_page = 0;

    HF_TRY(args_number(c, a, "page", 1, 1000000, &page));
    HF_TRY(args_number(c, a, "per-page", 1, PER_PAGE_MAX, &per_page));
    if (args_has(a, "all"))
        return list_all(c, a);
    HF_TRY(ask(c, a, page, per_page, &doc));
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
