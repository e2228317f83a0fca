#include "file-tool/report.h"

#include "base/num.h"
#include "base/text.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SENTENCE_CAP (HF_FILE_PATH_CAP + 2 * HF_FILE_WHY_CAP)

/* ---- text ---- */

/* Characters that are not seen, but make a text look like another one: marks of direction, joiners, separators of lines. */
static bool deceives(const char *text)
{
    static const struct {
        const char *lead;
        unsigned char low, high; /* of the byte behind it */
    } rows[] = {
        { "\xe2\x80", 0x8b, 0x8f }, /* U+200B to U+200F */
        { "\xe2\x80", 0xa8, 0xae }, /* U+2028 to U+202E */
        { "\xe2\x81", 0xa0, 0xaf }, /* U+2060 to U+206F */
        { "\xd8", 0x9c, 0x9c }, /* U+061C */
        { "\xef\xbb", 0xbf, 0xbf }, /* U+FEFF */
    };

    for (size_t i = 0; i < HF_COUNT(rows); i++)
        for (const char *at = text; (at = strstr(at, rows[i].lead)) != NULL; at++) {
            unsigned char behind = (unsigned char)at[strlen(rows[i].lead)];
            if (rows[i].low <= behind && behind <= rows[i].high)
                return true;
        }
    return false;
}

void report_text(FILE *f, const char *text)
{
    bool fine = hf_text_ok(hf_view_str(text)) && !deceives(text);

    for (; *text != '\0'; text++)
        fputc(fine || (*text >= ' ' && *text <= '~') ? *text : '?', f);
}

static void put_row(const char *name, const char *text, const char *behind)
{
    printf("%-10s", name);
    report_text(stdout, text);
    printf("%s\n", behind);
}

/* ---- JSON (RFC 8259) ---- */

static void put_escaped(char c)
{
    if (c == '"' || c == '\\')
        printf("\\%c", c);
    else if ((unsigned char)c < ' ' || c == 0x7f)
        printf("\\u%04x", (unsigned)(unsigned char)c);
    else
        fputc(c, stdout);
}

/* What is no UTF-8 becomes U+FFFD. */
static void put_string(const char *name, const char *text)
{
    bool fine = hf_text_ok(hf_view_str(text));

    printf("\"%s\":\"", name);
    for (; *text != '\0'; text++)
        if (fine || (unsigned char)*text < 0x80)
            put_escaped(*text);
        else
            fputs("\\ufffd", stdout);
    fputc('"', stdout);
}

static void put_problem(hf_err err, const char *detail)
{
    put_string("code", hf_err_name(err));
    fputc(',', stdout);
    put_string("detail", detail);
}

/* In pieces of whole groups, so that what they give can stand behind each other. */
static void put_content(hf_view content)
{
    enum { PIECE = 3 << 10 };
    char text[HF_B64_LEN(PIECE)];

    fputs(",\"content_b64\":\"", stdout);
    while (content.len > 0) {
        size_t n = hf_min_size(content.len, PIECE);
        size_t chars = hf_b64_encode(hf_view_of(content.ptr, n), text);
        (void)fwrite(text, 1, chars, stdout);
        content = hf_view_of(content.ptr + n, content.len - n);
    }
    fputc('"', stdout);
    hf_wipe(text, sizeof(text));
}

/* ---- what both say ---- */

typedef struct places {
    char sidecar[HF_FILE_PATH_CAP + 8];
    char entry[PATH_MAX + 2 * HF_FILE_ID_BYTES + 2];
} places;

static places places_of(const file_options *o, const hf_file_report *r)
{
    char hex[2 * HF_FILE_ID_BYTES + 1];
    places p;

    hf_hex_encode(hf_view_of(r->id, sizeof(r->id)), hex);
    (void)snprintf(p.sidecar, sizeof(p.sidecar), "%s.hmac", r->path);
    (void)snprintf(p.entry, sizeof(p.entry), "%s/%s", o->store, hex);
    return p;
}

