#include "file/judge.h"

static hf_verdict say(hf_file_outcome outcome, const char *why)
{
    hf_verdict v = { .outcome = outcome };

    (void)hf_why_say(&v.why, HF_OK, "%s", why);
    return v;
}

static hf_verdict match(bool pending)
{
    return (hf_verdict) { .outcome = HF_FILE_MATCH, .pending = pending, .genuine = true };
}

static bool is_content(const hf_evidence *e, const hf_tag *tag)
{
    return hf_tag_equal(&e->content, tag);
}

/* ---- sidecar mode ---- */

static hf_verdict judge_sidecar(const hf_evidence *e)
{
    if (e->sidecar == HF_FOUND_BAD)
        return say(HF_FILE_TAMPER, e->sidecar_why.text);
    if (e->sidecar == HF_FOUND_GOOD && is_content(e, &e->sidecar_tag))
        return match(false);
    if (e->next == HF_FOUND_GOOD && is_content(e, &e->next_tag))
        return match(true);
    if (e->sidecar == HF_FOUND_NONE)
        return say(HF_FILE_NO_ANCHOR, "it has no sidecar: it was never protected, or the sidecar was taken away");
    return say(HF_FILE_TAMPER, "content and sidecar do not belong together: one of them was altered");
}

/* ---- anchored ---- */

/*
 * Nothing but the sidecar speaks for the file, which is not enough. Also when protecting it began and went no further: then the content is
 * not yet the one that the entry names.
 */
static hf_verdict judge_unknown_path(const hf_evidence *e)
{
    if (e->sidecar == HF_FOUND_NONE)
        return say(HF_FILE_NO_ANCHOR, "it was never protected under this path");
    if (e->sidecar == HF_FOUND_BAD)
        return say(HF_FILE_TAMPER, e->sidecar_why.text);
    if (is_content(e, &e->sidecar_tag))
        return say(HF_FILE_NO_ANCHOR,
                   "its sidecar fits, but the store has no entry for this path: was it moved here, or protected "
                   "with --sidecar-only?");
    return say(HF_FILE_TAMPER, "content and sidecar do not belong together, and the store has no entry for this path");
}

static bool sidecar_may_be(const hf_evidence *e)
{
    const hf_entry *in = &e->entry_is;

    if (in->state == HF_ENTRY_BEGINNING)
        return true; /* any, or none: it is the one from before */
    if (e->sidecar == HF_FOUND_NONE)
        return false;
    return hf_tag_equal(&e->sidecar_tag, &in->tag) ||
           (in->state == HF_ENTRY_CHANGING && hf_tag_equal(&e->sidecar_tag, &in->previous));
}

/* The store vouches for the content; a match takes the right sidecar, too. */
static hf_verdict judge_vouched(const hf_evidence *e)
{
    hf_verdict v;

    if (e->sidecar != HF_FOUND_BAD && sidecar_may_be(e))
        return match(e->entry_is.state != HF_ENTRY_SETTLED);
    if (e->sidecar == HF_FOUND_BAD)
        v = say(HF_FILE_TAMPER, e->sidecar_why.text);
    else if (e->sidecar == HF_FOUND_NONE)
        v = say(HF_FILE_TAMPER, "the content is what was protected, but its sidecar was taken away");
    else
        v = say(HF_FILE_TAMPER, "the content is what was protected, but its sidecar was altered");
    v.genuine = true;
    return v;
}

static hf_verdict judge_anchored(const hf_evidence *e)
{
    const hf_entry *in = &e->entry_is;

    if (e->entry == HF_FOUND_BAD)
        return say(HF_FILE_TAMPER, e->entry_why.text);
    if (e->entry == HF_FOUND_NONE)
        return judge_unknown_path(e);
    if (is_content(e, &in->tag) || (in->state == HF_ENTRY_CHANGING && is_content(e, &in->previous)))
        return judge_vouched(e);
    if (in->state == HF_ENTRY_BEGINNING)
        return judge_unknown_path(e);
    if (e->sidecar == HF_FOUND_GOOD && is_content(e, &e->sidecar_tag))
        return say(HF_FILE_TAMPER,
                   "file and sidecar fit each other, but are not what was protected: copies from before or elsewhere");
    return say(HF_FILE_TAMPER, "the content is not what was protected");
}

/* ---- both ---- */

hf_verdict hf_judge(hf_file_mode mode, const hf_evidence *e)
{
    if (e->strayed)
        return say(HF_FILE_TAMPER, "a protected path now leads elsewhere: it, or a folder of it, became a link");
    if (e->file == HF_FOUND_BAD)
        return say(HF_FILE_TAMPER, "it is no regular file any more, though it is protected");
    if (e->file == HF_FOUND_NONE)
        return say(HF_FILE_NOT_FOUND, mode == HF_FILE_ANCHORED && e->entry == HF_FOUND_GOOD
                                          ? "it is not there, though it is protected: it was taken away"
                                          : "there is no such file");
    if (e->entry == HF_FOUND_UNKNOWN && e->entry_why.text[0] != '\0')
        return say(HF_FILE_STORE_UNAVAILABLE, e->entry_why.text);
    if (e->file == HF_FOUND_UNKNOWN || e->entry == HF_FOUND_UNKNOWN)
        return e->sidecar == HF_FOUND_NONE
                   ? say(HF_FILE_NO_ANCHOR, "nothing was protected here yet: there is no store, and no sidecar")
                   : say(HF_FILE_STORE_UNAVAILABLE,
                         "it has a sidecar, but there is no store, so no key to check it with");
    return mode == HF_FILE_SIDECAR ? judge_sidecar(e) : judge_anchored(e);
}
