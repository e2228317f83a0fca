#include "reseal/options.h"

#include "base/log.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2
#define SYSTEM_DATA "/var/lib/holdfast"

static const char usage[] =
    "usage: holdfast reseal --seal KIND [OPTION]...\n"
    "Puts the root key under another seal, or under another passphrase. Works while holdfastd runs.\n"
    "  --data DIR               the data folder (HOLDFAST_DATA; default " SYSTEM_DATA ")\n"
    "  --config F               the configuration; default: holdfast.conf in DIR, else /etc/holdfast/holdfast.conf\n"
    "  --seal KIND              the new seal: file or passphrase\n"
    "  --passphrase-file F      read the passphrase of the old seal from F; else it is asked for\n"
    "  --new-passphrase-file F  read that of the new seal from F; else it is asked for twice; - is standard input\n"
    "  --libexec DIR            where the program 'config' is\n";

static const struct option known[] = {
    { "data", required_argument, NULL, 'd' },
    { "config", required_argument, NULL, 'c' },
    { "seal", required_argument, NULL, 's' },
    { "passphrase-file", required_argument, NULL, 'o' },
    { "new-passphrase-file", required_argument, NULL, 'n' },
    { "libexec", required_argument, NULL, 'l' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static HF_NORETURN void refuse(const char *why)
{
    if (why[0] != '\0')
        hf_log(HF_LOG_ERROR, "%s", why);
    else
        fputs(usage, stderr);
    exit(EXIT_USAGE);
}

static void argument_take(int opt, struct reseal_options *o)
{
    switch (opt) {
    case 'd':
        o->data = optarg;
        return;
    case 'c':
        o->config = optarg;
        return;
    case 's':
        o->seal = optarg;
        return;
    case 'o':
        o->old_file = optarg;
        return;
    case 'n':
        o->new_file = optarg;
        return;
    case 'l':
        o->libexec = optarg;
        return;
    case 'h':
        fputs(usage, stdout);
        exit(EXIT_SUCCESS);
    default:
        refuse("");
    }
}

static bool is_stdin(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

void reseal_options_read(int argc, char **argv, struct reseal_options *ret)
{
    int opt;

    *ret = (struct reseal_options) { .data = getenv("HOLDFAST_DATA") };
    while ((opt = getopt_long(argc, argv, "", known, NULL)) != -1)
        argument_take(opt, ret);
    if (optind != argc)
        refuse("");
    if (ret->seal == NULL)
        refuse("say with --seal KIND which seal to put the root key under");
    if (is_stdin(ret->old_file) && is_stdin(ret->new_file))
        refuse("standard input holds one passphrase, not both");
    if (ret->data == NULL || ret->data[0] == '\0')
        ret->data = SYSTEM_DATA;
}
