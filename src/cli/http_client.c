#include "cli/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 10000L
#define TIMEOUT_MS 120000L
#define URL_CAP 4096

typedef struct http {
    CURL *curl;
    char why[CURL_ERROR_SIZE];
    bool too_large;
} http;

/* ---- opening ---- */

/* https://HOST[:PORT] and no more: neither a user nor a path nor a query can hide in it. */
static hf_err check_server(cli *c)
{
    static const char scheme[] = "https://";
    const char *host = c->server + strlen(scheme);

    if (strncmp(c->server, scheme, strlen(scheme)) != 0)
        return cli_fail(c, HF_ERR_INVALID, "the server must be https://HOST[:PORT], not '%s'", c->server);
    size_t len = strcspn(host, "/");
    bool ok = len > 0 && (host[len] == '\0' || host[len + 1] == '\0');
    for (size_t i = 0; i < len; i++)
        ok = ok && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]", host[i]) != NULL;
    if (!ok)
        return cli_fail(c, HF_ERR_INVALID, "the server must be https://HOST[:PORT], not '%s'", c->server);
    return HF_OK;
}

/* libcurl would only say that something about certificates is wrong. */
static hf_err check_file(cli *c, const char *what, const char *path)
{
    if (path != NULL && access(path, R_OK) != 0)
        return cli_fail(c, HF_ERR_SYSTEM, "cannot read the %s %s: %s", what, path, strerror(errno));
    return HF_OK;
}

static hf_err check_files(cli *c)
{
    HF_TRY(check_file(c, "certificate authority", c->ca));
    HF_TRY(check_file(c, "certificate", c->client_cert));
    return check_file(c, "private key", c->client_key);
}

static bool set_client(CURL *curl, const cli *c)
{
    if (c->client_cert == NULL)
        return true;
    return curl_easy_setopt(curl, CURLOPT_SSLCERT, c->client_cert) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLKEY, c->client_key) == CURLE_OK;
}

static bool set_trust(CURL *curl, const cli *c)
{
    bool ok = curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3) == CURLE_OK;

    ok = ok && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    if (c->ca == NULL)
        return ok;
    /* Without the second line the system's authorities would count beside the one that was named. */
    ok = ok && curl_easy_setopt(curl, CURLOPT_CAINFO, c->ca) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
    return ok;
}

static bool set_peer(CURL *curl, const cli *c)
{
    bool ok = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, c->socket != NULL ? "http" : "https") == CURLE_OK;

    if (c->socket != NULL)
        ok = ok && curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->socket) == CURLE_OK;
    /* A proxy of the environment is for browsing. */
    return ok && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
}

static bool set_habits(CURL *curl, http *h)
{
    return curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, h->why) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "holdfast/" HOLDFAST_VERSION) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) == CURLE_OK;
}

static hf_err http_open(cli *c)
{
    if (c->http != NULL)
        return HF_OK;
    if (c->socket == NULL) {
        HF_TRY(check_server(c));
        HF_TRY(check_files(c));
    }
    CURLcode started =
        curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiped_alloc, wiped_free, wiped_resize, wiped_copy, wiped_array);
    http *h = calloc(1, sizeof(*h));
    if (h != NULL && started == CURLE_OK)
        h->curl = curl_easy_init();
    if (h == NULL || h->curl == NULL || !set_trust(h->curl, c) || !set_client(h->curl, c) || !set_peer(h->curl, c) ||
        !set_habits(h->curl, h)) {
        if (h != NULL)
            curl_easy_cleanup(h->curl);
        free(h);
        return cli_fail(c, HF_ERR_SYSTEM, "libcurl cannot be set up; it must have TLS 1.3");
    }
    c->http = h;
    return HF_OK;
}

void http_close(cli *c)
{
    if (c->http == NULL)
        return;
    curl_easy_cleanup(c->http->curl);
    free(c->http);
    c->http = NULL;
    curl_global_cleanup();
}

/* ---- one request ---- */

typedef struct transfer {
    http *http;
    http_answer *answer;
} transfer;

static size_t take_body(char *part, size_t size, size_t n, void *context)
{
    transfer *t = context;

    if (bytes_put(&t->answer->body, hf_view_of(part, size * n), HTTP_ANSWER_MAX_BYTES) == HF_OK)
        return size * n;
    t->http->too_large = true;
    return 0; /* libcurl then gives up */
}

static bool add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer == NULL)
        return false;
    *list = longer;
    return true;
}

static bool add_token(struct curl_slist **list, hf_view token)
{
    HF_AUTO(bytes_free) bytes line = { 0 };

    if (token.len == 0)
        return true;
    return bytes_put(&line, hf_view_str("Authorization: Bearer "), SIZE_MAX) == HF_OK &&
           bytes_put(&line, token, SIZE_MAX) == HF_OK && bytes_put(&line, hf_view_of("", 1), SIZE_MAX) == HF_OK &&
           add_header(list, (const char *)line.ptr);
}

static bool add_idempotency_key(struct curl_slist **list, const char *key)
{
    char line[96];

    if (key == NULL)
        return true;
    int len = snprintf(line, sizeof(line), "Idempotency-Key: %s", key);
    return len > 0 && (size_t)len < sizeof(line) && add_header(list, line);
}

