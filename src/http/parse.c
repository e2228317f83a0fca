#include "http/parse.h"

#include "base/num.h"
#include <stdlib.h>
#include <string.h>

#define FREE_HEADS_MAX 64
#define CHUNK_FRAMING_MAX 65536

/* The head of the request under way. `text` takes target, names and values, so it cannot overflow before `raw` does. */
struct hf_http_head {
    struct hf_http_head *next;
    size_t raw; /* bytes seen since the first of the request */
    size_t used;
    hf_view target, path, query;
    hf_http_header headers[HF_HTTP_HEADERS_MAX];
    size_t n_headers;
    uint8_t text[HF_HTTP_HEAD_MAX];
};

/* ---- memory ---- */

static struct hf_http_head *head_take(hf_http_pool *pool)
{
    struct hf_http_head *h = pool->free_heads;

    if (h == NULL)
        h = malloc(sizeof(*h));
    else {
        pool->free_heads = h->next;
        pool->n_free_heads--;
    }
    if (h == NULL)
        return NULL;
    h->next = NULL;
    h->raw = h->used = h->n_headers = 0;
    h->target = h->path = h->query = hf_view_of(NULL, 0);
    return h;
}

static void head_give(hf_http_pool *pool, struct hf_http_head *h)
{
    hf_wipe(h->text, h->used);
    if (pool->n_free_heads >= FREE_HEADS_MAX) {
        free(h);
        return;
    }
    h->next = pool->free_heads;
    pool->free_heads = h;
    pool->n_free_heads++;
}

void hf_http_pool_drain(hf_http_pool *pool)
{
    while (pool->free_heads != NULL) {
        struct hf_http_head *h = pool->free_heads;
        pool->free_heads = h->next;
        free(h);
    }
    pool->n_free_heads = 0;
}

static void body_free(hf_http_parser *p)
{
    if (p->body == NULL)
        return;
    hf_wipe(p->body, p->body_len);
    free(p->body);
    p->pool->body_used -= p->body_cap;
    p->body = NULL;
    p->body_len = p->body_cap = 0;
}

/* Grows by doubling, so that a large announced length takes memory only as bytes arrive. The old copy is wiped. */
static bool body_room(hf_http_parser *p, size_t more)
{
    size_t needed = p->body_len + more + HF_HTTP_BODY_PADDING;
    size_t cap = p->body_cap * 2 > needed ? p->body_cap * 2 : needed;

    if (needed <= p->body_cap)
        return true;
    cap = hf_min_size(cap, p->body_max + HF_HTTP_BODY_PADDING);
    if (p->pool->body_used - p->body_cap + cap > p->pool->body_limit)
        return false;
    uint8_t *bigger = malloc(cap);
    if (bigger == NULL)
        return false;
    size_t len = p->body_len;
    if (len > 0)
        memcpy(bigger, p->body, len);
    body_free(p);
    p->body = bigger;
    p->body_len = len;
    p->body_cap = cap;
    p->pool->body_used += cap;
    return true;
}

/* ---- what llhttp tells us ---- */

static int refuse(hf_http_parser *p, uint16_t status, const char *why)
{
    if (p->status == 0) {
        p->status = status;
        p->why = why;
    }
    return HPE_USER;
}

static int append(hf_http_parser *p, hf_view *to, const char *at, size_t len)
{
    struct hf_http_head *h = p->head;

    if (len > sizeof(h->text) - h->used)
        return refuse(p, 431, "the head of the request is too large");
    if (to->len == 0)
        to->ptr = h->text + h->used;
    memcpy(h->text + h->used, at, len);
    h->used += len;
    to->len += len;
    return 0;
}

static int on_url(llhttp_t *ll, const char *at, size_t len)
{
    hf_http_parser *p = ll->data;

    return append(p, &p->head->target, at, len);
}

