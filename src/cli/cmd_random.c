/* random: bytes for a file or a pipe; digits for people. */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/payload.h"

#include <unistd.h>

#define RANDOM_MAX_BYTES 65536

typedef enum form { FORM_RAW, FORM_HEX, FORM_BASE64 } form;

static hf_err form_of(cli *c, const args *a, form *ret)
{
    bool hex = args_has(a, "hex"), base64 = args_has(a, "base64");

    if (hex && base64)
        return cli_fail(c, HF_ERR_INVALID, "--hex and --base64 exclude each other");
    /* Raw bytes would be commands to a terminal. */
    if (!hex && !base64 && file_is_standard(args_value(a, "out")) && isatty(STDOUT_FILENO) == 1)
        hex = true;
    *ret = hex ? FORM_HEX : base64 ? FORM_BASE64 : FORM_RAW;
    return HF_OK;
}

static hf_err write_digits(cli *c, const bytes *random, form f, const char *out)
{
    size_t cap = 2 * random->len + 8;
    HF_AUTO(bytes_free) bytes text = { .ptr = wiped_alloc(cap), .cap = cap };

    if (text.ptr == NULL)
        return cli_fail(c, HF_ERR_SYSTEM, "there is no memory for the answer");
    if (f == FORM_HEX) {
        hf_hex_encode(bytes_view(random), (char *)text.ptr);
        text.len = 2 * random->len;
    } else {
        text.len = hf_b64_encode(bytes_view(random), (char *)text.ptr);
    }
    text.ptr[text.len++] = '\n';
    return file_write(c, out, true, bytes_view(&text));
}

static hf_err write_random(cli *c, const yyjson_doc *doc, form f, const char *out)
{
    HF_AUTO(bytes_free) bytes random = { 0 };

    HF_TRY(api_get_bytes(c, doc, "random_b64", &random));
    return f == FORM_RAW ? file_write(c, out, true, bytes_view(&random)) : write_digits(c, &random, f, out);
}

hf_err cmd_random(cli *c, const args *a)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    const char *out = args_value(a, "out");
    uint64_t n = 0;
    api_path path;
    form f = FORM_RAW;

    if (!args_digits(a->operands[0], &n) || n < 1 || n > RANDOM_MAX_BYTES)
        return cli_fail(c, HF_ERR_INVALID, "the number of bytes must be a whole number from 1 to %d", RANDOM_MAX_BYTES);
    HF_TRY(form_of(c, a, &f));
    api_path_start(&path, "/api/v1/random/");
    api_path_digits(&path, n);
    HF_TRY(api_call(c, "GET", &path, NULL, &doc));
    if (!c->json || !file_is_standard(out))
        HF_TRY(write_random(c, doc, f, out));
    payload_tell(c, doc, "random_b64", out);
    return HF_OK;
}
