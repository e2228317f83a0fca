#include "cli/cli.h"
#include "cli/out.h"
#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>

#define SENTENCE_CAP 2048

static void say(const char *sentence)
{
    fputs("holdfast: ", stderr);
    out_text(stderr, hf_view_str(sentence));
    fputc('\n', stderr);
}

hf_err cli_fail(cli *c, hf_err e, const char *format, ...)
{
    char sentence[SENTENCE_CAP];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    if (c->quiet)
        return e;
    progress_end();
    say(sentence);
    if (c->json && !c->told) {
        c->told = true;
        out_problem(e, sentence);
    }
    return e;
}

void cli_note(const char *format, ...)
{
    char sentence[SENTENCE_CAP];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    progress_end();
    say(sentence);
}

int cli_exit_code(hf_err e)
{
    switch (hf_err_class_of(e)) {
    case HF_CLASS_OK:
        return 0;
    case HF_CLASS_INVALID:
    case HF_CLASS_TOO_LARGE:
    case HF_CLASS_UNUSABLE:
        return 2;
    case HF_CLASS_NOT_FOUND:
        return 3;
    case HF_CLASS_UNAUTHENTICATED:
    case HF_CLASS_DENIED:
        return 4;
    case HF_CLASS_CONFLICT:
        return 5;
    case HF_CLASS_LIMITED:
    case HF_CLASS_UNAVAILABLE:
    case HF_CLASS_TIMEOUT:
        return 7;
    case HF_CLASS_INTEGRITY:
        return 8;
    case HF_CLASS_INTERNAL:
        break;
    }
    return 1;
}
