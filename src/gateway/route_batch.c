/* POST /api/v1/batch */
#include "gateway/batch.h"
#include "gateway/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of an item's message beside the token and the values of its members: the other fields of the head, the key, lengths. */
#define ITEM_OVERHEAD 512

typedef struct batch_item {
    const route *route; /* NULL: refused before core was asked */
    size_t at, len; /* its message in the batch's bytes */
    json_out answer; /* one object */
    bool done;
} batch_item;

struct batch {
    hf_http_server *server;
    hf_http_ref ref;
    request_note note;
    char request_id[65];
    hf_mono deadline;
    uint32_t n, next, in_flight;
    bool busy; /* send_more is at work: what fails meanwhile must not enter it again */
    hf_writer messages;
    batch_item items[];
};

/* ---- results ---- */

static void set_refused(batch_item *it, uint16_t status, const char *code, hf_view detail, uint32_t retry_s)
{
    json_out *o = &it->answer;

    it->done = true;
    json_open(o, '{');
    json_key(o, "status");
    json_uint(o, status);
    json_key(o, "code");
    json_word(o, code);
    json_key(o, "detail");
    json_text(o, detail);
    if (retry_s > 0) {
        json_key(o, "retry_after_s");
        json_uint(o, retry_s);
    }
    json_close(o, '}');
}

static void set_failed(batch_item *it, hf_err e, hf_view detail, uint32_t retry_s)
{
    set_refused(it, status_of(e), hf_err_name(e), detail.len > 0 ? detail : hf_view_str(hf_err_text(e)), retry_s);
}

static void set_answer(batch_item *it, uint16_t status, hf_view object)
{
    json_out *o = &it->answer;

    it->done = true;
    json_open(o, '{');
    json_key(o, "status");
    json_uint(o, status);
    json_members(o, object);
    json_close(o, '}');
}

static void batch_free(lane *l, batch *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        json_out_free(&b->items[i].answer);
    hf_wipe(b->messages.ptr, b->messages.len);
    free(b->messages.ptr);
    free(b);
    l->batches--;
}

static void finish(lane *l, batch *b)
{
    addressee to = { .server = b->server, .ref = b->ref, .request_id = b->request_id, .note = b->note };
    json_out *o = &l->out;

    json_out_reset(o);
    json_open(o, '{');
    json_key(o, "items");
    json_open(o, '[');
    for (uint32_t i = 0; i < b->n; i++) {
        json_raw(o, json_out_view(&b->items[i].answer));
        o->failed = o->failed || b->items[i].answer.failed;
    }
    json_close(o, ']');
    json_close(o, '}');
    answer_send(l, &to, &(answer) { .status = 200, .content_type = "application/json", .code = "ok" });
    batch_free(l, b);
}

/* ---- asking core ---- */

/* HF_ERR_OVERLOADED when no place to wait is free: then it is tried again once another item is answered. */
static hf_err send_item(lane *l, batch *b, uint32_t i)
{
    batch_item *it = &b->items[i];
    const hf_message_row *row = hf_message_row_of(it->route->message);
    hf_mono now = hf_loop_now(l->loop);
    uint64_t id = 0;

    HF_CHECK(l->core != NULL, HF_ERR_PEER_GONE);
    HF_CHECK(now.ns < b->deadline.ns, HF_ERR_TIMEOUT);
    pending *p = pending_take(l->pending, &id);
    HF_CHECK(p != NULL, HF_ERR_OVERLOADED);
    hf_mono due = hf_mono_after_ms(now, row->deadline_ms);
    p->deadline = due.ns < b->deadline.ns ? due : b->deadline;
    p->route = it->route;
    p->batch = b;
    p->item = (uint16_t)i;
    hf_err e = hf_channel_send_soon(l->core, it->route->message, id, hf_view_of(b->messages.ptr + it->at, it->len));
    hf_wipe(b->messages.ptr + it->at, it->len);
    if (e != HF_OK)
        pending_give(l->pending, p);
    else
        b->in_flight++;
    return e;
}

