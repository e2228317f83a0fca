/* holdfast.conf: the printed default reads back as the defaults, bounds hold, and every refusal names its line. */
#include "config/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static hf_err read_text(const char *text, struct config_values *ret, struct config_why *why)
{
    why->text[0] = '\0';
    return config_read(hf_view_str(text), ret, why);
}

static void test_printed_defaults_read_back(void **state)
{
    static uint8_t text[32768];
    hf_writer w = hf_writer_on(text, sizeof(text));
    struct config_values standard, got;
    struct config_why why;

    (void)state;
    config_defaults(&standard);
    config_print(&standard, &w);
    assert_false(w.failed);
    assert_int_equal(config_read(hf_writer_view(&w), &got, &why), HF_OK);
    assert_memory_equal(&got, &standard, sizeof(got));
    assert_int_equal(config_read(hf_view_of(NULL, 0), &got, &why), HF_OK);
    assert_memory_equal(&got, &standard, sizeof(got));
}

static void test_values_arrive(void **state)
{
    struct config_values v;
    struct config_why why;

    (void)state;
    assert_int_equal(
        read_text("[server]\nlisten=[::1]:443 ; comment\n[security]\nstrict=yes\n[audit]\ndurability=durable\n"
                  "[core]\nlanes=16\n[tokens]\nissuer=me\n[store]\nengine=memory\n",
                  &v, &why),
        HF_OK);
    assert_string_equal(v.listen, "[::1]:443");
    assert_true(v.strict && v.durable_all);
    assert_int_equal(v.lanes, 16);
    assert_int_equal(v.engine, 2);
    assert_string_equal(v.issuer, "me");
}

struct refusal {
    const char *text;
    const char *sentence;
};

static const struct refusal refusals[] = {
    { "[core]\nlanes=0\n", "line 2: core.lanes must be a whole number from 1 to 16" },
    { "[core]\nlanes=17\n", "line 2: core.lanes" },
    { "[core]\nlanes=4294967298\n", "line 2: core.lanes" },
    { "[core]\nlanes=0x2\n", "line 2: core.lanes" },
    { "[core]\nlanes=\n", "line 2: core.lanes" },
    { "[core]\n\n\nlane=1\n", "line 4: section [core] has no option 'lane'" },
    { "[cores]\nlanes=1\n", "line 2: there is no section [cores]" },
    { "lanes=1\n", "line 1: option 'lanes' stands before the first [section]" },
    { "[core]\nlanes=1\nlanes=1\n", "line 3: option core.lanes is given twice" },
    { "[core]\nlanes=1\n[core]\nlanes=1\n", "line 4: option core.lanes is given twice" },
    { "[core]\nlanes=1\n  2\n", "line 3: " },
    { "[core\nlanes=1\n", "line 1: " },
    { "[core]\nlanes\n", "line 2: neither" },
    { "[core]\nlanes=1\nlanes=x\nfoo=1\n", "line 3: core.lanes" },
    { "[server]\nlisten=localhost:80\n", "line 2: server.listen must be IPv4:PORT or [IPv6]:PORT" },
    { "[server]\ntls_key=\xff\xfe\n", "line 2: server.tls_key must be a text" },
    { "[core]\nactor_rate=300\n", "core.actor_burst must not be below" },
    { "[core]\narena_mib=4\nkey_cache_mib=3\n", "core.key_cache_mib (3)" },
    { "[core]\nlanes=1\x01\n", "line 2: control characters" },
};

static void test_refusals_name_the_line(void **state)
{
    struct config_values v, before;
    struct config_why why;

    (void)state;
    memset(&before, 0x5a, sizeof(before));
    for (size_t i = 0; i < HF_COUNT(refusals); i++) {
        v = before;
        assert_int_not_equal(read_text(refusals[i].text, &v, &why), HF_OK);
        if (strstr(why.text, refusals[i].sentence) == NULL)
            fail_msg("'%s' gave '%s'", refusals[i].text, why.text);
        assert_memory_equal(&v, &before, sizeof(v));
    }
}

static void test_long_lines_are_never_cut(void **state)
{
    char text[600];
    struct config_values v;
    struct config_why why;

    (void)state;
    for (int len = 150; len < 500; len++) {
        snprintf(
            text, sizeof(text), "[server]\ntls_key=%.*s\n", len,
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        hf_err err = read_text(text, &v, &why);
        if (err == HF_OK)
            assert_int_equal(strlen(v.tls_key), len);
        else
            assert_non_null(strstr(why.text, "line 2: longer than"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_printed_defaults_read_back),
        cmocka_unit_test(test_values_arrive),
        cmocka_unit_test(test_refusals_name_the_line),
        cmocka_unit_test(test_long_lines_are_never_cut),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
