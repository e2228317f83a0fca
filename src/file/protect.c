/* Protecting, writing, and taking protection away. */
#include "file/change.h"

#define KNOWN_FLAGS HF_FILE_FORCE

static hf_err refuse_tampered(hf_work *w)
{
    hf_why found = w->verdict.why;

    return hf_why_say(&w->why, HF_ERR_INTEGRITY, "%.200s; force is needed to go on", found.text);
}

/* May what was found be replaced by a match? */
static hf_err allowed(hf_work *w, unsigned flags)
{
    const hf_verdict *v = &w->verdict;

    if (w->found.entry == HF_FOUND_UNKNOWN || v->outcome == HF_FILE_STORE_UNAVAILABLE)
        return hf_why_say(&w->why, HF_ERR_STORE, "%s",
                          w->found.entry_why.text[0] != '\0' ? w->found.entry_why.text : v->why.text);
    if (v->outcome == HF_FILE_TAMPER && !v->genuine && (flags & HF_FILE_FORCE) == 0)
        return refuse_tampered(w);
    return w->nowhere == HF_OK ? HF_OK : hf_why_say(&w->why, w->nowhere, "%s", w->nowhere_why.text);
}

/* Force does not make a file of what is none. */
static hf_err check_file(hf_work *w, bool may_be_missing)
{
    if (w->found.file == HF_FOUND_BAD)
        return hf_why_say(&w->why, HF_ERR_INVALID, "it is no regular file");
    if (w->found.file == HF_FOUND_NONE && !may_be_missing)
        return hf_why_say(&w->why, HF_ERR_NOT_FOUND, "there is no such file");
    return HF_OK;
}

typedef enum operation { PROTECT, WRITE, UNPROTECT } operation;

/* A store is made by the first change that needs it, unless a sidecar says that there must have been one. */
static hf_err make_store(hf_work *w, operation op, unsigned flags, bool *ret_made)
{
    bool needed = op == WRITE || (op == PROTECT && w->found.file != HF_FOUND_NONE);

    *ret_made = w->absent && needed;
    if (!*ret_made)
        return HF_OK;
    if (w->found.sidecar != HF_FOUND_NONE && (flags & HF_FILE_FORCE) == 0)
        return refuse_tampered(w);
    hf_dir_store_close(&w->dir);
    return hf_dir_store_make(w->guard->store_dir, &w->dir, &w->why);
}

static hf_err begin(hf_work *w, const hf_file_guard *guard, const char *path, operation op, unsigned flags,
                    hf_file_report *report)
{
    bool made = false;

    HF_TRY(hf_work_begin(w, guard, path, true, report));
    HF_CHECK((flags & ~KNOWN_FLAGS) == 0, hf_why_say(&w->why, HF_ERR_INVALID, "there is no such flag"));
    HF_TRY(hf_work_look(w, HF_FILE_MAX_BYTES, false));
    HF_TRY(make_store(w, op, flags, &made));
    if (!made)
        return HF_OK;
    (void)hf_work_end(w, HF_OK);
    HF_TRY(hf_work_begin(w, guard, path, true, report));
    return hf_work_look(w, HF_FILE_MAX_BYTES, false);
}

/* ---- protecting ---- */

static hf_err protect(hf_work *w, unsigned flags)
{
    const hf_verdict *v = &w->verdict;

    if (v->outcome == HF_FILE_NOT_FOUND)
        return HF_OK;
    HF_TRY(allowed(w, flags));
    HF_TRY(check_file(w, false));
    if (v->outcome == HF_FILE_MATCH)
        return v->pending ? hf_change_settle(w) : HF_OK;
    HF_TRY(hf_change_commit(w, &w->found.content, NULL));
    HF_TRY(hf_work_forget_way(w));
    hf_work_tell_match(w, &w->found.content, w->bytes);
    return HF_OK;
}

