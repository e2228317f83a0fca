#include "cli/settings.h"

#include "base/text.h"
#include <stdlib.h>
#include <string.h>

/* An empty variable counts as none, so that it can be switched off for one command. */
static const char *variable(const char *name)
{
    const char *text = getenv(name);

    return text != NULL && text[0] != '\0' ? text : NULL;
}

static hf_err take_output(cli *c, const args *a)
{
    const char *output = args_value(a, "output");

    c->json = output != NULL && strcmp(output, "json") == 0;
    if (output != NULL && !c->json && strcmp(output, "text") != 0)
        return cli_fail(c, HF_ERR_INVALID, "--output must be text or json, not '%s'", output);
    return HF_OK;
}

static hf_err take_peer(cli *c, const args *a)
{
    c->server = args_value(a, "server");
    c->socket = args_value(a, "socket");
    if (c->server != NULL && c->socket != NULL)
        return cli_fail(c, HF_ERR_INVALID, "--server and --socket exclude each other");
    if (c->server == NULL && c->socket == NULL)
        c->server = variable("HOLDFAST_SERVER");
    if (c->server == NULL && c->socket == NULL)
        c->socket = variable("HOLDFAST_SOCKET");
    if (c->server == NULL)
        c->server = CLI_SERVER_DEFAULT;
    c->ca = args_has(a, "ca") ? args_value(a, "ca") : variable("HOLDFAST_CA");
    c->client_cert = args_has(a, "client-cert") ? args_value(a, "client-cert") : variable("HOLDFAST_CLIENT_CERT");
    c->client_key = args_has(a, "client-key") ? args_value(a, "client-key") : variable("HOLDFAST_CLIENT_KEY");
    if ((c->client_cert == NULL) != (c->client_key == NULL))
        return cli_fail(c, HF_ERR_INVALID, "--client-cert and --client-key are needed together");
    return HF_OK;
}

static hf_err take_token(cli *c, const args *a)
{
    c->token_file = args_value(a, "token-file");
    c->token_key = args_value(a, "token-key");
    if (c->token_file != NULL && c->token_key != NULL)
        return cli_fail(c, HF_ERR_INVALID, "--token-file and --token-key exclude each other");
    if ((args_has(a, "actor") || args_has(a, "role")) && c->token_key == NULL)
        return cli_fail(c, HF_ERR_INVALID, "--actor and --role are for tokens that --token-key mints");
    if (c->token_file == NULL && c->token_key == NULL)
        c->token_file = variable("HOLDFAST_TOKEN_FILE");
    c->actor = args_has(a, "actor") ? args_value(a, "actor") : "admin";
    c->role = args_has(a, "role") ? args_value(a, "role") : "administrator";
    return HF_OK;
}

/* It becomes a header: what could end one is refused here. */
static hf_err take_idempotency_key(cli *c, const args *a)
{
    const char *key = args_value(a, "idempotency-key");

    if (key != NULL && !hf_request_id_ok(hf_view_str(key)))
        return cli_fail(c, HF_ERR_INVALID, "--idempotency-key must be 1 to 64 of A-Z a-z 0-9 . _ -");
    c->idempotency_key = key;
    return HF_OK;
}

hf_err settings_take(cli *c, const args *a)
{
    HF_TRY(take_output(c, a));
    HF_TRY(take_peer(c, a));
    HF_TRY(take_idempotency_key(c, a));
    return take_token(c, a);
}
