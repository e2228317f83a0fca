/* What commands that work on files have in common: input into a request, bytes of an answer to a file. */
#ifndef HF_CLI_PAYLOAD_H
#define HF_CLI_PAYLOAD_H

#include "cli/api.h"
#include "cli/args.h"

#define PAYLOAD_MAX_BYTES (1u << 20)
#define AAD_MAX_BYTES 65536u
#define CONTEXT_MAX_BYTES 255u
#define SIGNATURE_MAX_BYTES 8192u

/* Reads a file into member `name`, as base64. */
hf_err payload_add(cli *c, yyjson_mut_doc *body, const char *name, const char *path, size_t max) HF_MUST_USE;

/* payload_b64 or digest_b64, scheme, hash and context of sign and verify. */
hf_err payload_add_signed(cli *c, yyjson_mut_doc *body, const args *a) HF_MUST_USE;

/*
 * Writes the bytes of a member to a file. With --output json only when a file is named: the document carries them else.
 * A secret is then taken out of the document, which may go to a log.
 */
hf_err payload_write(cli *c, yyjson_doc *doc, const char *name, const char *path, bool secret) HF_MUST_USE;

/* With --output json, prints the document; without those of the members whose secret was written to a file. */
void payload_tell(cli *c, yyjson_doc *doc, const char *secret, const char *secret_path);

#endif
