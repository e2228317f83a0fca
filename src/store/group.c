#include "store/group.h"

#include "proto/gen/messages.h"
#include <stdio.h>

static void answer_later(hf_group *g, uint64_t id, hf_err error)
{
    hf_group_answer *a = &g->answers[g->n++];

    a->id = id;
    a->error = error;
    snprintf(a->why, sizeof(a->why), "%s", error == HF_OK ? "" : hf_engine_why(g->engine));
}

/* The transaction is gone: what was to be well is not. */
static void fail_all(hf_group *g, hf_err error)
{
    for (size_t i = 0; i < g->n; i++) {
        if (g->answers[i].error != HF_OK)
            continue;
        g->answers[i].error = error;
        snprintf(g->answers[i].why, sizeof(g->answers[i].why), "%s", hf_engine_why(g->engine));
    }
    g->open = false;
}

static hf_err apply_op(hf_group *g, const struct hf_store_op *op)
{
    hf_change c = { .op = (hf_change_op)op->op, .key = { .kind = op->kind, .version = op->version }, .blob = op->blob };

    HF_CHECK(op->op >= HF_CHANGE_PUT && op->op <= HF_CHANGE_INSERT, HF_ERR_MALFORMED);
    HF_CHECK(c.op != HF_CHANGE_DELETE || op->blob.len == 0, HF_ERR_MALFORMED);
    for (size_t i = 0; i < sizeof(c.key.id); i++)
        c.key.id[i] = op->id[i];
    g->bytes += op->blob.len;
    return hf_engine_apply(g->engine, &c);
}

static hf_err apply_all(hf_group *g, hf_view ops)
{
    hf_reader list = hf_reader_of(ops);
    struct hf_store_op op;

    while (hf_store_op_next(&list, &op))
        HF_TRY(apply_op(g, &op));
    return list.failed ? HF_ERR_MALFORMED : HF_OK;
}

static hf_err open_transaction(hf_group *g)
{
    if (!g->open) {
        HF_TRY(hf_engine_begin(g->engine));
        g->open = true;
    }
    return hf_engine_mark(g->engine);
}

hf_err hf_group_add(hf_group *g, uint64_t id, hf_view ops)
{
    hf_err e = open_transaction(g);

    if (e == HF_OK)
        e = apply_all(g, ops);
    if (e == HF_OK)
        e = hf_engine_keep(g->engine);
    else if (g->open && hf_engine_undo(g->engine) != HF_OK) {
        hf_engine_rollback(g->engine);
        fail_all(g, HF_ERR_STORE);
    }
    if (e == HF_ERR_MALFORMED)
        return e;
    answer_later(g, id, e);
    return HF_OK;
}

bool hf_group_full(const hf_group *g)
{
    return g->n == HF_GROUP_MAX || g->bytes >= HF_GROUP_BYTES;
}

hf_err hf_group_commit(hf_group *g, void (*answer)(void *arg, const hf_group_answer *a), void *arg)
{
    if (g->open) {
        hf_err e = hf_engine_commit(g->engine);
        if (e != HF_OK)
            fail_all(g, e);
    }
    g->open = false;
    for (size_t i = 0; i < g->n; i++)
        answer(arg, &g->answers[i]);
    g->n = 0;
    g->bytes = 0;
    return hf_engine_broken(g->engine) ? HF_ERR_STORE : HF_OK;
}
