/*
 * holdfast.conf, of which reseal changes one line. It is read and edited by the program `config`, in its sandbox; here only
 * its bytes are put in place.
 */
#ifndef HF_RESEAL_CONF_H
#define HF_RESEAL_CONF_H

#include "reseal/options.h"

#include <limits.h>
#include <sys/stat.h>

#define WHY_CAP 512
#define CONF_CAP 65536
#define KIND_CAP 33

struct conf {
    int dir_fd;           /* its real folder */
    char name[NAME_MAX + 1];
    char path[PATH_MAX];  /* for messages */
    struct stat st;
    int program;          /* `config`, open */
};

/* Finds it, as holdfastd would. HF_ERR_NOT_FOUND; *why is a sentence. */
hf_err conf_open(const struct reseal_options *o, int data_fd, struct conf *ret, char why[static WHY_CAP]) HF_MUST_USE;
/* The seal that it names. HF_ERR_INVALID; config has said on stderr what it refuses. */
hf_err conf_seal(const struct conf *c, char kind[static KIND_CAP], char why[static WHY_CAP]) HF_MUST_USE;
/* Names another one: everything else stays as it is. After a crash the old or the new content is there. */
hf_err conf_set_seal(const struct conf *c, const char *kind, char why[static WHY_CAP]) HF_MUST_USE;

#endif
