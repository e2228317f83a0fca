/*
 * The way of a request: limits, route, what the client accepts, token, body, message to core; and back.
 */
#include "gateway/answer.h"
#include "gateway/batch.h"
#include "gateway/request_id.h"
#include "gateway/route.h"

#include "base/address.h"
#include "base/text.h"
#include <string.h>
#include <strings.h>

#define TOKEN_MAX 8192

/* One request on its way in; lives until core is asked or the answer is out. */
typedef struct visit {
    call call;
    const route *route;
    addressee from;
    char request_id[REQUEST_ID_CAP];
} visit;

static void count_failure(lane *l, const hf_http_request *r, hf_err reason)
{
    failures_count(l->gateway->failures, r->address, reason);
}

/* ---- what is refused without a look at the body ---- */

static void answer_refused(lane *l, const visit *v, uint16_t status, const char *code, const char *detail,
                           hf_view allow)
{
    problem p = { .status = status, .code = code, .detail = hf_view_str(detail), .allow = allow };

    answer_problem(l, &v->from, &p);
}

static const char *transport_code(uint16_t status)
{
    switch (status) {
    case 408:
        return "request_timeout";
    case 413:
        return "too_large";
    case 417:
        return "expectation_failed";
    case 431:
        return "header_too_large";
    case 503:
        return "overloaded";
    case 505:
        return "http_version_not_supported";
    default:
        return "malformed";
    }
}

hf_err dispatch_admit(lane *l, const hf_http_request *r, uint32_t *reterr_wait_s)
{
    return limit_take(l->gateway->requests, r->address, hf_loop_now(l->loop), reterr_wait_s);
}

static bool within_limits(lane *l, const visit *v)
{
    const hf_http_request *r = v->call.http;
    uint32_t wait_s = 1;

    if (dispatch_admit(l, r, &wait_s) == HF_OK)
        return true;
    count_failure(l, r, HF_ERR_RATE);
    answer_error(l, &v->from, HF_ERR_RATE, (hf_view) { 0 }, wait_s);
    return false;
}

static bool on_metrics_listener(const visit *v)
{
    return v->from.server == v->call.lane->metrics;
}

static bool has_route(lane *l, visit *v)
{
    const hf_http_request *r = v->call.http;
    uint8_t allow[64];
    hf_writer w = hf_writer_on(allow, sizeof(allow));

    hf_err e = route_find(r->method, r->path, &v->route, &v->call.id, &w);
    if (e == HF_OK && on_metrics_listener(v) && v->route->metrics_message == 0)
        e = HF_ERR_NOT_FOUND;
    v->from.note.route = v->route;
    if (e == HF_ERR_UNSUPPORTED)
        answer_refused(l, v, 405, "method_not_allowed", "this path has other methods", hf_writer_view(&w));
    else if (e != HF_OK)
        answer_refused(l, v, 404, "not_found", "there is nothing at this path", (hf_view) { 0 });
    return e == HF_OK;
}

static bool is_acceptable(lane *l, const visit *v)
{
    if (v->route->any_type || hf_http_accepts(v->call.http, "application", "json"))
        return true;
    answer_refused(l, v, 406, "not_acceptable", "answers here are application/json", (hf_view) { 0 });
    return false;
}

/* RFC 6750 section 2.1. */
static hf_err read_token(const hf_http_request *r, hf_view *ret)
{
    const hf_http_header *h = hf_http_find(r, "authorization");

    HF_CHECK(h != NULL, HF_ERR_NO_TOKEN);
    HF_CHECK(h->value.len > 7 && strncasecmp((const char *)h->value.ptr, "Bearer ", 7) == 0, HF_ERR_NO_TOKEN);
    hf_view token = hf_view_of(h->value.ptr + 7, h->value.len - 7);
    HF_CHECK(token.len <= TOKEN_MAX, HF_ERR_BAD_TOKEN);
    for (size_t i = 0; i < token.len; i++)
        HF_CHECK(token.ptr[i] > 0x20 && token.ptr[i] < 0x7f, HF_ERR_BAD_TOKEN);
    *ret = token;
    return HF_OK;
}

