/* token session: a token of core's own in exchange for the one that is shown, and its end. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/out.h"
#include "cli/payload.h"

#include <string.h>

static hf_err end_session(cli *c)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;

    if (c->token_key != NULL)
        return cli_fail(c, HF_ERR_INVALID, "the session to end is that of its own token; give it with --token-file F");
    api_path_start(&path, "/api/v1/sessions");
    HF_TRY(api_call(c, "DELETE", &path, NULL, &doc));
    if (c->json)
        out_object(c, yyjson_doc_get_root(doc), NULL);
    out_line(c, "the session has ended");
    return HF_OK;
}

static hf_err add_wishes(cli *c, yyjson_mut_doc *body, const args *a)
{
    uint64_t ttl_s = 0;
    const char *role;

    HF_TRY(args_number(c, a, "ttl-s", 1, 86400, &ttl_s));
    if (ttl_s > 0)
        api_add_number(body, "ttl_s", ttl_s);
    if (!args_has(a, "for-role"))
        return HF_OK;
    yyjson_mut_val *roles = yyjson_mut_obj_add_arr(body, yyjson_mut_doc_get_root(body), "roles");
    for (size_t i = 0; (role = args_value_at(a, "for-role", i)) != NULL; i++)
        (void)yyjson_mut_arr_add_strcpy(body, roles, role);
    return HF_OK;
}

static hf_err write_token(cli *c, const yyjson_doc *doc, const char *out)
{
    yyjson_val *token = yyjson_obj_get(yyjson_doc_get_root((yyjson_doc *)(uintptr_t)doc), "token");
    HF_AUTO(bytes_free) bytes line = { 0 };

    if (!yyjson_is_str(token))
        return cli_fail(c, HF_ERR_INTERNAL, "the server's answer does not hold 'token'; is it of another version?");
    if (bytes_put(&line, hf_view_of(yyjson_get_str(token), yyjson_get_len(token)), SIZE_MAX) != HF_OK ||
        bytes_put(&line, hf_view_str("\n"), SIZE_MAX) != HF_OK)
        return cli_fail(c, HF_ERR_SYSTEM, "there is no memory for the answer");
    return file_write(c, out, true, bytes_view(&line));
}

hf_err cmd_token_session(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    const char *out = args_value(a, "out");
    api_path path;

    if (args_has(a, "end"))
        return end_session(c);
    HF_TRY(api_new(c, &body));
    HF_TRY(add_wishes(c, body, a));
    api_path_start(&path, "/api/v1/sessions");
    HF_TRY(api_call(c, "POST", &path, body, &doc));
    if (!c->json || !file_is_standard(out))
        HF_TRY(write_token(c, doc, out));
    payload_tell(c, doc, "token", out);
    return HF_OK;
}
