#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* Back to the first column, and what stands in the line is erased (ECMA-48: CR, EL). */
#define LINE_START "\r\033[K"

static bool shown;

static bool is_terminal(void)
{
    return isatty(STDERR_FILENO) == 1;
}

void progress_show(const char *format, ...)
{
    va_list args;

    if (!is_terminal())
        return;
    shown = true;
    fputs(LINE_START "holdfast: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fflush(stderr);
}

void progress_end(void)
{
    if (!shown)
        return;
    fputs(LINE_START, stderr);
    (void)fflush(stderr);
    shown = false;
}