static bool has_token(lane *l, visit *v)
{
    if (v->route->anonymous || on_metrics_listener(v) ||
        (v->route->token_optional && hf_http_find(v->call.http, "authorization") == NULL))
        return true;
    hf_err e = read_token(v->call.http, &v->call.head.token);
    if (e == HF_OK)
        return true;
    count_failure(l, v->call.http, e);
    answer_error(l, &v->from, e, (hf_view) { 0 }, 0);
    return false;
}

/* ---- the body ---- */

static hf_err read_object(visit *v)
{
    call *c = &v->call;
    const char *why = NULL;

    hf_err e = json_read(&c->lane->json, c->http->body, c->http->body_len, &c->body, &why);
    if (e == HF_ERR_TOO_LARGE)
        return call_unusable(c, "%s", why);
    if (e != HF_OK)
        return call_refuse(c, 400, "malformed", "%s", why);
    if (!yyjson_is_obj(c->body))
        return call_unusable(c, "the body must be an object");
    return HF_OK;
}

static bool is_json(const hf_http_request *r, body_rule rule)
{
    return hf_http_content_is(r, "application/json") ||
           (rule == BODY_PATCH && hf_http_content_is(r, "application/merge-patch+json"));
}

static const char *types_of(body_rule rule)
{
    if (rule == BODY_PATCH)
        return "the body must be application/merge-patch+json or application/json";
    if (rule == BODY_FORM)
        return "the body must be application/x-www-form-urlencoded or application/json";
    return "the body must be application/json";
}

static hf_err read_body(visit *v)
{
    call *c = &v->call;
    const hf_http_request *r = c->http;

    if (v->route->body != BODY_NONE && !r->has_body)
        return call_refuse(c, 411, "length_required", "a body is needed here, with Content-Length or chunked");
    if (v->route->body == BODY_NONE && r->body_len == 0)
        return HF_OK;
    bool form = v->route->body == BODY_FORM && hf_http_content_is(r, "application/x-www-form-urlencoded");
    if (!form && !is_json(r, v->route->body))
        return call_refuse(c, 415, "unsupported_media_type", "%s", types_of(v->route->body));
    if (r->body_len == 0)
        return call_refuse(c, 400, "malformed", "the body is empty");
    return form || v->route->body == BODY_KEYSET ? HF_OK : read_object(v);
}

/* ---- asking core ---- */

static hf_err send_to_core(visit *v, hf_view message)
{
    lane *l = v->call.lane;
    uint16_t type = on_metrics_listener(v) ? v->route->metrics_message : v->route->message;
    const hf_message_row *row = hf_message_row_of(type);
    uint64_t id = 0;

    HF_CHECK(l->core != NULL, HF_ERR_PEER_GONE);
    pending *p = pending_take(l->pending, &id);
    HF_CHECK(p != NULL, HF_ERR_OVERLOADED);
    p->server = v->from.server;
    p->ref = v->from.ref;
    p->note = v->from.note;
    p->route = v->route;
    p->format = v->call.format;
    p->deadline = hf_mono_after_ms(hf_loop_now(l->loop), row->deadline_ms);
    memcpy(p->request_id, v->request_id, sizeof(p->request_id));
    hf_err e = hf_channel_send_soon(l->core, type, id, message);
    if (e != HF_OK)
        pending_give(l->pending, p);
    else
        hf_channel_push(l->core);
    return e;
}

