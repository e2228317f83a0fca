#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_CAP 1024

static const char *program_name = "holdfast";
static bool journal_prefix;

void hf_log_init(const char *program)
{
    program_name = program;
    journal_prefix = getenv("JOURNAL_STREAM") != NULL;
}

static size_t clamp(int n, size_t cap)
{
    if (n < 0)
        return 0;
    return (size_t)n < cap ? (size_t)n : cap;
}

static void write_line(hf_log_level level, const char *format, va_list args)
{
    char line[LINE_CAP + 1];
    size_t len = journal_prefix ? clamp(snprintf(line, LINE_CAP, "<%d>", level), LINE_CAP - 1) : 0;

    len += clamp(snprintf(line + len, LINE_CAP - len, "%s: ", program_name), LINE_CAP - len - 1);
    len += clamp(vsnprintf(line + len, LINE_CAP - len, format, args), LINE_CAP - len - 1);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[len++] = '\n';
    /* Nothing can be done about a log that cannot be written. */
    if (write(STDERR_FILENO, line, len) < 0)
        return;
}

void hf_log(hf_log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(level, format, args);
    va_end(args);
}

void hf_fatal(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(HF_LOG_ERROR, format, args);
    va_end(args);
    _exit(1);
}
