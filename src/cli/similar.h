/* For a key that is not there: is one with a similar name? */
#ifndef HF_CLI_SIMILAR_H
#define HF_CLI_SIMILAR_H

#include "cli/cli.h"

/*
 * Asks the server for names and tells the nearest as a note. Only for people: nothing without a terminal on standard
 * error, nothing with --output json, and nothing when the question fails.
 */
void similar_tell(cli *c, const char *key);

#endif
