/* key create, show, rotate, revoke: each answers with the key as it then is. */
#include "cli/body.h"
#include "cli/commands.h"
#include "cli/confirm.h"
#include "cli/out.h"
#include "cli/progress.h"

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
    HF_TRY(confirm_key(c, a, "will never sign, verify, encrypt or decrypt anything again", "revoke", "revoked"));
    return tell(c, "POST", a->operands[0], "/revoke");
}

/* ---- create ---- */

hf_err cmd_key_create(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;

    HF_TRY(api_new(c, &body));
    api_add_text(body, "name", a->operands[0]);
    api_add_text(body, "algorithm", args_value(a, "algorithm"));
    body_add_usage(body, a);
    body_add_tags(body, a);
    api_add_text(body, "description", args_value(a, "description"));
    api_path_start(&path, "/api/v1/keys");
    if (strncmp(args_value(a, "algorithm"), "rsa-", strlen("rsa-")) == 0)
        progress_show("the HSM looks for primes ...");
    hf_err e = api_call(c, "POST", &path, body, &doc);
    progress_end();
    HF_TRY(e);
    out_object(c, yyjson_doc_get_root(doc), NULL);
    return HF_OK;
}
