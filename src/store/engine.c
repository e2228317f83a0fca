#include "store/engine.h"

#include <stdio.h>

static char open_why[HF_WHY_CAP];

static hf_err open_kind(const hf_engine_spec *spec, hf_engine **ret)
{
    switch (spec->kind) {
    case HF_ENGINE_SQLITE:
        return hf_engine_sqlite_open(spec, ret, open_why);
    case HF_ENGINE_MEMORY:
        return hf_engine_memory_open(ret, open_why);
    }
    snprintf(open_why, sizeof(open_why), "there is no storage engine number %u", (unsigned)spec->kind);
    return HF_ERR_UNSUPPORTED;
}

hf_err hf_engine_open(const hf_engine_spec *spec, hf_engine **ret, const char **reterr_why)
{
    open_why[0] = '\0';
    hf_err e = open_kind(spec, ret);

    if (e != HF_OK)
        *reterr_why = open_why;
    return e;
}

hf_err hf_engine_scan(hf_engine *e, uint8_t kind, const hf_row_key *after, hf_row_fn fn, void *arg)
{
    hf_row_key bounded;

    e->why[0] = '\0';
    if (after != NULL && after->version > HF_VERSION_MAX) {
        bounded = *after;
        bounded.version = HF_VERSION_MAX;
        after = &bounded;
    }
    return e->ops->scan(e, kind, after, fn, arg);
}

hf_err hf_engine_get(hf_engine *e, const hf_row_key *key, hf_row_fn fn, void *arg)
{
    e->why[0] = '\0';
    HF_CHECK(key->version <= HF_VERSION_MAX, HF_ERR_NOT_FOUND);
    return e->ops->get(e, key, fn, arg);
}

hf_err hf_engine_last(hf_engine *e, uint8_t kind, hf_row_key *ret)
{
    e->why[0] = '\0';
    return e->ops->last(e, kind, ret);
}

/* Sets the cause, so that a refusal never goes without a word. */
static hf_err writable(hf_engine *e)
{
    if (!e->broken) {
        e->why[0] = '\0';
        return HF_OK;
    }
    snprintf(e->why, sizeof(e->why), "an earlier write failed and the state of the disk is not known");
    return HF_ERR_STORE;
}

hf_err hf_engine_begin(hf_engine *e)
{
    HF_TRY(writable(e));
    return e->ops->begin(e);
}

hf_err hf_engine_mark(hf_engine *e)
{
    HF_TRY(writable(e));
    return e->ops->mark(e);
}

hf_err hf_engine_apply(hf_engine *e, const hf_change *c)
{
    HF_TRY(writable(e));
    if (c->key.version > HF_VERSION_MAX) {
        snprintf(e->why, sizeof(e->why), "a version is above 2^63 - 1");
        return HF_ERR_BOUNDS;
    }
    hf_err r = e->ops->apply(e, c);
    if (r == HF_ERR_CONFLICT)
        snprintf(e->why, sizeof(e->why), "the row exists already");
    return r;
}

hf_err hf_engine_keep(hf_engine *e)
{
    HF_TRY(writable(e));
    return e->ops->keep(e);
}

/* Keeps the cause that led here. */
hf_err hf_engine_undo(hf_engine *e)
{
    HF_CHECK(!e->broken, HF_ERR_STORE);
    return e->ops->undo(e);
}

hf_err hf_engine_commit(hf_engine *e)
{
    HF_TRY(writable(e));
    return e->ops->commit(e);
}

void hf_engine_rollback(hf_engine *e)
{
    if (!e->broken)
        e->ops->rollback(e);
}

bool hf_engine_broken(const hf_engine *e)
{
    return e->broken;
}

const char *hf_engine_why(const hf_engine *e)
{
    return e->why;
}

hf_err hf_engine_tidy(hf_engine *e)
{
    HF_TRY(writable(e));
    return e->ops->tidy(e);
}

hf_err hf_engine_close(hf_engine *e)
{
    if (e == NULL)
        return HF_OK;
    if (!e->broken)
        return e->ops->close(e);
    e->ops->abandon(e);
    return HF_ERR_STORE;
}

void hf_engine_abandon(hf_engine *e)
{
    if (e != NULL)
        e->ops->abandon(e);
}
