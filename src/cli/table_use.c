/* Commands that use keys. */
#include "cli/commands.h"

#define SCHEME(text) \
    { .name = "scheme", \
      .value = "S", \
      .help = (text), \
      .words = "ecdsa-der|ecdsa-raw|ed25519|hmac|ml-dsa|rsa-pkcs1|rsa-pss" }
#define HASH { .name = "hash", .value = "sha256|sha384|sha512", .help = "default: the algorithm's" }
#define PREHASHED \
    { .name = "prehashed", .help = "the input is the digest already; ml-dsa: the 64 bytes of external mu" }
#define CONTEXT { .name = "context", .value = "F", .help = "context of an ml-dsa signature, at most 255 bytes" }
#define VERSION(text) { .name = "version", .value = "N", .help = (text) }
#define KEY_TEXT "KEY is the name of a key or its UUID."
#define SECRET_TEXT \
    "A new file gets mode 0600. With --output json the document carries the bytes, unless --out names a file."

static const option_row sign_options[] = {
    OPTION_IN, OPTION_OUT, SCHEME("default: the algorithm's first; see below"), HASH, PREHASHED, CONTEXT, { 0 },
};
static const option_row verify_options[] = {
    { .name = "signature",
      .value = "F",
      .help = "the signature or MAC, as 'sign' or 'mac' wrote it",
      .required = true },
    OPTION_IN,
    SCHEME("as for sign"),
    HASH,
    PREHASHED,
    CONTEXT,
    VERSION("version of the key; default: the active one"),
    { 0 },
};
static const option_row mac_options[] = {
    OPTION_IN,
    OPTION_OUT,
    { 0 },
};
static const option_row cipher_options[] = {
    OPTION_IN,
    OPTION_OUT,
    { .name = "aad", .value = "F", .help = "associated data, which is authenticated and not encrypted" },
    { 0 },
};
static const option_row encapsulate_options[] = {
    { .name = "out", .value = "F", .help = "the ciphertext for the key's holder; default: standard output" },
    { .name = "secret-out", .value = "F", .help = "the shared secret; needed unless --output json" },
    { 0 },
};
static const option_row decapsulate_options[] = {
    OPTION_IN,
    OPTION_OUT,
    VERSION("version of the key; default: the active one"),
    { 0 },
};
static const option_row random_options[] = {
    OPTION_OUT,
    { .name = "hex", .help = "hexadecimal digits and a newline" },
    { .name = "base64", .help = "base64 and a newline" },
    { 0 },
};

const command use_commands[] = {
    { .noun = "sign",
      .operand = "KEY",
      .help = "sign a file",
      .options = sign_options,
      .run = cmd_sign,
      .more = KEY_TEXT
      " Writes the bytes of the signature. Takes at most 1 MiB. Of a larger file EC and RSA keys sign the digest with "
      "--prehashed, ML-DSA keys its external mu. Ed25519 and HMAC keys take no digest: sign a file that holds the digest "
      "as the message, or use an ec-p256 key.\n\n"
      "Schemes: ecdsa-der (the default of EC keys) and ecdsa-raw (r and s, each as long as the curve's order); "
      "rsa-pss (the default of RSA keys; salt as long as the hash) and rsa-pkcs1; ed25519; ml-dsa (FIPS 204); hmac.",
      .examples = "holdfast sign release --in app.tar --out app.sig\n"
                  "openssl dgst -sha256 -binary app.tar | holdfast sign release --prehashed --out app.sig\n" },
    { .noun = "verify",
      .operand = "KEY",
      .help = "verify a signature; exit code 8 when it is bad",
      .options = verify_options,
      .run = cmd_verify,
      .more = KEY_TEXT
      " The MACs of HMAC keys are verified in the same way. A signature does not say its version: one made "
      "before the last rotation needs --version.",
      .examples = "holdfast verify release --in app.tar --signature app.sig\n" },
    { .noun = "mac",
      .operand = "KEY",
      .help = "make the MAC of a file with an HMAC key",
      .options = mac_options,
      .run = cmd_mac,
      .more = KEY_TEXT " Writes the bytes of the MAC. 'holdfast verify' checks it. Takes at most 1 MiB.",
      .examples = "holdfast mac tags --in app.tar --out app.mac\n"
                  "holdfast verify tags --in app.tar --signature app.mac\n" },
    { .noun = "encrypt",
      .operand = "KEY",
      .help = "encrypt at most 1 MiB",
      .options = cipher_options,
      .run = cmd_encrypt,
      .more = KEY_TEXT " Writes the nonce (12 bytes), then the ciphertext (\"HF1\", algorithm, version, ciphertext, "
                       "tag); decrypt and rewrap read the same.",
      .examples = "holdfast encrypt box --in plan.txt --out plan.hf\n" },
    { .noun = "decrypt",
      .operand = "KEY",
      .help = "decrypt what 'encrypt' wrote",
      .options = cipher_options,
      .run = cmd_decrypt,
      .more = KEY_TEXT
      " Exit code 8 when the input or the associated data is not what was encrypted; nothing is written then.\n\n" SECRET_TEXT,
      .examples = "holdfast decrypt box --in plan.hf --out plan.txt\n" },
    { .noun = "rewrap",
      .operand = "KEY",
      .help = "encrypt again under the active version, without showing the plaintext",
      .options = cipher_options,
      .run = cmd_rewrap,
      .more = KEY_TEXT
      " Reads and writes what 'encrypt' writes. After a rotation this brings old files to the new version.",
      .examples = "holdfast rewrap box --in plan.hf --out plan-2.hf\n" },
    { .noun = "encapsulate",
      .operand = "KEY",
      .help = "make a shared secret and a ciphertext that holds it",
      .options = encapsulate_options,
      .run = cmd_encapsulate,
      .more =
          KEY_TEXT " The file of the secret gets mode 0600. --output json also says the version, which 'decapsulate' "
                   "needs after a rotation.",
      .examples = "holdfast encapsulate mailbox --out mail.ct --secret-out mail.key\n" },
    { .noun = "decapsulate",
      .operand = "KEY",
      .help = "take the shared secret out of a ciphertext",
      .options = decapsulate_options,
      .run = cmd_decapsulate,
      .more = KEY_TEXT
      " A ciphertext that was made for an older version gives a different secret without an error: after a "
      "rotation give that version with --version.\n\n" SECRET_TEXT,
      .examples = "holdfast decapsulate mailbox --in mail.ct --out mail-2.key\n" },
    { .noun = "random",
      .operand = "N",
      .help = "random bytes of the HSM, 1 to 65536",
      .options = random_options,
      .run = cmd_random,
      .more = "Writes the bytes themselves; on a terminal hexadecimal digits.\n\n" SECRET_TEXT,
      .examples = "holdfast random 32 --out salt\nholdfast random 16 --hex\n" },
    { .noun = "batch",
      .operand = "F",
      .help = "do the requests of a JSON file, each with an answer of its own",
      .run = cmd_batch,
      .more =
          "F holds what POST /api/v1/batch takes, docs/rest.md; the answer is printed as JSON. Each item is authorised "
          "and audited by itself. When an item failed, the exit code is that of the first one.",
      .examples = "holdfast batch items.json\n" },
};
const size_t use_command_count = HF_COUNT(use_commands);
