#include "selftest/report.h"

#include "base/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names from outside ---- */

/* Text of files and file names: what is not plain text becomes question marks, so that nothing reaches a terminal. */
static const char *plain(const char *text, char *dst, size_t cap)
{
    snprintf(dst, cap, "%s", text);
    if (!hf_text_ok(hf_view_str(dst))) {
        for (char *c = dst; *c != '\0'; c++) {
            if (*c < ' ' || *c > '~')
                *c = '?';
        }
    }
    return dst;
}

static const char *expected_word(st_expected e)
{
    return e == ST_VALID ? "valid" : e == ST_INVALID ? "invalid" : "acceptable";
}

static const char *did_word(st_did d)
{
    return d == ST_ACCEPTED ? "accepted" : d == ST_REFUSED ? "refused" : "another answer";
}

/* ---- text ---- */

/* " (word 3, word 1)" of the reasons from first to last that occurred. */
static void print_reasons(const struct st_tally *t, st_why first, st_why last)
{
    const char *before = " (";
    for (unsigned w = first; w <= (unsigned)last; w++) {
        if (t->by_reason[w] == 0)
            continue;
        printf("%s%s %" PRIu64, before, st_word((st_why)w), t->by_reason[w]);
        before = ", ";
    }
    if (before[0] == ',')
        putchar(')');
}

static void print_tally(const struct st_tally *t)
{
    printf("%" PRIu64 " run, %" PRIu64 " as expected, %" PRIu64 " stricter", st_tally_run(t), t->as_expected,
           t->stricter);
    print_reasons(t, ST_POLICY_GCM_NONCE, ST_POLICY_LEFT_OPEN);
    printf(", %" PRIu64 " wrong, %" PRIu64 " skipped", t->wrong, t->skipped);
    print_reasons(t, ST_SKIP_ALGORITHM, ST_SKIP_UNREADABLE);
    putchar('\n');
}

static void print_wrong(const struct st_tally *t)
{
    char buf[128];
    for (size_t i = 0; i < t->wrong && i < ST_WRONG_MAX; i++)
        printf("  wrong: test %" PRId64 ": expected %s, was %s: %s\n", t->first_wrong[i].id,
               expected_word(t->first_wrong[i].expected), did_word(t->first_wrong[i].did),
               plain(t->first_wrong[i].comment, buf, sizeof buf));
    if (t->wrong > ST_WRONG_MAX)
        printf("  wrong: and %" PRIu64 " more\n", t->wrong - ST_WRONG_MAX);
}

/* ---- JSON ---- */

static void put_text(struct st_report *r, yyjson_mut_val *obj, const char *name, const char *text)
{
    char buf[4200];
    yyjson_mut_obj_add_strcpy(r->doc, obj, name, plain(text, buf, sizeof buf));
}

static void put_reasons(struct st_report *r, yyjson_mut_val *obj, const char *name, const struct st_tally *t,
                        st_why first, st_why last)
{
    yyjson_mut_val *reasons = yyjson_mut_obj_add_obj(r->doc, obj, name);
    for (unsigned w = first; w <= (unsigned)last; w++) {
        if (t->by_reason[w] > 0)
            yyjson_mut_obj_add_uint(r->doc, reasons, st_word((st_why)w), t->by_reason[w]);
    }
}

static void put_tally(struct st_report *r, yyjson_mut_val *obj, const struct st_tally *t)
{
    yyjson_mut_obj_add_uint(r->doc, obj, "tests", t->tests);
    yyjson_mut_obj_add_uint(r->doc, obj, "run", st_tally_run(t));
    yyjson_mut_obj_add_uint(r->doc, obj, "as_expected", t->as_expected);
    yyjson_mut_obj_add_uint(r->doc, obj, "stricter", t->stricter);
    yyjson_mut_obj_add_uint(r->doc, obj, "wrong", t->wrong);
    yyjson_mut_obj_add_uint(r->doc, obj, "skipped", t->skipped);
    put_reasons(r, obj, "stricter_reasons", t, ST_POLICY_GCM_NONCE, ST_POLICY_LEFT_OPEN);
    put_reasons(r, obj, "skipped_reasons", t, ST_SKIP_ALGORITHM, ST_SKIP_UNREADABLE);
}

static void put_wrong(struct st_report *r, yyjson_mut_val *obj, const struct st_tally *t)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(r->doc, obj, "wrong_tests");
    for (size_t i = 0; i < t->wrong && i < ST_WRONG_MAX; i++) {
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(r->doc, list);
        yyjson_mut_obj_add_int(r->doc, one, "test", t->first_wrong[i].id);
        yyjson_mut_obj_add_str(r->doc, one, "expected", expected_word(t->first_wrong[i].expected));
        yyjson_mut_obj_add_str(r->doc, one, "was", did_word(t->first_wrong[i].did));
        put_text(r, one, "comment", t->first_wrong[i].comment);
    }
}

