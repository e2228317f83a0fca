/* The judge: every expectation against everything the library can do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the five above first */
#include <cmocka.h>

#include "selftest/tally.h"

static void every_pair_has_its_outcome(void **state)
{
    (void)state;
    static const struct {
        st_expected expected;
        st_did did;
        st_why why;
        st_outcome want;
        st_why want_why;
    } rows[] = {
        { ST_VALID, ST_ACCEPTED, ST_NO_REASON, ST_AS_EXPECTED, ST_NO_REASON },
        { ST_VALID, ST_REFUSED, ST_NO_REASON, ST_WRONG, ST_NO_REASON },
        { ST_VALID, ST_REFUSED, ST_POLICY_PSS_SALT, ST_STRICTER, ST_POLICY_PSS_SALT },
        { ST_VALID, ST_DIFFERENT, ST_NO_REASON, ST_WRONG, ST_NO_REASON },
        { ST_VALID, ST_DIFFERENT, ST_POLICY_OAEP_LABEL, ST_WRONG, ST_NO_REASON },
        { ST_VALID, ST_ACCEPTED, ST_POLICY_PSS_SALT, ST_WRONG, ST_NO_REASON }, /* the policy does not hold */
        { ST_INVALID, ST_ACCEPTED, ST_NO_REASON, ST_WRONG, ST_NO_REASON },
        { ST_INVALID, ST_ACCEPTED, ST_POLICY_PSS_SALT, ST_WRONG, ST_NO_REASON },
        { ST_INVALID, ST_REFUSED, ST_NO_REASON, ST_AS_EXPECTED, ST_NO_REASON },
        { ST_INVALID, ST_REFUSED, ST_POLICY_PSS_SALT, ST_AS_EXPECTED, ST_NO_REASON },
        { ST_INVALID, ST_DIFFERENT, ST_NO_REASON, ST_AS_EXPECTED, ST_NO_REASON },
        { ST_ACCEPTABLE, ST_ACCEPTED, ST_NO_REASON, ST_AS_EXPECTED, ST_NO_REASON },
        { ST_ACCEPTABLE, ST_REFUSED, ST_NO_REASON, ST_STRICTER, ST_POLICY_LEFT_OPEN },
        { ST_ACCEPTABLE, ST_REFUSED, ST_POLICY_RSA_EXPONENT, ST_STRICTER, ST_POLICY_RSA_EXPONENT },
        { ST_ACCEPTABLE, ST_DIFFERENT, ST_NO_REASON, ST_WRONG, ST_NO_REASON },
        { ST_VALID, ST_NOT_RUN, ST_SKIP_HASH, ST_SKIPPED, ST_SKIP_HASH },
        { ST_INVALID, ST_NOT_RUN, ST_SKIP_HASH, ST_SKIPPED, ST_SKIP_HASH },
    };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        st_why why = ST_SKIP_UNREADABLE;
        assert_int_equal(st_judge(rows[i].expected, st_result_of(rows[i].did, rows[i].why), &why), rows[i].want);
        assert_int_equal(why, rows[i].want_why);
    }
}

static void a_tally_adds_up_and_names_the_first_wrong_ones(void **state)
{
    (void)state;
    static struct st_tally t, sum;
    char comment[300];
    memset(comment, 'c', sizeof comment - 1);
    comment[sizeof comment - 1] = '\0';
    for (int i = 0; i < ST_WRONG_MAX + 5; i++)
        st_tally_count(&t, ST_INVALID, st_result_of(ST_ACCEPTED, ST_NO_REASON), i, comment);
    st_tally_count(&t, ST_VALID, st_result_of(ST_ACCEPTED, ST_NO_REASON), 100, "");
    st_tally_count(&t, ST_VALID, st_result_of(ST_REFUSED, ST_POLICY_GCM_NONCE), 101, "");
    st_tally_skip(&t, ST_SKIP_CURVE, 7);
    assert_int_equal(t.wrong, ST_WRONG_MAX + 5);
    assert_int_equal(t.first_wrong[ST_WRONG_MAX - 1].id, ST_WRONG_MAX - 1);
    assert_int_equal(strlen(t.first_wrong[0].comment), sizeof t.first_wrong[0].comment - 1);
    assert_int_equal(st_tally_run(&t), ST_WRONG_MAX + 7);
    assert_int_equal(t.tests, st_tally_run(&t) + t.skipped);
    st_tally_add(&sum, &t);
    st_tally_add(&sum, &t);
    assert_int_equal(sum.tests, 2 * t.tests);
    assert_int_equal(sum.by_reason[ST_SKIP_CURVE], 14);
    assert_int_equal(sum.by_reason[ST_POLICY_GCM_NONCE], 2);
}

static void every_reason_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (unsigned a = 1; a < ST_WHY_COUNT; a++) {
        assert_true(strlen(st_word((st_why)a)) > 3);
        for (unsigned b = 1; b < a; b++)
            assert_string_not_equal(st_word((st_why)a), st_word((st_why)b));
    }
    assert_string_equal(st_word(ST_WHY_COUNT), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_has_its_outcome),
        cmocka_unit_test(a_tally_adds_up_and_names_the_first_wrong_ones),
        cmocka_unit_test(every_reason_has_a_word_of_its_own),
    };
    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