/* Trailers are taken and not used, within the bound that heads have. */
static int skip_trailer(hf_http_parser *p, size_t len)
{
    p->trailer_len += len;
    return p->trailer_len > HF_HTTP_HEAD_MAX ? refuse(p, 431, "the trailers of the request are too large") : 0;
}

static int on_field(llhttp_t *ll, const char *at, size_t len)
{
    hf_http_parser *p = ll->data;
    struct hf_http_head *h = p->head;

    if (p->head_done)
        return skip_trailer(p, len);
    if (h->n_headers == 0 || p->in_value) {
        if (h->n_headers == HF_HTTP_HEADERS_MAX)
            return refuse(p, 431, "the request has too many headers");
        h->headers[h->n_headers++] = (hf_http_header) { .name = { 0 } };
        p->in_value = false;
    }
    return append(p, &h->headers[h->n_headers - 1].name, at, len);
}

static int on_value(llhttp_t *ll, const char *at, size_t len)
{
    hf_http_parser *p = ll->data;

    if (p->head_done)
        return skip_trailer(p, len);
    p->in_value = true;
    return append(p, &p->head->headers[p->head->n_headers - 1].value, at, len);
}

/* An empty value calls only this. */
static int on_value_complete(llhttp_t *ll)
{
    hf_http_parser *p = ll->data;

    p->in_value = true;
    return 0;
}

static int on_extension(llhttp_t *ll, const char *at, size_t len)
{
    (void)at;
    (void)len;
    return refuse(ll->data, 400, "chunk extensions are not taken");
}

static int on_body(llhttp_t *ll, const char *at, size_t len)
{
    hf_http_parser *p = ll->data;

    if (len > p->body_max - p->body_len)
        return refuse(p, 413, "the body is too large");
    if (!body_room(p, len))
        return refuse(p, 503, "too many large requests are under way");
    memcpy(p->body + p->body_len, at, len);
    p->body_len += len;
    return 0;
}

static int on_complete(llhttp_t *ll)
{
    hf_http_parser *p = ll->data;

    p->complete = true;
    p->keep_alive = llhttp_should_keep_alive(ll) != 0;
    /* What follows belongs to the next request and must wait for this one's answer. */
    return HPE_PAUSED;
}

/* ---- the checks of a head ---- */

static hf_view trimmed_end(hf_view v)
{
    while (v.len > 0 && (v.ptr[v.len - 1] == ' ' || v.ptr[v.len - 1] == '\t'))
        v.len--;
    return v;
}

static size_t count(const struct hf_http_head *h, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n_headers; i++)
        n += hf_http_name_is(h->headers[i].name, name);
    return n;
}

static hf_view value_of(const struct hf_http_head *h, const char *name)
{
    for (size_t i = 0; i < h->n_headers; i++)
        if (hf_http_name_is(h->headers[i].name, name))
            return h->headers[i].value;
    return hf_view_of(NULL, 0);
}

/* Origin form (RFC 9112 section 3.2.1); the path is decoded where it stands. */
static int check_target(hf_http_parser *p)
{
    struct hf_http_head *h = p->head;
    uint8_t *text = (uint8_t *)(uintptr_t)h->target.ptr;

    if (h->target.len == 0 || text[0] != '/')
        return refuse(p, 400, "the request target must be a path");
    for (size_t i = 0; i < h->target.len; i++)
        if (text[i] <= 0x20 || text[i] >= 0x7f || text[i] == '#')
            return refuse(p, 400, "the request target holds a character that must be escaped");
    const uint8_t *mark = memchr(text, '?', h->target.len);
    size_t path_len = mark == NULL ? h->target.len : (size_t)(mark - text);
    if (mark != NULL)
        h->query = hf_view_of(mark + 1, h->target.len - path_len - 1);
    hf_writer w = hf_writer_on(text, path_len);
    if (hf_http_percent_decode(hf_view_of(text, path_len), &w) != HF_OK)
        return refuse(p, 400, "the path holds a bad escape or a control character");
    h->path = hf_writer_view(&w);
    return 0;
}

