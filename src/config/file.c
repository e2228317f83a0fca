#include "config/file.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

/* inih cuts longer lines in two; one that could be cut is refused before. */
#define LINE_MAX_BYTES 180

struct reading {
    hf_view left;
    struct config_values values;
    bool seen[CONFIG_OPTIONS_MAX];
    struct config_why first; /* of the first line refused; empty while none was */
};

static void refuse_first(struct reading *r, const char *text)
{
    if (r->first.text[0] == '\0')
        config_why_set(&r->first, "%s", text);
}

/* Gives inih one line at a time, as fgets would. */
static char *next_line(char *dst, int cap, void *stream)
{
    struct reading *r = stream;
    const uint8_t *end = r->left.len > 0 ? memchr(r->left.ptr, '\n', r->left.len) : NULL;
    size_t len = end == NULL ? r->left.len : (size_t)(end - r->left.ptr) + 1;

    if (len == 0 || len >= (size_t)cap)
        return NULL;
    memcpy(dst, r->left.ptr, len);
    dst[len] = '\0';
    r->left.ptr += len;
    r->left.len -= len;
    return dst;
}

/* Returns 0 for a line that is refused: inih then reports the number of the first such line. */
static int on_option(void *arg, const char *section, const char *name, const char *value)
{
    struct reading *r = arg;
    struct config_why why;
    size_t index = 0;

    if (config_set(&r->values, section, name, value, &index, &why) != HF_OK) {
        refuse_first(r, why.text);
        return 0;
    }
    if (r->seen[index]) {
        config_why_set(&why, "option %.32s.%.64s is given twice", section, name);
        refuse_first(r, why.text);
        return 0;
    }
    r->seen[index] = true;
    return 1;
}

/* What inih would accept or cut silently. */
static hf_err lines_check(hf_view text, struct config_why *why)
{
    size_t line = 1, start = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '\n') {
            line++;
            start = i + 1;
        } else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
            config_why_set(why, "line %zu: control characters are not allowed", line);
            return HF_ERR_INVALID;
        } else if (i - start >= LINE_MAX_BYTES) {
            config_why_set(why, "line %zu: longer than %d bytes", line, LINE_MAX_BYTES);
            return HF_ERR_INVALID;
        }
    }
    return HF_OK;
}

hf_err config_read(hf_view text, struct config_values *ret, struct config_why *why)
{
    struct reading r = { .left = text };

    HF_TRY(lines_check(text, why));
    config_defaults(&r.values);
    int line = ini_parse_stream(next_line, &r, on_option, &r);
    if (line != 0) {
        config_why_set(why, "line %d: %s", line,
                       r.first.text[0] != '\0' ? r.first.text : "neither '[section]' nor 'option = value'");
        return HF_ERR_INVALID;
    }
    HF_TRY(config_check_together(&r.values, why));
    *ret = r.values;
    return HF_OK;
}
