/* The whole matrix of actions and roles, compared with a snapshot: a change of rights shows in review as a diff. */
#include "policy/rbac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

static const uint32_t roles[] = { HF_ROLE_ADMINISTRATOR, HF_ROLE_OPERATOR, HF_ROLE_AUDITOR, HF_ROLE_SERVICE };

/* Reads a whole small file of the source tree. */
static char *slurp(const char *name, char *dst, size_t cap)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", SOURCE_DIR, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    const size_t n = fread(dst, 1, cap - 1, f);
    fclose(f);
    assert_true(n > 0 && n < cap - 1);
    dst[n] = '\0';
    return dst;
}

static void the_matrix_is_the_snapshot(void **state)
{
    (void)state;
    static char want[8192], got[8192];
    size_t at = (size_t)snprintf(got, sizeof(got), "%-20s %-13s %-8s %-7s %s\n", "action", "administrator", "operator",
                                 "auditor", "service");
    for (int a = 1; a < HF_ACTION_COUNT; a++) {
        const char *cells[4];
        for (size_t r = 0; r < 4; r++)
            cells[r] = hf_rbac_allows(roles[r], (hf_action)a) ? "yes" : "-";
        at += (size_t)snprintf(got + at, sizeof(got) - at, "%-20s %-13s %-8s %-7s %s\n", hf_action_name((hf_action)a),
                               cells[0], cells[1], cells[2], cells[3]);
    }
    assert_string_equal(got, slurp("tests/unit/policy/rbac.txt", want, sizeof(want)));
}

/* Every word in the message table is known here, and none here is without a message. */
static void the_message_table_uses_these_words(void **state)
{
    (void)state;
    static char def[131072];
    bool used[HF_ACTION_COUNT] = { false };
    char *rest = slurp("src/proto/core.def", def, sizeof(def));
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        const char *word = strstr(line, " action ");
        if (strncmp(line, "message ", 8) != 0 || word == NULL)
            continue;
        word += strlen(" action ");
        const hf_view v = hf_view_of(word, strcspn(word, " "));
        if (hf_view_eq_str(v, "-"))
            continue;
        const hf_action a = hf_action_parse(v);
        if (a == HF_ACTION_NONE)
            fail_msg("core.def has an action that rbac.h does not know: %s", word);
        used[a] = true;
    }
    for (int a = 1; a < HF_ACTION_COUNT; a++) {
        if (!used[a])
            fail_msg("no message has the action %s", hf_action_name((hf_action)a));
    }
}

static void roles_add_up_and_nothing_else_counts(void **state)
{
    (void)state;
    for (int a = 1; a < HF_ACTION_COUNT; a++) {
        bool any = false;
        for (uint32_t set = 0; set < 16; set++) {
            any = false;
            for (size_t r = 0; r < 4; r++)
                any = any || ((set & roles[r]) != 0 && hf_rbac_allows(roles[r], (hf_action)a));
            assert_int_equal(hf_rbac_allows(set, (hf_action)a), any);
            assert_int_equal(hf_rbac_allows(set | ~(uint32_t)HF_ROLE_ALL, (hf_action)a), any);
        }
        assert_false(hf_rbac_allows(0, (hf_action)a));
    }
}

static void unknown_is_refused(void **state)
{
    (void)state;
    assert_false(hf_rbac_allows(UINT32_MAX, HF_ACTION_NONE));
    assert_false(hf_rbac_allows(UINT32_MAX, HF_ACTION_COUNT));
    assert_false(hf_rbac_allows(UINT32_MAX, (hf_action)-1));
    assert_null(hf_action_name(HF_ACTION_NONE));
    assert_int_equal(hf_action_parse(hf_view_str("")), HF_ACTION_NONE);
    assert_int_equal(hf_action_parse(hf_view_str("key:*")), HF_ACTION_NONE);
    assert_int_equal(hf_action_parse(hf_view_str("key:create ")), HF_ACTION_NONE);
    for (int a = 1; a < HF_ACTION_COUNT; a++)
        assert_int_equal(hf_action_parse(hf_view_str(hf_action_name((hf_action)a))), a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_matrix_is_the_snapshot),
        cmocka_unit_test(the_message_table_uses_these_words),
        cmocka_unit_test(roles_add_up_and_nothing_else_counts),
        cmocka_unit_test(unknown_is_refused),
    };
    return cmocka_run_group_tests_name("policy-rbac", tests, NULL, NULL);
}
