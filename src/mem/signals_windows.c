/* Wiping on the way out: at exit(), at abort(), at an exception that nobody handles, and when the console or the session ends. */
#include "mem/registry.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <windows.h>

static LPTOP_LEVEL_EXCEPTION_FILTER filter_before;

/* Others that had asked to be told are told afterwards; nobody is kept from making a dump, which then is of wiped memory. */
static LONG WINAPI at_exception(EXCEPTION_POINTERS *what)
{
    hf_wipe_all();
    return filter_before != NULL ? filter_before(what) : EXCEPTION_CONTINUE_SEARCH;
}

/* On a thread that Windows makes for it. A handler of the program that was set later comes first, and may say that it goes on. */
static BOOL WINAPI at_console_end(DWORD event)
{
    (void)event;
    hf_wipe_all();
    return FALSE; /* the next handler; the last one ends the process */
}

/* abort() goes on with its default action when this returns. */
static void at_abort(int number)
{
    hf_wipe_all();
    (void)signal(number, SIG_DFL);
}

static hf_err serve_abort(void)
{
    void (*before)(int) = signal(SIGABRT, at_abort);
    HF_CHECK(before != SIG_ERR, HF_ERR_SYSTEM);
    if (before != SIG_DFL && before != at_abort)
        (void)signal(SIGABRT, before); /* the program handles it, and may go on */
    return HF_OK;
}

static bool refused;

static void serve_once(void)
{
    filter_before = SetUnhandledExceptionFilter(at_exception);
    refused = atexit(hf_wipe_all) != 0 || !SetConsoleCtrlHandler(at_console_end, TRUE);
}

hf_err hf_wipe_on_exit(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, serve_once);
    HF_CHECK(!refused, HF_ERR_SYSTEM);
    return serve_abort();
}
