/* The options of every command and the environment, checked. */
#ifndef HF_CLI_SETTINGS_H
#define HF_CLI_SETTINGS_H

#include "cli/args.h"

/* Options come before the environment, which comes before defaults. HF_ERR_INVALID, told. */
hf_err settings_take(cli *c, const args *a) HF_MUST_USE;

#endif
