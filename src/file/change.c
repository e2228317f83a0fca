#include "file/change.h"

#include "base/text.h"
#include <stdio.h>

static hf_err entry_put(hf_work *w, hf_entry_state state, const hf_tag *tag, const hf_tag *previous)
{
    uint8_t bytes[HF_FILE_ENTRY_MAX_BYTES];
    hf_entry entry = { .state = state, .tag = *tag };
    size_t len = 0;

    if (w->guard->mode == HF_FILE_SIDECAR)
        return HF_OK;
    if (previous != NULL)
        entry.previous = *previous;
    HF_TRY(hf_entry_print(&entry, w->place.path, w->entry_key, bytes, &len));
    if (w->store.put(w->store.arg, w->report->id, bytes, len) != HF_OK)
        return hf_why_say(&w->why, HF_ERR_STORE, "%s",
                          w->dir.why.text[0] != '\0' ? w->dir.why.text : "the store does not take the entry");
    return HF_OK;
}

static hf_err sidecar_make(hf_work *w, const hf_tag *tag)
{
    uint8_t bytes[HF_SIDECAR_BYTES];

    hf_sidecar_print(tag, bytes);
    HF_TRY(hf_place_make(&w->place, hf_place_beside(&w->place, HF_SIDECAR_NEXT_SUFFIX).text,
                         hf_view_of(bytes, sizeof(bytes)), NULL, &w->why));
    return hf_place_sync(&w->place, &w->why); /* its name, and that of new content */
}

static hf_err sidecar_place(hf_work *w)
{
    HF_TRY(hf_place_rename(&w->place, hf_place_beside(&w->place, HF_SIDECAR_NEXT_SUFFIX).text,
                           hf_place_beside(&w->place, HF_SIDECAR_SUFFIX).text, &w->why));
    return hf_place_sync(&w->place, &w->why);
}

hf_place_name hf_change_temporary(const hf_work *w)
{
    hf_place_name name;
    char hex[17];

    hf_hex_encode(hf_view_of(w->report->id, 8), hex);
    (void)snprintf(name.text, sizeof(name.text), ".holdfast-%s.tmp", hex);
    return name;
}

/* What the file is to have, while it may still have what it had. */
static hf_err announce(hf_work *w, const hf_tag *tag)
{
    const hf_evidence *e = &w->found;

    HF_TRY(sidecar_make(w, tag));
    if (e->entry == HF_FOUND_GOOD && w->verdict.outcome == HF_FILE_MATCH)
        return entry_put(w, HF_ENTRY_CHANGING, tag, &e->content);
    if (e->entry == HF_FOUND_GOOD && e->entry_is.state != HF_ENTRY_BEGINNING)
        return entry_put(w, HF_ENTRY_CHANGING, tag, &e->entry_is.tag);
    return entry_put(w, HF_ENTRY_BEGINNING, tag, NULL);
}

hf_err hf_change_commit(hf_work *w, const hf_tag *tag, const char *content)
{
    w->report->changed = true;
    hf_err err = announce(w, tag);
    if (err == HF_OK && content != NULL)
        err = hf_place_rename(&w->place, content, w->place.name, &w->why);
    if (err != HF_OK) { /* what the file has is as before, and so is its sidecar */
        hf_place_drop(&w->place, hf_place_beside(&w->place, HF_SIDECAR_NEXT_SUFFIX).text);
        return err;
    }
    if (content != NULL)
        HF_TRY(hf_place_sync(&w->place, &w->why));
    HF_TRY(sidecar_place(w));
    HF_TRY(entry_put(w, HF_ENTRY_SETTLED, tag, NULL));
    w->report->pending = false;
    return HF_OK;
}

hf_err hf_change_settle(hf_work *w)
{
    const hf_evidence *e = &w->found;
    bool anchored = w->guard->mode == HF_FILE_ANCHORED;
    bool sidecar_fits = e->sidecar == HF_FOUND_GOOD && hf_tag_equal(&e->sidecar_tag, &e->content);

    w->report->changed = true;
    if (anchored && !sidecar_fits)
        HF_TRY(sidecar_make(w, &e->content));
    if (!sidecar_fits)
        HF_TRY(sidecar_place(w));
    HF_TRY(entry_put(w, HF_ENTRY_SETTLED, &e->content, NULL));
    w->report->pending = false;
    hf_place_drop(&w->place, hf_change_temporary(w).text);
    hf_place_drop(&w->place, hf_place_beside(&w->place, HF_SIDECAR_NEXT_SUFFIX).text);
    return HF_OK;
}
