/* Files that a command reads and writes; "-" and NULL are standard input and output. */
#ifndef HF_CLI_FILE_H
#define HF_CLI_FILE_H

#include "cli/cli.h"
#include "cli/wiped.h"

bool file_is_standard(const char *path);

/*
 * Reads all of a file, at most max bytes. Standard input can be read once in a run: a second request for it would
 * silently be empty. Errors, told: HF_ERR_SYSTEM, HF_ERR_TOO_LARGE, HF_ERR_INVALID.
 */
hf_err file_read(cli *c, const char *path, size_t max, bytes *ret) HF_MUST_USE;

/* The same; hint, which may be NULL, says what to do with a file that is too large. */
hf_err file_read_hint(cli *c, const char *path, size_t max, const char *hint, bytes *ret) HF_MUST_USE;

/* Writes a file, or standard output as it is. A secret's new file has mode 0600. HF_ERR_SYSTEM, told. */
hf_err file_write(cli *c, const char *path, bool secret, hf_view content) HF_MUST_USE;

/* For output that comes in parts; standard output when the path says so. */
hf_err file_create(cli *c, const char *path, bool secret, int *ret_fd) HF_MUST_USE;
hf_err file_put(cli *c, const char *path, int fd, hf_view content) HF_MUST_USE;
/* Reports what the disk says last; leaves standard output open. */
hf_err file_finish(cli *c, const char *path, int fd) HF_MUST_USE;

/* A file without a name, which a program that we start can open by the path. The caller closes it. HF_ERR_SYSTEM, told. */
#define FILE_NAMELESS_CAP 40
hf_err file_nameless(cli *c, char path[static FILE_NAMELESS_CAP], int *ret_fd) HF_MUST_USE;

/* Marks standard input as used. HF_ERR_INVALID, told, when it was used before. */
hf_err file_take_stdin(cli *c) HF_MUST_USE;

#endif
