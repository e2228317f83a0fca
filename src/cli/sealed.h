/*
 * What encrypt writes and decrypt and rewrap read: nonce(12) || "HF1" | algorithm | version | ciphertext | tag. The REST
 * API has the nonce beside the rest.
 */
#ifndef HF_CLI_SEALED_H
#define HF_CLI_SEALED_H

#include "cli/payload.h"

/* Reads a file into nonce_b64 and ciphertext_b64. HF_ERR_BAD_CIPHERTEXT, told, for one that is too short. */
hf_err sealed_add(cli *c, yyjson_mut_doc *body, const char *path) HF_MUST_USE;
/* associated_data_b64, when --aad is given. */
hf_err sealed_add_aad(cli *c, yyjson_mut_doc *body, const args *a) HF_MUST_USE;
/* Writes those two members of an answer to --out; with --output json only when that names a file. */
hf_err sealed_write(cli *c, yyjson_doc *doc, const char *path) HF_MUST_USE;

#endif
