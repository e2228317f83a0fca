/* What an error answer means for the user: a sentence, and an error whose class is the exit code. */
#ifndef HF_CLI_PROBLEM_H
#define HF_CLI_PROBLEM_H

#include "cli/http_client.h"

/*
 * Tells about an answer that is no success: its `detail` and what to do next on stderr, with --output json the document
 * itself on stdout. Gives the error that its `code` names, or one for its status.
 */
hf_err problem_tell(cli *c, const http_answer *a);

/* The error with this word, or HF_ERR_COUNT. */
hf_err problem_of_word(hf_view word);
hf_err problem_of_status(long status);

#endif
