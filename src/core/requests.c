#include "core/core.h"
#include "core/metrics.h"

#include <stdlib.h>
#include <string.h>

void request_queue_init(request_queue *q)
{
    q->head = NULL;
    q->tail = &q->head;
    q->len = 0;
}

hf_err request_park(core *c, request *r, request_queue *q)
{
    request *copy = r;

    if (!r->owned) {
        HF_CHECK(c->parked < CORE_PARKED_MAX, HF_ERR_OVERLOADED);
        uint8_t *body = malloc(r->body.len == 0 ? 1 : r->body.len);
        copy = malloc(sizeof(*copy));
        if (body == NULL || copy == NULL) {
            free(body);
            free(copy);
            return HF_ERR_OVERLOADED;
        }
        *copy = *r;
        if (r->body.len > 0)
            memcpy(body, r->body.ptr, r->body.len);
        copy->body.ptr = body;
        copy->owned = true;
        c->parked++;
    }
    copy->next = NULL;
    *q->tail = copy;
    q->tail = &copy->next;
    q->len++;
    return HF_OK;
}

request *request_take(request_queue *q)
{
    request *r = q->head;

    if (r == NULL)
        return NULL;
    q->head = r->next;
    if (q->head == NULL)
        q->tail = &q->head;
    q->len--;
    r->next = NULL;
    return r;
}

void request_free(core *c, request *r)
{
    if (r == NULL || !r->owned)
        return;
    explicit_bzero((void *)(uintptr_t)r->body.ptr, r->body.len);
    free((void *)(uintptr_t)r->body.ptr);
    slow_free(c, r->slow);
    free(r);
    c->parked--;
}

void request_answer(core *c, const request *r, uint16_t type, hf_view body)
{
    if (type != HF_MSG_FAILED)
        metrics_request(c, r, HF_OK);
    /* Nothing that was done before a change leaves after the change was acknowledged. */
    if (r->row->audit == HF_AUDITED_DURABLE)
        peers_flush(c);
    peer_send(peer_find(c, r->peer_slot, r->peer_generation), type, r->id, body);
}

void request_fail(core *c, const request *r, hf_err e, const char *detail, uint32_t retry_after_s)
{
    uint8_t bytes[1200];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_failed m = {
        .error = (uint16_t)e,
        .detail = hf_view_str(detail != NULL ? detail : hf_err_text(e)),
        .retry_after_s = retry_after_s,
    };

    metrics_request(c, r, e);
    if (hf_failed_encode(&m, &w) == HF_OK)
        request_answer(c, r, HF_MSG_FAILED, hf_writer_view(&w));
}

void request_rerun_all(core *c, request_queue *q)
{
    request_queue now = *q;

    if (now.head == NULL)
        return;
    request_queue_init(q);
    for (request *r = now.head, *next; r != NULL; r = next) {
        next = r->next;
        r->next = NULL;
        dispatch_run(c, lane_here(), r);
    }
}

void request_queue_fail(core *c, request_queue *q, hf_err e, const char *detail)
{
    for (request *r; (r = request_take(q)) != NULL;) {
        request_fail(c, r, e, detail, 0);
        request_free(c, r);
    }
}

/* Answers what has waited too long. Requests inside a transaction are not here: the store's answer decides about those. */
void request_queue_expire(core *c, request_queue *q, hf_mono now, const char *detail)
{
    request_queue kept;

    request_queue_init(&kept);
    for (request *r; (r = request_take(q)) != NULL;) {
        if (r->deadline.ns > now.ns) {
            *kept.tail = r;
            kept.tail = &r->next;
            kept.len++;
            continue;
        }
        request_fail(c, r, HF_ERR_TIMEOUT, detail, 0);
        request_free(c, r);
    }
    *q = kept;
    if (q->head == NULL)
        q->tail = &q->head;
}

void requests_expire(core *c, hf_mono now)
{
    request_queue_expire(c, &c->waiting_changes, now, NULL);
}
