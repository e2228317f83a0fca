#include "cli/out.h"

#include "base/text.h"
#include "cli/wiped.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN_GAP 2

/* A character of one byte that a terminal obeys, or the first byte of U+0080 to U+009F, which some obey too. */
static bool is_control(hf_view left)
{
    uint8_t b = left.ptr[0];

    return b < 0x20 || b == 0x7f || (b == 0xc2 && left.len > 1 && left.ptr[1] < 0xa0);
}

void out_text(FILE *f, hf_view text)
{
    bool valid = hf_text_ok(text);

    for (size_t i = 0; i < text.len; i++) {
        bool bad = !valid && (is_control(hf_view_of(text.ptr + i, text.len - i)) || text.ptr[i] >= 0x80);
        fputc(bad ? '?' : text.ptr[i], f);
    }
}

/* ---- JSON ---- */

/* The writer escapes C0 alone. DEL and C1 stand in strings only, where an escape means the same. */
static void put_json(hf_view json)
{
    size_t from = 0;

    for (size_t i = 0; i < json.len; i++) {
        size_t n = json.ptr[i] == 0xc2 ? 2 : 1;
        if (json.ptr[i] < 0x7f || !is_control(hf_view_of(json.ptr + i, json.len - i)))
            continue;
        (void)fwrite(json.ptr + from, 1, i - from, stdout);
        printf("\\u%04x", json.ptr[i + n - 1]);
        i += n - 1;
        from = i + 1;
    }
    (void)fwrite(json.ptr + from, 1, json.len - from, stdout);
}

static void print_and_free(char *json, size_t len)
{
    if (json == NULL)
        return;
    put_json(hf_view_of(json, len));
    fputc('\n', stdout);
    wiped_free(json);
}

void out_document(yyjson_val *v)
{
    size_t len = 0;
    char *json = yyjson_val_write_opts(v, YYJSON_WRITE_PRETTY_TWO_SPACES, &wiped_pool, &len, NULL);

    print_and_free(json, len);
}

void out_new_document(yyjson_mut_doc *doc)
{
    size_t len = 0;
    char *json = yyjson_mut_write_opts(doc, YYJSON_WRITE_PRETTY_TWO_SPACES, &wiped_pool, &len, NULL);

    print_and_free(json, len);
}

hf_err out_member(cli *c, const char *name, hf_view text)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(&wiped_pool);
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    yyjson_mut_doc_set_root(doc, root);
    if (!yyjson_mut_obj_add_strncpy(doc, root, name, (const char *)text.ptr, text.len)) {
        yyjson_mut_doc_free(doc);
        return cli_fail(c, HF_ERR_SYSTEM, "there is no memory for the answer");
    }
    out_new_document(doc);
    yyjson_mut_doc_free(doc);
    c->told = true;
    return HF_OK;
}

void out_problem(hf_err e, const char *detail)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(&wiped_pool);
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    yyjson_mut_doc_set_root(doc, root);
    (void)yyjson_mut_obj_add_str(doc, root, "code", hf_err_name(e));
    /* File names may be no UTF-8; the document must be JSON all the same. */
    (void)yyjson_mut_obj_add_str(doc, root, "detail", hf_text_ok(hf_view_str(detail)) ? detail : hf_err_text(e));
    out_new_document(doc);
    yyjson_mut_doc_free(doc);
}

/* ---- text ---- */

#define DEPTH_MAX 8 /* of what the server answers; deeper is shown as "-" */

/* Columns on a terminal: code points, where it is UTF-8. (Wide and combining ones are not told apart.) */
static size_t width_of(hf_view text)
{
    size_t width = 0;

    if (!hf_text_ok(text))
        return text.len;
    for (size_t i = 0; i < text.len; i++)
        width += (text.ptr[i] & 0xc0) != 0x80;
    return width;
}

/* Prints a value, or with a NULL stream only measures it; gives its width. */
static size_t put_value(FILE *f, yyjson_val *v, size_t depth);

static size_t put_str(FILE *f, const char *text)
{
    if (f != NULL)
        out_text(f, hf_view_str(text));
    return width_of(hf_view_str(text));
}

