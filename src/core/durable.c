#include "core/core.h"

#include <stdlib.h>
#include <string.h>

struct durable_reply {
    struct durable_reply *next;
    request request; /* without a body: only where the answer goes */
    uint64_t seq;
    uint16_t type;
    size_t len;
    uint8_t body[];
};

void durable_init(core *c)
{
    c->durable_head = NULL;
    c->durable_tail = &c->durable_head;
}

hf_err durable_wait(core *c, const request *r, uint16_t type, hf_view body, uint64_t seq)
{
    HF_CHECK(c->parked < CORE_PARKED_MAX, HF_ERR_OVERLOADED);
    struct durable_reply *d = malloc(sizeof(*d) + body.len);
    HF_CHECK(d != NULL, HF_ERR_OVERLOADED);
    *d = (struct durable_reply) { .request = *r, .seq = seq, .type = type, .len = body.len };
    d->request.owned = false;
    if (body.len > 0)
        memcpy(d->body, body.ptr, body.len);
    *c->durable_tail = d;
    c->durable_tail = &d->next;
    c->parked++;
    hf_loop_wake(c->lanes[0].loop);
    return HF_OK;
}

static struct durable_reply *take_first(core *c)
{
    struct durable_reply *d = c->durable_head;

    c->durable_head = d->next;
    if (c->durable_head == NULL)
        c->durable_tail = &c->durable_head;
    c->parked--;
    return d;
}

static void drop(struct durable_reply *d)
{
    explicit_bzero(d->body, d->len);
    free(d);
}

void durable_stored(core *c, uint64_t seq)
{
    while (c->durable_head != NULL && c->durable_head->seq <= seq) {
        struct durable_reply *d = take_first(c);
        request_answer(c, &d->request, d->type, (hf_view) { d->body, d->len });
        drop(d);
    }
}

void durable_expire(core *c, hf_mono now)
{
    struct durable_reply *next, *all = c->durable_head;

    durable_init(c);
    for (struct durable_reply *d = all; d != NULL; d = next) {
        next = d->next;
        d->next = NULL;
        if (d->request.deadline.ns > now.ns) { /* deadlines differ by operation: one behind it may be due */
            *c->durable_tail = d;
            c->durable_tail = &d->next;
            continue;
        }
        request_fail(c, &d->request, HF_ERR_STORE,
                     "the audit record could not be stored in time, so the result is withheld", 0);
        c->parked--;
        drop(d);
    }
}

void durable_fail_all(core *c, hf_err e)
{
    while (c->durable_head != NULL) {
        struct durable_reply *d = take_first(c);
        request_fail(c, &d->request, e, "the audit record was not stored, so the result is withheld", 0);
        drop(d);
    }
}
