/*
 * What every part of the program shares: the settings of one run, how failures are told, and the exit codes.
 *
 * Functions that fail have told the user why already, with cli_fail; their callers only pass the error on. The exit
 * code follows from the error's class.
 */
#ifndef HF_CLI_CLI_H
#define HF_CLI_CLI_H

#include "base/time.h"
#include "cli/wiped.h"

#define CLI_SERVER_DEFAULT "https://127.0.0.1:8443"

typedef struct cli {
    const char *server; /* https://HOST[:PORT] */
    const char *socket; /* NULL, or the path of the HSM's local socket, which is then used instead of the server */
    const char *ca;     /* NULL: the system's certificate authorities */
    const char *client_cert, *client_key; /* both or none */
    const char *token_file;
    const char *token_key; /* at most one of the two */
    const char *actor, *role; /* of minted tokens */
    const char *idempotency_key; /* NULL: none */
    bool json;
    bool patient;      /* many requests are made: "too many, retry in n s" is waited for */
    bool quiet;        /* a question that we ask on our own: its failure is not told */
    bool told;         /* the one JSON document is on stdout */
    bool stdin_used;   /* something was read from standard input; nothing else may */
    char said[512];    /* with --output json: the last line on standard error of a program that failed */
    int program_exit;  /* exit code of a program that ran in our place, 0 when it was content */
    bytes token;       /* that a run used before and uses again: minted, or from standard input */
    hf_mono token_read;
    struct http *http; /* opened by the first request */
} cli;

/*
 * Prints "holdfast: SENTENCE" on stderr, and with --output json a document with code and detail on stdout unless one is
 * there already. Gives e, so that callers can return it.
 */
hf_err cli_fail(cli *c, hf_err e, const char *format, ...) HF_PRINTF(3, 4);
/* A message that is no failure, on stderr. */
void cli_note(const char *format, ...) HF_PRINTF(1, 2);

int cli_exit_code(hf_err e);

#endif
