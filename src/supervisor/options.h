/* What the operator asked for: arguments and environment of holdfastd. */
#ifndef HF_SUPERVISOR_OPTIONS_H
#define HF_SUPERVISOR_OPTIONS_H

#include "base/buf.h"

typedef enum strictness { STRICT_BY_FILE, STRICT_NO, STRICT_YES } strictness;

/* Texts are borrowed from argv and the environment; NULL: not given. */
struct options {
    const char *data;
    const char *anchor;
    const char *config;
    const char *listen;
    const char *socket;
    const char *libexec;
    strictness strict;
    bool check;
};

#define OPTIONS_WHY_CAP 256

/*
 * Command line first, then environment, then defaults. HF_ERR_INVALID: *why is a sentence; an empty one means that the
 * usage text is what helps.
 */
hf_err options_read(int argc, char **argv, struct options *ret, char why[static OPTIONS_WHY_CAP]) HF_MUST_USE;

extern const char options_usage[];

#endif
