#include "core/op.h"

#include "records/keyset_mac.h"
#include <stdlib.h>

#define ROWS_MAX_BYTES 245760

/* Secrets are shown as fingerprints, which are shorter. */
hf_err op_keyset_show(op *o)
{
    const keyset *k = &o->core->keyset;
    uint8_t *bytes = malloc(k->rows_len + 1);

    HF_CHECK(bytes != NULL, HF_ERR_OVERLOADED);
    hf_writer rows = hf_writer_on(bytes, k->rows_len + 1);
    hf_err e = keyset_hidden(o->core, &rows);
    struct hf_keyset_info m = { .generation = k->generation, .rows = hf_writer_view(&rows) };
    if (e == HF_OK)
        e = hf_keyset_info_encode(&m, &o->reply);
    free(bytes);
    return e;
}

/* The keyset that the file and the store have now is the one in force. */
static hf_err apply(core *c, change *ch)
{
    uint8_t body[16];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_done m = { .value = c->next_keyset.generation };

    keyset_clear(&c->keyset);
    c->keyset = c->next_keyset;
    c->keyset.checked = true;
    c->next_keyset = (keyset) { 0 };
    verdicts_clear(c->verdicts);
    sessions_keyset_changed(c);
    HF_TRY(hf_done_encode(&m, &w));
    return change_reply(ch, HF_MSG_DONE, hf_writer_view(&w));
}

static void finish(core *c, change *ch, hf_err e)
{
    (void)ch;
    if (e != HF_OK)
        keyset_clear(&c->next_keyset);
    commit_unreserve(c);
}

static hf_err send_to_disk(core *c)
{
    size_t cap = c->next_keyset.rows_len + 128;
    uint8_t *bytes = malloc(cap);
    struct hf_keyset_write m = { .generation = c->next_keyset.generation,
                                 .rows = { c->next_keyset.rows, c->next_keyset.rows_len } };

    HF_CHECK(bytes != NULL, HF_ERR_OVERLOADED);
    hf_writer w = hf_writer_on(bytes, cap);
    for (size_t i = 0; i < sizeof(m.mac); i++)
        m.mac[i] = c->next_keyset.mac[i];
    hf_err e = hf_keyset_write_encode(&m, &w);
    if (e == HF_OK)
        peer_send(c->supervisor, HF_MSG_KEYSET_WRITE, CORE_ACK_KEYSET, hf_writer_view(&w));
    hf_wipe(bytes, cap);
    free(bytes);
    return e;
}

/* With the secrets that fingerprints stand for, checked and MACed. */
static hf_err next_from(op *o, hf_writer *rows)
{
    const struct hf_keyset_apply *in = &o->in.keyset_apply;
    core *c = o->core;
    const char *why = "";
    uint8_t mac[32];

    hf_err e = keyset_resolve(c, in->rows, rows, &why);
    if (e == HF_OK)
        e = keyset_validate(hf_writer_view(rows), c->config.hs256, &why);
    if (e != HF_OK)
        return op_fails(o, HF_ERR_INVALID, "the keyset is refused: %s", why);
    HF_TRY(hf_keyset_mac(c->keys, in->generation, hf_writer_view(rows), mac));
    return keyset_copy(&c->next_keyset, in->generation, hf_writer_view(rows), mac);
}

static hf_err make_next(op *o)
{
    uint8_t *bytes = malloc(ROWS_MAX_BYTES);

    HF_CHECK(bytes != NULL, HF_ERR_OVERLOADED);
    hf_writer rows = hf_writer_on(bytes, ROWS_MAX_BYTES);
    hf_err e = next_from(o, &rows);
    hf_wipe(bytes, rows.len);
    free(bytes);
    return e;
}

/*
 * Checked, MACed, put on disk by the supervisor (keyset_written), then committed: a crash leaves the old or the new
 * one, both with our MAC.
 */
hf_err op_keyset_apply(op *o)
{
    const struct hf_keyset_apply *in = &o->in.keyset_apply;
    core *c = o->core;
    bool waits;

    if (in->generation <= c->keyset.generation)
        return op_fails(o, HF_ERR_CONFLICT, "the keyset's generation must be above the current one, %llu",
                        (unsigned long long)c->keyset.generation);
    HF_TRY(op_wait_for_slot(o, &waits));
    if (waits)
        return HF_OK;
    if (c->next_keyset.rows != NULL)
        return op_fails(o, HF_ERR_CONFLICT, "another keyset is being applied");
    HF_TRY(make_next(o));
    hf_err e = send_to_disk(c);
    if (e == HF_OK)
        e = request_park(c, o->request, &c->waiting_keyset);
    if (e != HF_OK) {
        keyset_clear(&c->next_keyset);
        return e;
    }
    c->keyset_actor = o->who;
    commit_reserve(c); /* until the file is on disk and the change built on the state of then is stored */
    o->waits = true;
    return HF_OK;
}

static void refuse(core *c, request *r, hf_err e, const char *detail)
{
    keyset_clear(&c->next_keyset);
    request_fail(c, r, e, detail, 0);
    request_free(c, r);
    commit_unreserve(c);
}

void keyset_written(core *c, hf_err e)
{
    request *r = request_take(&c->waiting_keyset);
    struct hf_keyset_apply in;
    change *ch;

    if (r == NULL)
        return;
    if (e != HF_OK || c->state != CORE_OPEN || hf_keyset_apply_decode(r->body, &in) != HF_OK) {
        refuse(c, r, HF_ERR_SYSTEM, "the keyset file could not be written; the old keyset stays");
        return;
    }
    struct hf_audit_record rec = {
        .time = hf_wall_now(),
        .klass = HF_AUDIT_DURABLE,
        .action = HF_MSG_KEYSET_APPLY,
        .roles = (uint16_t)c->keyset_actor.roles,
        .count = 1,
        .actor = hf_view_str(c->keyset_actor.subject),
        .request_id = in.head.request_id,
        .detail = hf_view_str("keyset applied"),
    };
    for (size_t i = 0; i < sizeof(rec.address); i++)
        rec.address[i] = in.head.address[i];
    e = change_new(c, &ch);
    if (e == HF_OK) {
        e = journal_append(c, &rec);
        if (e != HF_OK)
            change_free(ch);
    }
    if (e != HF_OK) {
        refuse(c, r, e, NULL);
        return;
    }
    ch->keyset_generation = c->next_keyset.generation;
    ch->apply = apply;
    ch->finish = finish;
    ch->request = r;
    commit_submit(c, ch);
}
