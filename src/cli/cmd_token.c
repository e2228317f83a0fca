/* token mint, inspect, introspect, revoke. Tokens are made and judged elsewhere; here they are only read. */
#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/out.h"
#include "cli/run.h"
#include "cli/token.h"

#include <string.h>

hf_err cmd_token_mint(cli *c, char *const *words)
{
    return run_command(c, "mint", words, "token");
}

/* ---- what a token says ---- */

static hf_err read_token(cli *c, const char *path, bytes *ret)
{
    HF_TRY(file_read(c, path, TOKEN_MAX_BYTES, ret));
    return token_trim(c, file_is_standard(path) ? "standard input" : path, ret);
}

/* Part number i of a compact JWS (RFC 7515 section 7.1), decoded. NULL when it is none. */
static yyjson_doc *token_part(hf_view token, size_t i)
{
    HF_AUTO(bytes_free) bytes json = { .ptr = wiped_alloc(TOKEN_MAX_BYTES), .cap = TOKEN_MAX_BYTES };

    for (; i > 0; i--) {
        const uint8_t *dot = token.len == 0 ? NULL : memchr(token.ptr, '.', token.len);
        if (dot == NULL)
            return NULL;
        token = hf_view_of(dot + 1, token.len - (size_t)(dot + 1 - token.ptr));
    }
    const uint8_t *end = token.len == 0 ? NULL : memchr(token.ptr, '.', token.len);
    if (end == NULL || json.ptr == NULL)
        return NULL;
    if (hf_b64url_decode(hf_view_of(token.ptr, (size_t)(end - token.ptr)), json.ptr, json.cap, &json.len) != HF_OK)
        return NULL;
    yyjson_doc *doc = api_parse(bytes_view(&json));
    if (yyjson_is_obj(yyjson_doc_get_root(doc)))
        return doc;
    yyjson_doc_free(doc);
    return NULL;
}

static hf_err print_claims(cli *c, yyjson_doc *header, yyjson_doc *claims)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *doc = NULL;

    if (!c->json) {
        out_object(c, yyjson_doc_get_root(header), NULL);
        out_object(c, yyjson_doc_get_root(claims), NULL);
        cli_note("nothing of this was verified: anybody can write such claims");
        return HF_OK;
    }
    HF_TRY(api_new(c, &doc));
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    (void)yyjson_mut_obj_add_bool(doc, root, "verified", false);
    (void)yyjson_mut_obj_add_val(doc, root, "header", yyjson_val_mut_copy(doc, yyjson_doc_get_root(header)));
    (void)yyjson_mut_obj_add_val(doc, root, "claims", yyjson_val_mut_copy(doc, yyjson_doc_get_root(claims)));
    out_new_document(doc);
    return HF_OK;
}

hf_err cmd_token_inspect(cli *c, const args *a)
{
    HF_AUTO(bytes_free) bytes token = { 0 };
    const char *in = args_has(a, "in") ? args_value(a, "in") : c->token_file;

    HF_TRY(read_token(c, in, &token));
    HF_AUTO(api_doc_freep) yyjson_doc *header = token_part(bytes_view(&token), 0);
    HF_AUTO(api_doc_freep) yyjson_doc *claims = token_part(bytes_view(&token), 1);
    if (header == NULL || claims == NULL)
        return cli_fail(c, HF_ERR_INVALID, "this is no token: a compact JWS with JSON claims is meant");
    return print_claims(c, header, claims);
}

/* ---- what the server says about one ---- */

hf_err cmd_token_introspect(cli *c, const args *a)
{
    HF_AUTO(bytes_free) bytes token = { 0 };
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;

    HF_TRY(read_token(c, args_value(a, "in"), &token));
    HF_TRY(api_new(c, &body));
    (void)yyjson_mut_obj_add_strncpy(body, yyjson_mut_doc_get_root(body), "token", (const char *)token.ptr, token.len);
    api_path_start(&path, "/api/v1/introspect");
    HF_TRY(api_call(c, "POST", &path, body, &doc));
    out_object(c, yyjson_doc_get_root(doc), NULL);
    return HF_OK;
}

/* ---- revoking ---- */

static hf_err add_claims_of(cli *c, yyjson_mut_doc *body, const char *path)
{
    HF_AUTO(bytes_free) bytes token = { 0 };

    HF_TRY(read_token(c, path, &token));
    HF_AUTO(api_doc_freep) yyjson_doc *claims = token_part(bytes_view(&token), 1);
    yyjson_val *root = yyjson_doc_get_root(claims), *jti = yyjson_obj_get(root, "jti"),
               *exp = yyjson_obj_get(root, "exp");
    if (!yyjson_is_str(jti) || !yyjson_is_uint(exp))
        return cli_fail(c, HF_ERR_INVALID, "this is no token with the claims jti and exp");
    api_add_text(body, "jti", yyjson_get_str(jti));
    api_add_number(body, "exp", yyjson_get_uint(exp));
    return HF_OK;
}

static hf_err add_claims(cli *c, yyjson_mut_doc *body, const args *a)
{
    uint64_t exp = 0;

    HF_TRY(args_number(c, a, "exp", 1, UINT64_C(1) << 32, &exp));
    if (args_has(a, "in") && !args_has(a, "jti") && exp == 0)
        return add_claims_of(c, body, args_value(a, "in"));
    if (args_has(a, "in") || !args_has(a, "jti") || exp == 0)
        return cli_fail(c, HF_ERR_INVALID, "say which token: --in F, or --jti ID and --exp SECONDS");
    api_add_text(body, "jti", args_value(a, "jti"));
    api_add_number(body, "exp", exp);
    return HF_OK;
}

hf_err cmd_token_revoke(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;

    HF_TRY(api_new(c, &body));
    HF_TRY(add_claims(c, body, a));
    api_path_start(&path, "/api/v1/tokens/revoke");
    HF_TRY(api_call(c, "POST", &path, body, &doc));
    if (c->json)
        out_object(c, yyjson_doc_get_root(doc), NULL);
    out_line(c, "revoked");
    return HF_OK;
}
