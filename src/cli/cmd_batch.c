/* batch: the file is sent as it is; the server reads it more strictly than we would. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/out.h"
#include "cli/problem.h"

#define BATCH_MAX_BYTES (2u << 20)

/* The error of the first item that was not done. */
static hf_err first_failure(cli *c, yyjson_val *items)
{
    size_t i, max, failed = 0, first = 0;
    hf_err error = HF_OK;
    yyjson_val *item;

    yyjson_arr_foreach(items, i, max, item)
    {
        long status = (long)yyjson_get_int(yyjson_obj_get(item, "status"));
        yyjson_val *code = yyjson_obj_get(item, "code");
        if (status >= 200 && status <= 299)
            continue;
        if (failed++ > 0)
            continue;
        first = i;
        error = problem_of_word(hf_view_of(yyjson_get_str(code), yyjson_get_len(code)));
        if (error == HF_ERR_COUNT)
            error = problem_of_status(status);
    }
    if (failed > 0)
        return cli_fail(c, error, "%zu of %zu items failed, the first one at place %zu; 'detail' says why", failed,
                        yyjson_arr_size(items), first);
    return HF_OK;
}

hf_err cmd_batch(cli *c, const args *a)
{
    HF_AUTO(bytes_free) bytes file = { 0 };
    HF_AUTO(http_answer_free) http_answer answer = { 0 };
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;

    HF_TRY(file_read_json(c, a->operands[0], BATCH_MAX_BYTES, "docs/rest.md shows the form of a batch", &file));
    api_path_start(&path, "/api/v1/batch");
    HF_TRY(api_send(c, "POST", &path, bytes_view(&file), API_TOKEN_NEEDED, &answer));
    HF_TRY(api_read(c, &answer, &doc));
    out_document(yyjson_doc_get_root(doc));
    c->told = true;
    return first_failure(c, yyjson_obj_get(yyjson_doc_get_root(doc), "items"));
}
