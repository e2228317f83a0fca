/* Channels: whole messages in order or the end of the channel; descriptors never leak; any thread may send. */
#include "ipc/channel.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

#define PART 61440u /* bytes of a message in one frame */
#define SMALL 1     /* types: at most 100 bytes, ... */
#define LARGE 2     /* at most 1 MiB */

static size_t bound_of(uint16_t type)
{
    return type == SMALL ? 100 : type == LARGE ? 1u << 20 : 0;
}

static uint8_t payload[1u << 20];

/* One end is a channel, the other a plain socket. */
static hf_channel *open_one(size_t queue, int *ret_raw)
{
    hf_channel *c = NULL;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(hf_channel_new(fds[0], queue, bound_of, &c), HF_OK);
    assert_int_equal(hf_channel_fd(c), fds[0]);
    *ret_raw = fds[1];
    return c;
}

static void open_two(size_t queue, hf_channel **a, hf_channel **b)
{
    int raw;

    *a = open_one(queue, &raw);
    assert_int_equal(hf_channel_new(raw, queue, bound_of, b), HF_OK);
}

static size_t descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

typedef struct raw_frame {
    uint8_t version, flags;
    uint16_t type;
    uint32_t total;
    uint64_t id;
    size_t len;
} raw_frame;

/* Appends a frame to a packet. */
static void add_frame(hf_writer *w, const raw_frame *f)
{
    hf_put_u8(w, f->version);
    hf_put_u8(w, f->flags);
    hf_put_u16(w, f->type);
    hf_put_u32(w, f->total);
    hf_put_u64(w, f->id);
    hf_put_bytes(w, payload, f->len);
}

static void send_packet(int fd, hf_view packet, const int *fds, size_t n_fds)
{
    char control[CMSG_SPACE(sizeof(int) * 16)] = { 0 };
    struct iovec iov = { (void *)(uintptr_t)packet.ptr, packet.len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (n_fds > 0) {
        msg.msg_control = control;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
    }
    assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), (ssize_t)packet.len);
}

static void send_raw(int fd, const raw_frame *f, const int *fds, size_t n_fds)
{
    static uint8_t bytes[1u << 17];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));

    add_frame(&w, f);
    send_packet(fd, hf_writer_view(&w), fds, n_fds);
}

/* ---- whole messages ---- */

static void sizes_come_back(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 1, 1u << 20 };
    hf_channel *a, *b;

    open_two(4u << 20, &a, &b);
    for (size_t i = 0; i < HF_COUNT(sizes); i++) {
        hf_message m;
        bool got = false;
        assert_int_equal(hf_channel_send(a, LARGE, 77 + i, hf_view_of(payload, sizes[i]), NULL, 0), HF_OK);
        while (!got) {
            assert_int_equal(hf_channel_flush(a), HF_OK);
            assert_int_equal(hf_channel_receive(b, &m, &got), HF_OK);
        }
        assert_true(m.type == LARGE && m.id == 77 + i && m.n_fds == 0);
        assert_true(hf_view_eq(m.body, hf_view_of(payload, sizes[i])));
        hf_channel_release(&m);
        for (size_t k = 0; k < m.body.len; k += 997)
            assert_int_equal(m.body.ptr[k], 0);
    }
    assert_int_equal(hf_channel_send(a, LARGE, 1, hf_view_of(payload, HF_MESSAGE_MAX_BYTES + 1), NULL, 0),
                     HF_ERR_BOUNDS);
    hf_channel_free(a);
    hf_message m;
    bool got;
    assert_int_equal(hf_channel_receive(b, &m, &got), HF_ERR_PEER_GONE);
    assert_int_equal(hf_channel_send(b, SMALL, 1, hf_view_of(payload, 1), NULL, 0), HF_ERR_PEER_GONE);
    hf_channel_free(b);
}

