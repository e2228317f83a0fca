#include "cli/commands.h"

#include <string.h>

/* The same in every command that has them. */
#define IN { .name = "in", .value = "F", .help = "read from F; default: standard input" }
#define OUT { .name = "out", .value = "F", .help = "write to F; default: standard output" }

const option_row global_options[] = {
    { .name = "server",
      .value = "URL",
      .help = "https://HOST[:PORT] (HOLDFAST_SERVER; default " CLI_SERVER_DEFAULT ")" },
    { .name = "socket", .value = "PATH", .help = "the HSM's local socket instead of a server (HOLDFAST_SOCKET)" },
    { .name = "ca",
      .value = "F",
      .help = "certificate authority of the server, PEM (HOLDFAST_CA; default: the system's)" },
    { .name = "token-file", .value = "F", .help = "bearer token (HOLDFAST_TOKEN_FILE)" },
    { .name = "token-key", .value = "F", .help = "private key that mints a token of 60 s for each call" },
    { .name = "actor", .value = "NAME", .help = "whom --token-key speaks for; default admin" },
    { .name = "role", .value = "ROLE", .help = "in which role; default administrator" },
    { .name = "output", .value = "text|json", .help = "json: one document on standard output; default text" },
    { 0 },
};

static const option_row key_create_options[] = {
    { .name = "algorithm", .value = "ALG", .help = "ec-p256, ed25519, aes-256-gcm or ml-kem-768", .required = true },
    { .name = "usage",
      .value = "USE,...",
      .help = "what it may be used for; default: all that the algorithm can do",
      .repeats = true },
    { .name = "tag", .value = "T", .help = "policy tag; may be repeated", .repeats = true },
    { .name = "description", .value = "S", .help = "a text for people" },
    { 0 },
};
static const option_row key_list_options[] = {
    { .name = "algorithm", .value = "A", .help = "only keys of this algorithm" },
    { .name = "state",
      .value = "S",
      .help = "only keys in this state: staged, active, revoked, purge-scheduled, destroyed" },
    { .name = "tag", .value = "T", .help = "only keys with this tag; repeated: with all of them", .repeats = true },
    { .name = "page", .value = "N", .help = "page to show; default 1" },
    { .name = "per-page", .value = "N", .help = "keys on a page, 1 to 100; default 50" },
    { 0 },
};
static const option_row key_public_options[] = {
    { .name = "format", .value = "pem|der|jwk", .help = "default pem" },
    { .name = "version", .value = "N", .help = "default: the active version" },
    OUT,
    { 0 },
};
static const option_row key_destroy_options[] = {
    { .name = "yes", .help = "do not ask; needed nowhere but on a terminal" },
    { 0 },
};
static const option_row sign_options[] = {
    IN,
    OUT,
    { .name = "scheme", .value = "S", .help = "ecdsa-der, ecdsa-raw or ed25519; default: the algorithm's first" },
    { .name = "hash", .value = "H", .help = "sha256, sha384 or sha512; default: the algorithm's" },
    { .name = "prehashed", .help = "the input is the digest already" },
    { 0 },
};
static const option_row verify_options[] = {
    { .name = "signature", .value = "F", .help = "the signature, as 'sign' wrote it", .required = true },
    IN,
    { .name = "scheme", .value = "S", .help = "as for sign" },
    { .name = "hash", .value = "H", .help = "as for sign" },
    { .name = "prehashed", .help = "the input is the digest already" },
    { .name = "version", .value = "N", .help = "only this version of the key" },
    { 0 },
};
static const option_row cipher_options[] = {
    IN,
    OUT,
    { .name = "aad", .value = "F", .help = "associated data, which is authenticated and not encrypted" },
    { 0 },
};
static const option_row encapsulate_options[] = {
    { .name = "out", .value = "F", .help = "the ciphertext for the key's holder; default: standard output" },
    { .name = "secret-out", .value = "F", .help = "the shared secret; needed unless --output json" },
    { 0 },
};
static const option_row decapsulate_options[] = {
    IN,
    OUT,
    { .name = "version", .value = "N", .help = "version of the key; default: the active one" },
    { 0 },
};
static const option_row audit_tail_options[] = {
    { .name = "limit", .value = "N", .help = "how many events, 1 to 1000; default 100" },
    { 0 },
};
static const option_row audit_export_options[] = {
    { .name = "after", .value = "N", .help = "only segments after number N (the last one of an earlier export)" },
    OUT,
    { .name = "key-out", .value = "P", .help = "also write the public key of the audit, PEM: keep it elsewhere" },
    { 0 },
};
static const option_row audit_verify_options[] = {
    { .name = "offline", .value = "F", .help = "verify this exported file, without a server" },
    { .name = "key", .value = "P", .help = "public key of the audit, PEM; default: the one that the server shows" },
    { 0 },
};
static const option_row audit_accept_rollback_options[] = {
    { .name = "anchor", .value = "DIR", .help = "the anchor folder; default /var/lib/holdfast-anchor" },
    { 0 },
};
static const option_row token_inspect_options[] = {
    { .name = "in", .value = "F", .help = "the token; default: that of --token-file, else standard input" },
    { 0 },
};
static const option_row token_revoke_options[] = {
    { .name = "in", .value = "F", .help = "revoke this token" },
    { .name = "jti", .value = "ID", .help = "or the one with this id" },
    { .name = "exp", .value = "SECONDS", .help = "and this end, in seconds since 1970" },
    { 0 },
};

