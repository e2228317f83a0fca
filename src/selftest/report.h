/* What the program prints: lines of text as it goes, or one JSON document at the end. */
#ifndef SELFTEST_REPORT_H
#define SELFTEST_REPORT_H

#include "selftest/files.h"
#include "selftest/tally.h"
#include <yyjson.h>

struct st_report {
    bool json;
    yyjson_mut_doc *doc;       /* JSON only */
    yyjson_mut_val *answers;   /* list */
    yyjson_mut_val *vectors;   /* object; NULL without a folder */
    yyjson_mut_val *files;     /* list */
    struct st_tally sum;
    uint64_t n_answers, failed_answers, n_files, files_not_run;
};

hf_err st_report_begin(bool json, const char *folder, struct st_report *ret) HF_MUST_USE;
void st_report_answer(struct st_report *r, const char *name, bool passed);
/* skipped: why the whole file was not run, or ST_NO_REASON. */
void st_report_file(struct st_report *r, const char *path, const char *algorithm, st_why skipped,
                    const struct st_tally *t);
/* Prints the totals. HF_ERR_SYSTEM when the output cannot be written. */
hf_err st_report_end(struct st_report *r, const struct st_files *found) HF_MUST_USE;
/* True when nothing was wrong. */
bool st_report_passed(const struct st_report *r);

#endif