/* Sends what may be sent; answers when nothing is left. The batch may be gone afterwards. */
static void send_more(lane *l, batch *b)
{
    if (b->busy)
        return;
    b->busy = true;
    while (b->next < b->n && b->in_flight < BATCH_IN_FLIGHT) {
        batch_item *it = &b->items[b->next];
        hf_err e = it->done ? HF_OK : send_item(l, b, b->next);
        if (e == HF_ERR_OVERLOADED && b->in_flight > 0)
            break;
        if (e != HF_OK)
            set_failed(it, e, (hf_view) { 0 }, e == HF_ERR_OVERLOADED ? 1 : 0);
        b->next++;
    }
    b->busy = false;
    if (b->next == b->n && b->in_flight == 0)
        finish(l, b);
}

void batch_failed(lane *l, pending *p, hf_err e, hf_view detail, uint32_t retry_s)
{
    batch *b = p->batch;

    set_failed(&b->items[p->item], e, detail, retry_s);
    pending_give(l->pending, p);
    b->in_flight--;
    send_more(l, b);
}

hf_err batch_answered(lane *l, pending *p, hf_view body)
{
    batch *b = p->batch;
    uint8_t lines[512];
    hf_writer headers = hf_writer_on(lines, sizeof(lines));
    reply r = { .lane = l, .body = body, .out = &l->out, .headers = &headers, .status = p->route->status };

    json_out_reset(&l->out);
    hf_err e = p->route->tell(&r);
    if (e == HF_OK && !l->out.failed)
        set_answer(&b->items[p->item], r.status, json_out_view(&l->out));
    else
        set_failed(&b->items[p->item], e == HF_OK ? HF_ERR_OVERLOADED : HF_ERR_INTERNAL, (hf_view) { 0 }, 0);
    json_out_reset(&l->out);
    pending_give(l->pending, p);
    b->in_flight--;
    send_more(l, b);
    return e;
}

/* ---- reading ---- */

/* What a batch may hold: uses of keys. Changes are few, and their answers are waited for one by one. */
static const struct {
    const char *word;
    uint16_t message;
} operations[] = {
    { "sign", HF_MSG_SIGN },
    { "verify", HF_MSG_VERIFY },
    { "mac", HF_MSG_MAC },
    { "encrypt", HF_MSG_ENCRYPT },
    { "decrypt", HF_MSG_DECRYPT },
    { "rewrap", HF_MSG_REWRAP },
    { "encapsulate", HF_MSG_ENCAPSULATE },
    { "decapsulate", HF_MSG_DECAPSULATE },
    { "random", HF_MSG_RANDOM },
};

static const route *route_of(hf_view word)
{
    uint16_t message = 0;

    for (size_t i = 0; i < HF_COUNT(operations); i++)
        if (hf_view_eq_str(word, operations[i].word))
            message = operations[i].message;
    for (size_t i = 0; message != 0 && i < route_count; i++)
        if (routes[i].message == message)
            return &routes[i];
    return NULL;
}

static hf_err read_operation(call *c, const route **ret)
{
    hf_view word = { 0 }, key = { 0 };
    uint8_t uuid[16];

    HF_TRY(field_required(c, "operation"));
    HF_TRY(field_text(c, "operation", 64, &word));
    *ret = route_of(word);
    if (*ret == NULL)
        return call_unusable(c, "'operation' must be sign, verify, mac, encrypt, decrypt, rewrap, encapsulate, "
                                "decapsulate or random; other requests are made singly");
    if ((*ret)->message == HF_MSG_RANDOM)
        return field_present(c, "key") ? call_unusable(c, "'random' uses no key") : HF_OK;
    HF_TRY(field_required(c, "key"));
    HF_TRY(field_text(c, "key", 64, &key));
    if (!hf_name_ok(key) && hf_uuid_parse(key, uuid) != HF_OK)
        return call_unusable(c, "'key' must be a key's name or UUID");
    c->id = key;
    return HF_OK;
}

/* The first BATCH_ID_MAX characters, a point and the number of the item, from 1. */
static hf_view numbered(hf_view id, uint32_t n, char dst[static 72])
{
    int len =
        snprintf(dst, 72, "%.*s.%u", (int)(id.len < BATCH_ID_MAX ? id.len : BATCH_ID_MAX), (const char *)id.ptr, n);

    return hf_view_of(dst, (size_t)len);
}

