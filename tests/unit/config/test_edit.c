/* One option changed in a configuration that somebody wrote: nothing else in it moves. */
#include "config/edit.h"
#include "config/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static hf_err set(const char *text, const char *kind, char dst[static 4096])
{
    hf_writer w = hf_writer_on(dst, 4095);
    struct config_why why = { "" };
    hf_err e = config_set_seal(hf_view_str(text), kind, &w, &why);

    dst[w.len] = '\0';
    return e;
}

static void changes_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
    } rows[] = {
        { "", "\n[seal]\nkind = passphrase\n" },
        { "[seal]\nkind = file\n", "[seal]\nkind = passphrase\n" },
        { "[seal]\nkind=file", "[seal]\nkind = passphrase\n" },
        { "[seal]\nkind: file ; why\n# end\n", "[seal]\nkind = passphrase\n# end\n" },
        { "# kind = file\n[core]\nlanes = 2\n[seal]\n; kind = file\nkind =  file\n\n[server]\n",
          "# kind = file\n[core]\nlanes = 2\n[seal]\n; kind = file\nkind = passphrase\n\n[server]\n" },
        { "[core]\nlanes = 2", "[core]\nlanes = 2\n\n[seal]\nkind = passphrase\n" },
        { "[seal]\n# nothing yet\n[core]\nlanes = 2\n",
          "[seal]\nkind = passphrase\n# nothing yet\n[core]\nlanes = 2\n" },
        { "[core]\r\nlanes = 2\r\n[seal]\r\nkind = file\r\n", "[core]\r\nlanes = 2\r\n[seal]\r\nkind = passphrase\n" },
        { "[seal]\n[core]\n[seal]\nkind = file\n", "[seal]\n[core]\n[seal]\nkind = passphrase\n" },
    };
    char text[4096];

    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        assert_int_equal(set(rows[i].before, "passphrase", text), HF_OK);
        assert_string_equal(text, rows[i].after);
    }
}

static void refuses_what_would_not_read_as_wanted(void **state)
{
    (void)state;
    char text[4096];

    assert_int_equal(set("[seal]\nkind = file\n", "nonsense", text), HF_ERR_INVALID);
    assert_int_equal(set("[seal]\nkind = file\n", "file\nlanes = 3", text), HF_ERR_INVALID);
    assert_int_equal(set("[seal\nkind = file\n", "passphrase", text), HF_ERR_INVALID);
    assert_int_equal(set("nonsense\n", "passphrase", text), HF_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_one_line),
        cmocka_unit_test(refuses_what_would_not_read_as_wanted),
    };
    return cmocka_run_group_tests_name("config-edit", tests, NULL, NULL);
}
