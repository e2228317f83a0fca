/* An answer that cannot be put out ends its connection, in whatever way the answer comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/server.h"
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Header lines of this size do not fit into the head of an answer. */
#define TOO_MUCH 5000

typedef struct place {
    hf_loop *loop;
    hf_http_server *server;
    hf_timer later;
    int client;
    bool at_once; /* answer in the handler, else from a timer */
    hf_http_response answer;
    hf_http_ref ref;
    unsigned requests;
} place;

/* The end of the run; the request has been there for some time. */
static void on_later(void *arg)
{
    place *p = arg;

    assert_int_equal(p->requests, 1);
    if (!p->at_once)
        (void)hf_http_respond(p->server, p->ref, &p->answer);
    hf_loop_stop(p->loop);
}

static void on_request(void *arg, const hf_http_request *r)
{
    place *p = arg;

    p->ref = r->ref;
    p->requests++;
    if (p->at_once)
        assert_true(hf_http_respond(p->server, r->ref, &p->answer));
}

static void place_open(place *p)
{
    static const uint8_t address[16];
    int fds[2];

    *p = (place) { .later = { .fn = on_later, .arg = p }, .answer = { .status = 200, .body = hf_view_str("well") } };
    assert_int_equal(hf_loop_new(&p->loop), HF_OK);
    hf_http_config config = { .loop = p->loop,
                              .listen_fd = -1,
                              .max_connections = 2,
                              .body_max = 1024,
                              .bodies_max = 4096,
                              .header_ms = 5000,
                              .body_ms = 5000,
                              .idle_ms = 5000,
                              .handler = on_request,
                              .arg = p };
    assert_int_equal(hf_http_server_new(&config, &p->server), HF_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    p->client = fds[0];
    hf_http_server_adopt(p->server, fds[1], address);
}

static void place_close(place *p)
{
    close(p->client);
    hf_http_server_free(p->server);
    hf_loop_timer_stop(p->loop, &p->later);
    hf_loop_free(p->loop);
}

/* One request; what came back is in text. False when that was nothing but the end of the connection. */
static bool ask(place *p, char *text, size_t cap)
{
    static const char request[] = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

    assert_int_equal(send(p->client, request, sizeof(request) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(request) - 1);
    assert_int_equal(hf_loop_timer(p->loop, &p->later, hf_mono_after_ms(hf_loop_now(p->loop), 20)), HF_OK);
    assert_int_equal(hf_loop_run(p->loop), HF_OK);
    ssize_t n = recv(p->client, text, cap - 1, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    return n > 0;
}

static void answers_arrive(void **state)
{
    char text[1024];
    place p;

    (void)state;
    for (int round = 0; round < 2; round++) {
        place_open(&p);
        p.at_once = round == 0;
        assert_true(ask(&p, text, sizeof(text)));
        assert_non_null(strstr(text, "\r\n\r\nwell"));
        assert_int_equal(hf_http_server_connections(p.server), 1);
        assert_false(hf_http_respond(p.server, p.ref, &p.answer)); /* one answer a request */
        place_close(&p);
    }
}

static void an_answer_too_large_ends_the_connection(void **state)
{
    static char lines[TOO_MUCH];
    char text[1024];
    place p;

    (void)state;
    memset(lines, 'x', sizeof(lines));
    for (int round = 0; round < 2; round++) {
        place_open(&p);
        p.at_once = round == 0;
        p.answer.headers = hf_view_of(lines, sizeof(lines));
        assert_false(ask(&p, text, sizeof(text)));
        assert_int_equal(hf_http_server_connections(p.server), 0);
        assert_false(hf_http_respond(p.server, p.ref, &p.answer)); /* the connection is gone */
        place_close(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_arrive),
        cmocka_unit_test(an_answer_too_large_ends_the_connection),
    };

    return cmocka_run_group_tests_name("http-server", tests, NULL, NULL);
}