static void fail(lane *l, const addressee *to, const route *rt, uint8_t format, hf_err e, hf_view detail,
                 uint32_t retry_s)
{
    if (rt->if_match && format == 1 && e == HF_ERR_CONFLICT) {
        problem p = { .status = 412,
                      .code = "precondition_failed",
                      .detail = hf_view_str("the key has changed since; read it again and decide anew") };
        answer_problem(l, to, &p);
        return;
    }
    if (rt->fail == NULL || status_of(e) < 500) {
        answer_error(l, to, e, detail, retry_s);
        return;
    }
    reply r = {
        .lane = l, .out = &l->out, .status = status_of(e), .content_type = "application/json", .format = format
    };
    json_out_reset(&l->out);
    rt->fail(&r, e);
    answer_send(l, to, &(answer) { .status = r.status, .content_type = r.content_type, .code = hf_err_name(e) });
}

/* ---- headers that must not be passed over ---- */

/*
 * RFC 9110 section 13.1: a change may not be made when a condition on it is not looked at. An Idempotency-Key goes along
 * to core with every request that might be repeated.
 */
static hf_err read_headers(visit *v)
{
    call *c = &v->call;
    hf_http_method m = c->http->method;

    if (m == HF_HTTP_GET || m == HF_HTTP_HEAD)
        return HF_OK;
    if (!v->route->if_match && hf_http_find(c->http, "if-match") != NULL)
        return call_unusable(c, "If-Match is heeded by PATCH of a key only; leave it out");
    if (hf_http_find(c->http, "if-none-match") != NULL || hf_http_find(c->http, "if-unmodified-since") != NULL)
        return call_unusable(c, "If-None-Match and If-Unmodified-Since are not heeded here; leave them out");
    return m == HF_HTTP_PUT ? HF_OK : header_idempotency(c);
}

static hf_err ask_one(visit *v)
{
    call *c = &v->call;
    hf_writer w = hf_writer_on(c->lane->message, HF_MESSAGE_MAX_BYTES);

    hf_err e = v->route->ask(c, &w);
    if (e == HF_OK)
        e = send_to_core(v, hf_writer_view(&w));
    hf_wipe(w.ptr, w.len);
    return e;
}

/* What was said must not stay here longer than it is needed; an answer takes the request away. */
void call_forget(call *c)
{
    hf_wipe(c->scratch.ptr, c->scratch.len);
    if (c->http->body != NULL)
        hf_wipe(c->http->body, c->http->body_len);
    json_pool_reset(&c->lane->json);
    c->http = NULL;
    c->body = NULL;
}

static void ask_core(visit *v)
{
    call *c = &v->call;
    hf_err e = read_headers(v);

    c->format = v->route->format;
    if (e == HF_OK)
        e = read_body(v);
    if (e == HF_OK)
        e = v->route->many != NULL ? v->route->many(c, &v->from) : ask_one(v);
    if (c->http != NULL)
        call_forget(c);
    if (e == HF_OK)
        return;
    if (c->refusal.status != 0)
        answer_refused(c->lane, v, c->refusal.status, c->refusal.code, c->refusal.detail, (hf_view) { 0 });
    else
        fail(c->lane, &v->from, v->route, c->format, e, (hf_view) { 0 }, 0);
}

/* Routes that can answer from what the lane knows. */
static bool answered_here(visit *v)
{
    lane *l = v->call.lane;
    reply r = { .lane = l,
                .out = &l->out,
                .status = v->route->status,
                .content_type = "application/json",
                .format = v->route->format };

    if (v->route->local == NULL)
        return false;
    json_out_reset(&l->out);
    if (!v->route->local(&r))
        return false;
    answer_send(l, &v->from, &(answer) { .status = r.status, .content_type = r.content_type, .code = "ok" });
    return true;
}

