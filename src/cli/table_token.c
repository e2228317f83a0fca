/* Commands about tokens. */
#include "cli/commands.h"

#define ROLES "administrator|operator|auditor|service"

static const option_row mint_options[] = {
    { .name = "key", .value = "F", .help = "private key, PEM (PKCS#8, or PKCS#1 for RSA); - reads standard input" },
    { .name = "secret",
      .value = "F",
      .help = "or a shared secret, base64 of 32 to 64 bytes; only for servers whose tokens.hs256 is on" },
    { .name = "actor", .value = "NAME", .help = "whom the token speaks for (sub)", .required = true },
    { .name = "role",
      .value = "ROLE",
      .help = "administrator, operator, auditor or service",
      .words = ROLES,
      .required = true,
      .repeats = true },
    { .name = "ttl", .value = "TIME", .help = "life: a number with s, m or h; default 5m" },
    { .name = "kid",
      .value = "ID",
      .help = "name of the key in the keyset; default: its JWK thumbprint; needed with --secret" },
    { .name = "issuer", .value = "TEXT", .help = "iss; default: none" },
    { .name = "audience", .value = "TEXT", .help = "aud; default holdfast; empty: none" },
    { .name = "cert-sha256",
      .value = "HEX",
      .help = "bind to the client certificate with this fingerprint (RFC 8705)" },
    { 0 },
};
static const option_row session_options[] = {
    { .name = "ttl-s", .value = "N", .help = "life in seconds; default and most: what the server is configured to" },
    { .name = "for-role",
      .value = "ROLE",
      .help = "only this role of those that the token has",
      .words = ROLES,
      .repeats = true },
    { .name = "end", .help = "end the session whose token --token-file holds" },
    OPTION_OUT,
    { 0 },
};
static const option_row inspect_options[] = {
    { .name = "in", .value = "F", .help = "the token; default: that of --token-file, else standard input" },
    { 0 },
};
static const option_row introspect_options[] = {
    { .name = "in", .value = "F", .help = "the token to ask about; default: standard input" },
    { 0 },
};
static const option_row revoke_options[] = {
    { .name = "in", .value = "F", .help = "revoke this token" },
    { .name = "jti", .value = "ID", .help = "or the one with this id" },
    { .name = "exp", .value = "SECONDS", .help = "and this end, in seconds since 1970" },
    { 0 },
};

const command token_commands[] = {
    { .noun = "token",
      .verb = "mint",
      .help = "sign a bearer token with a private key",
      .options = mint_options,
      .pass = cmd_token_mint,
      .more =
          "The keyset must know the key's public half. Needs no server. The key's kind is the algorithm: EC P-256 gives "
          "ES256, Ed25519 EdDSA, RSA with 2048 or 3072 bits RS256, a shared secret HS256.",
      .examples = "umask 077\nholdfast token mint --key admin-key.pem --actor alice --role operator >alice.token\n" },
    { .noun = "token",
      .verb = "session",
      .help = "exchange a token for one of the HSM's own, or end it",
      .options = session_options,
      .run = cmd_token_session,
      .more =
          "A session token is signed by core itself, lives some minutes and can be ended at once. It is printed, or "
          "written to a new file with mode 0600.",
      .examples = "holdfast token session --out session.token\n"
                  "holdfast --token-file session.token token session --end\n" },
    { .noun = "token",
      .verb = "inspect",
      .help = "show what a token claims, without verifying it",
      .options = inspect_options,
      .run = cmd_token_inspect,
      .more = "Needs no server.",
      .examples = "holdfast token inspect --in alice.token\n" },
    { .noun = "token",
      .verb = "introspect",
      .help = "ask the server whether a token counts, and for what (RFC 7662)",
      .options = introspect_options,
      .run = cmd_token_introspect,
      .examples = "holdfast token introspect --in alice.token\n" },
    { .noun = "token",
      .verb = "revoke",
      .help = "have a token refused before its end",
      .options = revoke_options,
      .run = cmd_token_revoke,
      .examples = "holdfast token revoke --in alice.token\n" },
};
const size_t token_command_count = HF_COUNT(token_commands);
