/* Every command: how it is called, what it is for, and the function that does it. */
#ifndef HF_CLI_COMMANDS_H
#define HF_CLI_COMMANDS_H

#include "cli/args.h"

typedef struct command {
    const char *noun; /* first word */
    const char *verb; /* second word; NULL: the command has one */
    const char *operand; /* the one operand, for example "KEY"; NULL: none */
    const char *help;
    const option_row *options;
    hf_err (*run)(cli *c, const args *a);
    /* Set when a program beside this one reads the rest of the command line itself: words[0] is the first of it. */
    hf_err (*pass)(cli *c, char *const *words);
    const char *more; /* a paragraph for --help; may be NULL */
} command;

extern const command commands[];
extern const size_t command_count;
extern const option_row global_options[];

/* Commands with this first word. */
bool commands_has_noun(const char *noun);
/* verb may be NULL. NULL when there is no such command. */
const command *commands_find(const char *noun, const char *verb);

/* ---- cmd_*.c ---- */

hf_err cmd_init(cli *c, char *const *words);
hf_err cmd_status(cli *c, const args *a);
hf_err cmd_capabilities(cli *c, const args *a);
hf_err cmd_unseal(cli *c, const args *a);
hf_err cmd_seal(cli *c, const args *a);
hf_err cmd_root_rotate_epoch(cli *c, const args *a);
hf_err cmd_keyset_show(cli *c, const args *a);
hf_err cmd_keyset_apply(cli *c, const args *a);
hf_err cmd_key_create(cli *c, const args *a);
hf_err cmd_key_list(cli *c, const args *a);
hf_err cmd_key_show(cli *c, const args *a);
hf_err cmd_key_versions(cli *c, const args *a);
hf_err cmd_key_public(cli *c, const args *a);
hf_err cmd_key_rotate(cli *c, const args *a);
hf_err cmd_key_revoke(cli *c, const args *a);
hf_err cmd_key_destroy(cli *c, const args *a);
hf_err cmd_sign(cli *c, const args *a);
hf_err cmd_verify(cli *c, const args *a);
hf_err cmd_encrypt(cli *c, const args *a);
hf_err cmd_decrypt(cli *c, const args *a);
hf_err cmd_encapsulate(cli *c, const args *a);
hf_err cmd_decapsulate(cli *c, const args *a);
hf_err cmd_audit_tail(cli *c, const args *a);
hf_err cmd_audit_export(cli *c, const args *a);
hf_err cmd_audit_verify(cli *c, const args *a);
hf_err cmd_audit_accept_rollback(cli *c, const args *a);
hf_err cmd_token_mint(cli *c, char *const *words);
hf_err cmd_token_inspect(cli *c, const args *a);
hf_err cmd_token_revoke(cli *c, const args *a);
hf_err cmd_version(cli *c, const args *a);

#endif
