/* Verifying and reading. */
#include "file/change.h"

/*
 * A change that was interrupted is settled under the lock of changes: whoever began it is not there any more. Where that cannot be done,
 * the verdict stands all the same.
 */
static hf_err look_and_settle(hf_work *w, uint64_t max, bool keep)
{
    HF_TRY(hf_work_look(w, max, keep));
    if (w->verdict.pending && w->locked && hf_change_settle(w) != HF_OK)
        w->why.text[0] = '\0';
    return HF_OK;
}

static hf_err judge(hf_work *w, const hf_file_guard *guard, const char *path, uint64_t max, bool keep,
                    hf_file_report *report)
{
    hf_err err = hf_work_begin(w, guard, path, false, report);

    if (err == HF_OK)
        err = hf_work_look(w, max, keep);
    if (err != HF_OK || !w->verdict.pending || !w->locked)
        return err;
    (void)hf_work_end(w, HF_OK);
    HF_TRY(hf_work_begin(w, guard, path, true, report));
    return look_and_settle(w, max, keep);
}

hf_err hf_file_verify(const hf_file_guard *guard, const char *path, hf_file_report *ret)
{
    hf_work w;
    hf_err err = judge(&w, guard, path, HF_FILE_MAX_BYTES, false, ret);

    return hf_work_end(&w, err);
}

static bool lets_pass(hf_file_outcome o, unsigned allow)
{
    return o == HF_FILE_MATCH || (o == HF_FILE_NO_ANCHOR && (allow & HF_FILE_ALLOW_NO_ANCHOR) != 0) ||
           (o == HF_FILE_STORE_UNAVAILABLE && (allow & HF_FILE_ALLOW_STORE_UNAVAILABLE) != 0);
}

hf_err hf_file_read(const hf_file_guard *guard, const char *path, unsigned allow, hf_file_content **ret,
                    hf_file_report *ret_report)
{
    hf_work w;
    hf_file_content *content = NULL;
    hf_err err = judge(&w, guard, path, HF_FILE_READ_MAX_BYTES, true, ret_report);

    if (err == HF_OK && lets_pass(ret_report->outcome, allow)) {
        content = w.content;
        w.content = NULL;
    }
    err = hf_work_end(&w, err);
    if (content == NULL)
        return err;
    *ret = content;
    return HF_OK;
}