hf_err hf_file_protect(const hf_file_guard *guard, const char *path, unsigned flags, hf_file_report *ret)
{
    hf_work w;
    hf_err err = begin(&w, guard, path, PROTECT, flags, ret);

    if (err == HF_OK)
        err = protect(&w, flags);
    return hf_work_end(&w, err);
}

/* ---- writing ---- */

static hf_err write_content(hf_work *w, hf_view content)
{
    hf_place_name name = hf_change_temporary(w);
    hf_tag tag;

    HF_TRY(hf_tag_of(w->key, content, &tag));
    HF_TRY(hf_place_make(&w->place, name.text, content, w->found.file == HF_FOUND_NONE ? NULL : &w->st, &w->why));
    hf_err err = hf_change_commit(w, &tag, name.text);
    if (err != HF_OK) {
        hf_place_drop(&w->place, name.text);
        return err;
    }
    HF_TRY(hf_work_forget_way(w));
    hf_work_tell_match(w, &tag, content.len);
    return HF_OK;
}

hf_err hf_file_write(const hf_file_guard *guard, const char *path, const void *bytes, size_t len, unsigned flags,
                     hf_file_report *ret)
{
    hf_work w;
    hf_err err = begin(&w, guard, path, WRITE, flags, ret);

    if (err == HF_OK && len > HF_FILE_READ_MAX_BYTES)
        err = hf_why_say(&w.why, HF_ERR_TOO_LARGE, "the content has more than %llu bytes",
                         (unsigned long long)HF_FILE_READ_MAX_BYTES);
    if (err == HF_OK)
        err = allowed(&w, flags);
    if (err == HF_OK)
        err = check_file(&w, true);
    if (err == HF_OK && w.verdict.pending)
        err = hf_change_settle(&w); /* an entry knows two tags, and there would be three */
    if (err == HF_OK)
        err = write_content(&w, hf_view_of(bytes, len));
    return hf_work_end(&w, err);
}

/* ---- taking it away ---- */

static hf_err remove_beside(hf_work *w, const char *suffix)
{
    bool removed = false;

    HF_TRY(hf_place_remove(&w->place, hf_place_beside(&w->place, suffix).text, &removed, &w->why));
    w->report->changed |= removed;
    return HF_OK;
}

/* The entry first: what is left when this is cut off is a file that was never anchored. */
static hf_err unprotect(hf_work *w, unsigned flags)
{
    const hf_evidence *e = &w->found;

    if (w->absent && e->sidecar == HF_FOUND_NONE)
        return HF_OK;
    HF_TRY(allowed(w, flags));
    HF_TRY(hf_work_forget_way(w));
    w->report->changed |= e->strayed;
    if (e->entry == HF_FOUND_NONE && e->sidecar == HF_FOUND_NONE && e->next == HF_FOUND_NONE)
        return HF_OK;
    if (e->entry != HF_FOUND_NONE) {
        if (w->store.erase(w->store.arg, w->report->id) != HF_OK)
            return hf_why_say(&w->why, HF_ERR_STORE, "the store does not remove the entry");
        w->report->changed = true;
    }
    HF_TRY(remove_beside(w, HF_SIDECAR_SUFFIX));
    HF_TRY(remove_beside(w, HF_SIDECAR_NEXT_SUFFIX));
    return hf_place_sync(&w->place, &w->why);
}

hf_err hf_file_unprotect(const hf_file_guard *guard, const char *path, unsigned flags, hf_file_report *ret)
{
    hf_work w;
    hf_err err = begin(&w, guard, path, UNPROTECT, flags, ret);

    if (err == HF_OK)
        err = unprotect(&w, flags);
    bool done = err == HF_OK && ret->changed;
    if (done)
        ret->outcome = HF_FILE_NO_ANCHOR;
    err = hf_work_end(&w, err);
    if (!done)
        return err;
    ret->why[0] = '\0'; /* all is well */
    return HF_OK;
}
