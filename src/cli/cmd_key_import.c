/*
 * key import: a public key as it is; a private or secret key only wrapped, by the program `wrap` beside this one, so that
 * it is never in the memory of a program that speaks to a network.
 */
#include "cli/body.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/out.h"
#include "cli/payload.h"
#include "cli/run.h"
#include "sys/fd.h"

#include <string.h>

#define PUBLIC_MAX_BYTES 16384u
#define WRAPPED_MAX_BYTES 16384u

/* ---- public keys ---- */

static bool has(hf_view text, const char *what)
{
    return memmem(text.ptr, text.len, what, strlen(what)) != NULL;
}

static uint8_t first_visible(hf_view text)
{
    for (size_t i = 0; i < text.len; i++)
        if (strchr(" \t\r\n", text.ptr[i]) == NULL)
            return text.ptr[i];
    return 0;
}

/* What is secret is refused before it leaves this machine. */
static hf_err check_jwk(cli *c, const char *path, yyjson_val *jwk)
{
    static const char *const secret[] = { "d", "p", "q", "dp", "dq", "qi", "k", "priv" };

    if (!yyjson_is_obj(jwk))
        return cli_fail(c, HF_ERR_INVALID, "%s is JSON but no JWK, nor a set of one", path);
    for (size_t i = 0; i < HF_COUNT(secret); i++)
        if (yyjson_obj_get(jwk, secret[i]) != NULL)
            return cli_fail(c, HF_ERR_INVALID,
                            "%s holds a private or secret key ('%s'), which was not sent; import it with --private, as "
                            "PKCS#8",
                            path, secret[i]);
    return HF_OK;
}

static hf_err add_jwk(cli *c, yyjson_mut_doc *body, const char *path, hf_view text)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = api_parse(text);
    yyjson_val *jwk = yyjson_doc_get_root(doc), *keys = yyjson_obj_get(jwk, "keys");

    if (doc == NULL)
        return cli_fail(c, HF_ERR_INVALID, "%s begins like JSON and is none", path);
    if (yyjson_is_arr(keys) && yyjson_arr_size(keys) != 1)
        return cli_fail(c, HF_ERR_INVALID, "%s is a set of %zu keys; leave one in it", path, yyjson_arr_size(keys));
    if (yyjson_is_arr(keys))
        jwk = yyjson_arr_get_first(keys);
    HF_TRY(check_jwk(c, path, jwk));
    (void)yyjson_mut_obj_add_val(body, yyjson_mut_doc_get_root(body), "jwk", yyjson_val_mut_copy(body, jwk));
    return HF_OK;
}

/* From the first block to the last: what people wrote around it need not even be UTF-8, as JSON must. */
static hf_view blocks_of(hf_view text)
{
    const uint8_t *first = memmem(text.ptr, text.len, "-----BEGIN ", strlen("-----BEGIN "));
    size_t end = text.len;

    if (first == NULL)
        return text;
    while (!hf_view_eq_str(hf_view_of(text.ptr + end - 5, 5), "-----")) /* ends there at the latest */
        end--;
    return hf_view_of(first, (size_t)(text.ptr + end - first));
}

static hf_err add_pem(cli *c, yyjson_mut_doc *body, const char *path, hf_view text)
{
    if (has(text, "PRIVATE KEY-----"))
        return cli_fail(c, HF_ERR_INVALID, "%s holds a private key, which was not sent; import it with --private",
                        path);
    if (has(text, "BEGIN CERTIFICATE-----"))
        return cli_fail(c, HF_ERR_INVALID, "%s is a certificate; take its key out: openssl x509 -in F -noout -pubkey",
                        path);
    hf_view blocks = blocks_of(text);
    (void)yyjson_mut_obj_add_strncpy(body, yyjson_mut_doc_get_root(body), "public_key", (const char *)blocks.ptr,
                                     blocks.len);
    return HF_OK;
}

static hf_err add_public(cli *c, yyjson_mut_doc *body, const char *path)
{
    const char *shown = file_is_standard(path) ? "standard input" : path;
    HF_AUTO(bytes_free) bytes file = { 0 };

    HF_TRY(file_read(c, path, PUBLIC_MAX_BYTES, &file));
    hf_view text = bytes_view(&file);
    if (text.len == 0)
        return cli_fail(c, HF_ERR_INVALID, "%s is empty; a public key in PEM, DER or JWK is meant", shown);
    if (has(text, "-----BEGIN "))
        return add_pem(c, body, shown, text);
    if (first_visible(text) == '{')
        return add_jwk(c, body, shown, text);
    if (text.ptr[0] != 0x30) /* the SEQUENCE that every SubjectPublicKeyInfo is */
        return cli_fail(c, HF_ERR_INVALID, "%s is no public key in PEM, DER or JWK", shown);
    api_add_bytes(body, "public_key_der_b64", text);
    return HF_OK;
}

/* ---- wrapped keys ---- */