/* ---- both ---- */

hf_err st_report_begin(bool json, const char *folder, struct st_report *ret)
{
    struct st_report r = { .json = json };
    if (json) {
        r.doc = yyjson_mut_doc_new(NULL);
        HF_CHECK(r.doc != NULL, HF_ERR_SYSTEM);
        yyjson_mut_val *root = yyjson_mut_obj(r.doc);
        yyjson_mut_doc_set_root(r.doc, root);
        yyjson_mut_obj_add_str(r.doc, root, "version", HOLDFAST_VERSION);
        r.answers = yyjson_mut_obj_add_arr(r.doc, root, "known_answers");
        if (folder != NULL) {
            r.vectors = yyjson_mut_obj_add_obj(r.doc, root, "vectors");
            put_text(&r, r.vectors, "folder", folder);
            r.files = yyjson_mut_obj_add_arr(r.doc, r.vectors, "files");
        }
    }
    *ret = r;
    return HF_OK;
}

void st_report_answer(struct st_report *r, const char *name, bool passed)
{
    r->n_answers++;
    r->failed_answers += !passed;
    if (!r->json) {
        printf("known answer %s: %s\n", name, passed ? "passed" : "FAILED");
        return;
    }
    yyjson_mut_val *one = yyjson_mut_arr_add_obj(r->doc, r->answers);
    yyjson_mut_obj_add_strcpy(r->doc, one, "name", name);
    yyjson_mut_obj_add_bool(r->doc, one, "passed", passed);
}

static void file_as_text(const char *path, st_why skipped, const struct st_tally *t)
{
    char name[4200];
    printf("%s: ", plain(path, name, sizeof name));
    if (skipped != ST_NO_REASON) {
        printf("skipped (%s)\n", st_word(skipped));
        return;
    }
    print_tally(t);
    print_wrong(t);
}

void st_report_file(struct st_report *r, const char *path, const char *algorithm, st_why skipped,
                    const struct st_tally *t)
{
    r->n_files++;
    r->files_not_run += skipped != ST_NO_REASON;
    st_tally_add(&r->sum, t);
    if (!r->json) {
        file_as_text(path, skipped, t);
        return;
    }
    yyjson_mut_val *one = yyjson_mut_arr_add_obj(r->doc, r->files);
    put_text(r, one, "file", path);
    put_text(r, one, "algorithm", algorithm);
    if (skipped != ST_NO_REASON)
        yyjson_mut_obj_add_str(r->doc, one, "skipped_file", st_word(skipped));
    put_tally(r, one, t);
    put_wrong(r, one, t);
}

static hf_err end_as_json(struct st_report *r, const struct st_files *found)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(r->doc);
    if (r->vectors != NULL) {
        yyjson_mut_obj_add_uint(r->doc, r->vectors, "files_found", r->n_files);
        yyjson_mut_obj_add_uint(r->doc, r->vectors, "files_not_run", r->files_not_run);
        yyjson_mut_obj_add_uint(r->doc, r->vectors, "other_files", found->ignored);
        yyjson_mut_obj_add_uint(r->doc, r->vectors, "unreachable_folders", found->unreachable);
        put_tally(r, yyjson_mut_obj_add_obj(r->doc, r->vectors, "totals"), &r->sum);
    }
    yyjson_mut_obj_add_bool(r->doc, root, "passed", st_report_passed(r));
    char *text = yyjson_mut_write(r->doc, YYJSON_WRITE_PRETTY_TWO_SPACES, NULL);
    yyjson_mut_doc_free(r->doc);
    r->doc = NULL;
    HF_CHECK(text != NULL, HF_ERR_SYSTEM);
    puts(text);
    free(text);
    return HF_OK;
}

static void end_as_text(struct st_report *r, const struct st_files *found)
{
    if (found == NULL) {
        printf("total: %" PRIu64 " known answers, %" PRIu64 " failed\n", r->n_answers, r->failed_answers);
        return;
    }
    if (found->ignored > 0)
        printf("not looked at: %zu files whose names do not end in .json\n", found->ignored);
    if (found->unreachable > 0)
        printf("not looked at: %zu folders that cannot be read or lie too deep\n", found->unreachable);
    printf("total: %" PRIu64 " known answers, %" PRIu64 " failed; %" PRIu64 " files, %" PRIu64 " not run; ",
           r->n_answers, r->failed_answers, r->n_files, r->files_not_run);
    print_tally(&r->sum);
}

hf_err st_report_end(struct st_report *r, const struct st_files *found)
{
    if (r->json)
        HF_TRY(end_as_json(r, found));
    else
        end_as_text(r, found);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? HF_OK : HF_ERR_SYSTEM;
}

bool st_report_passed(const struct st_report *r)
{
    return r->failed_answers == 0 && r->sum.wrong == 0;
}
