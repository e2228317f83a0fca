#include "file/work.h"

#include "sys/fd.h"
#include <stdio.h>
#include <string.h>

/* ---- guard and store ---- */

static hf_err guard_check(const hf_file_guard *g, hf_why *why)
{
    bool folder = g->store_dir != NULL && g->store_dir[0] != '\0', key = g->key != NULL, store = g->store != NULL;

    if (g->mode != HF_FILE_ANCHORED && g->mode != HF_FILE_SIDECAR)
        return hf_why_say(why, HF_ERR_INVALID, "there is no such mode of protection");
    if (folder == key || (folder && store) || (key && !store && g->mode == HF_FILE_ANCHORED))
        return hf_why_say(why, HF_ERR_INVALID,
                          "a folder for the store is needed, or a key and, for anchored files, a store");
    if (key && hf_secret_len(g->key) != HF_FILE_KEY_BYTES)
        return hf_why_say(why, HF_ERR_INVALID, "the key must have %d bytes", HF_FILE_KEY_BYTES);
    return HF_OK;
}

/* What is in there protects files; it is no file to protect. */
static hf_err check_not_in_store(const hf_work *w, hf_why *why)
{
    struct stat st;

    if (w->dir.folder < 0 || w->place.folder < 0)
        return HF_OK;
    if (fstat(w->place.folder, &st) != 0)
        return hf_why_errno(why, "its folder cannot be looked at");
    if (st.st_dev == w->dir.st.st_dev && st.st_ino == w->dir.st.st_ino)
        return hf_why_say(why, HF_ERR_INVALID, "this is a file of the store itself");
    return HF_OK;
}

/* HF_ERR_STORE becomes a state, with its sentence: it is an outcome. */
static hf_err store_open(hf_work *w)
{
    if (w->guard->store_dir == NULL) {
        w->key = w->guard->key;
        if (w->guard->store != NULL)
            w->store = *w->guard->store;
    } else {
        hf_err err = hf_dir_store_open(w->guard->store_dir, &w->dir, &w->store_why);
        HF_CHECK(err == HF_OK || err == HF_ERR_STORE, hf_why_say(&w->why, err, "%s", w->store_why.text));
        HF_TRY(check_not_in_store(w, &w->why));
        w->key = err == HF_OK ? w->dir.key : NULL;
        w->absent = err == HF_OK && w->key == NULL;
        if (w->key != NULL)
            w->store = hf_dir_store_ops(&w->dir);
    }
    if (w->key == NULL || w->store.get == NULL)
        return HF_OK;
    hf_err err = hf_entry_key(w->key, &w->entry_key);
    return err == HF_OK
               ? HF_OK
               : hf_why_say(&w->why, err, "the key of the store's entries cannot be made: %s", hf_err_text(err));
}

/* The store's own sentence, where it has one. */
static const char *store_said(const hf_work *w)
{
    return w->dir.why.text[0] != '\0' ? w->dir.why.text : "the store does not answer";
}

static void store_lock(hf_work *w, bool exclusive)
{
    if (w->store.get == NULL || w->store.lock == NULL)
        return;
    if (w->store.lock(w->store.arg, w->report->id, exclusive, &w->lock) == HF_OK) {
        w->locked = true;
        return;
    }
    (void)hf_why_say(&w->store_why, HF_ERR_STORE, "%s", store_said(w));
    w->key = NULL;
}

/* HF_ERR_STORE: it does not say. */
static hf_err store_has(const hf_work *w, const uint8_t *id, bool *ret)
{
    uint8_t entry[HF_FILE_ENTRY_MAX_BYTES];
    size_t len = 0;

    hf_err err = w->store.get(w->store.arg, id, entry, sizeof(entry), &len);
    HF_CHECK(err == HF_OK || err == HF_ERR_NOT_FOUND || err == HF_ERR_TOO_LARGE, HF_ERR_STORE);
    *ret = err != HF_ERR_NOT_FOUND;
    return HF_OK;
}

