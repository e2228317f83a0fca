/* Arguments of init. */
#ifndef HF_INIT_OPTIONS_H
#define HF_INIT_OPTIONS_H

#include "base/buf.h"

#include <limits.h>

#define INIT_HOSTS_MAX 30

struct init_options {
    const char *data;
    const char *seal;
    const char *passphrase_file; /* NULL: asked at the terminal; only for seals that need one */
    const char *anchor;  /* NULL: none */
    const char *listen;  /* NULL: the default */
    const char *libexec; /* NULL: beside our own program */
    const char *hosts[INIT_HOSTS_MAX];
    size_t n_hosts;
    char admin_key[PATH_MAX]; /* where the first administrator's key goes */
    bool admin_key_default;   /* its folder is made when missing */
    bool dev;
    bool keep_ca;
};

/* Reads them, or says what is wrong and exits with 2. */
void init_options_read(int argc, char **argv, struct init_options *ret);

#endif
