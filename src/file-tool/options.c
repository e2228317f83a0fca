#include "file-tool/options.h"

#include "base/buf.h"
#include "file-tool/report.h"
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define STORE_OF_ROOT "/var/lib/holdfast-file-anchors"
#define STORE_OF_USER "holdfast/file-anchors"

enum {
    OPT_FORCE = 1,
    OPT_SIDECAR_ONLY,
    OPT_STORE,
    OPT_IN,
    OPT_OUT,
    OPT_UNANCHORED,
    OPT_UNAVAILABLE,
    OPT_OUTPUT,
    OPT_HELP
};

static const struct option known[] = {
    { "force", no_argument, NULL, OPT_FORCE },
    { "sidecar-only", no_argument, NULL, OPT_SIDECAR_ONLY },
    { "store", required_argument, NULL, OPT_STORE },
    { "in", required_argument, NULL, OPT_IN },
    { "out", required_argument, NULL, OPT_OUT },
    { "allow-unanchored", no_argument, NULL, OPT_UNANCHORED },
    { "allow-unavailable", no_argument, NULL, OPT_UNAVAILABLE },
    { "output", required_argument, NULL, OPT_OUTPUT },
    { "help", no_argument, NULL, OPT_HELP },
    { NULL, 0, NULL, 0 },
};

#define USES(opt) (1u << (opt))
#define USED_BY_ALL (USES(OPT_SIDECAR_ONLY) | USES(OPT_STORE) | USES(OPT_OUTPUT) | USES(OPT_HELP))

static const struct verb_row {
    const char *name;
    const char *does;
    unsigned uses;
} verbs[] = {
    [VERB_PROTECT] = { "protect", "Makes changes of F noticeable from now on.", USED_BY_ALL | USES(OPT_FORCE) },
    [VERB_VERIFY] = { "verify", "Says whether F is as it was protected.", USED_BY_ALL },
    [VERB_READ] = { "read", "Verifies F, then writes what was verified to standard output.",
                    USED_BY_ALL | USES(OPT_OUT) | USES(OPT_UNANCHORED) | USES(OPT_UNAVAILABLE) },
    [VERB_WRITE] = { "write", "Gives F new content and protects it, in one step.",
                     USED_BY_ALL | USES(OPT_IN) | USES(OPT_FORCE) },
    [VERB_UNPROTECT] = { "unprotect", "Takes the protection of F away.", USED_BY_ALL | USES(OPT_FORCE) },
};

static const char *const helps[] = {
    [OPT_FORCE] = "  --force              also when F is not what was protected\n",
    [OPT_SIDECAR_ONLY] = "  --sidecar-only       the sidecar alone counts, not the store\n",
    [OPT_STORE] =
        "  --store DIR          the folder of key and anchors (HOLDFAST_FILE_STORE; default: see holdfast-file-protect(1))\n",
    [OPT_IN] = "  --in F               read from F; default: standard input\n",
    [OPT_OUT] = "  --out F              write to F; default: standard output\n",
    [OPT_UNANCHORED] = "  --allow-unanchored   also read what was never protected\n",
    [OPT_UNAVAILABLE] = "  --allow-unavailable  also read when key or store cannot be had\n",
    [OPT_OUTPUT] = "  --output text|json   json: one document on standard output\n",
};

const char *verb_name(verb v)
{
    return verbs[v].name;
}

static HF_NORETURN void refuse(verb v, const char *format, ...) HF_PRINTF(2, 3);
static HF_NORETURN void refuse(verb v, const char *format, ...)
{
    char sentence[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    fprintf(stderr, "holdfast file %s: ", verb_name(v));
    report_text(stderr, sentence);
    fprintf(stderr, "; see 'holdfast file %s --help'\n", verb_name(v));
    exit(EXIT_USAGE);
}

static HF_NORETURN void help(verb v)
{
    printf("usage: holdfast file %s F [OPTION]...\n%s\n", verbs[v].name, verbs[v].does);
    for (size_t opt = 0; opt < HF_COUNT(helps); opt++)
        if (helps[opt] != NULL && (verbs[v].uses & USES(opt)) != 0)
            fputs(helps[opt], stdout);
    exit(EXIT_SUCCESS);
}

static verb verb_find(const char *name)
{
    for (size_t v = 0; v < HF_COUNT(verbs); v++)
        if (name != NULL && strcmp(name, verbs[v].name) == 0)
            return (verb)v;
    fputs("usage: file-tool protect|verify|read|write|unprotect F [OPTION]...\n", stderr);
    exit(EXIT_USAGE);
}

static void store_take(file_options *o, const char *path)
{
    if (path[0] == '\0' || hf_view_to_str(hf_view_str(path), o->store, sizeof(o->store)) != HF_OK)
        refuse(o->verb, "--store must name a folder");
}

/* XDG Base Directory Specification: a relative path in the variable does not count. */
static void store_default(file_options *o)
{
    const char *store = getenv("HOLDFAST_FILE_STORE"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n = -1;

    if (store != NULL && store[0] != '\0')
        n = snprintf(o->store, sizeof(o->store), "%s", store);
    else if (geteuid() == 0)
        n = snprintf(o->store, sizeof(o->store), "%s", STORE_OF_ROOT);
    else if (state != NULL && state[0] == '/')
        n = snprintf(o->store, sizeof(o->store), "%s/%s", state, STORE_OF_USER);
    else if (home != NULL && home[0] == '/')
        n = snprintf(o->store, sizeof(o->store), "%s/.local/state/%s", home, STORE_OF_USER);
    if (n <= 0 || (size_t)n >= sizeof(o->store))
        refuse(o->verb, "say with --store DIR where key and anchors are: there is no HOME");
}

static void option_take(file_options *o, int opt)
{
    switch (opt) {
    case OPT_FORCE:
        o->flags |= HF_FILE_FORCE;
        return;
    case OPT_SIDECAR_ONLY:
        o->mode = HF_FILE_SIDECAR;
        return;
    case OPT_STORE:
        store_take(o, optarg);
        return;
    case OPT_IN:
        o->in = optarg;
        return;
    case OPT_OUT:
        o->out = optarg;
        return;
    case OPT_UNANCHORED:
        o->allow |= HF_FILE_ALLOW_NO_ANCHOR;
        return;
    case OPT_UNAVAILABLE:
        o->allow |= HF_FILE_ALLOW_STORE_UNAVAILABLE;
        return;
    case OPT_OUTPUT:
        o->json = strcmp(optarg, "json") == 0;
        if (!o->json && strcmp(optarg, "text") != 0)
            refuse(o->verb, "--output must be text or json");
        return;
    default:
        help(o->verb);
    }
}

void options_read(int argc, char **argv, file_options *ret)
{
    int opt;

    *ret = (file_options) { .verb = verb_find(argc > 1 ? argv[1] : NULL) };
    opterr = 0;
    optind = 2;
    while ((opt = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (opt == ':')
            refuse(ret->verb, "'%s' needs a value", argv[optind - 1]);
        if (opt == '?' || (verbs[ret->verb].uses & USES(opt)) == 0)
            refuse(ret->verb, "'%s' is no option of it", argv[optind - 1]);
        option_take(ret, opt);
    }
    if (optind == argc)
        refuse(ret->verb, "it needs the path of a file");
    if (optind != argc - 1)
        refuse(ret->verb, "unexpected argument '%s'", argv[optind + 1]);
    ret->path = argv[optind];
    if (ret->store[0] == '\0')
        store_default(ret);
}
