/* The command line of mint. */
#ifndef HF_MINT_ARGUMENTS_H
#define HF_MINT_ARGUMENTS_H

#include "jose/claims.h"

#define MINT_TTL_DEFAULT_S 300
#define MINT_TTL_MAX_S 86400

struct mint_arguments {
    const char *key_file; /* "-": standard input */
    bool is_secret;       /* it holds a shared secret (HS256) */
    const char *kid;      /* NULL: the thumbprint of the key (RFC 7638); never with a secret */
    const char *issuer;   /* "": none */
    const char *audience;
    int64_t ttl_s;
    struct hf_claims claims; /* subject, roles and certificate hash filled in */
};

/* Ends the program with exit code 2 and a sentence when something is wrong, with 0 after --help. */
void mint_arguments_parse(int argc, char **argv, struct mint_arguments *ret);

#endif