/* Each row is sent over a channel of its own after the frames that `before` names. */
static void broken_frames_are_refused(void **state)
{
    (void)state;
    static const raw_frame first = { 1, 1, LARGE, 3000, 5, 1000 };
    static const struct {
        const char *what;
        bool after_first;
        raw_frame f;
    } rows[] = {
        { "version 0", false, { 0, 0, SMALL, 10, 1, 10 } },
        { "version 2", false, { 2, 0, SMALL, 10, 1, 10 } },
        { "an unknown flag", false, { 1, 2, SMALL, 10, 1, 10 } },
        { "more and an unknown flag", false, { 1, 3, LARGE, 1000, 1, 10 } },
        { "an unknown type", false, { 1, 0, 9, 10, 1, 10 } },
        { "above the bound of its type", false, { 1, 0, SMALL, 101, 1, 101 } },
        { "a total above the bound", false, { 1, 1, LARGE, (1u << 20) + 1, 1, 100 } },
        { "the largest total", false, { 1, 1, LARGE, UINT32_MAX, 1, 100 } },
        { "less than its total", false, { 1, 0, LARGE, 11, 1, 10 } },
        { "more than its total", false, { 1, 0, LARGE, 9, 1, 10 } },
        { "more to come, but whole", false, { 1, 1, LARGE, 10, 1, 10 } },
        { "more to come, but empty", false, { 1, 1, LARGE, 10, 1, 0 } },
        { "above one frame", false, { 1, 1, LARGE, 70000, 1, PART + 1 } },
        { "another type between", true, { 1, 1, SMALL, 50, 5, 10 } },
        { "another id between", true, { 1, 1, LARGE, 3000, 6, 1000 } },
        { "another total between", true, { 1, 1, LARGE, 3001, 5, 1000 } },
        { "a whole message between", true, { 1, 0, SMALL, 10, 5, 10 } },
        { "an end too early", true, { 1, 0, LARGE, 3000, 5, 1999 } },
        { "an end too late", true, { 1, 0, LARGE, 3000, 5, 2001 } },
        { "no end", true, { 1, 1, LARGE, 3000, 5, 2000 } },
        { "an empty part", true, { 1, 1, LARGE, 3000, 5, 0 } },
        { "the first again", true, { 1, 1, LARGE, 3000, 5, 2001 } },
    };

    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        int raw;
        hf_channel *c = open_one(1000, &raw);
        hf_message m;
        bool got = true;
        if (rows[i].after_first)
            send_raw(raw, &first, NULL, 0);
        send_raw(raw, &rows[i].f, NULL, 0);
        if (hf_channel_receive(c, &m, &got) != HF_ERR_MALFORMED || got)
            fail_msg("%s was taken", rows[i].what);
        hf_channel_free(c);
        close(raw);
    }
}

static void short_frames_are_refused(void **state)
{
    (void)state;
    for (size_t len = 1; len < HF_FRAME_HEADER_BYTES; len++) {
        int raw;
        hf_channel *c = open_one(1000, &raw);
        hf_message m;
        bool got;
        assert_int_equal(send(raw, "\1\0\0\1\0\0\0\0\0\0\0\0\0\0\0", len, 0), (ssize_t)len);
        assert_int_equal(hf_channel_receive(c, &m, &got), HF_ERR_MALFORMED);
        hf_channel_free(c);
        close(raw);
    }
    int raw;
    hf_channel *c = open_one(1000, &raw);
    hf_message m;
    bool got;
    send_raw(raw, &(raw_frame) { 1, 1, LARGE, 1u << 20, 1, 100000 }, NULL, 0); /* cut by the kernel */
    assert_int_equal(hf_channel_receive(c, &m, &got), HF_ERR_MALFORMED);
    hf_channel_free(c);
    close(raw);
}

/* ---- descriptors ---- */