/* A name that was protected as a file, and now is a link or leads through one. The path at the end has its own judge. */
static bool is_step(const hf_work *w, size_t i)
{
    return !hf_view_eq(hf_view_of(w->place.way.step[i], HF_FILE_ID_BYTES), hf_view_of(w->report->id, HF_FILE_ID_BYTES));
}

static hf_err find_strayed(const hf_work *w, bool *ret)
{
    bool found = false;

    for (size_t i = 0; !found && i < w->place.way.steps; i++)
        if (is_step(w, i))
            HF_TRY(store_has(w, w->place.way.step[i], &found));
    *ret = found;
    return HF_OK;
}

hf_err hf_work_forget_way(hf_work *w)
{
    for (size_t i = 0; w->found.strayed && i < w->place.way.steps; i++)
        if (is_step(w, i) && w->store.erase(w->store.arg, w->place.way.step[i]) != HF_OK)
            return hf_why_say(&w->why, HF_ERR_STORE, "the store does not remove the entry of the path that leads here");
    return HF_OK;
}

/* There is nothing to open. That is an outcome if what cannot be followed was protected once. */
static hf_err led_nowhere(hf_work *w, hf_err err)
{
    bool strayed = false;

    if (err == HF_ERR_NOT_FOUND)
        w->report->outcome = HF_FILE_NOT_FOUND;
    if ((err != HF_ERR_NOT_FOUND && err != HF_ERR_INVALID) || w->guard->mode != HF_FILE_ANCHORED)
        return err;
    w->nowhere_why = w->why;
    if (w->place.way.steps > 0 && store_open(w) == HF_OK && w->key != NULL)
        (void)find_strayed(w, &strayed);
    w->why = w->nowhere_why;
    if (!strayed)
        return err;
    w->nowhere = err;
    return HF_OK;
}

hf_err hf_work_begin(hf_work *w, const hf_file_guard *guard, const char *path, bool exclusive, hf_file_report *report)
{
    *w = (hf_work) { .guard = guard, .report = report, .place = { .folder = -1 }, .dir = { .folder = -1 } };
    *report = (hf_file_report) { .outcome = HF_FILE_NOT_JUDGED };
    HF_TRY(guard_check(guard, &w->why));
    hf_err err = hf_place_open(path, &w->place, &w->why);
    if (err != HF_OK)
        return led_nowhere(w, err);
    HF_TRY(hf_entry_id(w->place.path, report->id));
    HF_TRY(store_open(w));
    store_lock(w, exclusive);
    return HF_OK;
}

hf_err hf_work_end(hf_work *w, hf_err err)
{
    hf_file_report *r = w->report;

    if (w->locked)
        w->store.unlock(w->store.arg, w->lock);
    if (w->place.folder >= 0)
        (void)snprintf(r->path, sizeof(r->path), "%s", w->place.path);
    if (err == HF_OK && r->outcome != HF_FILE_MATCH)
        (void)snprintf(r->why, sizeof(r->why), "%s", w->verdict.why.text);
    if (err != HF_OK && err != hf_file_outcome_err(r->outcome))
        r->outcome = HF_FILE_NOT_JUDGED;
    if (err != HF_OK)
        (void)snprintf(r->why, sizeof(r->why), "%s", w->why.text[0] != '\0' ? w->why.text : hf_err_text(err));
    hf_content_freep(&w->content);
    hf_secret_freep(&w->entry_key);
    hf_dir_store_close(&w->dir);
    hf_place_close(&w->place);
    return err == HF_OK ? hf_file_outcome_err(r->outcome) : err;
}

/* ---- what is there ---- */