void dispatch_request(lane *l, hf_http_server *server, const hf_http_request *r)
{
    visit v = {
        .call = { .lane = l, .http = r, .scratch = hf_writer_on(l->scratch, GATEWAY_SCRATCH_BYTES) },
        .from = { .server = server, .ref = r->ref, .note = { .started = hf_loop_now(l->loop), .method = r->method } },
    };

    request_id_choose(l, r, v.request_id);
    v.from.request_id = v.request_id;
    v.call.head.request_id = hf_view_str(v.request_id);
    memcpy(v.call.head.address, r->address, sizeof(v.call.head.address));
    memcpy(v.from.note.address, r->address, sizeof(v.from.note.address));
    v.call.head.has_cert = r->has_cert;
    memcpy(v.call.head.cert_hash, r->cert_hash, sizeof(v.call.head.cert_hash));
    v.call.head.has_uid = server == l->local && hf_address_is_user(r->address, &v.call.head.uid);
    if (r->refused != 0) {
        count_failure(l, r, HF_ERR_MALFORMED);
        answer_refused(l, &v, r->refused, transport_code(r->refused), r->refused_why, (hf_view) { 0 });
        return;
    }
    if (!within_limits(l, &v) || !has_route(l, &v) || !is_acceptable(l, &v))
        return;
    if (answered_here(&v) || !has_token(l, &v))
        return;
    ask_core(&v);
}

/* ---- answers ---- */

static void answer_pending(lane *l, pending *p, hf_err e, hf_view detail, uint32_t retry_s)
{
    addressee to = { .server = p->server, .ref = p->ref, .request_id = p->request_id, .note = p->note };

    if (p->batch != NULL) {
        batch_failed(l, p, e, detail, retry_s);
        return;
    }
    fail(l, &to, p->route, p->format, e, detail, retry_s);
    pending_give(l->pending, p);
}

static hf_err failed(lane *l, pending *p, hf_view body)
{
    struct hf_failed m;

    HF_TRY(hf_failed_decode(body, &m));
    HF_CHECK(m.error > HF_OK && m.error < HF_ERR_COUNT, HF_ERR_MALFORMED);
    answer_pending(l, p, (hf_err)m.error, m.detail, m.retry_after_s);
    return HF_OK;
}

static hf_err succeeded(lane *l, pending *p, hf_view body)
{
    uint8_t lines[512];
    hf_writer headers = hf_writer_on(lines, sizeof(lines));
    addressee to = { .server = p->server, .ref = p->ref, .request_id = p->request_id, .note = p->note };
    reply r = {
        .lane = l,
        .body = body,
        .out = &l->out,
        .headers = &headers,
        .status = p->route->status,
        .content_type = "application/json",
        .format = p->format,
    };

    json_out_reset(&l->out);
    hf_err e = p->route->tell(&r);
    if (e == HF_ERR_UNSUPPORTED) { /* the answer cannot be put in the form that was asked for */
        answer_pending(l, p, e, hf_view_str(r.why), 0);
        return HF_OK;
    }
    HF_TRY(e);
    answer_send(l, &to,
                &(answer) { .status = r.status,
                            .content_type = r.content_type,
                            .headers = hf_writer_view(&headers),
                            .cache = r.cache,
                            .code = "ok" });
    pending_give(l->pending, p);
    return HF_OK;
}

hf_err dispatch_answer(lane *l, hf_message *m)
{
    HF_CHECK(hf_message_allowed(m->type, HF_PEER_CORE), HF_ERR_MALFORMED);
    pending *p = pending_find(l->pending, m->id);
    if (p == NULL)
        return HF_OK; /* too late: the client has been told so */
    if (m->type == HF_MSG_FAILED)
        return failed(l, p, m->body);
    HF_CHECK(m->type == hf_message_row_of(p->route->message)->reply, HF_ERR_MALFORMED);
    return p->batch != NULL ? batch_answered(l, p, m->body) : succeeded(l, p, m->body);
}

void dispatch_expire(lane *l, hf_err why, bool all)
{
    size_t at = 0;
    pending *p;

    while ((p = pending_next(l->pending, &at)) != NULL)
        if (all || p->deadline.ns <= hf_loop_now(l->loop).ns)
            answer_pending(l, p, why, (hf_view) { 0 }, 0);
}
