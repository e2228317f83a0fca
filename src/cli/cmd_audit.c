/* audit tail, export, verify */
#include "cli/api.h"
#include "cli/audit_export.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/out.h"
#include "cli/run.h"
#include "sys/fd.h"

#include <stdio.h>

hf_err cmd_audit_tail(cli *c, const args *a)
{
    static const out_column columns[] = {
        { "SEQ", "seq" },     { "TIME", "time" },     { "ACTION", "action" },   { "RESULT", "result" },
        { "ACTOR", "actor" }, { "KEY", "key_id" },    { "ADDRESS", "address" }, { "REQUEST", "request_id" },
        { "COUNT", "count" }, { "DETAIL", "detail" },
    };
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    uint64_t limit = 100;
    api_path path;

    HF_TRY(args_number(c, a, "limit", 1, 1000, &limit));
    api_path_start(&path, "/api/v1/audit/recent");
    api_path_number(&path, "limit", limit);
    HF_TRY(api_call(c, "GET", &path, NULL, &doc));
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (c->json)
        out_object(c, root, NULL);
    else
        out_table(yyjson_obj_get(root, "items"), columns, HF_COUNT(columns));
    return HF_OK;
}

static hf_err tell_export(cli *c, const char *path, const audit_export *done)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *doc = NULL;

    if (!c->json) {
        cli_note("%llu segments up to number %llu", (unsigned long long)done->segments, (unsigned long long)done->last);
        return HF_OK;
    }
    HF_TRY(api_new(c, &doc));
    api_add_number(doc, "segments", done->segments);
    api_add_number(doc, "last", done->last);
    api_add_text(doc, "out", path);
    out_new_document(doc);
    return HF_OK;
}

/* The public key of the audit, as the server shows it. */
static hf_err fetch_key(cli *c, const char *path, int fd)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path from;

    api_path_start(&from, "/api/v1/audit/tree-head");
    HF_TRY(api_call(c, "GET", &from, NULL, &doc));
    yyjson_val *pem = yyjson_obj_get(yyjson_doc_get_root(doc), "public_key_pem");
    if (!yyjson_is_str(pem))
        return cli_fail(c, HF_ERR_INTERNAL,
                        "the server's answer does not hold 'public_key_pem'; is it of another version?");
    return file_put(c, path, fd, hf_view_of(yyjson_get_str(pem), yyjson_get_len(pem)));
}

static hf_err write_key(cli *c, const char *path)
{
    int fd;

    if (path == NULL)
        return HF_OK;
    HF_TRY(file_create(c, path, false, &fd));
    hf_err e = fetch_key(c, path, fd);
    hf_err end = file_finish(c, path, fd);
    HF_TRY(e);
    return end;
}

hf_err cmd_audit_export(cli *c, const args *a)
{
    const char *out = args_value(a, "out");
    audit_export done = { 0 };
    int fd;

    HF_TRY(args_number(c, a, "after", 0, UINT64_C(1) << 53, &done.last));
    if (c->json && file_is_standard(out))
        return cli_fail(c, HF_ERR_INVALID, "with --output json, say with --out F which file takes the export");
    HF_TRY(write_key(c, args_value(a, "key-out")));
    HF_TRY(file_create(c, out, false, &fd));
    hf_err e = audit_export_write(c, out, fd, &done);
    hf_err end = file_finish(c, out, fd);
    HF_TRY(e);
    HF_TRY(end);
    return tell_export(c, out, &done);
}

/* ---- verify ---- */

static hf_err verify_file(cli *c, const char *file, const char *key)
{
    char name[] = "verify-offline", public[] = "--public", json[] = "--json";
    char *argv[] = { name, public, (char *)key, (char *)file, c->json ? json : NULL, NULL };
    HF_AUTO(bytes_free) bytes printed = { 0 };

    if (!c->json)
        return run_wait(c, argv, &c->program_exit);
    HF_TRY(run_capture(c, argv, &printed, &c->program_exit));
    if (printed.len == 0)
        return run_failed(c, name, c->program_exit);
    c->told = true;
    (void)fwrite(printed.ptr, 1, printed.len, stdout);
    return HF_OK;
}

static hf_err verify_online(cli *c, const char *key)
{
    char audit_path[FILE_NAMELESS_CAP], key_path[FILE_NAMELESS_CAP];
    HF_AUTO(hf_fd_closep) int audit = -1;
    HF_AUTO(hf_fd_closep) int shown_key = -1;
    audit_export done = { 0 };

    HF_TRY(file_nameless(c, audit_path, &audit));
    HF_TRY(file_nameless(c, key_path, &shown_key));
    if (key == NULL)
        HF_TRY(fetch_key(c, "the temporary file", shown_key));
    HF_TRY(audit_export_write(c, "the temporary file", audit, &done));
    HF_TRY(verify_file(c, audit_path, key != NULL ? key : key_path));
    if (key == NULL && c->program_exit == 0)
        cli_note("verified with the key that the server shows; --key P takes one kept elsewhere");
    return HF_OK;
}

hf_err cmd_audit_verify(cli *c, const args *a)
{
    const char *file = args_value(a, "offline"), *key = args_value(a, "key");

    if (file == NULL)
        return verify_online(c, key);
    if (key == NULL)
        return cli_fail(c, HF_ERR_INVALID, "--offline needs --key P, the public key of the audit");
    return verify_file(c, file, key);
}