static bool set_request(CURL *curl, const char *url, const http_request *q, const transfer *t, struct curl_slist **list)
{
    bool posts = strcmp(q->method, "GET") != 0;
    bool ok = add_header(list, "Accept: application/json, */*") && add_token(list, q->token);

    /* Waiting for "100 Continue" would cost a round trip. */
    ok = ok && add_header(list, "Expect:");
    if (posts)
        ok = ok && add_idempotency_key(list, q->idempotency_key);
    if (posts)
        ok = ok && add_header(list, q->body.len > 0 ? "Content-Type: application/json" : "Content-Type:");
    ok = ok && curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    if (posts) {
        ok = ok && curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK;
        ok = ok &&
             curl_easy_setopt(curl, CURLOPT_POSTFIELDS, q->body.len > 0 ? (const char *)q->body.ptr : "") == CURLE_OK;
        ok = ok && curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len) == CURLE_OK;
    }
    ok = ok && curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, q->method) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *list) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK;
    return ok && curl_easy_setopt(curl, CURLOPT_WRITEDATA, t) == CURLE_OK;
}

/* In TLS 1.3 (RFC 8446 section 4.4.2.4) the server says so after the handshake, by an alert. */
static hf_err tell_refused_certificate(cli *c, const char *where, const char *why)
{
    if (c->client_cert == NULL)
        return cli_fail(c, HF_ERR_PEER_GONE,
                        "%s wants a certificate of its clients (%s); give --client-cert F and --client-key F", where,
                        why);
    return cli_fail(
        c, HF_ERR_PEER_GONE,
        "%s does not take the certificate %s (%s); it must be of an authority of server.client_ca, valid now, "
        "and for TLS clients",
        where, c->client_cert, why);
}

static hf_err tell_failure(cli *c, CURLcode code)
{
    const http *h = c->http;
    const char *where = c->socket != NULL ? c->socket : c->server;
    const char *why = h->why[0] != '\0' ? h->why : curl_easy_strerror(code);

    if (h->too_large)
        return cli_fail(c, HF_ERR_INTERNAL, "the answer of %s has more than %u bytes", where, HTTP_ANSWER_MAX_BYTES);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return cli_fail(c, HF_ERR_PEER_GONE, "%s is not trusted: %s; name its certificate authority with --ca F", where,
                        why);
    if (code == CURLE_SSL_CERTPROBLEM)
        return cli_fail(c, HF_ERR_SYSTEM, "--client-cert %s with --client-key %s cannot be used: %s", c->client_cert,
                        c->client_key, why);
    if (code == CURLE_SSL_CACERT_BADFILE)
        return cli_fail(c, HF_ERR_SYSTEM, "%s holds no certificate: %s", c->ca != NULL ? c->ca : "the system's store",
                        why);
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return cli_fail(c, HF_ERR_INVALID, "the server must be https://HOST[:PORT], not '%s'", where);
    if (c->socket == NULL && strstr(why, "alert") != NULL && strstr(why, "certificate") != NULL)
        return tell_refused_certificate(c, where, why);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return cli_fail(c, HF_ERR_TIMEOUT, "%s did not answer in time: %s; retry later", where, why);
    return cli_fail(c, HF_ERR_PEER_GONE, "cannot reach %s: %s; is holdfastd running there?", where, why);
}

static uint32_t number_header(CURL *curl, const char *name)
{
    struct curl_header *h;
    uint64_t v = 0;

    if (curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
        return 0;
    for (const char *p = h->value; *p != '\0'; p++) {
        if (*p < '0' || *p > '9')
            return 0;
        v = v * 10 + (uint64_t)(*p - '0');
        if (v > UINT32_MAX)
            return 0;
    }
    return (uint32_t)v;
}

static void read_head(CURL *curl, http_answer *a)
{
    struct curl_header *type;

    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a->status);
    a->retry_after_s = number_header(curl, "Retry-After");
    a->key_version = number_header(curl, "Key-Version");
    a->is_problem = curl_easy_header(curl, "Content-Type", 0, CURLH_HEADER, -1, &type) == CURLHE_OK &&
                    strncmp(type->value, "application/problem+json", strlen("application/problem+json")) == 0;
}

static bool make_url(const cli *c, const char *path, char url[static URL_CAP])
{
    hf_view base = hf_view_str(c->socket != NULL ? "http://localhost" : c->server);
    hf_writer w = hf_writer_on(url, URL_CAP);

    if (base.ptr[base.len - 1] == '/')
        base.len--;
    hf_put_view(&w, base);
    hf_put_bytes(&w, path, strlen(path) + 1);
    return !w.failed;
}

hf_err http_send(cli *c, const http_request *q, http_answer *ret)
{
    char url[URL_CAP];
    struct curl_slist *list = NULL;

    HF_TRY(http_open(c));
    if (!make_url(c, q->path, url))
        return cli_fail(c, HF_ERR_TOO_LARGE, "the request's address is too long");
    http *h = c->http;
    transfer t = { h, ret };
    h->why[0] = '\0';
    h->too_large = false;
    *ret = (http_answer) { 0 };
    CURLcode code = set_request(h->curl, url, q, &t, &list) ? curl_easy_perform(h->curl) : CURLE_OUT_OF_MEMORY;
    /* The list holds the token: freed, which overwrites it, as soon as it is sent. */
    (void)curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(list);
    if (code != CURLE_OK) {
        http_answer_free(ret);
        return tell_failure(c, code);
    }
    read_head(h->curl, ret);
    return HF_OK;
}

void http_answer_free(http_answer *a)
{
    bytes_free(&a->body);
}
