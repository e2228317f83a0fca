/* What is printed: for people, or as one JSON document. */
#ifndef HF_FILE_TOOL_REPORT_H
#define HF_FILE_TOOL_REPORT_H

#include "base/buf.h"
#include "file-tool/options.h"
#include <stdio.h>

/* The content goes into the document as base64, when there is one; at most so many bytes. */
#define REPORT_CONTENT_MAX_BYTES ((size_t)1 << 20)

/* Text of any bytes: what is no UTF-8, or would steer the terminal or turn the text around, has each of its bytes beyond ASCII as '?'. */
void report_text(FILE *f, const char *text);

/* A sentence on standard error; with JSON, a document with code and detail as well. Gives err. */
hf_err report_failure(const file_options *o, hf_err err, const char *format, ...) HF_PRINTF(3, 4);

/* What came of it. content NULL: none is shown. HF_ERR_SYSTEM when standard output takes no more. */
hf_err report_outcome(const file_options *o, hf_err err, const hf_file_report *r, const hf_view *content);

#endif
