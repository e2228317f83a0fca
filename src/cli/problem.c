#include "cli/problem.h"

#include "cli/api.h"
#include "cli/out.h"
#include <stdio.h>
#include <string.h>

/* For codes that only the gateway has, and for answers of something between it and us. */
static const struct {
    long status;
    hf_err error;
} by_status[] = {
    { 400, HF_ERR_INVALID },     { 401, HF_ERR_NO_TOKEN },  { 403, HF_ERR_DENIED },    { 404, HF_ERR_NOT_FOUND },
    { 405, HF_ERR_INVALID },     { 406, HF_ERR_INVALID },   { 408, HF_ERR_TIMEOUT },   { 409, HF_ERR_CONFLICT },
    { 411, HF_ERR_INVALID },     { 413, HF_ERR_TOO_LARGE }, { 415, HF_ERR_INVALID },   { 417, HF_ERR_INVALID },
    { 422, HF_ERR_UNSUPPORTED }, { 429, HF_ERR_RATE },      { 431, HF_ERR_TOO_LARGE }, { 502, HF_ERR_PEER_GONE },
    { 503, HF_ERR_PEER_GONE },   { 504, HF_ERR_TIMEOUT },
};

/* What the user can do about it, where the server's sentence may not say so. */
static const struct {
    hf_err error;
    const char *step;
} next_steps[] = {
    { HF_ERR_NO_TOKEN, "make one with 'holdfast token mint', or use --token-key F" },
    { HF_ERR_BAD_TOKEN, "make a new one with 'holdfast token mint', or use --token-key F" },
    { HF_ERR_TOKEN_EXPIRED, "make a new one with 'holdfast token mint', or use --token-key F" },
    { HF_ERR_TOKEN_REVOKED, "make a new one with 'holdfast token mint', or use --token-key F" },
    { HF_ERR_DENIED, "use a token with a role that may" },
    { HF_ERR_NOT_FOUND, "see 'holdfast key list'" },
    { HF_ERR_EXISTS, "choose another name, or see 'holdfast key list'" },
    { HF_ERR_WRONG_STATE, "'holdfast key show' says its state" },
    { HF_ERR_WRONG_USAGE, "'holdfast key show' says what it may be used for" },
    { HF_ERR_BAD_KEY, "see the forms in 'holdfast key import --help'" },
    { HF_ERR_SEALED, "unseal it with 'holdfast unseal'" },
    { HF_ERR_TIMEOUT, "'holdfast status' says whether it serves; then retry" },
    { HF_ERR_PEER_GONE, "'holdfast status' says whether it serves; then retry" },
};

hf_err problem_of_word(hf_view word)
{
    for (hf_err e = HF_OK + 1; e < HF_ERR_COUNT; e++)
        if (hf_view_eq_str(word, hf_err_name(e)))
            return e;
    return HF_ERR_COUNT;
}

hf_err problem_of_status(long status)
{
    for (size_t i = 0; i < HF_COUNT(by_status); i++)
        if (by_status[i].status == status)
            return by_status[i].error;
    return HF_ERR_INTERNAL;
}

static hf_view member(yyjson_doc *doc, const char *name)
{
    yyjson_val *v = yyjson_obj_get(yyjson_doc_get_root(doc), name);

    return hf_view_of(yyjson_get_str(v), yyjson_get_len(v));
}

static bool names_a_step(hf_view detail)
{
    return memmem(detail.ptr, detail.len, "holdfast ", strlen("holdfast ")) != NULL;
}

static void next_step(hf_err e, hf_view detail, uint32_t retry_after_s, char *dst, size_t cap)
{
    dst[0] = '\0';
    if (retry_after_s > 0) {
        (void)snprintf(dst, cap, "; retry in %u s", retry_after_s);
        return;
    }
    for (size_t i = 0; i < HF_COUNT(next_steps); i++)
        if (next_steps[i].error == e && !names_a_step(detail))
            (void)snprintf(dst, cap, "; %s", next_steps[i].step);
}

hf_err problem_tell(cli *c, const http_answer *a)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = a->is_problem ? api_parse(bytes_view(&a->body)) : NULL;
    hf_err e = problem_of_word(member(doc, "code"));
    hf_view detail = member(doc, "detail"), id = member(doc, "request_id");
    char step[160];

    if (e == HF_ERR_COUNT)
        e = problem_of_status(a->status);
    if (c->quiet)
        return e;
    if (doc != NULL && c->json && !c->told) {
        c->told = true;
        out_document(yyjson_doc_get_root(doc));
    }
    if (doc == NULL)
        return cli_fail(c, e, "the server answered with HTTP status %ld", a->status);
    next_step(e, detail, a->retry_after_s, step, sizeof(step));
    if (hf_err_class_of(e) == HF_CLASS_INTERNAL)
        return cli_fail(c, e, "%.*s; the server's log says more about request %.*s", (int)detail.len,
                        (const char *)detail.ptr, (int)id.len, (const char *)id.ptr);
    return cli_fail(c, e, "%.*s%s", (int)detail.len, (const char *)detail.ptr, step);
}
