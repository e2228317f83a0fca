#include "cli/args.h"

#include "cli/suggest.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const option_row *find_in(const option_row *table, hf_view name)
{
    for (const option_row *o = table; o != NULL && o->name != NULL; o++)
        if (hf_view_eq_str(name, o->name))
            return o;
    return NULL;
}

static const option_row *find(const args *a, hf_view name)
{
    const option_row *o = find_in(a->own, name);

    return o != NULL ? o : find_in(a->shared, name);
}

static bool is_given(const args *a, const option_row *row)
{
    for (size_t i = 0; i < a->n_given; i++)
        if (a->given[i].row == row)
            return true;
    return false;
}

static hf_err remember(cli *c, args *a, const option_row *row, const char *value)
{
    if (!row->repeats && is_given(a, row))
        return cli_fail(c, HF_ERR_INVALID, "--%s stands twice; give it once", row->name);
    if (a->n_given == ARGS_GIVEN_MAX)
        return cli_fail(c, HF_ERR_INVALID, "there are more than %d options", ARGS_GIVEN_MAX);
    a->given[a->n_given++] = (args_given) { row, value };
    return HF_OK;
}

static void look_at(suggestion *s, const option_row *table)
{
    for (const option_row *o = table; o != NULL && o->name != NULL; o++)
        suggest_look(s, o->name);
}

static hf_err refuse_unknown(cli *c, const args *a, hf_view name)
{
    char wanted[SUGGEST_CAP], hint[SUGGEST_CAP];
    suggestion s = { .wanted = wanted };

    if (hf_view_to_str(name, wanted, sizeof(wanted)) != HF_OK)
        return cli_fail(c, HF_ERR_INVALID, "there is no such option here; see --help");
    look_at(&s, a->own);
    look_at(&s, a->shared);
    suggest_text(&s, "--", hint);
    return cli_fail(c, HF_ERR_INVALID, "there is no option --%s here%s%s", wanted, hint,
                    s.nearest == NULL ? "; see --help" : "");
}

/* words[0] is `--name` or `--name=value`; gives how many words that took. */
static hf_err read_option(cli *c, args *a, char *const *words, size_t *ret_used)
{
    const char *name = words[0] + 2, *equals = strchr(name, '=');
    size_t len = equals == NULL ? strlen(name) : (size_t)(equals - name);
    const option_row *row = find(a, hf_view_of(name, len));

    if (row == NULL)
        return refuse_unknown(c, a, hf_view_of(name, len));
    if (row->value == NULL && equals != NULL)
        return cli_fail(c, HF_ERR_INVALID, "--%s takes no value", row->name);
    if (row->value == NULL || equals != NULL) {
        *ret_used = 1;
        return remember(c, a, row, equals == NULL ? "" : equals + 1);
    }
    if (words[1] == NULL)
        return cli_fail(c, HF_ERR_INVALID, "--%s needs a value: --%s %s", row->name, row->name, row->value);
    *ret_used = 2;
    return remember(c, a, row, words[1]);
}

static hf_err read_operand(cli *c, args *a, const char *word)
{
    if (a->n_operands == ARGS_OPERANDS_MAX)
        return cli_fail(c, HF_ERR_INVALID, "unexpected argument '%s'; see --help", word);
    a->operands[a->n_operands++] = word;
    return HF_OK;
}

hf_err args_read(cli *c, args *a, char *const *words, bool stop_at_operand, size_t *ret_used)
{
    bool options_end = false;
    size_t i = 0;

    while (words[i] != NULL && !a->help) {
        const char *word = words[i];
        size_t used = 1;
        bool is_option = !options_end && word[0] == '-' && word[1] != '\0';

        if (!is_option && stop_at_operand)
            break;
        if (!is_option)
            HF_TRY(read_operand(c, a, word));
        else if (strcmp(word, "--") == 0)
            options_end = true;
        else if (strcmp(word, "--help") == 0)
            a->help = true;
        else if (word[1] != '-')
            return cli_fail(c, HF_ERR_INVALID, "there is no option %s; options begin with two dashes, see --help",
                            word);
        else
            HF_TRY(read_option(c, a, words + i, &used));
        i += used;
    }
    *ret_used = i;
    return HF_OK;
}

hf_err args_check(cli *c, const args *a)
{
    for (const option_row *o = a->own; o != NULL && o->name != NULL; o++)
        if (o->required && !is_given(a, o))
            return cli_fail(c, HF_ERR_INVALID, "--%s %s is needed; see --help", o->name, o->value);
    return HF_OK;
}

const char *args_value_at(const args *a, const char *name, size_t i)
{
    const option_row *row = find(a, hf_view_str(name));

    if (row == NULL)
        abort();
    for (size_t g = 0; g < a->n_given; g++)
        if (a->given[g].row == row && i-- == 0)
            return a->given[g].value;
    return NULL;
}

const char *args_value(const args *a, const char *name)
{
    return args_value_at(a, name, 0);
}

bool args_has(const args *a, const char *name)
{
    return args_value(a, name) != NULL;
}

bool args_digits(const char *text, uint64_t *ret)
{
    uint64_t v = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
            return false;
    }
    *ret = v;
    return true;
}

hf_err args_number(cli *c, const args *a, const char *name, uint64_t min, uint64_t max, uint64_t *ret)
{
    const char *text = args_value(a, name);
    uint64_t v = 0;

    if (text == NULL)
        return HF_OK;
    if (!args_digits(text, &v) || v < min || v > max)
        return cli_fail(c, HF_ERR_INVALID, "--%s must be a whole number from %" PRIu64 " to %" PRIu64, name, min, max);
    *ret = v;
    return HF_OK;
}
