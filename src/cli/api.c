#include "cli/api.h"

#include "base/text.h"
#include "cli/file.h"
#include "cli/out.h"
#include "cli/problem.h"
#include "cli/progress.h"
#include "cli/similar.h"
#include "cli/token.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- documents ---- */

void api_doc_freep(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

void api_new_freep(yyjson_mut_doc **doc)
{
    yyjson_mut_doc_free(*doc);
}

hf_err api_new(cli *c, yyjson_mut_doc **ret)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(&wiped_pool);

    if (doc == NULL)
        return cli_fail(c, HF_ERR_SYSTEM, "there is no memory for the request");
    yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
    *ret = doc;
    return HF_OK;
}

/* A document without a root is refused when it is written. */
static void note(yyjson_mut_doc *doc, bool ok)
{
    if (!ok)
        yyjson_mut_doc_set_root(doc, NULL);
}

void api_add_text(yyjson_mut_doc *doc, const char *name, const char *text)
{
    if (text != NULL)
        note(doc, yyjson_mut_obj_add_strcpy(doc, yyjson_mut_doc_get_root(doc), name, text));
}

void api_add_bytes(yyjson_mut_doc *doc, const char *name, hf_view content)
{
    char *text = wiped_alloc(HF_B64_LEN(content.len) + 1);

    if (text != NULL)
        note(doc,
             yyjson_mut_obj_add_strncpy(doc, yyjson_mut_doc_get_root(doc), name, text, hf_b64_encode(content, text)));
    else
        note(doc, false);
    wiped_free(text);
}

void api_add_number(yyjson_mut_doc *doc, const char *name, uint64_t n)
{
    note(doc, yyjson_mut_obj_add_uint(doc, yyjson_mut_doc_get_root(doc), name, n));
}

yyjson_doc *api_parse(hf_view json)
{
    /* Without the flag for reading in place the bytes are not changed; the cast only fits the function's type. */
    return json.len == 0 ? NULL : yyjson_read_opts((char *)(uintptr_t)json.ptr, json.len, 0, &wiped_pool, NULL);
}

hf_err file_read_json(cli *c, const char *path, size_t max, const char *form, bytes *ret)
{
    const char *shown = file_is_standard(path) ? "standard input" : path;
    yyjson_read_err why = { 0 };

    HF_TRY(file_read(c, path, max, ret));
    if (ret->len == 0)
        return cli_fail(c, HF_ERR_INVALID, "%s is empty; %s", shown, form);
    yyjson_doc *doc = yyjson_read_opts((char *)ret->ptr, ret->len, 0, &wiped_pool, &why);
    if (doc == NULL)
        return cli_fail(c, HF_ERR_INVALID, "%s is not JSON (byte %zu: %s); %s", shown, why.pos, why.msg, form);
    yyjson_doc_free(doc);
    return HF_OK;
}

hf_err api_get_bytes(cli *c, const yyjson_doc *doc, const char *name, bytes *ret)
{
    yyjson_val *v = yyjson_obj_get(yyjson_doc_get_root((yyjson_doc *)(uintptr_t)doc), name);
    hf_view text = hf_view_of(yyjson_get_str(v), yyjson_get_len(v));
    size_t cap = HF_B64_MAX_BYTES(text.len), len = 0;
    HF_AUTO(bytes_free) bytes b = { .ptr = wiped_alloc(cap), .cap = cap };

    if (b.ptr == NULL)
        return cli_fail(c, HF_ERR_SYSTEM, "there is no memory for the answer");
    if (!yyjson_is_str(v) || hf_b64_decode(text, b.ptr, cap, &len) != HF_OK)
        return cli_fail(c, HF_ERR_INTERNAL, "the server's answer does not hold '%s'; is it of another version?", name);
    b.len = len;
    *ret = b;
    b.ptr = NULL;
    return HF_OK;
}

/* ---- paths ---- */

void api_path_start(api_path *p, const char *path)
{
    p->w = hf_writer_on(p->text, sizeof(p->text));
    p->has_query = false;
    hf_put_view(&p->w, hf_view_str(path));
}

hf_err api_path_key(cli *c, api_path *p, const char *key, const char *what)
{
    uint8_t id[16];

    if (!hf_name_ok(hf_view_str(key)) && hf_uuid_parse(hf_view_str(key), id) != HF_OK)
        return cli_fail(c, HF_ERR_INVALID, "'%s' is neither a key's name nor a UUID; see 'holdfast key list'", key);
    api_path_start(p, "/api/v1/keys/");
    hf_put_view(&p->w, hf_view_str(key));
    hf_put_view(&p->w, hf_view_str(what));
    return HF_OK;
}

