/* Asking before what cannot be undone. */
#ifndef HF_CLI_CONFIRM_H
#define HF_CLI_CONFIRM_H

#include "cli/args.h"
#include "cli/cli.h"

/*
 * Does: when standard input is a terminal and --yes is not there, says what will happen to the key and has its name
 * typed; a habit of pressing y ends no key. Asks nothing elsewhere. `consequence` stands behind the key's name, `verb` and
 * `done` are "destroy" and "destroyed". Errors: HF_ERR_INVALID, told, when something else was typed.
 */
hf_err confirm_key(cli *c, const args *a, const char *consequence, const char *verb, const char *done) HF_MUST_USE;

#endif