/* A sidecar that is there, but cannot be one, is a finding; one that cannot be read is an error. */
static hf_err sidecar_read(hf_work *w, const char *suffix, hf_found *ret, hf_tag *ret_tag, hf_why *ret_why)
{
    uint8_t bytes[HF_SIDECAR_BYTES + 1];
    HF_AUTO(hf_fd_closep) int fd = -1;
    struct stat st;
    const char *said = "";
    size_t len = 0;

    hf_err err = hf_place_open_file(&w->place, hf_place_beside(&w->place, suffix).text, &fd, &st, &w->why);
    *ret = err == HF_ERR_NOT_FOUND ? HF_FOUND_NONE : HF_FOUND_BAD;
    if (err == HF_ERR_NOT_FOUND)
        return HF_OK;
    if (err == HF_ERR_INVALID) {
        (void)hf_why_say(ret_why, err, "the sidecar is no regular file");
        return HF_OK;
    }
    HF_CHECK(err == HF_OK, hf_why_errno(&w->why, "the sidecar cannot be opened"));
    err = hf_fd_read_all(fd, bytes, sizeof(bytes), &len);
    HF_CHECK(err == HF_OK || err == HF_ERR_TOO_LARGE, hf_why_errno(&w->why, "the sidecar cannot be read"));
    if (err == HF_ERR_TOO_LARGE)
        len = sizeof(bytes);
    *ret = hf_sidecar_parse(hf_view_of(bytes, len), ret_tag, &said) == HF_OK ? HF_FOUND_GOOD : HF_FOUND_BAD;
    (void)hf_why_say(ret_why, HF_OK, "%s", said);
    return HF_OK;
}

static hf_err sidecars_read(hf_work *w, hf_evidence *e)
{
    hf_why unused;

    HF_TRY(sidecar_read(w, HF_SIDECAR_SUFFIX, &e->sidecar, &e->sidecar_tag, &e->sidecar_why));
    if (w->guard->mode == HF_FILE_ANCHORED)
        return HF_OK;
    HF_TRY(sidecar_read(w, HF_SIDECAR_NEXT_SUFFIX, &e->next, &e->next_tag, &unused));
    if (e->next == HF_FOUND_BAD)
        e->next = HF_FOUND_NONE; /* not finished when its writer was killed */
    return HF_OK;
}

/* The store has the last word, so a sidecar alone is not asked about what is anchored. */
static hf_err check_not_anchored(hf_work *w, hf_evidence *e)
{
    bool anchored = false, strayed = false;

    if (w->store.get == NULL)
        return HF_OK;
    if (store_has(w, w->report->id, &anchored) != HF_OK || find_strayed(w, &strayed) != HF_OK) {
        e->entry = HF_FOUND_UNKNOWN;
        return hf_why_say(&e->entry_why, HF_OK, "%s", store_said(w));
    }
    if (!anchored && !strayed)
        return HF_OK;
    return hf_why_say(&w->why, HF_ERR_WRONG_STATE,
                      "the store has an entry for it: keep it anchored, or take the protection away first");
}

static hf_err entry_read(hf_work *w, hf_evidence *e)
{
    uint8_t bytes[HF_FILE_ENTRY_MAX_BYTES];
    const char *said = "the store's entry is damaged: it is too large";
    size_t len = 0;

    e->entry_why = w->store_why;
    e->entry = w->key != NULL ? HF_FOUND_NONE : HF_FOUND_UNKNOWN;
    if (w->key == NULL)
        return HF_OK;
    if (w->guard->mode == HF_FILE_SIDECAR)
        return check_not_anchored(w, e);
    hf_err err = find_strayed(w, &e->strayed);
    if (err == HF_OK)
        err = w->store.get(w->store.arg, w->report->id, bytes, sizeof(bytes), &len);
    if (err == HF_ERR_NOT_FOUND)
        return HF_OK;
    if (err != HF_OK && err != HF_ERR_TOO_LARGE) {
        e->entry = HF_FOUND_UNKNOWN;
        return hf_why_say(&e->entry_why, HF_OK, "%s", store_said(w));
    }
    if (err == HF_OK)
        err = hf_entry_open(hf_view_of(bytes, len), w->place.path, w->entry_key, &e->entry_is, &said);
    HF_CHECK(err != HF_ERR_INTERNAL && err != HF_ERR_SYSTEM, hf_why_say(&w->why, err, "%s", said));
    e->entry = err == HF_OK ? HF_FOUND_GOOD : HF_FOUND_BAD;
    return hf_why_say(&e->entry_why, HF_OK, "%s", said);
}