/* The public half of the wrapping key, in a file that `wrap` can open. */
static hf_err fetch_wrapping_key(cli *c, const char *key, int fd, uint64_t *ret_version)
{
    HF_AUTO(http_answer_free) http_answer answer = { 0 };
    api_path path;

    HF_TRY(api_path_key(c, &path, key, "/public"));
    api_path_query(&path, "format", "der");
    HF_TRY(api_send(c, "GET", &path, hf_view_of(NULL, 0), API_TOKEN_NEEDED, &answer));
    *ret_version = answer.key_version;
    return file_put(c, "the temporary file", fd, bytes_view(&answer.body));
}

/* What `wrap` printed: "algorithm\n" and the bytes. */
static hf_err take_printed(cli *c, yyjson_mut_doc *body, hf_view printed)
{
    const uint8_t *line = printed.len == 0 ? NULL : memchr(printed.ptr, '\n', printed.len);

    if (line == NULL)
        return cli_fail(c, HF_ERR_INTERNAL, "'wrap' did not say what it wrapped; is Holdfast installed completely?");
    size_t n = (size_t)(line - printed.ptr);
    (void)yyjson_mut_obj_add_strncpy(body, yyjson_mut_doc_get_root(body), "algorithm", (const char *)printed.ptr, n);
    api_add_bytes(body, "wrapped_key_b64", hf_view_of(line + 1, printed.len - n - 1));
    return HF_OK;
}

static hf_err add_private(cli *c, yyjson_mut_doc *body, const args *a)
{
    const char *in = args_value(a, "private"), *alg = args_value(a, "algorithm");
    char public_path[FILE_NAMELESS_CAP], name[] = "wrap", public[] = "--public", from[] = "--in",
                                         algorithm[] = "--algorithm";
    char *argv[] = { name, public, public_path, from, (char *)in, alg != NULL ? algorithm : NULL, (char *)alg, NULL };
    HF_AUTO(bytes_free) bytes printed = { 0 };
    HF_AUTO(hf_fd_closep) int fd = -1;
    uint64_t version = 0;
    int code = 0;

    if (file_is_standard(in))
        HF_TRY(file_take_stdin(c));
    HF_TRY(file_nameless(c, public_path, &fd));
    HF_TRY(fetch_wrapping_key(c, args_value(a, "wrapping-key"), fd, &version));
    HF_TRY(run_capture(c, argv, &printed, &code));
    if (code != 0)
        return run_failed(c, name, code);
    if (version > 0)
        api_add_number(body, "wrapping_version", version);
    return take_printed(c, body, bytes_view(&printed));
}

static hf_err add_wrapped(cli *c, yyjson_mut_doc *body, const args *a)
{
    uint64_t version = 0;

    if (!args_has(a, "algorithm"))
        return cli_fail(c, HF_ERR_INVALID, "--algorithm ALG is needed: nobody but the HSM can see what is wrapped");
    HF_TRY(args_number(c, a, "wrapping-version", 1, UINT32_MAX, &version));
    HF_TRY(payload_add(c, body, "wrapped_key_b64", args_value(a, "wrapped"), WRAPPED_MAX_BYTES));
    api_add_text(body, "algorithm", args_value(a, "algorithm"));
    if (version > 0)
        api_add_number(body, "wrapping_version", version);
    return HF_OK;
}

/* ---- the command ---- */

static hf_err check(cli *c, const args *a)
{
    int sources = args_has(a, "public") + args_has(a, "private") + args_has(a, "wrapped");

    if (sources != 1)
        return cli_fail(c, HF_ERR_INVALID, "say what to import: --public F, --private F or --wrapped F");
    if (args_has(a, "public") && args_has(a, "wrapping-key"))
        return cli_fail(c, HF_ERR_INVALID, "a public key is not wrapped; leave --wrapping-key out");
    if (!args_has(a, "public") && !args_has(a, "wrapping-key"))
        return cli_fail(c, HF_ERR_INVALID,
                        "--wrapping-key KEY is needed; 'holdfast key create KEY --algorithm rsa-3072 --usage import' "
                        "makes one");
    if (args_has(a, "wrapping-version") && !args_has(a, "wrapped"))
        return cli_fail(c, HF_ERR_INVALID, "--wrapping-version goes with --wrapped only");
    return HF_OK;
}

static hf_err add_key(cli *c, yyjson_mut_doc *body, const args *a)
{
    if (args_has(a, "public")) {
        api_add_text(body, "algorithm", args_value(a, "algorithm"));
        return add_public(c, body, args_value(a, "public"));
    }
    api_add_text(body, "wrapping_key", args_value(a, "wrapping-key"));
    return args_has(a, "private") ? add_private(c, body, a) : add_wrapped(c, body, a);
}

hf_err cmd_key_import(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;

    HF_TRY(check(c, a));
    HF_TRY(api_new(c, &body));
    HF_TRY(add_key(c, body, a));
    body_add_usage(body, a);
    body_add_tags(body, a);
    api_add_text(body, "description", args_value(a, "description"));
    HF_TRY(api_path_key(c, &path, a->operands[0], "/import"));
    HF_TRY(api_call(c, "POST", &path, body, &doc));
    out_object(c, yyjson_doc_get_root(doc), NULL);
    return HF_OK;
}
