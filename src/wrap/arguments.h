/* The command line of `wrap`. */
#ifndef HF_WRAP_ARGUMENTS_H
#define HF_WRAP_ARGUMENTS_H

#include "base/names.h"

struct wrap_arguments {
    const char *public_key; /* file: DER SubjectPublicKeyInfo */
    const char *in;         /* file; "-": standard input */
    hf_alg alg;             /* HF_ALG_NONE: read from the key */
};

/* Prints and ends the process when the words are wrong (2) or help was asked for (0). */
void wrap_arguments_parse(int argc, char **argv, struct wrap_arguments *ret);

#endif
