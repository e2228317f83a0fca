/* selftest: done by a program beside this one, which links the crypto library and writes its own JSON. */
#include "cli/commands.h"
#include "cli/run.h"

hf_err cmd_selftest(cli *c, char *const *words)
{
    return run_json_command(c, "selftest", words);
}
