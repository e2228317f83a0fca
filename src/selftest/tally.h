/* What came of one vector file, and of all of them. */
#ifndef SELFTEST_TALLY_H
#define SELFTEST_TALLY_H

#include "selftest/verdict.h"

/* A test whose outcome was wrong, as the report names it. */
struct st_wrong {
    int64_t id;        /* tcId; -1 when the test has none */
    char comment[96];  /* the file's, cut */
    st_expected expected;
    st_did did;
};
#define ST_WRONG_MAX 20 /* named in a report; all are counted */

struct st_tally {
    uint64_t tests, as_expected, stricter, wrong, skipped;
    uint64_t by_reason[ST_WHY_COUNT]; /* of stricter and skipped ones */
    struct st_wrong first_wrong[ST_WRONG_MAX];
};

void st_tally_count(struct st_tally *t, st_expected expected, struct st_result r, int64_t id, const char *comment);
/* Adds n tests that were not run. */
void st_tally_skip(struct st_tally *t, st_why why, uint64_t n);
void st_tally_add(struct st_tally *sum, const struct st_tally *t);
uint64_t st_tally_run(const struct st_tally *t);

#endif
