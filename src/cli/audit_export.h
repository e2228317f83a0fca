/*
 * The whole audit, or what came after an earlier export, into a file: u32 length | segment for each (audit/export.h).
 */
#ifndef HF_CLI_AUDIT_EXPORT_H
#define HF_CLI_AUDIT_EXPORT_H

#include "cli/cli.h"

typedef struct audit_export {
    uint64_t segments; /* written */
    uint64_t last; /* in: after which one to begin; out: the last one's number */
} audit_export;

/* path is only for messages. Errors as api_call and file_put. */
hf_err audit_export_write(cli *c, const char *path, int fd, audit_export *x) HF_MUST_USE;

#endif