static const char *outcome_text(const file_options *o, const hf_file_report *r)
{
    switch (r->outcome) {
    case HF_FILE_MATCH:
        return o->verb == VERB_VERIFY ? "match" : r->changed ? "protected" : "unchanged";
    case HF_FILE_NO_ANCHOR:
        return o->verb == VERB_UNPROTECT && r->changed ? "released" : "not protected";
    case HF_FILE_TAMPER:
        return "tampered with";
    case HF_FILE_NOT_FOUND:
        return "not found";
    case HF_FILE_STORE_UNAVAILABLE:
        return "cannot be verified";
    case HF_FILE_NOT_JUDGED:
        break;
    }
    return "not judged";
}

static void json_outcome(const file_options *o, hf_err err, const hf_file_report *r, const hf_view *content)
{
    places p = places_of(o, r);
    char hex[2 * HF_FILE_TAG_BYTES + 1];

    fputc('{', stdout);
    put_string("outcome", hf_file_outcome_name(r->outcome));
    fputc(',', stdout);
    if (err != HF_OK) {
        put_problem(err, r->why);
        fputc(',', stdout);
    }
    put_string("path", r->path[0] != '\0' ? r->path : o->path);
    fputc(',', stdout);
    put_string("mode", o->mode == HF_FILE_ANCHORED ? "anchored" : "sidecar");
    printf(",\"changed\":%s,\"pending\":%s", r->changed ? "true" : "false", r->pending ? "true" : "false");
    if (r->outcome == HF_FILE_MATCH) {
        hf_hex_encode(hf_view_of(r->tag, sizeof(r->tag)), hex);
        printf(",\"bytes\":%" PRIu64 ",\"tag\":\"%s\",", r->bytes, hex);
        put_string("sidecar", p.sidecar);
    }
    if (r->outcome == HF_FILE_MATCH && o->mode == HF_FILE_ANCHORED) {
        fputc(',', stdout);
        put_string("anchor", p.entry);
    }
    if (content != NULL)
        put_content(*content);
    fputs("}\n", stdout);
}

static void text_outcome(const file_options *o, const hf_file_report *r)
{
    places p = places_of(o, r);
    char bytes[40] = "";

    if (r->outcome == HF_FILE_MATCH)
        (void)snprintf(bytes, sizeof(bytes), ", %" PRIu64 " bytes", r->bytes);
    put_row(outcome_text(o, r), r->path, bytes);
    if (r->outcome != HF_FILE_MATCH || o->verb == VERB_VERIFY)
        return;
    put_row("sidecar", p.sidecar, "");
    if (o->mode == HF_FILE_ANCHORED)
        put_row("anchor", p.entry, "");
}

/* ---- standard error ---- */

static void say(const file_options *o, const char *sentence)
{
    fprintf(stderr, "holdfast file %s: ", verb_name(o->verb));
    report_text(stderr, sentence);
    fputc('\n', stderr);
}

hf_err report_failure(const file_options *o, hf_err err, const char *format, ...)
{
    char sentence[SENTENCE_CAP];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    say(o, sentence);
    if (o->json) {
        fputc('{', stdout);
        put_problem(err, sentence);
        fputs("}\n", stdout);
    }
    return err;
}

hf_err report_outcome(const file_options *o, hf_err err, const hf_file_report *r, const hf_view *content)
{
    char sentence[SENTENCE_CAP];
    bool silent = o->verb == VERB_READ && o->out == NULL; /* standard output is the content's */

    if (r->outcome == HF_FILE_NOT_JUDGED)
        return report_failure(o, err, "%s: %s", o->path, r->why);
    (void)snprintf(sentence, sizeof(sentence), "%s: %s: %s", o->path, outcome_text(o, r), r->why);
    if (r->why[0] != '\0')
        say(o, sentence);
    if (r->pending)
        say(o, "a change that was interrupted is still to be settled: the store or the folder cannot be written");
    if (o->json)
        json_outcome(o, err, r, content);
    else if (err == HF_OK && !silent)
        text_outcome(o, r);
    return fflush(stdout) == 0 ? err : HF_ERR_SYSTEM;
}
