#include "config/edit.h"

#include "config/file.h"

#include <string.h>

static void put(hf_writer *w, const char *text)
{
    hf_put_bytes(w, text, strlen(text));
}

static hf_view take_line(hf_view *left)
{
    const uint8_t *end = left->len > 0 ? memchr(left->ptr, '\n', left->len) : NULL;
    size_t len = end == NULL ? left->len : (size_t)(end - left->ptr) + 1;
    hf_view line = hf_view_of(left->ptr, len);

    *left = hf_view_of(left->ptr + len, left->len - len);
    return line;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without white space at its start. */
static hf_view bare(hf_view line)
{
    while (line.len > 0 && is_blank(line.ptr[0]))
        line = hf_view_of(line.ptr + 1, line.len - 1);
    return line;
}

static bool is_section(hf_view line, const char *name)
{
    hf_view b = bare(line);
    size_t n = strlen(name);

    return b.len >= n + 2 && b.ptr[0] == '[' && hf_view_eq_str(hf_view_of(b.ptr + 1, n), name) && b.ptr[n + 1] == ']';
}

static bool is_option(hf_view line, const char *name)
{
    hf_view b = bare(line);
    size_t n = strlen(name);

    if (b.len <= n || !hf_view_eq_str(hf_view_of(b.ptr, n), name))
        return false;
    b = bare(hf_view_of(b.ptr + n, b.len - n));
    return b.len > 0 && (b.ptr[0] == '=' || b.ptr[0] == ':');
}

static void put_option(hf_writer *w, const char *name, const char *value)
{
    put(w, name);
    put(w, " = ");
    put(w, value);
    put(w, "\n");
}

static bool has_option(hf_view text, const char *section, const char *name)
{
    bool inside = false;

    while (text.len > 0) {
        hf_view line = take_line(&text);
        if (bare(line).len > 0 && bare(line).ptr[0] == '[')
            inside = is_section(line, section);
        else if (inside && is_option(line, name))
            return true;
    }
    return false;
}

static void edit(hf_view text, const char *section, const char *name, const char *value, hf_writer *w)
{
    bool there = has_option(text, section, name), inside = false, done = false, ended = true;

    while (text.len > 0) {
        hf_view line = take_line(&text);
        if (inside && !done && is_option(line, name)) {
            put_option(w, name, value);
            done = true;
            continue;
        }
        hf_put_view(w, line);
        ended = line.ptr[line.len - 1] == '\n';
        if (bare(line).len == 0 || bare(line).ptr[0] != '[')
            continue;
        inside = is_section(line, section);
        if (inside && !there && !done && ended) {
            put_option(w, name, value);
            done = true;
        }
    }
    if (done)
        return;
    put(w, ended ? "\n[" : "\n\n[");
    put(w, section);
    put(w, "]\n");
    put_option(w, name, value);
}

hf_err config_set_seal(hf_view text, const char *kind, hf_writer *w, struct config_why *why)
{
    struct config_values before, after;

    HF_TRY(config_read(text, &before, why));
    edit(text, "seal", "kind", kind, w);
    HF_CHECK(!w->failed, HF_ERR_TOO_LARGE);
    HF_TRY(config_read(hf_writer_view(w), &after, why));
    if (strcmp(after.seal_kind, kind) == 0)
        return HF_OK;
    config_why_set(why, "seal.kind stands there in a form that is not changed here; edit it by hand");
    return HF_ERR_INVALID;
}
