/* Requests to the REST API in terms of JSON documents, and its errors in terms of ours. */
#ifndef HF_CLI_API_H
#define HF_CLI_API_H

#include "cli/cli.h"
#include "cli/http_client.h"
#include <yyjson.h>

/* ---- documents; their memory is wiped when they are freed ---- */

void api_doc_freep(yyjson_doc **doc);      /* for HF_AUTO */
void api_new_freep(yyjson_mut_doc **doc);  /* for HF_AUTO */

/* An empty object. HF_ERR_SYSTEM, told. */
hf_err api_new(cli *c, yyjson_mut_doc **ret) HF_MUST_USE;
/* Members of that object; text NULL adds none. What cannot be had is noticed when the document is sent or printed. */
void api_add_text(yyjson_mut_doc *doc, const char *name, const char *text);
void api_add_bytes(yyjson_mut_doc *doc, const char *name, hf_view content); /* as base64 */
void api_add_number(yyjson_mut_doc *doc, const char *name, uint64_t n);

/* Reads a document from bytes. NULL when it is none. */
yyjson_doc *api_parse(hf_view json);

/*
 * Reads a file that is sent as it is. Only that it is JSON is looked at here, so that the message names the file; form
 * says what the user should look at. HF_ERR_INVALID, told, and what file_read has.
 */
hf_err file_read_json(cli *c, const char *path, size_t max, const char *form, bytes *ret) HF_MUST_USE;

/* The bytes of a base64 member. HF_ERR_INTERNAL, told, when the answer does not hold it. */
hf_err api_get_bytes(cli *c, const yyjson_doc *doc, const char *name, bytes *ret) HF_MUST_USE;

/* ---- paths ---- */

#define API_PATH_CAP 3072
typedef struct api_path {
    char text[API_PATH_CAP];
    hf_writer w;
    bool has_query;
} api_path;

void api_path_start(api_path *p, const char *path);
/* /api/v1/keys/KEY and what follows. HF_ERR_INVALID, told, when KEY is neither a name nor a UUID. */
hf_err api_path_key(cli *c, api_path *p, const char *key, const char *what) HF_MUST_USE;
/* A number as the next part of the path. */
void api_path_digits(api_path *p, uint64_t n);
/* ?name=value or &name=value, percent-encoded; value NULL adds nothing. */
void api_path_query(api_path *p, const char *name, const char *value);
void api_path_number(api_path *p, const char *name, uint64_t n);

/* ---- calls ---- */

typedef enum api_token { API_TOKEN_NEEDED, API_TOKEN_NONE } api_token;

/*
 * Sends and waits. body may be NULL. Success is a status of 2xx. Else HF_ERR_... by the problem document's code, or by
 * the status, told; with --output json the problem document is then on stdout.
 */
hf_err api_send(cli *c, const char *method, api_path *p, hf_view body, api_token token, http_answer *ret) HF_MUST_USE;

/* The document of an answer. HF_ERR_INTERNAL, told, when it holds none. */
hf_err api_read(cli *c, const http_answer *answer, yyjson_doc **ret) HF_MUST_USE;

/* The same as api_send, with documents; ret may be NULL. *ret is freed by the caller. */
hf_err api_call(cli *c, const char *method, api_path *p, yyjson_mut_doc *body, yyjson_doc **ret) HF_MUST_USE;
hf_err api_call_key(cli *c, const char *method, const char *key, const char *what, yyjson_mut_doc *body,
                    yyjson_doc **ret) HF_MUST_USE;

#endif
