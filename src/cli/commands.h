/*
 * Every command: how it is called, what it is for, and the function that does it. Help, man pages and completion are
 * made from these tables (table_*.c), so that none of them can say something else.
 */
#ifndef HF_CLI_COMMANDS_H
#define HF_CLI_COMMANDS_H

#include "cli/args.h"

typedef struct command {
    const char *noun; /* first word */
    const char *verb; /* second word; NULL: the command has one */
    const char *operand; /* the one operand, for example "KEY"; NULL: none */
    const char *help;
    /* What a program reads itself (`pass`) stands here too, for help and completion. */
    const option_row *options;
    hf_err (*run)(cli *c, const args *a);
    /* Set when a program beside this one reads the rest of the command line itself: words[0] is the first of it. */
    hf_err (*pass)(cli *c, char *const *words);
    const char *more; /* paragraphs with an empty line between them; may be NULL */
    const char *examples; /* lines of shell; may be NULL */
} command;

typedef struct command_group {
    const char *title;
    const command *rows;
    const size_t *n;
} command_group;

extern const command_group command_groups[];
extern const size_t command_group_count;
extern const option_row global_options[];

/* Command number i over all groups, from 0; NULL after the last. */
const command *commands_at(size_t i);
/* Commands with this first word. */
bool commands_has_noun(const char *noun);
/* verb may be NULL. NULL when there is no such command. */
const command *commands_find(const char *noun, const char *verb);
/* "noun verb" or "noun". */
#define COMMAND_NAME_CAP 64
void command_name(const command *k, char separator, char dst[static COMMAND_NAME_CAP]);

/* ---- table_*.c ---- */

extern const command hsm_commands[], key_commands[], use_commands[], audit_commands[], token_commands[],
    file_commands[], other_commands[];
extern const size_t hsm_command_count, key_command_count, use_command_count, audit_command_count, token_command_count,
    file_command_count, other_command_count;

/* The same in every command that has them. */
#define OPTION_IN { .name = "in", .value = "F", .help = "read from F; default: standard input" }
#define OPTION_OUT { .name = "out", .value = "F", .help = "write to F; default: standard output" }

/* ---- cmd_*.c ---- */

hf_err cmd_init(cli *c, char *const *words);
hf_err cmd_status(cli *c, const args *a);
hf_err cmd_capabilities(cli *c, const args *a);
hf_err cmd_unseal(cli *c, const args *a);
hf_err cmd_seal(cli *c, const args *a);
hf_err cmd_reseal(cli *c, char *const *words);
hf_err cmd_root_rotate_epoch(cli *c, const args *a);
hf_err cmd_keyset_show(cli *c, const args *a);
hf_err cmd_keyset_apply(cli *c, const args *a);
hf_err cmd_selftest(cli *c, char *const *words);
hf_err cmd_key_create(cli *c, const args *a);
hf_err cmd_key_import(cli *c, const args *a);
hf_err cmd_key_list(cli *c, const args *a);
hf_err cmd_key_show(cli *c, const args *a);
hf_err cmd_key_versions(cli *c, const args *a);
hf_err cmd_key_public(cli *c, const args *a);
hf_err cmd_key_set(cli *c, const args *a);
hf_err cmd_key_rotate(cli *c, const args *a);
hf_err cmd_key_revoke(cli *c, const args *a);
hf_err cmd_key_destroy(cli *c, const args *a);
hf_err cmd_sign(cli *c, const args *a);
hf_err cmd_verify(cli *c, const args *a);
hf_err cmd_mac(cli *c, const args *a);
hf_err cmd_encrypt(cli *c, const args *a);
hf_err cmd_decrypt(cli *c, const args *a);
hf_err cmd_rewrap(cli *c, const args *a);
hf_err cmd_encapsulate(cli *c, const args *a);
hf_err cmd_decapsulate(cli *c, const args *a);
hf_err cmd_random(cli *c, const args *a);
hf_err cmd_batch(cli *c, const args *a);
hf_err cmd_audit_tail(cli *c, const args *a);
hf_err cmd_audit_export(cli *c, const args *a);
hf_err cmd_audit_verify(cli *c, const args *a);
hf_err cmd_audit_accept_rollback(cli *c, const args *a);
hf_err cmd_token_mint(cli *c, char *const *words);
hf_err cmd_token_session(cli *c, const args *a);
hf_err cmd_token_inspect(cli *c, const args *a);
hf_err cmd_token_introspect(cli *c, const args *a);
hf_err cmd_token_revoke(cli *c, const args *a);
hf_err cmd_file_protect(cli *c, char *const *words);
hf_err cmd_file_verify(cli *c, char *const *words);
hf_err cmd_file_read(cli *c, char *const *words);
hf_err cmd_file_write(cli *c, char *const *words);
hf_err cmd_file_unprotect(cli *c, char *const *words);
hf_err cmd_completion(cli *c, const args *a);
hf_err cmd_version(cli *c, const args *a);

#endif