/* The tag is made of the bytes that are handed out, not of the file. */
static hf_err file_keep(hf_work *w, hf_evidence *e, int fd, uint64_t max)
{
    HF_TRY(hf_content_keep(fd, max, &w->content, &w->why));
    w->bytes = hf_file_content_size(w->content);
    if (w->key == NULL)
        return HF_OK;
    (void)hf_why_say(&w->why, HF_OK, "the cryptographic library failed");
    return hf_tag_of(w->key, hf_view_of(hf_file_content_bytes(w->content), w->bytes), &e->content);
}

static hf_err file_read(hf_work *w, hf_evidence *e, uint64_t max, bool keep)
{
    HF_AUTO(hf_fd_closep) int fd = -1;

    hf_err err = hf_place_open_file(&w->place, w->place.name, &fd, &w->st, &w->why);
    if (err == HF_ERR_INVALID && (e->strayed || e->entry == HF_FOUND_GOOD || e->entry == HF_FOUND_BAD)) {
        e->file = HF_FOUND_BAD; /* somebody put it there */
        return HF_OK;
    }
    e->file = err == HF_OK && w->key != NULL ? HF_FOUND_GOOD : err == HF_OK ? HF_FOUND_UNKNOWN : HF_FOUND_NONE;
    if (err == HF_ERR_NOT_FOUND)
        return HF_OK;
    HF_TRY(err);
    if (w->guard->max_bytes > 0 && w->guard->max_bytes < max)
        max = w->guard->max_bytes;
    hf_content_freep(&w->content);
    if (keep)
        return file_keep(w, e, fd, max);
    return w->key != NULL ? hf_content_tag(fd, max, w->key, &e->content, &w->bytes, &w->why) : HF_OK;
}

hf_err hf_work_look(hf_work *w, uint64_t max, bool keep)
{
    hf_evidence *e = &w->found;

    *e = (hf_evidence) { .file = HF_FOUND_UNKNOWN, .strayed = w->nowhere != HF_OK };
    if (w->nowhere == HF_OK) {
        HF_TRY(entry_read(w, e));
        HF_TRY(sidecars_read(w, e));
        HF_TRY(file_read(w, e, max, keep));
    }
    w->verdict = hf_judge(w->guard->mode, e);
    w->why.text[0] = '\0';
    w->report->outcome = w->verdict.outcome;
    w->report->pending = w->verdict.pending;
    if (w->verdict.outcome == HF_FILE_MATCH)
        hf_work_tell_match(w, &e->content, w->bytes);
    return HF_OK;
}

void hf_work_tell_match(hf_work *w, const hf_tag *tag, uint64_t bytes)
{
    w->report->outcome = HF_FILE_MATCH;
    w->report->bytes = bytes;
    memcpy(w->report->tag, tag->bytes, sizeof(w->report->tag));
}

/* ---- outcomes ---- */

static const struct {
    const char *name;
    hf_err err;
} outcomes[] = {
    [HF_FILE_NOT_JUDGED] = { "not_judged", HF_ERR_INTERNAL },
    [HF_FILE_MATCH] = { "match", HF_OK },
    [HF_FILE_TAMPER] = { "tamper", HF_ERR_INTEGRITY },
    [HF_FILE_NO_ANCHOR] = { "no_anchor", HF_ERR_NO_ANCHOR },
    [HF_FILE_NOT_FOUND] = { "not_found", HF_ERR_NOT_FOUND },
    [HF_FILE_STORE_UNAVAILABLE] = { "store_unavailable", HF_ERR_STORE },
};

static size_t row_of(hf_file_outcome o)
{
    return (size_t)o < HF_COUNT(outcomes) ? (size_t)o : HF_FILE_NOT_JUDGED;
}

const char *hf_file_outcome_name(hf_file_outcome o)
{
    return outcomes[row_of(o)].name;
}

hf_err hf_file_outcome_err(hf_file_outcome o)
{
    return outcomes[row_of(o)].err;
}
