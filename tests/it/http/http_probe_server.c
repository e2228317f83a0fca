/*
 * A small server over src/http and src/tlsio for the transport tests and the transport benchmark. It is a test
 * program and is not installed.
 *
 *   http_probe_server [option=value]...   prints "port N" when it listens; ends on SIGTERM
 *
 * GET /fixed answers 200 bytes at once; GET /late?ms=N answers after N milliseconds; GET /big answers 1 MiB;
 * anything else describes the request it saw as one line of JSON.
 */
#include "base/text.h"
#include "http/server.h"
#include "signer.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LATE_MAX 1024
#define BIG_BYTES (1u << 20)

struct options {
    const char *cert, *key; /* none: plain HTTP */
    int port, threads, connections, header_ms, body_ms, idle_ms, body_max, bodies_max;
};

struct late {
    struct lane *lane;
    hf_timer timer;
    hf_http_ref ref;
};

struct lane {
    hf_loop *loop;
    hf_http_server *server;
    struct late late[LATE_MAX];
};

static struct lane *lanes[16];
static size_t n_lanes;
static signer *tls_key;

static hf_err set_option(struct options *o, const char *text)
{
    const struct {
        const char *name;
        int *value;
    } numbers[] = {
        { "port", &o->port },           { "threads", &o->threads },       { "connections", &o->connections },
        { "header_ms", &o->header_ms }, { "body_ms", &o->body_ms },       { "idle_ms", &o->idle_ms },
        { "body_max", &o->body_max },   { "bodies_max", &o->bodies_max },
    };
    const char *value = strchr(text, '=');

    HF_CHECK(value != NULL, HF_ERR_INVALID);
    size_t n = (size_t)(value - text);
    if (strncmp(text, "cert", n) == 0)
        o->cert = value + 1;
    else if (strncmp(text, "key", n) == 0)
        o->key = value + 1;
    else
        for (size_t i = 0;; i++) {
            HF_CHECK(i < HF_COUNT(numbers), HF_ERR_INVALID);
            if (strlen(numbers[i].name) != n || strncmp(numbers[i].name, text, n) != 0)
                continue;
            *numbers[i].value = atoi(value + 1);
            break;
        }
    return HF_OK;
}

static void answer(struct lane *l, hf_http_ref ref, uint16_t status, hf_view body)
{
    hf_http_response r = { .status = status, .content_type = "application/json", .body = body };

    /* The connection may be gone: then nobody waits for this. */
    if (!hf_http_respond(l->server, ref, &r))
        return;
}

static void on_late(void *arg)
{
    struct late *late = arg;

    answer(late->lane, late->ref, 200, hf_view_str("{\"late\":true}"));
}

static void answer_late(struct lane *l, const hf_http_request *r)
{
    int64_t ms = r->query.len > 3 ? strtol((const char *)r->query.ptr + 3, NULL, 10) : 0;

    for (size_t i = 0; i < LATE_MAX; i++) {
        struct late *late = &l->late[i];
        if (late->timer.slot != 0)
            continue;
        *late = (struct late) { .lane = l, .ref = r->ref, .timer = { .fn = on_late, .arg = late } };
        if (hf_loop_timer(l->loop, &late->timer, hf_mono_after_ms(hf_loop_now(l->loop), ms)) == HF_OK)
            return;
    }
    answer(l, r->ref, 503, hf_view_str("{}"));
}

static void describe(struct lane *l, const hf_http_request *r)
{
    char text[20000];
    uint32_t sum = 0;

    for (size_t i = 0; i < r->body_len; i++)
        sum = sum * 31 + r->body[i];
    int n = snprintf(text, sizeof(text),
                     "{\"method\":%d,\"path\":\"%.*s\",\"query_len\":%zu,\"body_len\":%zu,\"sum\":%u,"
                     "\"headers\":%zu,\"refused\":%u}",
                     (int)r->method, (int)r->path.len, (const char *)r->path.ptr, r->query.len, r->body_len, sum,
                     r->n_headers, r->refused);
    answer(l, r->ref, r->refused != 0 ? r->refused : 200, hf_view_of(text, (size_t)n));
}