const command commands[] = {
    { .noun = "init", .help = "make the data folder of a new HSM and its first administrator's key", .pass = cmd_init },
    { .noun = "status", .help = "whether the HSM is open; needs no token", .run = cmd_status },
    { .noun = "capabilities",
      .help = "which protections are in force, and which are not and why",
      .run = cmd_capabilities },
    { .noun = "unseal", .help = "have the root key opened", .run = cmd_unseal },
    { .noun = "seal", .help = "forget the root key until it is unsealed again", .run = cmd_seal },
    { .noun = "root",
      .verb = "rotate-epoch",
      .help = "seal all records under a new epoch key",
      .run = cmd_root_rotate_epoch,
      .more = "Destruction of keys is complete after this: the old epoch key is gone, and with it every copy of the\n"
              "store that was sealed under it." },
    { .noun = "keyset", .verb = "show", .help = "the public keys that may sign tokens, JSON", .run = cmd_keyset_show },
    { .noun = "keyset",
      .verb = "apply",
      .operand = "F",
      .help = "replace them by those in F",
      .run = cmd_keyset_apply,
      .more = "F has the form that 'keyset show' prints. Its generation must be above the current one." },
    { .noun = "key",
      .verb = "create",
      .operand = "NAME",
      .help = "make a key",
      .options = key_create_options,
      .run = cmd_key_create },
    { .noun = "key", .verb = "list", .help = "list keys", .options = key_list_options, .run = cmd_key_list },
    { .noun = "key", .verb = "show", .operand = "KEY", .help = "all about one key", .run = cmd_key_show },
    { .noun = "key", .verb = "versions", .operand = "KEY", .help = "its versions", .run = cmd_key_versions },
    { .noun = "key",
      .verb = "public",
      .operand = "KEY",
      .help = "its public key",
      .options = key_public_options,
      .run = cmd_key_public },
    { .noun = "key",
      .verb = "rotate",
      .operand = "KEY",
      .help = "make a new version the active one",
      .run = cmd_key_rotate },
    { .noun = "key",
      .verb = "revoke",
      .operand = "KEY",
      .help = "allow no more new signatures and ciphertexts",
      .run = cmd_key_revoke },
    { .noun = "key",
      .verb = "destroy",
      .operand = "KEY",
      .help = "destroy the key for ever",
      .options = key_destroy_options,
      .run = cmd_key_destroy,
      .more = "Asks first when standard input is a terminal. Copies of the store can hold the key until\n"
              "'root rotate-epoch'." },
    { .noun = "sign",
      .operand = "KEY",
      .help = "sign a file",
      .options = sign_options,
      .run = cmd_sign,
      .more =
          "Writes the bytes of the signature. Takes at most 1 MiB; sign the digest of larger files with --prehashed." },
    { .noun = "verify",
      .operand = "KEY",
      .help = "verify a signature; exit code 8 when it is bad",
      .options = verify_options,
      .run = cmd_verify },
    { .noun = "encrypt",
      .operand = "KEY",
      .help = "encrypt at most 1 MiB",
      .options = cipher_options,
      .run = cmd_encrypt,
      .more = "Writes the nonce (12 bytes), then the ciphertext (\"HF1\", algorithm, version, ciphertext, tag);\n"
              "decrypt reads the same." },
    { .noun = "decrypt",
      .operand = "KEY",
      .help = "decrypt what 'encrypt' wrote",
      .options = cipher_options,
      .run = cmd_decrypt,
      .more =
          "Exit code 8 when the input or the associated data is not what was encrypted. A new file gets mode 0600." },
    { .noun = "encapsulate",
      .operand = "KEY",
      .help = "make a shared secret and a ciphertext that holds it",
      .options = encapsulate_options,
      .run = cmd_encapsulate },
    { .noun = "decapsulate",
      .operand = "KEY",
      .help = "take the shared secret out of a ciphertext",
      .options = decapsulate_options,
      .run = cmd_decapsulate },
    { .noun = "audit",
      .verb = "tail",
      .help = "the newest events",
      .options = audit_tail_options,
      .run = cmd_audit_tail },
    { .noun = "audit",
      .verb = "export",
      .help = "write the signed segments for offline verification",
      .options = audit_export_options,
      .run = cmd_audit_export },
    { .noun = "audit",
      .verb = "verify",
      .help = "verify signatures and chain of the audit; exit code 8 when altered",
      .options = audit_verify_options,
      .run = cmd_audit_verify,
      .more = "Without --offline the whole audit is exported first. A key that the server shows proves that the\n"
              "audit is consistent; only a key kept elsewhere proves whose it is." },
    { .noun = "audit",
      .verb = "accept-rollback",
      .help = "let the next start accept data older than its anchor, once",
      .options = audit_accept_rollback_options,
      .run = cmd_audit_accept_rollback,
      .more =
          "For a backup that was put back on purpose. It needs no server: run it where holdfastd runs, as whom it runs.\n"
          "The acceptance is audited. What was changed after the backup is lost." },
    { .noun = "token", .verb = "mint", .help = "sign a bearer token with a private key", .pass = cmd_token_mint },
    { .noun = "token",
      .verb = "inspect",
      .help = "show what a token claims, without verifying it",
      .options = token_inspect_options,
      .run = cmd_token_inspect },
    { .noun = "token",
      .verb = "revoke",
      .help = "have a token refused before its end",
      .options = token_revoke_options,
      .run = cmd_token_revoke },
    { .noun = "version", .help = "print the version", .run = cmd_version },
};
const size_t command_count = HF_COUNT(commands);

bool commands_has_noun(const char *noun)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i].noun, noun) == 0)
            return true;
    return false;
}

const command *commands_find(const char *noun, const char *verb)
{
    for (size_t i = 0; i < command_count; i++) {
        const command *k = &commands[i];
        bool verb_fits = verb == NULL ? k->verb == NULL : k->verb != NULL && strcmp(k->verb, verb) == 0;
        if (strcmp(k->noun, noun) == 0 && verb_fits)
            return k;
    }
    return NULL;
}