static int check_host(hf_http_parser *p)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]%";

    if (count(p->head, "host") != 1)
        return refuse(p, 400, "exactly one Host header is needed");
    hf_view host = value_of(p->head, "host");
    if (host.len == 0 || host.len > 255)
        return refuse(p, 400, "the Host header is not a host");
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] == 0 || strchr(allowed, host.ptr[i]) == NULL)
            return refuse(p, 400, "the Host header is not a host");
    return 0;
}

/* llhttp refuses most of this as well; message framing is worth two opinions. */
static int check_framing(hf_http_parser *p)
{
    const struct hf_http_head *h = p->head;
    size_t lengths = count(h, "content-length"), codings = count(h, "transfer-encoding");
    hf_view length = value_of(h, "content-length");

    if (lengths + codings > 1)
        return refuse(p, 400, "the length of the body is stated more than once");
    if (codings == 1 && !hf_http_name_is(value_of(h, "transfer-encoding"), "chunked"))
        return refuse(p, 400, "the only transfer coding taken is chunked");
    for (size_t i = 0; i < length.len; i++)
        if (length.ptr[i] < '0' || length.ptr[i] > '9')
            return refuse(p, 400, "the Content-Length is not a number");
    p->has_body = lengths + codings > 0;
    bool some = codings > 0 || (lengths > 0 && p->ll.content_length > 0);
    if (some && (p->ll.method == HTTP_GET || p->ll.method == HTTP_HEAD))
        return refuse(p, 400, "this method takes no body");
    if (lengths > 0 && p->ll.content_length > p->body_max)
        return refuse(p, 413, "the body is too large");
    return 0;
}

static int check_expectation(hf_http_parser *p)
{
    size_t n = count(p->head, "expect");

    if (n == 0)
        return 0;
    if (n > 1 || !hf_http_name_is(value_of(p->head, "expect"), "100-continue"))
        return refuse(p, 417, "the only expectation that can be met is 100-continue");
    p->wants_continue = p->has_body;
    return 0;
}

static int check_single(hf_http_parser *p)
{
    static const char *const single[] = { "authorization", "content-type", "x-request-id", "idempotency-key" };

    for (size_t i = 0; i < HF_COUNT(single); i++)
        if (count(p->head, single[i]) > 1)
            return refuse(p, 400, "a header that may stand once stands twice");
    return 0;
}

static int on_head_complete(llhttp_t *ll)
{
    static int (*const checks[])(hf_http_parser *) = { check_target, check_host, check_framing, check_expectation,
                                                       check_single };
    hf_http_parser *p = ll->data;
    struct hf_http_head *h = p->head;

    if (ll->http_major != 1 || ll->http_minor != 1)
        return refuse(p, 505, "only HTTP/1.1 is spoken here");
    for (size_t i = 0; i < h->n_headers; i++)
        h->headers[i].value = trimmed_end(h->headers[i].value);
    for (size_t i = 0; i < HF_COUNT(checks); i++)
        if (checks[i](p) != 0)
            return -1;
    /* An offer to change protocols is ignored (RFC 9110 section 7.8); llhttp would stop parsing. */
    ll->upgrade = 0;
    p->head_done = true;
    return 0;
}

/* ---- the parser ---- */

static const llhttp_settings_t *settings(void)
{
    static const llhttp_settings_t s = {
        .on_url = on_url,
        .on_header_field = on_field,
        .on_header_value = on_value,
        .on_header_value_complete = on_value_complete,
        .on_headers_complete = on_head_complete,
        .on_chunk_extension_name = on_extension,
        .on_chunk_extension_value = on_extension,
        .on_body = on_body,
        .on_message_complete = on_complete,
    };

    return &s;
}

void hf_http_parser_init(hf_http_parser *p, hf_http_pool *pool, size_t body_max)
{
    *p = (hf_http_parser) { .pool = pool, .body_max = body_max };
    llhttp_init(&p->ll, HTTP_REQUEST, settings());
    p->ll.data = p;
}