static bool is_unreserved(uint8_t b)
{
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
           (b != '\0' && strchr("-._~", b) != NULL);
}

void api_path_digits(api_path *p, uint64_t n)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRIu64, n);
    hf_put_view(&p->w, hf_view_str(text));
}

/* RFC 3986 section 2.1. */
void api_path_query(api_path *p, const char *name, const char *value)
{
    static const char digits[] = "0123456789ABCDEF";

    if (value == NULL)
        return;
    hf_put_u8(&p->w, p->has_query ? '&' : '?');
    p->has_query = true;
    hf_put_view(&p->w, hf_view_str(name));
    hf_put_u8(&p->w, '=');
    for (; *value != '\0'; value++) {
        uint8_t b = (uint8_t)*value;
        if (is_unreserved(b)) {
            hf_put_u8(&p->w, b);
            continue;
        }
        hf_put_u8(&p->w, '%');
        hf_put_u8(&p->w, (uint8_t)digits[b >> 4]);
        hf_put_u8(&p->w, (uint8_t)digits[b & 15]);
    }
}

void api_path_number(api_path *p, const char *name, uint64_t n)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRIu64, n);
    api_path_query(p, name, text);
}

/* ---- calls ---- */

#define PATIENCE_MAX_S 60

/* Long work of many requests meets the server's rate: it waits as long as it is told to, instead of failing half-way. */
static bool waited(const cli *c, const http_answer *a)
{
    if (!c->patient || a->status != 429 || a->retry_after_s == 0 || a->retry_after_s > PATIENCE_MAX_S)
        return false;
    progress_show("waiting %u s, as the server asks ...", a->retry_after_s);
    for (unsigned left = a->retry_after_s; left > 0;)
        left = sleep(left);
    return true;
}

hf_err api_send(cli *c, const char *method, api_path *p, hf_view body, api_token token, http_answer *ret)
{
    HF_AUTO(bytes_free) bytes credential = { 0 };
    http_answer answer;

    hf_put_u8(&p->w, '\0');
    if (p->w.failed)
        return cli_fail(c, HF_ERR_TOO_LARGE, "the request's address is too long");
    if (token == API_TOKEN_NEEDED)
        HF_TRY(token_get(c, &credential));
    http_request q = { .method = method,
                       .path = p->text,
                       .token = bytes_view(&credential),
                       .body = body,
                       .idempotency_key = c->idempotency_key };
    HF_TRY(http_send(c, &q, &answer));
    while (waited(c, &answer)) {
        http_answer_free(&answer);
        HF_TRY(http_send(c, &q, &answer));
    }
    if (answer.status >= 200 && answer.status <= 299) {
        *ret = answer;
        return HF_OK;
    }
    hf_err e = problem_tell(c, &answer);
    http_answer_free(&answer);
    return e;
}

hf_err api_read(cli *c, const http_answer *answer, yyjson_doc **ret)
{
    yyjson_doc *doc = api_parse(bytes_view(&answer->body));

    if (doc == NULL)
        return cli_fail(c, HF_ERR_INTERNAL, "the server's answer is not JSON; is it a Holdfast server?");
    *ret = doc;
    return HF_OK;
}

hf_err api_call(cli *c, const char *method, api_path *p, yyjson_mut_doc *body, yyjson_doc **ret)
{
    HF_AUTO(http_answer_free) http_answer answer = { 0 };
    size_t len = 0;
    char *text = NULL;

    if (body != NULL && (text = yyjson_mut_write_opts(body, 0, &wiped_pool, &len, NULL)) == NULL)
        return cli_fail(c, HF_ERR_INVALID,
                        "the request cannot be made: a text is not valid UTF-8, or there is no memory");
    hf_err e = api_send(c, method, p, hf_view_of(text, len), API_TOKEN_NEEDED, &answer);
    wiped_free(text);
    HF_TRY(e);
    return ret == NULL ? HF_OK : api_read(c, &answer, ret);
}

hf_err api_call_key(cli *c, const char *method, const char *key, const char *what, yyjson_mut_doc *body,
                    yyjson_doc **ret)
{
    api_path path;

    HF_TRY(api_path_key(c, &path, key, what));
    hf_err e = api_call(c, method, &path, body, ret);
    if (e == HF_ERR_NOT_FOUND)
        similar_tell(c, key);
    return e;
}
