/* Commands about keys: their life and what is known about them. */
#include "cli/commands.h"

#define ALGORITHMS \
    "aes-256-gcm|ec-p256|ec-p384|ed25519|hmac-sha256|hmac-sha384|hmac-sha512|ml-dsa-65|ml-kem-768|rsa-2048|rsa-3072"
#define USAGES "sign|verify|encrypt|decrypt|encapsulate|decapsulate|import"
#define STATES "staged|active|revoked|purge-scheduled|destroyed"

#define USAGE \
    { .name = "usage", \
      .value = "USE,...", \
      .help = "what it may be used for; default: all that the algorithm can do", \
      .words = USAGES, \
      .repeats = true }
#define TAG { .name = "tag", .value = "T", .help = "policy tag", .repeats = true }
#define DESCRIPTION { .name = "description", .value = "S", .help = "a text for people" }

static const option_row create_options[] = {
    { .name = "algorithm", .value = "ALG", .help = "one of those below", .words = ALGORITHMS, .required = true },
    USAGE,
    TAG,
    DESCRIPTION,
    { 0 },
};
static const option_row import_options[] = {
    { .name = "public", .value = "F", .help = "a public key alone: PEM, DER (SubjectPublicKeyInfo) or JWK" },
    { .name = "private",
      .value = "F",
      .help = "private key, PKCS#8 (PEM or DER), or the bytes of an AES or HMAC key; wrapped here before it is sent" },
    { .name = "wrapped", .value = "F", .help = "a key that was wrapped to --wrapping-key already" },
    { .name = "wrapping-key",
      .value = "KEY",
      .help = "key of the HSM with the usage import, for --private and --wrapped" },
    { .name = "wrapping-version", .value = "N", .help = "for --wrapped: its version; default: the active one" },
    { .name = "algorithm",
      .value = "ALG",
      .help = "of the key; needed for --wrapped and for bytes, else read from the key",
      .words = ALGORITHMS },
    USAGE,
    TAG,
    DESCRIPTION,
    { 0 },
};
static const option_row list_options[] = {
    { .name = "search", .value = "TEXT", .help = "only keys with this in their name" },
    { .name = "algorithm", .value = "ALG", .help = "only keys of this algorithm", .words = ALGORITHMS },
    { .name = "state",
      .value = "S",
      .help = "only keys in this state: staged, active, revoked, purge-scheduled, destroyed",
      .words = STATES },
    { .name = "tag", .value = "T", .help = "only keys with this tag; repeated: with all of them", .repeats = true },
    { .name = "page", .value = "N", .help = "page to show; default 1" },
    { .name = "per-page", .value = "N", .help = "keys on a page, 1 to 1000; default 50" },
    { .name = "all", .help = "all pages, one after the other" },
    { 0 },
};
static const option_row public_options[] = {
    { .name = "format", .value = "pem|der|jwk", .help = "default pem" },
    { .name = "version", .value = "N", .help = "default: the active version" },
    OPTION_OUT,
    { 0 },
};
static const option_row set_options[] = {
    { .name = "description", .value = "S", .help = "a text for people; an empty one takes it away" },
    { .name = "tag", .value = "T", .help = "the new tags, in place of the old ones", .repeats = true },
    { .name = "no-tags", .help = "take all tags away" },
    { .name = "attribute", .value = "N=V", .help = "set attribute N to V; the others stay", .repeats = true },
    { .name = "remove-attribute", .value = "N", .help = "take attribute N away", .repeats = true },
    { 0 },
};
/* Of what cannot be undone. */
static const option_row confirm_options[] = {
    { .name = "yes", .help = "do not ask; needed nowhere but on a terminal" },
    { 0 },
};

#define KEY_TEXT "KEY is the name of a key or its UUID."

