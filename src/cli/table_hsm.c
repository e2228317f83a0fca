/* Commands about the HSM as a whole. */
#include "cli/commands.h"

static const option_row init_options[] = {
    { .name = "data", .value = "DIR", .help = "the folder to make; its parent must exist", .required = true },
    { .name = "seal",
      .value = "KIND",
      .help = "what keeps the root key while the HSM is down: file (default) or passphrase",
      .words = "file|passphrase" },
    { .name = "passphrase-file",
      .value = "F",
      .help = "read the passphrase from F, - is standard input; default: asked for twice at the terminal" },
    { .name = "admin-key-out",
      .value = "F",
      .help = "where the administrator's key goes; default ~/.config/holdfast/admin-key.pem" },
    { .name = "anchor", .value = "DIR", .help = "also make the anchor folder, outside the data and its backups" },
    { .name = "listen", .value = "H:P", .help = "written to holdfast.conf" },
    { .name = "host", .value = "NAME", .help = "also in the server certificate", .repeats = true },
    { .name = "keep-ca", .help = "keep the key of the certificate authority in tls/ca-key.pem" },
    { .name = "dev",
      .help = "for development: the administrator's key may lie in the data folder, and does by default" },
    { .name = "libexec", .value = "DIR", .help = "where the program 'config' is" },
    { 0 },
};

static const option_row unseal_options[] = {
    { .name = "fingerprint",
      .value = "HEX",
      .help = "go on only if the HSM's unseal key has this one; default: it is shown to be compared" },
    { .name = "passphrase-file",
      .value = "F",
      .help = "read the passphrase from F, - is standard input; default: asked for at the terminal" },
    { 0 },
};

static const option_row reseal_options[] = {
    { .name = "data", .value = "DIR", .help = "the data folder (HOLDFAST_DATA)" },
    { .name = "config", .value = "F", .help = "the configuration; default: holdfast.conf in the data folder" },
    { .name = "seal",
      .value = "KIND",
      .help = "the new seal: file or passphrase",
      .words = "file|passphrase",
      .required = true },
    { .name = "passphrase-file",
      .value = "F",
      .help = "read the passphrase of the old seal from F; default: asked for at the terminal" },
    { .name = "new-passphrase-file",
      .value = "F",
      .help = "read that of the new seal from F; default: asked for twice at the terminal" },
    { .name = "libexec", .value = "DIR", .help = "where the program 'config' is" },
    { 0 },
};

const command hsm_commands[] = {
    { .noun = "init",
      .help = "make the data folder of a new HSM and its first administrator's key",
      .options = init_options,
      .pass = cmd_init,
      .more = "Needs no server. Keep the administrator's key apart from the data: it may mint tokens for any actor "
              "and role.",
      .examples = "holdfast init --data hsm --admin-key-out admin-key.pem\n" },
    { .noun = "status",
      .help = "whether the HSM is open; needs no token",
      .run = cmd_status,
      .examples = "holdfast status\nholdfast --output json status\n" },
    { .noun = "capabilities",
      .help = "which protections are in force, and which are not and why",
      .run = cmd_capabilities,
      .examples = "holdfast capabilities\n" },
    { .noun = "unseal",
      .help = "have the root key opened",
      .options = unseal_options,
      .run = cmd_unseal,
      .more =
          "A seal that needs a passphrase is asked for it here, and needs no token: knowing it is the credential. It is "
          "encrypted to a key that the HSM has for this one time; compare the fingerprint that is shown with the line "
          "'unseal key fingerprint' in holdfastd's log before you type. After wrong passphrases the HSM waits, 1 s at first "
          "and at most 60 s.\n\n"
          "Any other seal opens by itself within moments; 'holdfast status' says when.",
      .examples = "holdfast unseal\n" },
    { .noun = "seal",
      .help = "forget the root key until it is unsealed again",
      .run = cmd_seal,
      .examples = "holdfast seal\n" },
    { .noun = "reseal",
      .help = "put the root key under another seal",
      .options = reseal_options,
      .pass = cmd_reseal,
      .more =
          "Runs on the machine of the HSM, as whoever owns the data folder, also while holdfastd runs: the next start or "
          "unsealing uses the new seal. The same kind again changes the passphrase. Copies of the old sealed file, in "
          "backups for example, open with what opened it.",
      .examples = "holdfast reseal --data hsm --seal passphrase\n" },
    { .noun = "root",
      .verb = "rotate-epoch",
      .help = "seal all records under a new epoch key",
      .run = cmd_root_rotate_epoch,
      .more = "Destruction of keys is complete after this: the old epoch key is gone, and with it every copy of the "
              "store that was sealed under it.",
      .examples = "holdfast root rotate-epoch\n" },
    { .noun = "keyset",
      .verb = "show",
      .help = "the public keys that may sign tokens, JSON",
      .run = cmd_keyset_show,
      .examples = "holdfast keyset show >keyset.json\n" },
    { .noun = "keyset",
      .verb = "apply",
      .operand = "F",
      .help = "replace them by those in F",
      .run = cmd_keyset_apply,
      .more = "F has the form that 'holdfast keyset show' prints. Its generation must be above the current one.",
      .examples = "holdfast keyset apply keyset.json\n" },
    { .noun = "selftest",
      .help = "known answers of the crypto library",
      .options =
          (const option_row[]) {
              { .name = "vectors",
                .value = "DIR",
                .help = "also every Wycheproof- and ACVP-shaped file below DIR, with a report for each" },
              { 0 },
          },
      .pass = cmd_selftest,
      .more = "Runs here, without a server, through the same library that the HSM's core links.",
      .examples = "holdfast selftest\n" },
};
const size_t hsm_command_count = HF_COUNT(hsm_commands);
