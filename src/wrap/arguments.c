#include "wrap/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "Usage: wrap --public FILE --in FILE [--algorithm ALG]\n"
    "Wraps a private or secret key to an import key, for 'holdfast key import'. Writes the name of the key's algorithm, a\n"
    "line feed, and the wrapped key to standard output.\n"
    "\n"
    "  --public FILE        the import key's public half, DER SubjectPublicKeyInfo: rsa-2048, rsa-3072 or ml-kem-768\n"
    "  --in FILE            the key: PKCS#8, PEM or DER, unencrypted; or the bytes of an AES or HMAC key\n"
    "  --algorithm ALG      what it is; needed for bytes\n";

static void HF_NORETURN fail(const char *what, const char *word)
{
    fprintf(stderr, "wrap: %s%s\n", what, word);
    exit(2);
}

void wrap_arguments_parse(int argc, char **argv, struct wrap_arguments *ret)
{
    static const struct option options[] = {
        { "public", required_argument, NULL, 'p' },
        { "in", required_argument, NULL, 'i' },
        { "algorithm", required_argument, NULL, 'a' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    struct wrap_arguments a = { 0 };
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(usage, stdout);
            exit(0);
        }
        if (c == 'p')
            a.public_key = optarg;
        else if (c == 'i')
            a.in = optarg;
        else if (c != 'a')
            fail("try 'wrap --help'", "");
        else if ((a.alg = hf_alg_parse(hf_view_str(optarg))) == HF_ALG_NONE)
            fail("there is no algorithm ", optarg);
    }
    if (optind != argc || a.public_key == NULL || a.in == NULL)
        fail("--public and --in are needed; try 'wrap --help'", "");
    *ret = a;
}
