/* One line on a terminal that says how far long work has come; nothing where standard error is no terminal. */
#ifndef HF_CLI_PROGRESS_H
#define HF_CLI_PROGRESS_H

#include "cli/cli.h"

/* Replaces the line. */
void progress_show(const char *format, ...) HF_PRINTF(1, 2);
/* Takes the line away, before anything else is written to the terminal. */
void progress_end(void);

#endif