static hf_err make_message(call *c, batch *b, uint32_t i)
{
    batch_item *it = &b->items[i];
    hf_writer w = hf_writer_on(b->messages.ptr + b->messages.len, b->messages.cap - b->messages.len);

    if (!yyjson_is_obj(c->body))
        return call_unusable(c, "an item must be an object");
    HF_TRY(read_operation(c, &it->route));
    HF_TRY(it->route->ask(c, &w));
    it->at = b->messages.len;
    it->len = w.len;
    b->messages.len += w.len;
    return HF_OK;
}

/* One item as a request of its own: what is wrong with it is its own answer. */
static void read_item(const call *whole, batch *b, uint32_t i, yyjson_val *value)
{
    batch_item *it = &b->items[i];
    char id[72], key[72];
    uint32_t wait_s = 1;
    call c = { .lane = whole->lane, .http = whole->http, .head = whole->head, .body = value, .item = true };

    c.scratch = hf_writer_on(whole->scratch.ptr, whole->scratch.cap);
    c.head.request_id = numbered(whole->head.request_id, i + 1, id);
    if (whole->head.idempotency_key.len > 0)
        c.head.idempotency_key = numbered(whole->head.idempotency_key, i + 1, key);
    /* The first is paid for by the request that it came in. */
    hf_err e = i == 0 ? HF_OK : dispatch_admit(c.lane, c.http, &wait_s);
    if (e == HF_OK)
        e = make_message(&c, b, i);
    else
        failures_count(c.lane->gateway->failures, c.head.address, e);
    hf_wipe(c.scratch.ptr, c.scratch.len);
    if (e != HF_OK && c.refusal.status != 0)
        set_refused(it, c.refusal.status, c.refusal.code, hf_view_str(c.refusal.detail), 0);
    else if (e != HF_OK)
        set_failed(it, e, (hf_view) { 0 }, e == HF_ERR_RATE ? wait_s : 0);
}

static hf_err batch_new(const call *c, const addressee *from, size_t n, batch **ret)
{
    lane *l = c->lane;
    size_t cap = c->http->body_len + n * (c->head.token.len + ITEM_OVERHEAD);

    HF_CHECK(l->batches < BATCHES_MAX, HF_ERR_OVERLOADED);
    batch *b = calloc(1, sizeof(*b) + n * sizeof(b->items[0]));
    uint8_t *bytes = calloc(1, cap);
    if (b == NULL || bytes == NULL) {
        free(b);
        free(bytes);
        return HF_ERR_OVERLOADED;
    }
    b->server = from->server;
    b->ref = from->ref;
    b->note = from->note;
    b->n = (uint32_t)n;
    b->deadline = hf_mono_after_ms(hf_loop_now(l->loop), BATCH_MS);
    b->messages = hf_writer_on(bytes, cap);
    memcpy(b->request_id, from->request_id, sizeof(b->request_id));
    l->batches++;
    *ret = b;
    return HF_OK;
}

hf_err route_batch(call *c, const addressee *from)
{
    static const char *const members[] = { "items" };
    yyjson_val *list, *value;
    size_t i, max;
    batch *b = NULL;

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    list = yyjson_obj_get(c->body, "items");
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) < 1 || yyjson_arr_size(list) > BATCH_ITEMS_MAX)
        return call_unusable(c, "'items' must be a list of 1 to %d operations", BATCH_ITEMS_MAX);
    if (c->head.idempotency_key.len > BATCH_ID_MAX)
        return call_refuse(c, 400, "malformed", "the Idempotency-Key of a batch may have at most %d characters",
                           BATCH_ID_MAX);
    HF_TRY(batch_new(c, from, yyjson_arr_size(list), &b));
    yyjson_arr_foreach(list, i, max, value) read_item(c, b, (uint32_t)i, value);
    /* When every item is refused here, the answer goes out now, and with it the request. */
    call_forget(c);
    send_more(c->lane, b);
    return HF_OK;
}
