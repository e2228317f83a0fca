/* Arguments of reseal. */
#ifndef HF_RESEAL_OPTIONS_H
#define HF_RESEAL_OPTIONS_H

#include "base/buf.h"

struct reseal_options {
    const char *data;
    const char *config;  /* NULL: where holdfastd looks */
    const char *seal;    /* the new one */
    const char *libexec; /* NULL: beside our own program */
    const char *old_file, *new_file; /* passphrases; NULL: asked at the terminal */
};

/* Reads them, or says what is wrong and exits with 2. */
void reseal_options_read(int argc, char **argv, struct reseal_options *ret);

#endif
