#include "gateway/answer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

uint16_t status_of(hf_err e)
{
    switch (hf_err_class_of(e)) {
    case HF_CLASS_OK:
        return 200;
    case HF_CLASS_INVALID:
        return 400;
    case HF_CLASS_UNAUTHENTICATED:
        return 401;
    case HF_CLASS_DENIED:
        return 403;
    case HF_CLASS_NOT_FOUND:
        return 404;
    case HF_CLASS_CONFLICT:
        return 409;
    case HF_CLASS_TOO_LARGE:
        return 413;
    case HF_CLASS_UNUSABLE:
    case HF_CLASS_INTEGRITY:
        return 422;
    case HF_CLASS_LIMITED:
        return 429;
    case HF_CLASS_UNAVAILABLE:
        return 503;
    case HF_CLASS_TIMEOUT:
        return 504;
    case HF_CLASS_INTERNAL:
        break;
    }
    return 500;
}

static void put(hf_writer *w, const char *text)
{
    hf_put_bytes(w, text, strlen(text));
}

/* RFC 9110 section 5.6.7; without strftime, whose words depend on the locale. */
static void put_date(hf_writer *w, hf_wall now)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)hf_wall_s(now);
    struct tm t;
    char text[64];

    if (gmtime_r(&seconds, &t) == NULL)
        return;
    int n = snprintf(text, sizeof(text), "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", days + 3 * t.tm_wday,
                     t.tm_mday, months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    hf_put_bytes(w, text, (size_t)n);
}

void answer_headers(hf_wall now, hf_writer *w)
{
    put(w, "Server: holdfast\r\n");
    put_date(w, now);
    put(w, "X-Content-Type-Options: nosniff\r\n"
           "Strict-Transport-Security: max-age=31536000\r\n");
}

void answer_send(lane *l, const addressee *to, const answer *a)
{
    uint8_t lines[1024];
    hf_writer w = hf_writer_on(lines, sizeof(lines));

    put(&w, "X-Request-Id: ");
    put(&w, to->request_id);
    put(&w, "\r\nCache-Control: ");
    put(&w, a->cache == NULL ? "no-store" : a->cache);
    put(&w, "\r\n");
    hf_put_view(&w, a->headers);
    hf_http_response r = { .status = a->status,
                           .content_type = a->content_type,
                           .headers = hf_writer_view(&w),
                           .body = json_out_view(&l->out) };
    bool failed = l->out.failed || w.failed;
    if (failed)
        r = (hf_http_response) { .status = 503, .close = true };
    request_log(l, &to->note, to->request_id, r.status, failed ? "overloaded" : a->code);
    /* False only when the client has gone: then nobody is to be told. */
    (void)!hf_http_respond(to->server, to->ref, &r);
    json_out_reset(&l->out);
}

static void show_problem(json_out *o, const problem *p, const char *request_id)
{
    char type[96];
    int n = snprintf(type, sizeof(type), "urn:holdfast:error:%s", p->code);

    json_open(o, '{');
    json_key(o, "type");
    json_text(o, hf_view_of(type, (size_t)n < sizeof(type) ? (size_t)n : sizeof(type) - 1));
    json_key(o, "title");
    json_word(o, p->title != NULL ? p->title : hf_http_reason(p->status));
    json_key(o, "status");
    json_uint(o, p->status);
    json_key(o, "detail");
    json_text(o, p->detail);
    json_key(o, "code");
    json_word(o, p->code);
    json_key(o, "request_id");
    json_word(o, request_id);
    json_close(o, '}');
}

/* RFC 6750 section 3.1: who brought no token is told no error, only the scheme. */
static void put_challenge(hf_writer *w, const char *code)
{
    bool brought = strcmp(code, hf_err_name(HF_ERR_NO_TOKEN)) != 0;

    put(w, brought ? "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n" : "WWW-Authenticate: Bearer\r\n");
}

void answer_problem(lane *l, const addressee *to, const problem *p)
{
    uint8_t lines[256];
    hf_writer w = hf_writer_on(lines, sizeof(lines));
    char retry[40];

    if (p->status == 401)
        put_challenge(&w, p->code);
    if (p->retry_after_s > 0) {
        int n = snprintf(retry, sizeof(retry), "Retry-After: %u\r\n", p->retry_after_s);
        hf_put_bytes(&w, retry, (size_t)n);
    }
    if (p->allow.len > 0) {
        put(&w, "Allow: ");
        hf_put_view(&w, p->allow);
        put(&w, "\r\n");
    }
    json_out_reset(&l->out);
    show_problem(&l->out, p, to->request_id);
    answer_send(l, to,
                &(answer) { .status = p->status,
                            .content_type = "application/problem+json",
                            .headers = hf_writer_view(&w),
                            .code = p->code });
}

void answer_error(lane *l, const addressee *to, hf_err e, hf_view detail, uint32_t retry_after_s)
{
    problem p = {
        .status = status_of(e),
        .code = hf_err_name(e),
        .title = hf_err_text(e),
        .detail = detail.len > 0 ? detail : hf_view_str(hf_err_text(e)),
        .retry_after_s = retry_after_s,
    };

    answer_problem(l, to, &p);
}
