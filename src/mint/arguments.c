#include "mint/arguments.h"

#include "base/text.h"
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: holdfast token mint --key FILE --actor NAME --role ROLE [--role ROLE]... [OPTION]...\n"
    "       holdfast token mint --secret FILE --kid ID --actor NAME --role ROLE [OPTION]...\n"
    "Signs a bearer token (JWS) and prints it on standard output. The key's kind is the algorithm: EC P-256 gives ES256,\n"
    "Ed25519 EdDSA, RSA with 2048 or 3072 bits RS256, a shared secret HS256.\n"
    "\n"
    "  --key FILE           private key, PEM with PKCS#8 (or PKCS#1 for RSA); - reads standard input\n"
    "  --secret FILE        shared secret, base64 of 32 to 64 bytes; - reads standard input. Servers take HS256 only\n"
    "                       where tokens.hs256 is on\n"
    "  --actor NAME         who the token speaks for (sub)\n"
    "  --role ROLE          administrator, operator, auditor or service; may be repeated\n"
    "  --ttl TIME           life: a number with s, m or h; default 5m, which is also the most that servers take\n"
    "                       unless configured otherwise\n"
    "  --kid ID             name of the key in the keyset; default: its JWK thumbprint (RFC 7638, SHA-256); needed\n"
    "                       with --secret, whose thumbprint would help to guess it\n"
    "  --issuer TEXT        iss; default: none\n"
    "  --audience TEXT      aud; default holdfast; empty: none\n"
    "  --cert-sha256 HEX    bind to the client certificate with this SHA-256 fingerprint (RFC 8705)\n";

static void HF_PRINTF(1, 2) HF_NORETURN fail(const char *format, ...)
{
    va_list args;

    fputs("holdfast token mint: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\n", stderr);
    exit(2);
}

/* "90", "90s", "5m", "1h" to seconds. */
static int64_t duration_parse(const char *text)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 } };
    char *end;
    long long n;

    errno = 0;
    n = strtoll(text, &end, 10);
    for (size_t i = 0; i < HF_COUNT(units); i++) {
        if (errno == 0 && end != text && strcmp(end, units[i].unit) == 0 && n >= 1 &&
            n <= MINT_TTL_MAX_S / units[i].seconds)
            return n * units[i].seconds;
    }
    fail("--ttl must be 1s to 24h, for example 5m: %s", text);
}

static void role_add(struct hf_claims *c, const char *text)
{
    uint32_t bit = hf_role_parse(hf_view_str(text));

    if (bit == 0)
        fail("there is no role '%s'; roles are administrator, operator, auditor, service", text);
    c->roles |= bit;
}

static void actor_set(struct hf_claims *c, const char *text)
{
    if (!hf_jose_actor_ok(hf_view_str(text)) ||
        hf_view_to_str(hf_view_str(text), c->subject, sizeof c->subject) != HF_OK)
        fail("--actor must be 1 to 64 bytes of text without control characters");
}

static void cert_set(struct hf_claims *c, const char *text)
{
    size_t len;

    if (hf_hex_decode(hf_view_str(text), c->cert_hash, sizeof c->cert_hash, &len) != HF_OK ||
        len != sizeof c->cert_hash)
        fail("--cert-sha256 must be 64 hexadecimal digits");
    c->has_cert = true;
}

static void key_file_set(struct mint_arguments *a, const char *path, bool is_secret)
{
    if (a->key_file != NULL)
        fail("give one --key or one --secret; try 'holdfast token mint --help'");
    a->key_file = path;
    a->is_secret = is_secret;
}

static void kid_set(struct mint_arguments *a, const char *text)
{
    if (!hf_jose_visible(hf_view_str(text), HF_KID_MAX_BYTES))
        fail("--kid must be 1 to 64 visible characters");
    a->kid = text;
}

static const char *name_check(const char *option, const char *text)
{
    if (strlen(text) > 256 || !hf_text_ok(hf_view_str(text)))
        fail("%s must be at most 256 bytes of text without control characters", option);
    return text;
}

static void option_take(struct mint_arguments *a, int c)
{
    switch (c) {
    case 'k':
    case 'S':
        key_file_set(a, optarg, c == 'S');
        return;
    case 'a':
        actor_set(&a->claims, optarg);
        return;
    case 'r':
        role_add(&a->claims, optarg);
        return;
    case 't':
        a->ttl_s = duration_parse(optarg);
        return;
    case 'i':
        kid_set(a, optarg);
        return;
    case 's':
        a->issuer = name_check("--issuer", optarg);
        return;
    case 'd':
        a->audience = name_check("--audience", optarg);
        return;
    case 'c':
        cert_set(&a->claims, optarg);
        return;
    case 'h':
        fputs(usage, stdout);
        exit(0);
    default:
        fail("try 'holdfast token mint --help'");
    }
}

void mint_arguments_parse(int argc, char **argv, struct mint_arguments *ret)
{
    static const struct option options[] = {
        { "key", required_argument, NULL, 'k' },
        { "actor", required_argument, NULL, 'a' },
        { "role", required_argument, NULL, 'r' },
        { "ttl", required_argument, NULL, 't' },
        { "kid", required_argument, NULL, 'i' },
        { "issuer", required_argument, NULL, 's' },
        { "audience", required_argument, NULL, 'd' },
        { "cert-sha256", required_argument, NULL, 'c' },
        { "secret", required_argument, NULL, 'S' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    struct mint_arguments a = { .issuer = "", .audience = "holdfast", .ttl_s = MINT_TTL_DEFAULT_S };
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
        option_take(&a, c);
    if (optind != argc)
        fail("unexpected argument '%s'", argv[optind]);
    if (a.key_file == NULL || a.claims.subject[0] == '\0' || a.claims.roles == 0)
        fail("--key (or --secret), --actor and --role are needed; try 'holdfast token mint --help'");
    if (a.is_secret && a.kid == NULL)
        fail("--secret needs --kid, the name of the secret's key in the keyset");
    *ret = a;
}
