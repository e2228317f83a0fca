/* reseal: done by a program beside this one, because it has the root key for a moment. */
#include "cli/commands.h"
#include "cli/run.h"

hf_err cmd_reseal(cli *c, char *const *words)
{
    return run_command(c, "reseal", words, "report");
}
