#include "init/options.h"

#include "base/log.h"
#include "seal/seal.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2

static const char usage[] =
    "usage: holdfast init --data DIR [OPTION]...\n"
    "Makes the data folder of a new HSM, its certificates and the first administrator's key.\n"
    "  --data DIR           the folder to make; its parent must exist\n"
    "  --seal KIND          what keeps the root key while the HSM is down: file (default) or passphrase\n"
    "  --passphrase-file F  read the passphrase from F, - is standard input; else it is asked for twice\n"
    "  --admin-key-out F    where the administrator's key goes (default ~/.config/holdfast/admin-key.pem)\n"
    "  --anchor DIR         also make the anchor folder, outside the data and its backups\n"
    "  --listen H:P         written to holdfast.conf\n"
    "  --host NAME          also in the server certificate; may be repeated\n"
    "  --keep-ca            keep the CA's key in tls/ca-key.pem (else it is never written)\n"
    "  --dev                for development: the administrator's key may lie in the data folder, and does by default\n"
    "  --libexec DIR        where the program 'config' is\n";

enum {
    OPT_DATA = 1,
    OPT_SEAL,
    OPT_PASSPHRASE,
    OPT_ADMIN_KEY,
    OPT_ANCHOR,
    OPT_LISTEN,
    OPT_HOST,
    OPT_KEEP_CA,
    OPT_DEV,
    OPT_LIBEXEC,
    OPT_HELP
};

static const struct option known[] = {
    { "data", required_argument, NULL, OPT_DATA },
    { "seal", required_argument, NULL, OPT_SEAL },
    { "passphrase-file", required_argument, NULL, OPT_PASSPHRASE },
    { "admin-key-out", required_argument, NULL, OPT_ADMIN_KEY },
    { "anchor", required_argument, NULL, OPT_ANCHOR },
    { "listen", required_argument, NULL, OPT_LISTEN },
    { "host", required_argument, NULL, OPT_HOST },
    { "keep-ca", no_argument, NULL, OPT_KEEP_CA },
    { "dev", no_argument, NULL, OPT_DEV },
    { "libexec", required_argument, NULL, OPT_LIBEXEC },
    { "help", no_argument, NULL, OPT_HELP },
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

static void help(void)
{
    fputs(usage, stdout);
    exit(EXIT_SUCCESS);
}

static void copy_path(char dst[static PATH_MAX], const char *path)
{
    if (strlen(path) >= PATH_MAX)
        refuse("a path is too long");
    memcpy(dst, path, strlen(path) + 1);
}

static void argument_take(int opt, struct init_options *o)
{
    switch (opt) {
    case OPT_DATA:
        o->data = optarg;
        return;
    case OPT_SEAL:
        o->seal = optarg;
        if (hf_seal_find(hf_view_str(optarg)) == NULL)
            refuse("--seal must be file or passphrase");
        return;
    case OPT_PASSPHRASE:
        o->passphrase_file = optarg;
        return;
    case OPT_ADMIN_KEY:
        copy_path(o->admin_key, optarg);
        return;
    case OPT_ANCHOR:
        o->anchor = optarg;
        return;
    case OPT_LISTEN:
        o->listen = optarg;
        return;
    case OPT_HOST:
        if (o->n_hosts == INIT_HOSTS_MAX)
            refuse("too many --host");
        o->hosts[o->n_hosts++] = optarg;
        return;
    case OPT_KEEP_CA:
        o->keep_ca = true;
        return;
    case OPT_DEV:
        o->dev = true;
        return;
    case OPT_LIBEXEC:
        o->libexec = optarg;
        return;
    case OPT_HELP:
        help();
        return;
    default:
        refuse("");
    }
}

/* DIR/admin-key.pem for development, else the user's configuration folder. */
static void admin_key_default(struct init_options *o)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int n;

    o->admin_key_default = true;
    if (o->dev)
        n = snprintf(o->admin_key, PATH_MAX, "%s/admin-key.pem", o->data);
    else if (config != NULL && config[0] == '/')
        n = snprintf(o->admin_key, PATH_MAX, "%s/holdfast/admin-key.pem", config);
    else if (home != NULL && home[0] == '/')
        n = snprintf(o->admin_key, PATH_MAX, "%s/.config/holdfast/admin-key.pem", home);
    else
        refuse("HOME is not set; say with --admin-key-out where the administrator's key goes");
    if (n < 0 || n >= PATH_MAX)
        refuse("a path is too long");
}

void init_options_read(int argc, char **argv, struct init_options *ret)
{
    int opt;

    *ret = (struct init_options) { .seal = "file" };
    ret->data = getenv("HOLDFAST_DATA");
    while ((opt = getopt_long(argc, argv, "", known, NULL)) != -1)
        argument_take(opt, ret);
    if (optind != argc)
        refuse("");
    if (ret->data == NULL || ret->data[0] == '\0')
        refuse("say with --data DIR which folder to make");
    if (ret->admin_key[0] == '\0')
        admin_key_default(ret);
}