static hf_http_progress refused(hf_http_parser *p, uint16_t status, const char *why)
{
    refuse(p, status, why);
    return HF_HTTP_REFUSED;
}

/* Runs llhttp over at most n bytes and counts them. */
static hf_http_progress step(hf_http_parser *p, hf_view *in, size_t n)
{
    bool in_head = !p->head_done;
    llhttp_errno_t e = llhttp_execute(&p->ll, (const char *)in->ptr, n);
    size_t taken = e == HPE_OK ? n : (size_t)((const uint8_t *)llhttp_get_error_pos(&p->ll) - in->ptr);

    *in = hf_view_of(in->ptr + taken, in->len - taken);
    if (in_head)
        p->head->raw += taken;
    else
        p->body_raw += taken;
    if (p->status != 0)
        return HF_HTTP_REFUSED;
    if (p->complete && e == HPE_PAUSED)
        return HF_HTTP_COMPLETE;
    if (e == HPE_INVALID_VERSION && !(p->ll.http_major == 1 && p->ll.http_minor == 1))
        return refused(p, 505, "only HTTP/1.1 is spoken here");
    if (e != HPE_OK)
        return refused(p, 400, "the request is not well-formed HTTP");
    if (p->body_raw > p->body_max + CHUNK_FRAMING_MAX)
        return refused(p, 413, "the body is too large");
    return HF_HTTP_NEED_MORE;
}

hf_http_progress hf_http_parser_feed(hf_http_parser *p, hf_view *in)
{
    while (in->len > 0) {
        if (p->head == NULL && (p->head = head_take(p->pool)) == NULL)
            return refused(p, 503, "there is no memory for another request");
        size_t n = p->head_done ? in->len : hf_min_size(in->len, HF_HTTP_HEAD_MAX - p->head->raw);
        if (n == 0)
            return refused(p, 431, "the head of the request is too large");
        hf_http_progress progress = step(p, in, n);
        if (progress != HF_HTTP_NEED_MORE)
            return progress;
    }
    return HF_HTTP_NEED_MORE;
}

static hf_http_method method_of(const llhttp_t *ll)
{
    switch (ll->method) {
    case HTTP_GET:
        return HF_HTTP_GET;
    case HTTP_HEAD:
        return HF_HTTP_HEAD;
    case HTTP_POST:
        return HF_HTTP_POST;
    case HTTP_PUT:
        return HF_HTTP_PUT;
    case HTTP_PATCH:
        return HF_HTTP_PATCH;
    case HTTP_DELETE:
        return HF_HTTP_DELETE;
    case HTTP_OPTIONS:
        return HF_HTTP_OPTIONS;
    default:
        return HF_HTTP_OTHER;
    }
}

void hf_http_parser_request(hf_http_parser *p, hf_http_request *ret)
{
    const struct hf_http_head *h = p->head;

    *ret = (hf_http_request) { .ref = ret->ref, .method = method_of(&p->ll), .refused = p->status };
    ret->refused_why = p->why;
    if (h == NULL)
        return;
    ret->path = h->path;
    ret->query = h->query;
    ret->headers = h->headers;
    ret->n_headers = h->n_headers;
    ret->has_body = p->has_body;
    if (p->body_len > 0) {
        memset(p->body + p->body_len, 0, HF_HTTP_BODY_PADDING);
        ret->body = p->body;
        ret->body_len = p->body_len;
    }
}

bool hf_http_parser_idle(const hf_http_parser *p)
{
    return p->head == NULL;
}

void hf_http_parser_next(hf_http_parser *p)
{
    if (p->head != NULL)
        head_give(p->pool, p->head);
    p->head = NULL;
    body_free(p);
    p->body_raw = p->trailer_len = 0;
    p->in_value = p->head_done = p->has_body = p->wants_continue = false;
    if (p->complete && llhttp_get_errno(&p->ll) == HPE_PAUSED)
        llhttp_resume(&p->ll);
    p->complete = false;
}