const command key_commands[] = {
    { .noun = "key",
      .verb = "create",
      .operand = "NAME",
      .help = "make a key",
      .options = create_options,
      .run = cmd_key_create,
      .more =
          "Algorithms: ec-p256, ec-p384, ed25519, rsa-2048, rsa-3072 and ml-dsa-65 sign; hmac-sha256, hmac-sha384 and "
          "hmac-sha512 make and check MACs; aes-256-gcm encrypts; ml-kem-768 encapsulates. RSA keys take seconds.\n\n"
          "The usage import, which rsa-2048, rsa-3072 and ml-kem-768 can have, stands alone: such a key only opens "
          "what 'holdfast key import' wraps.",
      .examples = "holdfast key create release --algorithm ec-p256 --tag ci --description 'signs releases'\n"
                  "holdfast key create box --algorithm aes-256-gcm\n"
                  "holdfast key create intake --algorithm rsa-3072 --usage import\n" },
    { .noun = "key",
      .verb = "import",
      .operand = "NAME",
      .help = "take in a key that was made elsewhere",
      .options = import_options,
      .run = cmd_key_import,
      .more =
          "With --public the new key verifies or, of ml-kem-768, encapsulates; nothing else. What F holds is found out from its "
          "content.\n\n"
          "With --private the key is wrapped on this machine by a program of its own, in locked memory, to the public "
          "half of --wrapping-key, and only the wrapped form is sent. An imported key may exist elsewhere, which 'holdfast "
          "key show' says as its origin.\n\n"
          "Form of --wrapped: for an RSA key 32 random bytes under RSAES-OAEP (SHA-256 for hash and MGF1, no label), "
          "for ml-kem-768 its ciphertext; behind that the key under AES-256 key wrap with padding (RFC 5649), whose key is "
          "the 32 bytes or the shared secret. What is wrapped is PKCS#8 DER, or the bytes of an AES or HMAC key.\n\n"
          "An encrypted PEM file: openssl pkcs8 -in F | holdfast key import NAME --private - --wrapping-key KEY",
      .examples = "holdfast key import partner --public partner.pem\n"
                  "holdfast key create intake-2 --algorithm rsa-3072 --usage import\n"
                  "holdfast key import legacy --private legacy.pem --wrapping-key intake-2\n" },
    { .noun = "key",
      .verb = "list",
      .help = "list keys",
      .options = list_options,
      .run = cmd_key_list,
      .more = "Several conditions must all hold.",
      .examples = "holdfast key list\nholdfast key list --search rel --state active\n"
                  "holdfast --output json key list --all\n" },
    { .noun = "key",
      .verb = "show",
      .operand = "KEY",
      .help = "all about one key",
      .run = cmd_key_show,
      .more = KEY_TEXT,
      .examples = "holdfast key show release\n" },
    { .noun = "key",
      .verb = "versions",
      .operand = "KEY",
      .help = "its versions",
      .run = cmd_key_versions,
      .more = KEY_TEXT,
      .examples = "holdfast key versions release\n" },
    { .noun = "key",
      .verb = "public",
      .operand = "KEY",
      .help = "its public key",
      .options = public_options,
      .run = cmd_key_public,
      .more = KEY_TEXT,
      .examples = "holdfast key public release --out release.pem\nholdfast key public release --format jwk\n" },
    { .noun = "key",
      .verb = "set",
      .operand = "KEY",
      .help = "change its description, tags and attributes",
      .options = set_options,
      .run = cmd_key_set,
      .more = KEY_TEXT " What is not named stays as it is.",
      .examples = "holdfast key set release --description 'signs releases' --attribute owner=build-team\n"
                  "holdfast key set release --tag ci --tag prod --remove-attribute owner\n" },
    { .noun = "key",
      .verb = "rotate",
      .operand = "KEY",
      .help = "make a new version the active one",
      .run = cmd_key_rotate,
      .more = KEY_TEXT " Older versions still verify, decrypt and decapsulate. A signature, a MAC and a ciphertext of "
                       "'encapsulate' do not say theirs: keep the version beside them.",
      .examples = "holdfast key rotate box\n" },
    { .noun = "key",
      .verb = "revoke",
      .operand = "KEY",
      .help = "end every use of the key for ever",
      .options = confirm_options,
      .run = cmd_key_revoke,
      .more = KEY_TEXT
      " A revoked key is unusable for every operation, verify and decrypt included; nothing takes that back, "
      "and it cannot be rotated. Only its public key, its versions and what is known about it can still be "
      "read, and it can be destroyed. Asks for its name first when standard input is a terminal.\n\n"
      "To replace the active version and still verify and decrypt with the older ones, use 'holdfast key "
      "rotate' instead.",
      .examples = "holdfast key revoke old --yes\n" },
    { .noun = "key",
      .verb = "destroy",
      .operand = "KEY",
      .help = "destroy the key for ever",
      .options = confirm_options,
      .run = cmd_key_destroy,
      .more =
          KEY_TEXT " Asks for its name first when standard input is a terminal. The name stays taken. Copies of the "
                   "store can hold the key until 'holdfast root rotate-epoch'.",
      .examples = "holdfast key destroy old --yes\n" },
};
const size_t key_command_count = HF_COUNT(key_commands);
