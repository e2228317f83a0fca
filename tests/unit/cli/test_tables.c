/* What the tables of commands must be for help, pages and completion to be true. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/names.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include <string.h>

static void each_option(void (*look)(const command *k, const option_row *o))
{
    const command *k;

    for (const option_row *o = global_options; o->name != NULL; o++)
        look(NULL, o);
    for (size_t i = 0; (k = commands_at(i)) != NULL; i++)
        for (const option_row *o = k->options; o != NULL && o->name != NULL; o++)
            look(k, o);
}

static void test_commands(void **state)
{
    const command *k;

    (void)state;
    for (size_t i = 0; (k = commands_at(i)) != NULL; i++) {
        assert_true((k->run == NULL) != (k->pass == NULL));
        assert_ptr_equal(commands_find(k->noun, k->verb), k);
        assert_true(k->help[0] != '\0' && k->help[strlen(k->help) - 1] != '.');
        /* A noun either is a command or has verbs. */
        assert_true(k->verb == NULL || commands_find(k->noun, NULL) == NULL);
        assert_true(k->examples == NULL || k->examples[strlen(k->examples) - 1] == '\n');
    }
    assert_null(commands_find("nonsense", NULL));
    assert_null(commands_find("key", NULL));
}

static void no_value_differs(const command *k, const option_row *o)
{
    const command *other;

    (void)k;
    for (size_t i = 0; (other = commands_at(i)) != NULL; i++)
        for (const option_row *p = other->options; p != NULL && p->name != NULL; p++)
            if (strcmp(p->name, o->name) == 0)
                assert_true((p->value == NULL) == (o->value == NULL));
}

/* The scripts know which words are values by the names of options alone. */
static void test_a_name_takes_a_value_everywhere_or_nowhere(void **state)
{
    (void)state;
    each_option(no_value_differs);
}

static void words_are_ours(const command *k, const option_row *o)
{
    const char *words = NULL;

    (void)k;
    if (o->value == NULL || completion_of(o->value, o->words, &words) != COMPLETION_WORDS)
        return;
    for (size_t n; *words != '\0'; words += n + (words[n] == '|' ? 1 : 0)) {
        n = strcspn(words, "|");
        hf_view word = hf_view_of(words, n);
        hf_scheme scheme;
        hf_hash hash;
        if (strcmp(o->name, "algorithm") == 0)
            assert_int_not_equal(hf_alg_parse(word), HF_ALG_NONE);
        else if (strcmp(o->name, "usage") == 0)
            assert_int_not_equal(hf_usage_parse(word), 0);
        else if (strcmp(o->name, "state") == 0)
            assert_int_not_equal(hf_key_state_parse(word), HF_STATE_NONE);
        else if (strcmp(o->name, "role") == 0 || strcmp(o->name, "for-role") == 0)
            assert_int_not_equal(hf_role_parse(word), 0);
        else if (strcmp(o->name, "scheme") == 0)
            assert_int_equal(hf_scheme_parse(word, &scheme), HF_OK);
        else if (strcmp(o->name, "hash") == 0)
            assert_int_equal(hf_hash_parse(word, &hash), HF_OK);
    }
}

static void test_words_that_are_offered_are_taken(void **state)
{
    (void)state;
    each_option(words_are_ours);
}

static bool is_offered(const char *words, const char *name)
{
    const char *at = strstr(words, name);

    for (; at != NULL; at = strstr(at + 1, name))
        if ((at == words || at[-1] == '|') && (at[strlen(name)] == '|' || at[strlen(name)] == '\0'))
            return true;
    return false;
}

static void all_algorithms(const command *k, const option_row *o)
{
    (void)k;
    if (strcmp(o->name, "algorithm") != 0)
        return;
    for (hf_alg a = HF_ALG_NONE + 1; hf_alg_name(a) != NULL; a++)
        assert_true(is_offered(o->words, hf_alg_name(a)));
}

static void test_every_algorithm_is_offered(void **state)
{
    (void)state;
    each_option(all_algorithms);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_a_name_takes_a_value_everywhere_or_nowhere),
        cmocka_unit_test(test_words_that_are_offered_are_taken),
        cmocka_unit_test(test_every_algorithm_is_offered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
