/* --help on every level, made from the tables. */
#ifndef HF_CLI_HELP_H
#define HF_CLI_HELP_H

#include "cli/commands.h"
#include <stdio.h>

void help_all(FILE *f);
void help_noun(FILE *f, const char *noun);
void help_command(FILE *f, const command *k);

#endif