static void descriptors_go_across(void **state)
{
    (void)state;
    size_t before = descriptors();
    hf_channel *a, *b;
    hf_message m;
    bool got = false;
    int ends[2], many[HF_MESSAGE_MAX_FDS + 1];

    open_two(4u << 20, &a, &b);
    assert_int_equal(pipe(ends), 0);
    /* With the first of several frames, and over the queue too. */
    assert_int_equal(hf_channel_send(a, LARGE, 1, hf_view_of(payload, 3 * PART), ends, 2), HF_OK);
    while (!got) {
        assert_int_equal(hf_channel_receive(b, &m, &got), HF_OK);
        assert_int_equal(hf_channel_flush(a), HF_OK);
    }
    assert_int_equal(m.n_fds, 2);
    assert_true((fcntl(m.fds[0], F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(write(m.fds[1], "x", 1), 1);
    char c;
    assert_int_equal(read(ends[0], &c, 1), 1);
    assert_true(m.fds[2] == -1 && m.fds[3] == -1);
    close(m.fds[0]);
    m.fds[0] = -1; /* taken */
    hf_channel_release(&m);
    for (size_t i = 0; i < HF_COUNT(many); i++)
        many[i] = ends[0];
    assert_int_equal(hf_channel_send(a, SMALL, 1, hf_view_of(payload, 1), many, HF_COUNT(many)), HF_ERR_BOUNDS);
    /* Never received: closed with the channel. */
    assert_int_equal(hf_channel_send(a, SMALL, 1, hf_view_of(payload, 1), many, HF_MESSAGE_MAX_FDS), HF_OK);
    hf_channel_free(a);
    hf_channel_free(b);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(descriptors(), before);
}

static void unwanted_descriptors_are_closed(void **state)
{
    (void)state;
    size_t before = descriptors();
    int many[HF_MESSAGE_MAX_FDS + 1] = { 0, 1, 2 };
    static const raw_frame whole = { 1, 0, SMALL, 1, 1, 1 }, bad = { 2, 0, SMALL, 1, 1, 1 },
                           part = { 1, 1, LARGE, 10, 1, 5 };
    struct {
        raw_frame first, second;
        size_t n_first, n_second;
    } rows[] = {
        { whole, whole, HF_MESSAGE_MAX_FDS + 1, 0 }, /* more than a message may have */
        { bad, whole, 2, 0 },
        { part, part, 1, 1 },   /* only the first frame may have them */
        { part, bad, 2, 0 },
        { part, whole, 2, 0 },
    };

    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        int raw;
        hf_channel *c = open_one(1000, &raw);
        hf_message m;
        bool got;
        send_raw(raw, &rows[i].first, many, rows[i].n_first);
        send_raw(raw, &rows[i].second, many, rows[i].n_second);
        assert_int_equal(hf_channel_receive(c, &m, &got), HF_ERR_MALFORMED);
        hf_channel_free(c);
        close(raw);
        assert_int_equal(descriptors(), before);
    }
}

/* A packet without a byte looks like the end of the connection; what it carries is closed all the same. */
static void descriptors_of_an_empty_packet_are_closed(void **state)
{
    (void)state;
    size_t before = descriptors();
    int raw, zero = 0;
    char control[CMSG_SPACE(sizeof(int))] = { 0 };
    hf_channel *c = open_one(1000, &raw);
    struct iovec iov = { payload, 0 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
    struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
    hf_message m;
    bool got;

    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &zero, sizeof(zero));
    assert_int_equal(sendmsg(raw, &msg, 0), 0);
    assert_int_equal(hf_channel_receive(c, &m, &got), HF_ERR_PEER_GONE);
    hf_channel_free(c);
    close(raw);
    assert_int_equal(descriptors(), before);
}

/* ---- the queue ---- */

static void a_full_queue_sends_nothing_of_a_message(void **state)
{
    (void)state;
    hf_channel *a, *b;
    hf_message m;
    bool got;
    uint64_t sent = 0, received = 0;

    open_two(300000, &a, &b);
    hf_err e = HF_OK;
    while (e == HF_OK) {
        e = hf_channel_send(a, LARGE, sent, hf_view_of(payload, 100000), NULL, 0);
        sent += e == HF_OK;
        assert_true(sent < 1000);
    }
    assert_int_equal(e, HF_ERR_OVERLOADED);
    assert_true(hf_channel_wants_write(a));
    for (;;) {
        assert_int_equal(hf_channel_flush(a), HF_OK);
        assert_int_equal(hf_channel_receive(b, &m, &got), HF_OK);
        if (!got && !hf_channel_wants_write(a))
            break;
        if (got) {
            assert_int_equal(m.id, received++);
            assert_int_equal(m.body.len, 100000);
        }
    }
    assert_int_equal(received, sent);
    assert_int_equal(hf_channel_send(a, SMALL, 9, hf_view_of(payload, 1), NULL, 0), HF_OK); /* room again */
    hf_channel_free(a);
    hf_channel_free(b);
}

static void waiting_has_an_end(void **state)
{
    (void)state;
    hf_channel *a, *b;
    hf_message m;

    open_two(4u << 20, &a, &b);
    assert_int_equal(hf_channel_wait(b, 20, &m), HF_ERR_TIMEOUT);
    for (int i = 0; i < 3; i++)
        assert_int_equal(hf_channel_send(a, LARGE, 1, hf_view_of(payload, 1u << 20), NULL, 0), HF_OK);
    assert_int_equal(hf_channel_drain(a, 20), HF_ERR_TIMEOUT);
    hf_channel_free(b);
    assert_int_equal(hf_channel_drain(a, 20), HF_ERR_PEER_GONE);
    hf_channel_free(a);
}

/* ---- in a loop ---- */

typedef struct end {
    hf_channel *channel;
    hf_loop *loop;
    uint64_t next_id[4]; /* by sender */
    size_t messages, ends, stop_after;
    hf_err cause;
    bool free_in_message;
} end;

static void on_message(void *arg, hf_message *m)
{
    end *e = arg;
    uint64_t who = m->id >> 32;

    assert_true(who < HF_COUNT(e->next_id));
    assert_int_equal(m->id & UINT32_MAX, e->next_id[who]++);
    assert_true(hf_view_eq(m->body, hf_view_of(payload, m->body.len)));
    e->messages++;
    if (e->free_in_message) {
        hf_channel_free(e->channel);
        e->channel = NULL;
        hf_loop_stop(e->loop);
    }
    if (e->messages == e->stop_after)
        hf_loop_stop(e->loop);
}

static void on_end(void *arg, hf_err cause)
{
    end *e = arg;

    e->ends++;
    e->cause = cause;
    hf_channel_free(e->channel);
    e->channel = NULL;
    hf_loop_stop(e->loop);
}

static void attach(end *e, hf_channel *c)
{
    e->channel = c;
    assert_int_equal(hf_loop_new(&e->loop), HF_OK);
    assert_int_equal(hf_channel_attach(c, e->loop, on_message, on_end, e), HF_OK);
}

static void the_loop_flushes_in_order(void **state)
{
    (void)state;
    hf_channel *a, *b;
    end sender = { 0 }, receiver = { .stop_after = 40 };

    open_two(64u << 20, &a, &b);
    attach(&receiver, b);
    sender.channel = a;
    sender.loop = receiver.loop;
    assert_int_equal(hf_channel_attach(a, receiver.loop, on_message, on_end, &sender), HF_OK);
    for (uint64_t i = 0; i < 40; i++) /* far more than the socket takes: EPOLLOUT does the rest */
        assert_int_equal(hf_channel_send(a, LARGE, i, hf_view_of(payload, i % 2 == 0 ? 10 : 500000), NULL, 0), HF_OK);
    assert_true(hf_channel_wants_write(a));
    assert_int_equal(hf_loop_run(receiver.loop), HF_OK);
    assert_int_equal(receiver.messages, 40);
    assert_false(hf_channel_wants_write(a));
    hf_channel_free(a);
    hf_channel_free(b);
    hf_loop_free(receiver.loop);
}

static void a_callback_may_free_its_channel(void **state)
{
    (void)state;
    size_t before = descriptors();
    int raw;
    end e = { .free_in_message = true };
    int in = 0;

    attach(&e, open_one(1000, &raw));
    for (int i = 0; i < 3; i++) /* the later ones are not delivered */
        send_raw(raw, &(raw_frame) { 1, 0, SMALL, 1, 0, 1 }, &in, 1);
    assert_int_equal(hf_loop_run(e.loop), HF_OK);
    assert_true(e.messages == 1 && e.ends == 0 && e.channel == NULL);
    hf_loop_free(e.loop);
    close(raw);
    assert_int_equal(descriptors(), before); /* also the first message's */
}

static void the_end_comes_once_with_its_cause(void **state)
{
    (void)state;
    for (int broken = 0; broken < 2; broken++) {
        int raw;
        end e = { 0 };
        attach(&e, open_one(1000, &raw));
        send_raw(raw, &(raw_frame) { 1, 0, SMALL, 1, 0, 1 }, NULL, 0);
        if (broken != 0)
            send_raw(raw, &(raw_frame) { 9, 0, SMALL, 1, 0, 1 }, NULL, 0);
        else
            close(raw);
        assert_int_equal(hf_loop_run(e.loop), HF_OK);
        assert_true(e.messages == 1 && e.ends == 1);
        assert_int_equal(e.cause, broken != 0 ? HF_ERR_MALFORMED : HF_ERR_PEER_GONE);
        hf_loop_free(e.loop);
        if (broken != 0)
            close(raw);
    }
}

#define PER_THREAD 400u

typedef struct sender {
    hf_channel *channel;
    uint64_t who;
} sender;

static void *send_many(void *arg)
{
    sender *s = arg;

    for (uint64_t i = 0; i < PER_THREAD;) {
        size_t n = i % 50 == 0 ? 3 * PART : 64;
        if (hf_channel_send(s->channel, LARGE, s->who << 32 | i, hf_view_of(payload, n), NULL, 0) == HF_OK)
            i++;
        else
            usleep(200); /* the queue is full */
    }
    return NULL;
}

static void *run_loop(void *arg)
{
    return hf_loop_run(arg) == HF_OK ? NULL : arg;
}

/* Every thread's messages arrive whole and in that thread's order. */
static void threads_may_send(void **state)
{
    (void)state;
    hf_channel *a, *b;
    end ours = { 0 }, theirs = { .stop_after = 4 * PER_THREAD };
    pthread_t threads[4], flusher;
    sender senders[4];
    void *failed;

    open_two(2u << 20, &a, &b);
    attach(&ours, a);
    attach(&theirs, b);
    assert_int_equal(pthread_create(&flusher, NULL, run_loop, ours.loop), 0);
    for (size_t i = 0; i < 4; i++) {
        senders[i] = (sender) { a, i };
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
    }
    assert_int_equal(hf_loop_run(theirs.loop), HF_OK);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    hf_loop_stop(ours.loop);
    pthread_join(flusher, &failed);
    assert_null(failed);
    assert_int_equal(theirs.messages, 4 * PER_THREAD);
    hf_channel_free(a);
    hf_channel_free(b);
    hf_loop_free(ours.loop);
    hf_loop_free(theirs.loop);
}

/* ---- several messages in one packet ---- */

static void a_packet_of_several_is_taken_apart(void **state)
{
    (void)state;
    static uint8_t bytes[HF_FRAME_MAX_BYTES];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    int raw;
    hf_channel *c = open_one(1000, &raw);
    hf_message m;
    bool got;

    for (uint64_t i = 0; i < HF_PACKET_MESSAGES_MAX; i++)
        add_frame(&w, &(raw_frame) { 1, 0, SMALL, (uint32_t)i, i, i });
    assert_int_equal(send(raw, bytes, w.len, 0), (ssize_t)w.len);
    for (uint64_t i = 0; i < HF_PACKET_MESSAGES_MAX; i++) {
        assert_int_equal(hf_channel_receive(c, &m, &got), HF_OK);
        assert_true(got && m.type == SMALL && m.id == i && m.n_fds == 0);
        assert_true(hf_view_eq(m.body, hf_view_of(payload, i)));
        hf_channel_release(&m); /* wipes this message and no other */
    }
    assert_int_equal(hf_channel_receive(c, &m, &got), HF_OK);
    assert_false(got);
    hf_channel_free(c);
    close(raw);
}

/* The first message of these packets is in order; it is not handed out, because the packet is not. */
static void a_packet_is_good_as_a_whole_or_not_at_all(void **state)
{
    (void)state;
    size_t before = descriptors();
    static uint8_t bytes[1u << 17];
    static const raw_frame good = { 1, 0, SMALL, 10, 1, 10 };
    static const struct {
        const char *what;
        raw_frame second;
        size_t rest; /* bytes behind it */
        size_t copies;
        bool with_fd;
    } rows[] = {
        { "another version", { 2, 0, SMALL, 10, 1, 10 }, 0, 1, false },
        { "an unknown flag", { 1, 2, SMALL, 10, 1, 10 }, 0, 1, false },
        { "an unknown type", { 1, 0, 9, 10, 1, 10 }, 0, 1, false },
        { "above the bound of its type", { 1, 0, SMALL, 101, 1, 101 }, 0, 1, false },
        { "a total past the end", { 1, 0, SMALL, 11, 1, 10 }, 0, 1, false },
        { "the largest total", { 1, 0, LARGE, UINT32_MAX, 1, 10 }, 0, 1, false },
        { "half a header behind it", { 1, 0, SMALL, 10, 1, 10 }, 8, 1, false },
        { "the start of a larger message", { 1, 1, LARGE, 3000, 1, 1000 }, 0, 1, false },
        { "more than a packet may have", { 1, 0, SMALL, 0, 1, 0 }, 0, HF_PACKET_MESSAGES_MAX, false },
        { "a descriptor", { 1, 0, SMALL, 10, 1, 10 }, 0, 1, true },
    };

    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        hf_writer w = hf_writer_on(bytes, sizeof(bytes));
        int raw, zero = 0;
        hf_channel *c = open_one(1000, &raw);
        hf_message m;
        bool got = true;
        add_frame(&w, &good);
        for (size_t k = 0; k < rows[i].copies; k++)
            add_frame(&w, &rows[i].second);
        hf_put_bytes(&w, payload, rows[i].rest);
        send_packet(raw, hf_writer_view(&w), &zero, rows[i].with_fd ? 1 : 0);
        if (hf_channel_receive(c, &m, &got) != HF_ERR_MALFORMED || got)
            fail_msg("a packet with %s was taken", rows[i].what);
        hf_channel_free(c);
        close(raw);
        assert_int_equal(descriptors(), before);
    }
}

static ssize_t packet_len(int raw)
{
    static uint8_t bytes[1u << 17];

    return recv(raw, bytes, sizeof(bytes), MSG_DONTWAIT);
}

static void what_is_sent_soon_leaves_together(void **state)
{
    (void)state;
    const size_t one = HF_FRAME_HEADER_BYTES + 20;
    int raw;
    end e = { 0 };
    hf_channel *c = open_one(100000, &raw);

    attach(&e, c);
    for (uint64_t i = 1; i < HF_SOON_MESSAGES; i++) {
        assert_int_equal(hf_channel_send_soon(c, SMALL, i, hf_view_of(payload, 20)), HF_OK);
        hf_channel_push(c); /* too few */
        assert_int_equal(packet_len(raw), -1);
        assert_true(hf_channel_wants_write(c));
    }
    assert_int_equal(hf_channel_send_soon(c, SMALL, 9, hf_view_of(payload, 20)), HF_OK);
    hf_channel_push(c);
    assert_int_equal(packet_len(raw), (ssize_t)(HF_SOON_MESSAGES * one));
    assert_false(hf_channel_wants_write(c));
    /* Before any other send, so that order is kept. */
    assert_int_equal(hf_channel_send_soon(c, SMALL, 1, hf_view_of(payload, 20)), HF_OK);
    assert_int_equal(hf_channel_send(c, SMALL, 2, hf_view_of(payload, 3), NULL, 0), HF_OK);
    assert_int_equal(packet_len(raw), (ssize_t)one);
    assert_int_equal(packet_len(raw), HF_FRAME_HEADER_BYTES + 3);
    /* With what is too large to be gathered. */
    assert_int_equal(hf_channel_send_soon(c, SMALL, 1, hf_view_of(payload, 20)), HF_OK);
    assert_int_equal(hf_channel_send_soon(c, LARGE, 2, hf_view_of(payload, 50000)), HF_OK);
    assert_int_equal(packet_len(raw), (ssize_t)one);
    assert_int_equal(packet_len(raw), HF_FRAME_HEADER_BYTES + 50000);
    /* And with the channel. */
    assert_int_equal(hf_channel_send_soon(c, SMALL, 1, hf_view_of(payload, 20)), HF_OK);
    hf_channel_free(c);
    assert_int_equal(packet_len(raw), (ssize_t)one);
    assert_int_equal(packet_len(raw), 0);
    hf_loop_free(e.loop);
    close(raw);
}

/* Answers each message soon; the turn's end must send what is left over. */
typedef struct echo {
    hf_channel *channel;
    hf_loop *loop;
    size_t messages, ends;
} echo;

static void on_echo(void *arg, hf_message *m)
{
    echo *e = arg;

    e->messages++;
    assert_int_equal(hf_channel_send_soon(e->channel, m->type, m->id, m->body), HF_OK);
}

static void on_echo_end(void *arg, hf_err cause)
{
    echo *e = arg;

    assert_int_equal(cause, HF_ERR_PEER_GONE);
    hf_channel_free(e->channel);
    hf_loop_stop(e->loop);
    e->ends++;
}

static void *run_echo(void *arg)
{
    echo *e = arg;

    return hf_loop_run(e->loop) == HF_OK ? NULL : e;
}

static void the_turn_ends_with_a_flush(void **state)
{
    (void)state;
    echo e = { 0 };
    hf_channel *client;
    pthread_t thread;
    void *failed;
    uint64_t asked = 0, answered = 0;

    open_two(1u << 20, &client, &e.channel);
    assert_int_equal(hf_loop_new(&e.loop), HF_OK);
    assert_int_equal(hf_channel_attach(e.channel, e.loop, on_echo, on_echo_end, &e), HF_OK);
    assert_int_equal(pthread_create(&thread, NULL, run_echo, &e), 0);
    for (size_t burst = 1; burst <= 40; burst++) { /* 1 to 40 at a time: whole packets and rests */
        for (size_t i = 0; i < burst; i++)
            assert_int_equal(hf_channel_send(client, SMALL, asked++, hf_view_of(payload, burst), NULL, 0), HF_OK);
        while (answered < asked) {
            hf_message m;
            assert_int_equal(hf_channel_wait(client, 10000, &m), HF_OK);
            assert_int_equal(m.id, answered++);
            assert_true(hf_view_eq(m.body, hf_view_of(payload, burst)));
        }
    }
    hf_channel_free(client);
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_true(e.messages == asked && e.ends == 1);
    hf_loop_free(e.loop);
}

/* A packet that was begun outside the loop goes on in it. */
static void what_was_read_before_the_loop_is_not_forgotten(void **state)
{
    (void)state;
    static uint8_t bytes[1000];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    int raw;
    hf_channel *c = open_one(1000, &raw);
    end e = { .stop_after = 2, .next_id = { 1 } };
    hf_message m;

    for (uint64_t i = 0; i < 3; i++)
        add_frame(&w, &(raw_frame) { 1, 0, SMALL, 5, i, 5 });
    assert_int_equal(send(raw, bytes, w.len, 0), (ssize_t)w.len);
    assert_int_equal(hf_channel_wait(c, 1000, &m), HF_OK);
    assert_int_equal(m.id, 0);
    attach(&e, c);
    assert_int_equal(hf_loop_run(e.loop), HF_OK);
    assert_int_equal(e.messages, 2);
    hf_channel_free(c);
    hf_loop_free(e.loop);
    close(raw);
}

static void a_full_queue_takes_nothing_soon(void **state)
{
    (void)state;
    hf_channel *a, *b;
    end e = { 0 };
    uint64_t sent = 0, received = 0;
    hf_message m;
    bool got;
    hf_err err = HF_OK;

    open_two(300000, &a, &b);
    attach(&e, a);
    while (err == HF_OK) {
        err = hf_channel_send_soon(a, LARGE, sent, hf_view_of(payload, 10000));
        sent += err == HF_OK;
        hf_channel_push(a);
        assert_true(sent < 10000);
    }
    assert_int_equal(err, HF_ERR_OVERLOADED);
    for (;;) {
        assert_int_equal(hf_channel_flush(a), HF_OK);
        assert_int_equal(hf_channel_receive(b, &m, &got), HF_OK);
        if (!got && !hf_channel_wants_write(a))
            break;
        if (got)
            assert_int_equal(m.id, received++);
    }
    assert_int_equal(received, sent);
    assert_int_equal(hf_channel_send_soon(a, SMALL, 9, hf_view_of(payload, 1)), HF_OK);
    hf_channel_free(b);
    assert_int_equal(hf_channel_flush(a), HF_ERR_PEER_GONE);
    assert_int_equal(hf_channel_send_soon(a, SMALL, 9, hf_view_of(payload, 1)), HF_ERR_PEER_GONE);
    hf_channel_free(a);
    hf_loop_free(e.loop);
}

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (uint8_t)(i * 31 + (i >> 9) + 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_come_back),
        cmocka_unit_test(broken_frames_are_refused),
        cmocka_unit_test(short_frames_are_refused),
        cmocka_unit_test(descriptors_go_across),
        cmocka_unit_test(unwanted_descriptors_are_closed),
        cmocka_unit_test(descriptors_of_an_empty_packet_are_closed),
        cmocka_unit_test(a_full_queue_sends_nothing_of_a_message),
        cmocka_unit_test(waiting_has_an_end),
        cmocka_unit_test(the_loop_flushes_in_order),
        cmocka_unit_test(a_callback_may_free_its_channel),
        cmocka_unit_test(the_end_comes_once_with_its_cause),
        cmocka_unit_test(threads_may_send),
        cmocka_unit_test(a_packet_of_several_is_taken_apart),
        cmocka_unit_test(a_packet_is_good_as_a_whole_or_not_at_all),
        cmocka_unit_test(what_is_sent_soon_leaves_together),
        cmocka_unit_test(the_turn_ends_with_a_flush),
        cmocka_unit_test(what_was_read_before_the_loop_is_not_forgotten),
        cmocka_unit_test(a_full_queue_takes_nothing_soon),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
