/* What goes to standard output: one JSON document, or text for people. */
#ifndef HF_CLI_OUT_H
#define HF_CLI_OUT_H

#include "cli/cli.h"
#include <stdio.h>
#include <yyjson.h>

/* Text that others wrote, with control characters shown as '?', so that it cannot talk to the terminal. */
void out_text(FILE *f, hf_view text);

/* A JSON value and a newline. */
void out_document(yyjson_val *v);
void out_new_document(yyjson_mut_doc *doc);
/* {"name": "text"}. HF_ERR_SYSTEM, told. */
hf_err out_member(cli *c, const char *name, hf_view text) HF_MUST_USE;
/* {"code": ..., "detail": ...} */
void out_problem(hf_err e, const char *detail);

/* As JSON, or one "member  value" a line; `but`, which may be NULL, names a member that is left out of the lines. */
void out_object(cli *c, yyjson_val *object, const char *but);

typedef struct out_column {
    const char *title;
    const char *member;
} out_column;

/* One row an object of the list, in columns as wide as needed. Text only. */
void out_table(yyjson_val *list, const out_column *columns, size_t n);

/* A sentence for people; nothing with --output json. */
void out_line(const cli *c, const char *format, ...) HF_PRINTF(2, 3);

#endif
