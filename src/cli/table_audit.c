/* Commands about the audit. */
#include "cli/commands.h"

static const option_row tail_options[] = {
    { .name = "limit", .value = "N", .help = "how many events, 1 to 1000; default 100" },
    { 0 },
};
static const option_row export_options[] = {
    { .name = "after", .value = "N", .help = "only segments after number N (the last one of an earlier export)" },
    OPTION_OUT,
    { .name = "key-out", .value = "P", .help = "also write the public key of the audit, PEM: keep it elsewhere" },
    { 0 },
};
static const option_row verify_options[] = {
    { .name = "offline", .value = "F", .help = "verify this exported file, without a server" },
    { .name = "key", .value = "P", .help = "public key of the audit, PEM; default: the one that the server shows" },
    { 0 },
};
static const option_row accept_rollback_options[] = {
    { .name = "anchor", .value = "DIR", .help = "the anchor folder; default /var/lib/holdfast-anchor" },
    { 0 },
};

const command audit_commands[] = {
    { .noun = "audit",
      .verb = "tail",
      .help = "the newest events",
      .options = tail_options,
      .run = cmd_audit_tail,
      .examples = "holdfast audit tail --limit 20\n" },
    { .noun = "audit",
      .verb = "export",
      .help = "write the signed segments for offline verification",
      .options = export_options,
      .run = cmd_audit_export,
      .more = "Take the public key once, early, and keep it where the administrators of the HSM cannot change it.",
      .examples = "holdfast audit export --out audit.hfa --key-out audit.pem\n" },
    { .noun = "audit",
      .verb = "verify",
      .help = "verify signatures and chain of the audit; exit code 8 when altered",
      .options = verify_options,
      .run = cmd_audit_verify,
      .more =
          "Without --offline the whole audit is exported first. A key that the server shows proves that the audit is "
          "consistent; only a key kept elsewhere proves whose it is.",
      .examples = "holdfast audit verify\nholdfast audit verify --offline audit.hfa --key audit.pem\n" },
    { .noun = "audit",
      .verb = "accept-rollback",
      .help = "let the next start accept data older than its anchor, once",
      .options = accept_rollback_options,
      .run = cmd_audit_accept_rollback,
      .more =
          "For a backup that was put back on purpose. It needs no server: run it where holdfastd runs, as whom it runs. "
          "The acceptance is audited. What was changed after the backup is lost.",
      .examples = "holdfast audit accept-rollback --anchor anchor\n" },
};
const size_t audit_command_count = HF_COUNT(audit_commands);
