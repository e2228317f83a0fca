/* hf_wipe_on_exit: whichever way the process ends, who looks afterwards finds zeros. */
#include "shared/helper.h"

#include <holdfast/mem.h>
#include <signal.h>

#define WIPED 42
#define LEFT 43

static hf_buffer *buffer;
static uint8_t *block;

static bool is_wiped(void)
{
    const uint8_t *bytes = hf_buffer_bytes(buffer);
    for (size_t i = 0; i < 100; i++)
        if (bytes[i] != 0 || block[i] != 0)
            return false;
    return true;
}

static int verdict(void)
{
    return is_wiped() ? WIPED : LEFT;
}

static void look_at_exit(void)
{
    _exit(verdict());
}

static LONG WINAPI look_at_exception(EXCEPTION_POINTERS *what)
{
    (void)what;
    _exit(verdict());
}

static BOOL WINAPI look_at_console_end(DWORD event)
{
    (void)event;
    _exit(verdict());
}

static int filled(hf_access at_rest)
{
    const hf_buffer_spec spec = { .bytes = 100, .weakest = HF_BACKING_MLOCK, .at_rest = at_rest };
    const char *why = NULL;
    hf_pool *pool = NULL;
    void *p = NULL;
    if (hf_buffer_new(&spec, &buffer, &why) != HF_OK || hf_pool_of_process(&pool) != HF_OK ||
        hf_pool_alloc(pool, 100, (void **)&block) != HF_OK || hf_buffer_open(buffer, HF_ACCESS_READ_WRITE, &p) != HF_OK)
        return 1;
    memset(p, 's', 100);
    memset(block, 's', 100);
    hf_buffer_close(buffer);
    return 0;
}

/* So that the event reaches this process alone. */
static bool console_of_its_own(void)
{
    (void)FreeConsole();
    return AllocConsole();
}

/*
 * Who looks is asked after us: exit handlers and those of the console run in the order opposite to their setting. It can read what was
 * not wiped: an exception there would wipe.
 */
static int end_main(const char *how)
{
    bool served = strncmp(how, "not-", 4) != 0;
    volatile int *nowhere = NULL;
    how += served ? 0 : 4;
    if (filled(HF_ACCESS_READ) != 0 || atexit(look_at_exit) != 0 || !SetConsoleCtrlHandler(look_at_console_end, TRUE))
        return 1;
    (void)SetUnhandledExceptionFilter(look_at_exception);
    if (served && hf_wipe_on_exit() != HF_OK)
        return 2;
    if (strcmp(how, "exit") == 0)
        exit(0);
    if (strcmp(how, "exception") == 0)
        *nowhere = 1;
    if (strcmp(how, "console") == 0 && console_of_its_own() && GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0))
        Sleep(INFINITE);
    if (strcmp(how, "abort") == 0 && raise(SIGABRT) == 0) /* abort() comes back from its handler to end the process */
        _exit(verdict());
    fprintf(stderr, "%s: error %lu\n", how, GetLastError());
    _exit(3);
}

static void each_end_wipes(const char *how)
{
    char not[32];
    snprintf(not, sizeof(not), "not-%s", how);
    assert_exit(helper_run("end", how), WIPED);
    assert_exit(helper_run("end", not), LEFT); /* the same end without hf_wipe_on_exit */
}

static void exit_wipes(void **state)
{
    (void)state;
    each_end_wipes("exit");
}

static void an_exception_wipes(void **state)
{
    (void)state;
    each_end_wipes("exception");
}

static void the_end_of_the_console_wipes(void **state)
{
    (void)state;
    each_end_wipes("console");
}

static void abort_wipes(void **state)
{
    (void)state;
    assert_exit(helper_run("end", "abort"), WIPED);
}

static void wiping_all_reaches_all(void **state)
{
    (void)state;
    assert_int_equal(filled(HF_ACCESS_READ), 0);
    assert_false(is_wiped());
    assert_int_equal(hf_buffer_set_at_rest(buffer, HF_ACCESS_NONE), HF_OK);
    hf_wipe_all();
    assert_true(is_wiped());
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_wipes),
        cmocka_unit_test(an_exception_wipes),
        cmocka_unit_test(the_end_of_the_console_wipes),
        cmocka_unit_test(abort_wipes),
        cmocka_unit_test(wiping_all_reaches_all),
    };
    if (argc > 2)
        return end_main(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