static void on_request(void *arg, const hf_http_request *r)
{
    static char fixed[200], big[BIG_BYTES];
    struct lane *l = arg;

    if (fixed[0] == 0)
        memset(fixed, 'x', sizeof(fixed));
    if (r->refused != 0)
        describe(l, r);
    else if (hf_view_eq_str(r->path, "/fixed"))
        answer(l, r->ref, 200, hf_view_of(fixed, sizeof(fixed)));
    else if (hf_view_eq_str(r->path, "/big"))
        answer(l, r->ref, 200, hf_view_of(big, sizeof(big)));
    else if (hf_view_eq_str(r->path, "/late"))
        answer_late(l, r);
    else
        describe(l, r);
}

static hf_err load_tls(const struct options *o, hf_tls_server **ret)
{
    hf_certificate *certificate = NULL;

    tls_key = signer_read(o->cert, o->key);
    HF_CHECK(tls_key != NULL, HF_ERR_NOT_FOUND);
    HF_TRY(hf_certificate_parse(hf_view_of(tls_key->pem, tls_key->pem_len), &certificate));
    hf_tls_config config = { .certificate = certificate, .clients = HF_CLIENTS_OFF };
    hf_err e = hf_tls_server_new(&config, ret);
    hf_certificate_free(certificate);
    return e;
}

/* In the gateway core signs; here it is done at once. */
static void on_sign(void *arg, hf_http_ref ref, const hf_signing *question)
{
    struct lane *l = arg;
    uint8_t signature[HF_TLS_SIGNATURE_MAX];

    hf_http_server_signed(l->server, ref, hf_view_of(signature, signer_sign(tls_key, question, signature)));
}

static int listen_on(int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return -1;
    printf("port %d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static hf_err lane_start(const struct options *o, int listen_fd, hf_tls_server *tls)
{
    struct lane *l = calloc(1, sizeof(*l));

    HF_CHECK(l != NULL, HF_ERR_SYSTEM);
    HF_TRY(hf_loop_new(&l->loop));
    hf_http_config config = {
        .loop = l->loop,
        .listen_fd = listen_fd,
        .tls = tls,
        .max_connections = (size_t)o->connections,
        .body_max = (size_t)o->body_max,
        .bodies_max = (size_t)o->bodies_max,
        .header_ms = o->header_ms,
        .body_ms = o->body_ms,
        .idle_ms = o->idle_ms,
        .handler = on_request,
        .arg = l,
        .sign = on_sign,
    };
    HF_TRY(hf_http_server_new(&config, &l->server));
    HF_TRY(hf_http_server_set_headers(l->server, hf_view_str("Server: probe\r\nCache-Control: no-store\r\n")));
    lanes[n_lanes++] = l;
    return HF_OK;
}

static void *run_lane(void *arg)
{
    struct lane *l = arg;

    if (hf_loop_run(l->loop) != HF_OK)
        fprintf(stderr, "the loop failed\n");
    return NULL;
}

static void on_signal(int signal_number)
{
    (void)signal_number;
    for (size_t i = 0; i < n_lanes; i++)
        hf_loop_stop(lanes[i]->loop);
}

int main(int argc, char **argv)
{
    struct options o = { .threads = 1,
                         .connections = 2048,
                         .header_ms = 10000,
                         .body_ms = 30000,
                         .idle_ms = 60000,
                         .body_max = 2 << 20,
                         .bodies_max = 64 << 20 };
    hf_tls_server *tls = NULL;
    pthread_t threads[HF_COUNT(lanes)];

    for (int i = 1; i < argc; i++)
        if (set_option(&o, argv[i]) != HF_OK) {
            fprintf(stderr, "unknown option: %s\n", argv[i]);
            return 2;
        }
    signal(SIGPIPE, SIG_IGN);
    if (o.cert != NULL && load_tls(&o, &tls) != HF_OK)
        return 1;
    int fd = listen_on(o.port);
    if (fd < 0)
        return 1;
    for (int i = 0; i < o.threads; i++)
        if (lane_start(&o, fd, tls) != HF_OK)
            return 1;
    signal(SIGTERM, on_signal);
    for (size_t i = 1; i < n_lanes; i++)
        if (pthread_create(&threads[i], NULL, run_lane, lanes[i]) != 0)
            return 1;
    run_lane(lanes[0]);
    for (size_t i = 1; i < n_lanes; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < n_lanes; i++) {
        hf_http_server_free(lanes[i]->server);
        hf_loop_free(lanes[i]->loop);
        free(lanes[i]);
    }
    hf_tls_server_free(tls);
    signer_free(tls_key);
    close(fd);
    return 0;
}
