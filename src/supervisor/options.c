#include "supervisor/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_DATA "/var/lib/holdfast"
#define SYSTEM_ANCHOR "/var/lib/holdfast-anchor"
#define SYSTEM_SOCKET "/run/holdfast/hsm.sock"

const char options_usage[] =
    "usage: holdfastd [--data DIR] [OPTION]...\n"
    "  --data DIR      data folder made by 'holdfast init' (HOLDFAST_DATA; default " SYSTEM_DATA ")\n"
    "  --anchor DIR    where the anchor against rollback is kept: outside the data and its backups\n"
    "  --config F      configuration (HOLDFAST_CONFIG; default DIR/holdfast.conf, then /etc/holdfast/holdfast.conf)\n"
    "  --listen H:P    listen there instead of where the configuration says\n"
    "  --socket PATH   local socket (HOLDFAST_SOCKET)\n"
    "  --strict        refuse to start when a protection cannot be had (HOLDFAST_STRICT=1)\n"
    "  --check         check configuration, keyset and files, then exit\n"
    "  --libexec DIR   where the programs of the other processes are\n"
    "  --help, --version\n";

enum {
    OPT_DATA = 1,
    OPT_ANCHOR,
    OPT_CONFIG,
    OPT_LISTEN,
    OPT_SOCKET,
    OPT_STRICT,
    OPT_CHECK,
    OPT_LIBEXEC,
    OPT_HELP,
    OPT_VERSION
};

static const struct option known[] = {
    { "data", required_argument, NULL, OPT_DATA },
    { "anchor", required_argument, NULL, OPT_ANCHOR },
    { "config", required_argument, NULL, OPT_CONFIG },
    { "listen", required_argument, NULL, OPT_LISTEN },
    { "socket", required_argument, NULL, OPT_SOCKET },
    { "strict", no_argument, NULL, OPT_STRICT },
    { "check", no_argument, NULL, OPT_CHECK },
    { "libexec", required_argument, NULL, OPT_LIBEXEC },
    { "help", no_argument, NULL, OPT_HELP },
    { "version", no_argument, NULL, OPT_VERSION },
    { NULL, 0, NULL, 0 },
};

static void print_and_exit(const char *text)
{
    fputs(text, stdout);
    exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static bool argument_take(int opt, struct options *o)
{
    switch (opt) {
    case OPT_DATA:
        o->data = optarg;
        return true;
    case OPT_ANCHOR:
        o->anchor = optarg;
        return true;
    case OPT_CONFIG:
        o->config = optarg;
        return true;
    case OPT_LISTEN:
        o->listen = optarg;
        return true;
    case OPT_SOCKET:
        o->socket = optarg;
        return true;
    case OPT_STRICT:
        o->strict = STRICT_YES;
        return true;
    case OPT_CHECK:
        o->check = true;
        return true;
    case OPT_LIBEXEC:
        o->libexec = optarg;
        return true;
    case OPT_HELP:
        print_and_exit(options_usage);
        return true;
    case OPT_VERSION:
        print_and_exit("holdfastd " HOLDFAST_VERSION "\n");
        return true;
    default:
        return false;
    }
}

/* 1 or 0; anything else would leave open which of the two was meant. */
static hf_err strict_variable(const char *name, strictness *strict, char why[static OPTIONS_WHY_CAP])
{
    const char *text = getenv(name);

    if (text == NULL)
        return HF_OK;
    strictness said = strcmp(text, "1") == 0 ? STRICT_YES : STRICT_NO;
    if (said == STRICT_NO && strcmp(text, "0") != 0) {
        snprintf(why, OPTIONS_WHY_CAP, "%s must be 1 or 0, not '%.32s'", name, text);
        return HF_ERR_INVALID;
    }
    if (*strict != STRICT_BY_FILE && *strict != said) {
        snprintf(why, OPTIONS_WHY_CAP, "HOLDFAST_STRICT and AUNSORM_STRICT mean the same and say different things");
        return HF_ERR_INVALID;
    }
    *strict = said;
    return HF_OK;
}

static hf_err environment_take(struct options *o, char why[static OPTIONS_WHY_CAP])
{
    strictness strict = STRICT_BY_FILE;

    HF_TRY(strict_variable("HOLDFAST_STRICT", &strict, why));
    HF_TRY(strict_variable("AUNSORM_STRICT", &strict, why));
    if (o->strict == STRICT_BY_FILE)
        o->strict = strict;
    if (o->data == NULL)
        o->data = getenv("HOLDFAST_DATA");
    if (o->config == NULL)
        o->config = getenv("HOLDFAST_CONFIG");
    if (o->socket == NULL)
        o->socket = getenv("HOLDFAST_SOCKET");
    return HF_OK;
}

/* The system's anchor and socket go with the system's data folder only. */
static void defaults_take(struct options *o)
{
    if (o->data == NULL)
        o->data = SYSTEM_DATA;
    if (strcmp(o->data, SYSTEM_DATA) != 0)
        return;
    if (o->anchor == NULL)
        o->anchor = SYSTEM_ANCHOR;
    if (o->socket == NULL)
        o->socket = SYSTEM_SOCKET;
}

hf_err options_read(int argc, char **argv, struct options *ret, char why[static OPTIONS_WHY_CAP])
{
    struct options o = { .strict = STRICT_BY_FILE };
    int opt;

    why[0] = '\0';
    while ((opt = getopt_long(argc, argv, "", known, NULL)) != -1)
        HF_CHECK(argument_take(opt, &o), HF_ERR_INVALID);
    HF_CHECK(optind == argc, HF_ERR_INVALID);
    HF_TRY(environment_take(&o, why));
    defaults_take(&o);
    *ret = o;
    return HF_OK;
}
