#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

const option_row global_options[] = {
    { .name = "server",
      .value = "URL",
      .help = "https://HOST[:PORT] (HOLDFAST_SERVER; default " CLI_SERVER_DEFAULT ")" },
    { .name = "socket", .value = "PATH", .help = "the HSM's local socket instead of a server (HOLDFAST_SOCKET)" },
    { .name = "ca",
      .value = "F",
      .help = "certificate authority of the server, PEM (HOLDFAST_CA; default: the system's)" },
    { .name = "client-cert",
      .value = "F",
      .help = "our certificate, PEM, for a server that asks for one (HOLDFAST_CLIENT_CERT)" },
    { .name = "client-key", .value = "F", .help = "its private key, PEM (HOLDFAST_CLIENT_KEY)" },
    { .name = "token-file", .value = "F", .help = "bearer token (HOLDFAST_TOKEN_FILE)" },
    { .name = "token-key", .value = "F", .help = "private key that mints a token of 60 s for each call" },
    { .name = "actor", .value = "NAME", .help = "whom --token-key speaks for; default admin" },
    { .name = "role",
      .value = "ROLE",
      .help = "in which role; default administrator",
      .words = "administrator|operator|auditor|service" },
    { .name = "idempotency-key",
      .value = "K",
      .help = "of a change: sent again with the same K, it is answered as the first time and not done twice" },
    { .name = "output", .value = "text|json", .help = "json: one document on standard output; default text" },
    { 0 },
};

const command_group command_groups[] = {
    { "The HSM", hsm_commands, &hsm_command_count },     { "Keys", key_commands, &key_command_count },
    { "Use of keys", use_commands, &use_command_count }, { "Audit", audit_commands, &audit_command_count },
    { "Tokens", token_commands, &token_command_count },  { "Files", file_commands, &file_command_count },
    { "Other", other_commands, &other_command_count },
};
const size_t command_group_count = HF_COUNT(command_groups);

const command other_commands[] = {
    { .noun = "completion",
      .operand = "bash|zsh|fish",
      .help = "print the completion script for a shell",
      .run = cmd_completion,
      .more = "An installed Holdfast has these scripts where the shells look for them.",
      .examples = "holdfast completion bash >holdfast.bash\n. ./holdfast.bash\n" },
    { .noun = "version", .help = "print the version", .run = cmd_version },
};
const size_t other_command_count = HF_COUNT(other_commands);

const command *commands_at(size_t i)
{
    for (size_t g = 0; g < command_group_count; g++) {
        if (i < *command_groups[g].n)
            return &command_groups[g].rows[i];
        i -= *command_groups[g].n;
    }
    return NULL;
}

bool commands_has_noun(const char *noun)
{
    const command *k;

    for (size_t i = 0; (k = commands_at(i)) != NULL; i++)
        if (strcmp(k->noun, noun) == 0)
            return true;
    return false;
}

const command *commands_find(const char *noun, const char *verb)
{
    const command *k;

    for (size_t i = 0; (k = commands_at(i)) != NULL; i++) {
        bool verb_fits = verb == NULL ? k->verb == NULL : k->verb != NULL && strcmp(k->verb, verb) == 0;
        if (strcmp(k->noun, noun) == 0 && verb_fits)
            return k;
    }
    return NULL;
}

void command_name(const command *k, char separator, char dst[static COMMAND_NAME_CAP])
{
    if (k->verb == NULL)
        (void)snprintf(dst, COMMAND_NAME_CAP, "%s", k->noun);
    else
        (void)snprintf(dst, COMMAND_NAME_CAP, "%s%c%s", k->noun, separator, k->verb);
}