static size_t put_list(FILE *f, yyjson_val *list, size_t depth)
{
    size_t i, max, width = 0;
    yyjson_val *item;

    yyjson_arr_foreach(list, i, max, item)
    {
        width += i > 0 ? put_str(f, ",") : 0;
        width += put_value(f, item, depth);
    }
    return width > 0 ? width : put_str(f, "-");
}

/* "name=value,name=value" */
static size_t put_members(FILE *f, yyjson_val *object, size_t depth)
{
    size_t i, max, width = 0;
    yyjson_val *name, *value;

    yyjson_obj_foreach(object, i, max, name, value)
    {
        width += i > 0 ? put_str(f, ",") : 0;
        width += put_value(f, name, depth);
        width += put_str(f, "=");
        width += put_value(f, value, depth);
    }
    return width > 0 ? width : put_str(f, "-");
}

static size_t put_value(FILE *f, yyjson_val *v, size_t depth)
{
    char number[32];
    hf_view text = hf_view_of(yyjson_get_str(v), yyjson_get_len(v));

    if (yyjson_is_arr(v) && depth < DEPTH_MAX)
        return put_list(f, v, depth + 1);
    if (yyjson_is_obj(v) && depth < DEPTH_MAX)
        return put_members(f, v, depth + 1);
    if (yyjson_is_bool(v))
        return put_str(f, yyjson_get_bool(v) ? "yes" : "no");
    if (yyjson_is_int(v)) {
        (void)snprintf(number, sizeof(number), yyjson_is_sint(v) ? "%" PRId64 : "%" PRIu64, yyjson_get_sint(v));
        return put_str(f, number);
    }
    if (!yyjson_is_str(v) || text.len == 0)
        return put_str(f, "-");
    if (f != NULL)
        out_text(f, text);
    return width_of(text);
}

static void pad(size_t n)
{
    for (; n > 0; n--)
        fputc(' ', stdout);
}

static size_t longest_name(yyjson_val *object)
{
    size_t i, max, widest = 0;
    yyjson_val *name, *value;

    yyjson_obj_foreach(object, i, max, name, value)
    {
        size_t width = put_value(NULL, name, 0);
        widest = width > widest ? width : widest;
    }
    return widest;
}

void out_object(cli *c, yyjson_val *object, const char *but)
{
    size_t i, max, widest = longest_name(object);
    yyjson_val *name, *value;

    if (c->json) {
        c->told = true;
        out_document(object);
        return;
    }
    yyjson_obj_foreach(object, i, max, name, value)
    {
        if (but != NULL && strcmp(yyjson_get_str(name), but) == 0)
            continue;
        pad(widest - put_value(stdout, name, 0));
        pad(COLUMN_GAP);
        (void)put_value(stdout, value, 0);
        fputc('\n', stdout);
    }
}

static size_t column_width(yyjson_val *list, const out_column *column)
{
    size_t i, max, widest = strlen(column->title);
    yyjson_val *row;

    yyjson_arr_foreach(list, i, max, row)
    {
        size_t width = put_value(NULL, yyjson_obj_get(row, column->member), 0);
        widest = width > widest ? width : widest;
    }
    return widest;
}

#define COLUMNS_MAX 16

void out_table(yyjson_val *list, const out_column *columns, size_t n)
{
    size_t widths[COLUMNS_MAX], i, max;
    yyjson_val *row;

    if (n > COLUMNS_MAX)
        abort();
    for (size_t k = 0; k < n; k++) {
        widths[k] = column_width(list, &columns[k]);
        size_t width = put_str(stdout, columns[k].title);
        pad(k + 1 < n ? widths[k] - width + COLUMN_GAP : 0);
    }
    fputc('\n', stdout);
    yyjson_arr_foreach(list, i, max, row)
    {
        for (size_t k = 0; k < n; k++) {
            size_t width = put_value(stdout, yyjson_obj_get(row, columns[k].member), 0);
            pad(k + 1 < n ? widths[k] - width + COLUMN_GAP : 0);
        }
        fputc('\n', stdout);
    }
}

void out_line(const cli *c, const char *format, ...)
{
    va_list args;

    if (c->json)
        return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    fputc('\n', stdout);
}
