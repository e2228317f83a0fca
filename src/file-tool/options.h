/* The command line: a verb, its options, one file. */
#ifndef HF_FILE_TOOL_OPTIONS_H
#define HF_FILE_TOOL_OPTIONS_H

#include "base/macros.h"
#include <holdfast/file.h>
#include <limits.h>

typedef enum verb { VERB_PROTECT, VERB_VERIFY, VERB_READ, VERB_WRITE, VERB_UNPROTECT } verb;

typedef struct file_options {
    verb verb;
    const char *path;
    const char *in, *out; /* NULL: standard input, output */
    hf_file_mode mode;
    bool json;
    unsigned flags; /* HF_FILE_FORCE */
    unsigned allow; /* HF_FILE_ALLOW_... */
    char store[PATH_MAX];
} file_options;

/* "protect" and so on. */
const char *verb_name(verb v);

/* Ends the program for --help (0), and for what it does not understand (2). Without --store, the store of the user is taken. */
void options_read(int argc, char **argv, file_options *ret);

#endif
