/* The programs beside this one, in ../libexec/holdfast of the folder that it was started from. */
#ifndef HF_CLI_RUN_H
#define HF_CLI_RUN_H

#include "cli/cli.h"
#include "cli/wiped.h"

/* argv[0] is the program's name. Only returns when the program cannot be started: HF_ERR_SYSTEM, told. */
hf_err run_instead(cli *c, char *const argv[]) HF_MUST_USE;

/* Runs it and waits; *ret_exit is its exit code, 1 when it was killed. HF_ERR_SYSTEM, told. */
hf_err run_wait(cli *c, char *const argv[], int *ret_exit) HF_MUST_USE;

/* The same, with what it printed in *ret, which is wiped when freed. */
hf_err run_capture(cli *c, char *const argv[], bytes *ret, int *ret_exit) HF_MUST_USE;

/* Tells that a program ended with this exit code, not 0; the error has the same one. */
hf_err run_failed(cli *c, const char *name, int code);

/*
 * A command that a program does: `words` are its arguments. With --output json what it prints becomes a document, as
 * text in `member`; else it runs in our place. Its exit code is ours.
 */
hf_err run_command(cli *c, const char *name, char *const *words, const char *member) HF_MUST_USE;
/* The same for a program that knows --output json itself and then prints the document. */
hf_err run_json_command(cli *c, const char *name, char *const *words) HF_MUST_USE;

#endif
