/* Commands about tamper-evident files; a program beside this one does them. */
#include "cli/commands.h"

#define FORCE { .name = "force", .help = "also when F is not what was protected" }
#define SIDECAR_ONLY { .name = "sidecar-only", .help = "the sidecar alone counts, not the store" }
#define STORE \
    { .name = "store", \
      .value = "DIR", \
      .help = "the folder of key and anchors (HOLDFAST_FILE_STORE; default: see below)" }

#define STORE_TEXT \
    "The store is $XDG_STATE_HOME/holdfast/file-anchors (by default in ~/.local/state), and /var/lib/holdfast-file-anchors for " \
    "root. No server is needed."
#define OUTCOME_TEXT \
    "Exit codes: 0 the file is as it was protected; 8 tampered with; 3 not found; 5 never protected in this way; 7 the key or the " \
    "store cannot be had."

static const option_row protect_options[] = { FORCE, SIDECAR_ONLY, STORE, { 0 } };
static const option_row verify_options[] = { SIDECAR_ONLY, STORE, { 0 } };
static const option_row read_options[] = {
    OPTION_OUT,
    { .name = "allow-unanchored", .help = "also read what was never protected" },
    { .name = "allow-unavailable", .help = "also read when key or store cannot be had" },
    SIDECAR_ONLY,
    STORE,
    { 0 },
};
static const option_row write_options[] = { OPTION_IN, FORCE, SIDECAR_ONLY, STORE, { 0 } };

const command file_commands[] = {
    { .noun = "file",
      .verb = "protect",
      .operand = "F",
      .help = "make changes of a file noticeable from now on",
      .options = protect_options,
      .pass = cmd_file_protect,
      .more =
          "Writes the HMAC-SHA-256 of the content to the sidecar, F.hmac, and to an entry of the store for F's path. Then an edit of file or "
          "sidecar, a missing sidecar, and an older file with its older sidecar are noticed. With --sidecar-only only the first of these "
          "is: whoever can put both back, or remove the sidecar, goes unnoticed or leaves a file that was never protected.\n\n"
          "A file that is protected and was changed is refused, so that nobody's tampering becomes genuine by accident; --force "
          "protects it as it is now.\n\n" STORE_TEXT
          " Key and store are made at first use, with mode 0700; keep a copy of the file 'key' in there.",
      .examples = "holdfast file protect plan.txt\n" },
    { .noun = "file",
      .verb = "verify",
      .operand = "F",
      .help = "say whether a file is as it was protected; exit code 8 when not",
      .options = verify_options,
      .pass = cmd_file_verify,
      .more = OUTCOME_TEXT "\n\n" STORE_TEXT,
      .examples = "holdfast file verify plan.txt\n" },
    { .noun = "file",
      .verb = "read",
      .operand = "F",
      .help = "verify a file, then print what was verified",
      .options = read_options,
      .pass = cmd_file_read,
      .more =
          "The file is read once, and what is printed are the very bytes that were verified. Nothing is printed, and no file "
          "made, unless they are as they were protected. Takes at most 1 GiB; with --output json without --out 1 MiB, as "
          "base64.\n\n" OUTCOME_TEXT
          " --allow-unanchored and --allow-unavailable let 5 and 7 pass; nothing lets 8 pass.\n\n" STORE_TEXT,
      .examples = "holdfast file read plan.txt --out checked.txt\n" },
    { .noun = "file",
      .verb = "write",
      .operand = "F",
      .help = "give a file new content and protect it, in one step",
      .options = write_options,
      .pass = cmd_file_write,
      .more =
          "Cut off anywhere, file and protection are the old or the new ones. The file is replaced: permissions, owner and "
          "group stay, hard links and extended attributes do not. Takes at most 1 GiB.\n\n" STORE_TEXT,
      .examples = "echo 'another plan' | holdfast file write plan-2.txt\n" },
    { .noun = "file",
      .verb = "unprotect",
      .operand = "F",
      .help = "take the protection of a file away",
      .options = protect_options,
      .pass = cmd_file_unprotect,
      .more = "Removes sidecar and entry; the file stays.\n\n" STORE_TEXT,
      .examples = "holdfast file unprotect plan-2.txt\n" },
};
const size_t file_command_count = HF_COUNT(file_commands);
