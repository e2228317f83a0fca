#include "selftest/verdict.h"

const char *st_word(st_why why)
{
    static const char *const words[] = { "",
#define ST_WORD(name, word) word,
                                         ST_POLICIES(ST_WORD) ST_SKIPS(ST_WORD)
#undef ST_WORD
    };
    return why < HF_COUNT(words) ? words[why] : "";
}

/*
 * A refusal that no policy explains is right only for an invalid test: a valid one that is refused is a defect. So is
 * taking what a policy says we refuse.
 */
static st_outcome judge_refusal(st_expected expected, st_why policy, st_why *ret_why)
{
    if (expected == ST_INVALID)
        return ST_AS_EXPECTED;
    if (policy == ST_NO_REASON && expected == ST_VALID)
        return ST_WRONG;
    *ret_why = policy != ST_NO_REASON ? policy : ST_POLICY_LEFT_OPEN;
    return ST_STRICTER;
}

st_outcome st_judge(st_expected expected, struct st_result r, st_why *ret_why)
{
    *ret_why = ST_NO_REASON;
    switch (r.did) {
    case ST_ACCEPTED:
        return expected == ST_INVALID || r.why != ST_NO_REASON ? ST_WRONG : ST_AS_EXPECTED;
    case ST_REFUSED:
        return judge_refusal(expected, r.why, ret_why);
    case ST_DIFFERENT:
        return expected == ST_INVALID ? ST_AS_EXPECTED : ST_WRONG;
    case ST_NOT_RUN:
        *ret_why = r.why;
        return ST_SKIPPED;
    }
    return ST_WRONG;
}
