/* Every combination of what may be found, against the rules written another way round. */
#include "file/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const hf_tag OURS = { { 1 } }, OLD = { { 2 } }, ALIEN = { { 3 } };

static const hf_tag *tag_number(int i)
{
    static const hf_tag *const tags[] = { &OURS, &OLD, &ALIEN };

    return tags[i];
}

/* The sidecar: 0 to 2 a tag, 3 none, 4 bad. */
static void set_sidecar(hf_evidence *e, int i)
{
    e->sidecar = i == 3 ? HF_FOUND_NONE : i == 4 ? HF_FOUND_BAD : HF_FOUND_GOOD;
    if (i < 3)
        e->sidecar_tag = *tag_number(i);
    if (i == 4)
        (void)hf_why_say(&e->sidecar_why, HF_OK, "bad sidecar");
}

static hf_evidence evidence(int content, int sidecar)
{
    hf_evidence e = { .file = HF_FOUND_GOOD, .content = *tag_number(content), .entry = HF_FOUND_NONE };

    set_sidecar(&e, sidecar);
    return e;
}

/* A match is never said but for content that the entry names, with a sidecar that the entry allows. */
static void test_anchored(void **state)
{
    (void)state;
    for (int content = 0; content < 3; content++)
        for (int sidecar = 0; sidecar < 5; sidecar++)
            for (int in = HF_ENTRY_SETTLED; in <= HF_ENTRY_BEGINNING; in++) {
                hf_evidence e = evidence(content, sidecar);
                e.entry = HF_FOUND_GOOD;
                e.entry_is = (hf_entry) { .state = (hf_entry_state)in, .tag = OURS };
                if (in == HF_ENTRY_CHANGING)
                    e.entry_is.previous = OLD;
                hf_verdict v = hf_judge(HF_FILE_ANCHORED, &e);
                bool content_fits = content == 0 || (in == HF_ENTRY_CHANGING && content == 1);
                bool sidecar_fits = in == HF_ENTRY_BEGINNING  ? sidecar != 4
                                    : in == HF_ENTRY_CHANGING ? sidecar < 2
                                                              : sidecar == 0;
                assert_int_equal(v.outcome == HF_FILE_MATCH, content_fits && sidecar_fits);
                assert_int_equal(v.pending, v.outcome == HF_FILE_MATCH && in != HF_ENTRY_SETTLED);
                assert_int_equal(v.genuine, content_fits);
                assert_int_equal(v.why.text[0] == '\0', v.outcome == HF_FILE_MATCH);
                bool may_begin = in == HF_ENTRY_BEGINNING && !content_fits && (sidecar == 3 || sidecar == content);
                assert_int_equal(v.outcome == HF_FILE_NO_ANCHOR, may_begin);
            }
}

static void test_anchored_without_entry(void **state)
{
    (void)state;
    for (int content = 0; content < 3; content++)
        for (int sidecar = 0; sidecar < 5; sidecar++) {
            hf_evidence e = evidence(content, sidecar);
            hf_verdict v = hf_judge(HF_FILE_ANCHORED, &e);
            bool first_use = sidecar == 3 || sidecar == content;
            assert_int_equal(v.outcome, first_use ? HF_FILE_NO_ANCHOR : HF_FILE_TAMPER);
            assert_false(v.genuine);
            e.entry = HF_FOUND_BAD;
            (void)hf_why_say(&e.entry_why, HF_OK, "bad entry");
            v = hf_judge(HF_FILE_ANCHORED, &e);
            assert_int_equal(v.outcome, HF_FILE_TAMPER);
            assert_string_equal(v.why.text, "bad entry");
        }
}

static void test_sidecar_mode(void **state)
{
    (void)state;
    for (int content = 0; content < 3; content++)
        for (int sidecar = 0; sidecar < 5; sidecar++)
            for (int next = 0; next < 4; next++) {
                hf_evidence e = evidence(content, sidecar);
                e.next = next == 3 ? HF_FOUND_NONE : HF_FOUND_GOOD;
                if (next < 3)
                    e.next_tag = *tag_number(next);
                hf_verdict v = hf_judge(HF_FILE_SIDECAR, &e);
                bool fits = sidecar == content, fits_next = sidecar != 4 && next == content;
                assert_int_equal(v.outcome == HF_FILE_MATCH, fits || fits_next);
                assert_int_equal(v.pending, !fits && fits_next);
                if (!fits && !fits_next)
                    assert_int_equal(v.outcome, sidecar == 3 ? HF_FILE_NO_ANCHOR : HF_FILE_TAMPER);
            }
}

static void test_strayed_and_no_file(void **state)
{
    (void)state;
    for (int content = 0; content < 3; content++)
        for (int sidecar = 0; sidecar < 5; sidecar++) {
            hf_evidence e = evidence(content, sidecar);
            e.strayed = true;
            hf_verdict v = hf_judge(HF_FILE_ANCHORED, &e);
            assert_true(v.outcome == HF_FILE_TAMPER && !v.genuine);
            e.strayed = false;
            e.file = HF_FOUND_BAD;
            v = hf_judge(HF_FILE_ANCHORED, &e);
            assert_true(v.outcome == HF_FILE_TAMPER && !v.genuine);
        }
}

static void test_nothing_can_be_said(void **state)
{
    static const hf_file_mode modes[] = { HF_FILE_ANCHORED, HF_FILE_SIDECAR };

    (void)state;
    for (size_t m = 0; m < HF_COUNT(modes); m++)
        for (int sidecar = 0; sidecar < 5; sidecar++) {
            hf_evidence e = evidence(0, sidecar);
            e.entry = HF_FOUND_UNKNOWN;
            e.file = HF_FOUND_UNKNOWN;
            hf_verdict v = hf_judge(modes[m], &e);
            assert_int_equal(v.outcome, sidecar == 3 ? HF_FILE_NO_ANCHOR : HF_FILE_STORE_UNAVAILABLE);
            (void)hf_why_say(&e.entry_why, HF_OK, "no store");
            v = hf_judge(modes[m], &e);
            assert_int_equal(v.outcome, HF_FILE_STORE_UNAVAILABLE);
            assert_string_equal(v.why.text, "no store");
            e.file = HF_FOUND_NONE;
            v = hf_judge(modes[m], &e);
            assert_int_equal(v.outcome, HF_FILE_NOT_FOUND);
        }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anchored),
        cmocka_unit_test(test_anchored_without_entry),
        cmocka_unit_test(test_sidecar_mode),
        cmocka_unit_test(test_strayed_and_no_file),
        cmocka_unit_test(test_nothing_can_be_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
