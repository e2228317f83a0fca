#include "selftest/tally.h"

#include <stdio.h>

static void remember_wrong(struct st_tally *t, const struct st_wrong *w)
{
    if (t->wrong < ST_WRONG_MAX)
        t->first_wrong[t->wrong] = *w;
    t->wrong++;
}

void st_tally_count(struct st_tally *t, st_expected expected, struct st_result r, int64_t id, const char *comment)
{
    st_why why = ST_NO_REASON;
    t->tests++;
    switch (st_judge(expected, r, &why)) {
    case ST_AS_EXPECTED:
        t->as_expected++;
        return;
    case ST_STRICTER:
        t->stricter++;
        t->by_reason[why]++;
        return;
    case ST_SKIPPED:
        t->skipped++;
        t->by_reason[why]++;
        return;
    case ST_WRONG: {
        struct st_wrong w = { .id = id, .expected = expected, .did = r.did };
        snprintf(w.comment, sizeof w.comment, "%s", comment);
        remember_wrong(t, &w);
        return;
    }
    }
}

void st_tally_skip(struct st_tally *t, st_why why, uint64_t n)
{
    t->tests += n;
    t->skipped += n;
    t->by_reason[why] += n;
}

void st_tally_add(struct st_tally *sum, const struct st_tally *t)
{
    sum->tests += t->tests;
    sum->as_expected += t->as_expected;
    sum->stricter += t->stricter;
    sum->wrong += t->wrong;
    sum->skipped += t->skipped;
    for (size_t i = 0; i < ST_WHY_COUNT; i++)
        sum->by_reason[i] += t->by_reason[i];
}

uint64_t st_tally_run(const struct st_tally *t)
{
    return t->as_expected + t->stricter + t->wrong;
}
