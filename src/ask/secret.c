#include "ask/ask.h"

#include "sys/fd.h"
#include "sys/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAIRS_MAX 3

static hf_err fail(struct hf_ask_why *why, hf_err e, const char *format, ...) HF_PRINTF(3, 4);
static hf_err fail(struct hf_ask_why *why, hf_err e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
    return e;
}

static hf_err check_length(const struct hf_ask *a, size_t len, struct hf_ask_why *why)
{
    if (len >= a->min && len <= a->max)
        return HF_OK;
    return fail(why, HF_ERR_BOUNDS, "a %s has %zu to %zu bytes", a->what, a->min, a->max);
}

/* The bytes that count, in a block of their length. */
static hf_err cut(const struct hf_ask *a, const hf_secret *buffer, size_t len, hf_secret **ret, struct hf_ask_why *why)
{
    HF_TRY(check_length(a, len, why));
    hf_err e = hf_secret_copy(hf_secret_read(buffer), len, ret);
    hf_registers_clear(); /* copying goes through them, and we may wait long for the next line */
    return e == HF_OK ? HF_OK : fail(why, HF_ERR_SYSTEM, "there is no locked memory for the %s", a->what);
}

/* ---- from a file ---- */

/* Everything up to the end, which may be a pipe's; cap + 1 when there is more. */
static hf_err read_all(int fd, uint8_t *dst, size_t cap, size_t *ret_len)
{
    size_t len = 0;

    while (len < cap) {
        ssize_t n = read(fd, dst + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        HF_CHECK(n >= 0, HF_ERR_SYSTEM);
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_len = len;
    return HF_OK;
}

static hf_err from_file(const struct hf_ask *a, hf_secret **ret, struct hf_ask_why *why)
{
    bool standard = strcmp(a->file, "-") == 0;
    HF_AUTO(hf_fd_closep) int opened = standard ? -1 : open(a->file, O_RDONLY | O_CLOEXEC);
    HF_AUTO(hf_secret_freep) hf_secret *buffer = NULL;
    size_t len = 0;

    if (!standard && opened < 0)
        return fail(why, HF_ERR_NOT_FOUND, "the file with the %s, %.120s, cannot be opened: %s", a->what, a->file,
                    strerrordesc_np(errno));
    if (hf_secret_new(a->max + 2, &buffer) != HF_OK)
        return fail(why, HF_ERR_SYSTEM, "there is no locked memory for the %s", a->what);
    uint8_t *bytes = hf_secret_bytes(buffer);
    if (read_all(standard ? STDIN_FILENO : opened, bytes, a->max + 2, &len) != HF_OK)
        return fail(why, HF_ERR_SYSTEM, "the file with the %s cannot be read: %s", a->what, strerrordesc_np(errno));
    if (len > 0 && bytes[len - 1] == '\n') /* as an editor ends a file; nothing else is taken off */
        len--;
    return cut(a, buffer, len, ret, why);
}

/* ---- from the terminal ---- */

static hf_err line(const struct hf_ask *a, const char *question, hf_secret **ret, struct hf_ask_why *why)
{
    HF_AUTO(hf_secret_freep) hf_secret *buffer = NULL;
    size_t len = 0;

    if (hf_secret_new(a->max + 2, &buffer) != HF_OK)
        return fail(why, HF_ERR_SYSTEM, "there is no locked memory for the %s", a->what);
    hf_err e = hf_ask_terminal(question, hf_secret_bytes(buffer), a->max + 2, &len);
    if (e == HF_ERR_NOT_FOUND)
        return fail(why, e, "there is no terminal to ask for the %s; use %s F, where - is standard input", a->what,
                    a->option);
    if (e == HF_ERR_TOO_LARGE)
        return check_length(a, a->max + 1, why);
    if (e != HF_OK)
        return fail(why, e, "no %s was typed", a->what);
    return cut(a, buffer, len, ret, why);
}

static hf_err pair(const struct hf_ask *a, hf_secret **ret, bool *ret_same, struct hf_ask_why *why)
{
    HF_AUTO(hf_secret_freep) hf_secret *first = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *second = NULL;

    HF_TRY(line(a, a->question, &first, why));
    HF_TRY(line(a, a->again, &second, why));
    *ret_same = hf_secret_equal(first, second);
    hf_registers_clear();
    if (*ret_same) {
        *ret = first;
        first = NULL; /* the caller's now */
    }
    return HF_OK;
}

hf_err hf_ask_secret(const struct hf_ask *ask, hf_secret **ret, struct hf_ask_why *reterr_why)
{
    bool agreed = false;

    if (ask->file != NULL)
        return from_file(ask, ret, reterr_why);
    if (ask->again == NULL)
        return line(ask, ask->question, ret, reterr_why);
    for (int i = 0; i < PAIRS_MAX; i++) {
        HF_TRY(pair(ask, ret, &agreed, reterr_why));
        if (agreed)
            return HF_OK;
        (void)hf_ask_tell("the two differ; once more");
    }
    return fail(reterr_why, HF_ERR_CONFLICT, "the two %ss differed each time", ask->what);
}
