#include "cli/token.h"

#include "cli/file.h"
#include "cli/run.h"
#include <string.h>
#include <sys/stat.h>

#define MINTED_TTL "60s"
#define MINTED_USE_MS 40000

hf_err token_trim(cli *c, const char *where, bytes *token)
{
    while (token->len > 0 && strchr(" \t\r\n", token->ptr[token->len - 1]) != NULL)
        token->len--;
    bool ok = token->len > 0;
    for (size_t i = 0; i < token->len; i++)
        ok = ok && token->ptr[i] > 0x20 && token->ptr[i] < 0x7f;
    if (!ok)
        return cli_fail(c, HF_ERR_BAD_TOKEN, "%s does not hold one token; make one with 'holdfast token mint'", where);
    return HF_OK;
}

/* A warning only: the token is worth minutes, and a shared folder may be meant. */
static void warn_if_open(const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        cli_note("warning: %s is open to its group or to others; run 'chmod 600' on it", path);
}

static hf_err token_read(cli *c, bytes *ret)
{
    HF_TRY(file_read(c, c->token_file, TOKEN_MAX_BYTES, ret));
    if (!file_is_standard(c->token_file))
        warn_if_open(c->token_file);
    return token_trim(c, file_is_standard(c->token_file) ? "standard input" : c->token_file, ret);
}

static hf_err token_mint(cli *c, bytes *ret)
{
    char *const argv[] = {
        (char[]) { "mint" },   (char[]) { "--key" }, (char *)c->token_key, (char[]) { "--actor" },  (char *)c->actor,
        (char[]) { "--role" }, (char *)c->role,      (char[]) { "--ttl" }, (char[]) { MINTED_TTL }, NULL,
    };
    int code;

    if (file_is_standard(c->token_key))
        HF_TRY(file_take_stdin(c));
    HF_TRY(run_capture(c, argv, ret, &code));
    if (code != 0)
        return cli_fail(c, HF_ERR_NO_TOKEN, "no token could be minted with --token-key %s; %s", c->token_key,
                        c->said[0] != '\0' ? c->said : "the line above says why");
    return token_trim(c, "what mint printed", ret);
}

/* One minted token serves the requests of this run for a while; long work then has another one. */
static hf_err token_minted(cli *c)
{
    hf_mono now = hf_mono_now();

    if (c->token.len > 0 && now.ns < hf_mono_after_ms(c->token_read, MINTED_USE_MS).ns)
        return HF_OK;
    bytes_free(&c->token);
    HF_TRY(token_mint(c, &c->token));
    c->token_read = now;
    return HF_OK;
}

hf_err token_get(cli *c, bytes *ret)
{
    bool once = c->token_file != NULL && file_is_standard(c->token_file);

    if (c->token_key != NULL)
        HF_TRY(token_minted(c));
    else if (once && c->token.len == 0)
        HF_TRY(token_read(c, &c->token));
    else if (!once && c->token_file != NULL)
        return token_read(c, ret);
    else if (!once)
        return cli_fail(
            c, HF_ERR_NO_TOKEN,
            "a token is needed; give --token-key F or --token-file F, or make one with 'holdfast token mint'");
    return bytes_put(ret, bytes_view(&c->token), TOKEN_MAX_BYTES);
}
