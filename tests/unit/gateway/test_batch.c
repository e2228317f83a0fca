/* What a batch holds and for how long; its answers are judged in tests/it/http/test_api.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/route_batch.c" /* to look into a batch */
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN "token-that-must-not-stay"

static gateway process;
static lane l = { .gateway = &process };
static uint8_t scratch[1 << 16];
static int core_fd;

static void ignore_request(void *arg, const hf_http_request *r)
{
    (void)arg;
    (void)r;
}

static void ignore_message(void *arg, hf_message *m)
{
    (void)arg;
    (void)m;
}

static void ignore_end(void *arg, hf_err cause)
{
    (void)arg;
    (void)cause;
}

static int set_up(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
    core_fd = fds[1];
    assert_int_equal(json_pool_init(&l.json), HF_OK);
    assert_int_equal(hf_loop_new(&l.loop), HF_OK);
    hf_http_config config = {
        .loop = l.loop, .listen_fd = -1, .max_connections = 1, .body_max = 1, .handler = ignore_request
    };
    assert_int_equal(hf_http_server_new(&config, &l.https), HF_OK);
    assert_int_equal(pending_new(2 * BATCHES_MAX * BATCH_IN_FLIGHT, &l.pending), HF_OK);
    assert_int_equal(limit_new(1000000, 1000000, &process.requests), HF_OK);
    assert_int_equal(failures_new(&process.failures), HF_OK);
    assert_int_equal(hf_channel_new(fds[0], 16u << 20, hf_message_max_body, &l.core), HF_OK);
    assert_int_equal(hf_channel_attach(l.core, l.loop, ignore_message, ignore_end, &l), HF_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hf_channel_free(l.core);
    close(core_fd);
    hf_http_server_free(l.https);
    pending_free(l.pending);
    limit_free(process.requests);
    failures_free(process.failures);
    json_pool_free(&l.json);
    json_out_free(&l.out);
    hf_loop_free(l.loop);
    return 0;
}

/* The body is {"items":[n times {"operation":"random","bytes":1}]}. */
static hf_err ask_for(unsigned n)
{
    static char text[8192];
    size_t len = (size_t)snprintf(text, sizeof(text), "{\"items\":[");
    const char *why = NULL;

    for (unsigned i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s{\"operation\":\"random\",\"bytes\":1}",
                                i == 0 ? "" : ",");
    len += (size_t)snprintf(text + len, sizeof(text) - len, "]}");
    memset(text + len, 0, HF_HTTP_BODY_PADDING);
    hf_http_request http = { .body = (uint8_t *)text, .body_len = len, .has_body = true };
    addressee from = { .server = l.https, .ref = { .generation = 1 }, .request_id = (char[65]) { "id" } };
    call c = { .lane = &l, .http = &http, .scratch = hf_writer_on(scratch, sizeof(scratch)) };
    c.head.token = hf_view_str(TOKEN);
    c.head.request_id = hf_view_str("id");
    assert_int_equal(json_read(&l.json, http.body, len, &c.body, &why), HF_OK);
    hf_err e = route_batch(&c, &from);
    json_pool_reset(&l.json);
    return e;
}

static pending *oldest(void)
{
    size_t at = 0;

    return pending_next(l.pending, &at);
}

static void answer_all(void)
{
    uint8_t body[64];
    struct hf_random_bytes m = { .random = hf_view_str("x") };
    hf_writer w = hf_writer_on(body, sizeof(body));

    assert_int_equal(hf_random_bytes_encode(&m, &w), HF_OK);
    for (pending *p; (p = oldest()) != NULL;)
        assert_int_equal(batch_answered(&l, p, hf_writer_view(&w)), HF_OK);
}

static void test_few_items_wait_at_a_time(void **state)
{
    (void)state;
    assert_int_equal(ask_for(40), HF_OK);
    assert_int_equal(pending_count(l.pending), BATCH_IN_FLIGHT);
    batch_failed(&l, oldest(), HF_ERR_DENIED, (hf_view) { 0 }, 0);
    assert_int_equal(pending_count(l.pending), BATCH_IN_FLIGHT); /* the next has taken its place */
    answer_all();
    assert_int_equal(pending_count(l.pending), 0);
    assert_int_equal(l.batches, 0);
}

static void test_few_batches_are_held(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BATCHES_MAX; i++)
        assert_int_equal(ask_for(1), HF_OK);
    assert_int_equal(ask_for(1), HF_ERR_OVERLOADED);
    answer_all();
    assert_int_equal(l.batches, 0);
    assert_int_equal(ask_for(1), HF_OK);
    answer_all();
}

static bool holds(hf_view bytes, const char *text)
{
    return memmem(bytes.ptr, bytes.len, text, strlen(text)) != NULL;
}

static void test_messages_are_wiped(void **state)
{
    (void)state;
    assert_int_equal(ask_for(BATCH_IN_FLIGHT + 1), HF_OK);
    const batch *b = oldest()->batch;
    hf_view sent = hf_view_of(b->messages.ptr, b->items[BATCH_IN_FLIGHT].at);
    hf_view waits = hf_view_of(b->messages.ptr + sent.len, b->items[BATCH_IN_FLIGHT].len);
    assert_true(holds(waits, TOKEN)); /* the control: it stands there until it is sent */
    assert_false(holds(sent, TOKEN));
    answer_all();
}

/* Neither a core that is gone nor the end of the time leaves anything behind. */
static void test_every_end(void **state)
{
    hf_channel *core = l.core;

    (void)state;
    assert_int_equal(ask_for(40), HF_OK);
    l.core = NULL;
    for (pending *p; (p = oldest()) != NULL;)
        batch_failed(&l, p, HF_ERR_PEER_GONE, (hf_view) { 0 }, 0);
    assert_int_equal(l.batches, 0);
    assert_int_equal(ask_for(40), HF_OK); /* answered at once */
    assert_int_equal(l.batches, 0);
    l.core = core;
    assert_int_equal(ask_for(40), HF_OK);
    ((batch *)oldest()->batch)->deadline.ns = 0;
    for (pending *p; (p = oldest()) != NULL;)
        batch_failed(&l, p, HF_ERR_TIMEOUT, (hf_view) { 0 }, 0);
    assert_int_equal(l.batches, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_items_wait_at_a_time),
        cmocka_unit_test(test_few_batches_are_held),
        cmocka_unit_test(test_messages_are_wiped),
        cmocka_unit_test(test_every_end),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
