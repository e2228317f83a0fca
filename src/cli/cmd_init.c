/* init: done by a program beside this one, because keys are made there. */
#include "cli/commands.h"
#include "cli/run.h"

hf_err cmd_init(cli *c, char *const *words)
{
    return run_command(c, "init", words, "report");
}
