#include "ipc/channel.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_VERSION 1
#define FLAG_MORE 1
#define FRAME_BODY_MAX (60u * 1024)
#define DEFAULT_BATCH 64
#define GATHER_BYTES 16384 /* larger messages are sent by themselves */

/* One frame that the socket did not take. */
typedef struct queued_frame {
    struct queued_frame *next;
    int fds[HF_MESSAGE_MAX_FDS];
    size_t n_fds;
    size_t len;
    uint8_t bytes[];
} queued_frame;

struct hf_channel {
    int fd;
    size_t (*max_body)(uint16_t type);
    /* Receiving: one thread. */
    uint8_t *frame;    /* HF_FRAME_MAX_BYTES, the packet last read */
    hf_view unread;    /* whole messages of it that were not handed out yet: their frames were checked */
    void (*frame_release)(void *arg); /* NULL: frame is of malloc */
    void *frame_arg;
    uint8_t *assembly; /* a message of several frames, NULL when none is under way */
    size_t assembly_cap, assembly_len, assembly_total;
    uint16_t assembly_type;
    uint64_t assembly_id;
    int assembly_fds[HF_MESSAGE_MAX_FDS];
    size_t assembly_n_fds;
    /* Sending: any thread. */
    pthread_mutex_t lock;
    queued_frame *head, *tail;
    size_t queued, queue_max;
    uint8_t *gathered; /* GATHER_BYTES: whole messages for one packet; NULL until the first */
    size_t gathered_len;
    unsigned n_gathered;
    bool peer_gone;
    /* In a loop. */
    hf_loop *loop;
    hf_watch watch;
    hf_task flush_later, take_later;
    hf_channel_message_fn on_message;
    hf_channel_end_fn on_end;
    void *arg;
    bool *freed; /* set when a callback frees the channel */
};

hf_err hf_channel_new(int fd, size_t queue_bytes, size_t (*max_body)(uint16_t type), hf_channel **ret)
{
    hf_channel *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        close(fd);
        return HF_ERR_SYSTEM;
    }
    c->fd = fd;
    c->max_body = max_body;
    c->queue_max = queue_bytes;
    c->frame = malloc(HF_FRAME_MAX_BYTES);
    if (c->frame == NULL || pthread_mutex_init(&c->lock, NULL) != 0) {
        close(fd);
        free(c->frame);
        free(c);
        return HF_ERR_SYSTEM;
    }
    *ret = c;
    return HF_OK;
}

static void close_fds(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void drop_queue(hf_channel *c)
{
    while (c->head != NULL) {
        queued_frame *f = c->head;
        c->head = f->next;
        close_fds(f->fds, f->n_fds);
        explicit_bzero(f->bytes, f->len);
        free(f);
    }
    c->tail = NULL;
    c->queued = 0;
}

static hf_err send_gathered(hf_channel *c);

static void frame_free(hf_channel *c)
{
    explicit_bzero(c->frame, HF_FRAME_MAX_BYTES);
    if (c->frame_release != NULL)
        c->frame_release(c->frame_arg);
    else
        free(c->frame);
}

void hf_channel_receive_in(hf_channel *c, uint8_t *buffer, void (*release)(void *arg), void *arg)
{
    frame_free(c);
    c->frame = buffer;
    c->frame_release = release;
    c->frame_arg = arg;
}

void hf_channel_free(hf_channel *c)
{
    if (c == NULL)
        return;
    if (c->loop != NULL) {
        hf_loop_unwatch(c->loop, &c->watch);
        hf_loop_forget(c->loop, &c->flush_later);
        hf_loop_forget(c->loop, &c->take_later);
    }
    if (c->freed != NULL)
        *c->freed = true;
    /* What was gathered was sent for its sender; now it goes as far as the socket takes it. */
    (void)!send_gathered(c);
    drop_queue(c);
    free(c->gathered);
    close_fds(c->assembly_fds, c->assembly_n_fds);
    close(c->fd);
    frame_free(c);
    if (c->assembly != NULL)
        explicit_bzero(c->assembly, c->assembly_cap);
    free(c->assembly);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

int hf_channel_fd(const hf_channel *c)
{
    return c->fd;
}

/* ---- sending ---- */

/* The header of one frame; len is the bytes of the body in it. */
static void frame_header(uint8_t dst[static HF_FRAME_HEADER_BYTES], bool more, uint16_t type, size_t total, uint64_t id)
{
    hf_writer w = hf_writer_on(dst, HF_FRAME_HEADER_BYTES);

    hf_put_u8(&w, FRAME_VERSION);
    hf_put_u8(&w, more ? FLAG_MORE : 0);
    hf_put_u16(&w, type);
    hf_put_u32(&w, (uint32_t)total);
    hf_put_u64(&w, id);
}

/* HF_OK when the kernel took the whole frame, HF_ERR_OVERLOADED when it has no room now, HF_ERR_PEER_GONE. */
static hf_err send_frame(int fd, const struct iovec *iov, size_t n_iov, const int *fds, size_t n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * HF_MESSAGE_MAX_FDS)];
    } control;
    struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n_iov };

    if (n_fds > 0) {
        memset(&control, 0, sizeof(control));
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
    }
    for (;;) {
        if (sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return HF_OK;
        if (errno == EINTR)
            continue;
        return errno == EAGAIN || errno == ENOBUFS ? HF_ERR_OVERLOADED : HF_ERR_PEER_GONE;
    }
}

static hf_err enqueue(hf_channel *c, hf_view header, hf_view part, const int *fds, size_t n_fds)
{
    queued_frame *f = calloc(1, sizeof(*f) + header.len + part.len);

    HF_CHECK(f != NULL, HF_ERR_OVERLOADED);
    f->len = header.len + part.len;
    if (header.len > 0)
        memcpy(f->bytes, header.ptr, header.len);
    if (part.len > 0)
        memcpy(f->bytes + header.len, part.ptr, part.len);
    for (; f->n_fds < n_fds; f->n_fds++) {
        f->fds[f->n_fds] = dup(fds[f->n_fds]);
        if (f->fds[f->n_fds] < 0) {
            close_fds(f->fds, f->n_fds);
            free(f);
            return HF_ERR_OVERLOADED;
        }
    }
    if (c->tail == NULL)
        c->head = f;
    else
        c->tail->next = f;
    c->tail = f;
    c->queued += f->len;
    return HF_OK;
}

static hf_err flush_queue(hf_channel *c)
{
    while (c->head != NULL) {
        queued_frame *f = c->head;
        struct iovec iov = { .iov_base = f->bytes, .iov_len = f->len };
        hf_err e = send_frame(c->fd, &iov, 1, f->fds, f->n_fds);
        if (e == HF_ERR_OVERLOADED)
            return HF_OK;
        HF_TRY(e);
        c->head = f->next;
        if (c->head == NULL)
            c->tail = NULL;
        c->queued -= f->len;
        close_fds(f->fds, f->n_fds);
        explicit_bzero(f->bytes, f->len);
        free(f);
    }
    return HF_OK;
}

/* As one packet, behind what waits. */
static hf_err send_gathered(hf_channel *c)
{
    struct iovec iov = { .iov_base = c->gathered, .iov_len = c->gathered_len };

    if (c->n_gathered == 0)
        return HF_OK;
    hf_err e = c->head == NULL ? send_frame(c->fd, &iov, 1, NULL, 0) : HF_ERR_OVERLOADED;
    if (e == HF_ERR_OVERLOADED)
        e = enqueue(c, hf_view_of(NULL, 0), hf_view_of(c->gathered, c->gathered_len), NULL, 0);
    explicit_bzero(c->gathered, c->gathered_len);
    c->gathered_len = 0;
    c->n_gathered = 0;
    if (e != HF_OK)
        c->peer_gone = true; /* messages that were taken for sent are lost: the channel is of no more use */
    return e;
}

static hf_err flush_locked(hf_channel *c)
{
    HF_TRY(send_gathered(c));
    return flush_queue(c);
}

/* Sends one frame at once if nothing waits, else queues it: order is kept. */
static hf_err send_part(hf_channel *c, bool more, uint16_t type, size_t total, uint64_t id, hf_view part,
                        const int *fds, size_t n_fds)
{
    uint8_t header[HF_FRAME_HEADER_BYTES];
    hf_err e = HF_ERR_OVERLOADED;

    frame_header(header, more, type, total, id);
    if (c->head == NULL) {
        struct iovec iov[2] = { { .iov_base = header, .iov_len = sizeof(header) },
                                { .iov_base = (void *)(uintptr_t)part.ptr, .iov_len = part.len } };
        e = send_frame(c->fd, iov, part.len > 0 ? 2 : 1, fds, n_fds);
    }
    return e == HF_ERR_OVERLOADED ? enqueue(c, hf_view_of(header, sizeof(header)), part, fds, n_fds) : e;
}

static hf_err send_locked(hf_channel *c, uint16_t type, uint64_t id, hf_view body, const int *fds, size_t n_fds)
{
    size_t at = 0;

    HF_CHECK(!c->peer_gone, HF_ERR_PEER_GONE);
    HF_TRY(send_gathered(c));
    HF_CHECK(c->queued == 0 || c->queued + body.len + HF_FRAME_HEADER_BYTES <= c->queue_max, HF_ERR_OVERLOADED);
    do {
        size_t n = body.len - at < FRAME_BODY_MAX ? body.len - at : FRAME_BODY_MAX;
        hf_view part = { body.ptr == NULL ? NULL : body.ptr + at, n };
        hf_err e = send_part(c, at + n < body.len, type, body.len, id, part, at == 0 ? fds : NULL, at == 0 ? n_fds : 0);
        if (e != HF_OK) {
            /* Half a message cannot be taken back: the channel is of no more use. */
            c->peer_gone = e == HF_ERR_PEER_GONE || at > 0;
            return e;
        }
        at += n;
    } while (at < body.len);
    return HF_OK;
}

/* What to wait for; the caller holds the lock, which also guards watch.events. */
static uint32_t interest(const hf_channel *c)
{
    return c->head != NULL ? EPOLLIN | EPOLLOUT : EPOLLIN;
}

/* After anything was sent: the caller holds the lock. */
static void watch_queue(hf_channel *c)
{
    if (c->loop != NULL && hf_loop_watch(c->loop, &c->watch, interest(c)) != HF_OK)
        c->peer_gone = true;
}

hf_err hf_channel_send(hf_channel *c, uint16_t type, uint64_t id, hf_view body, const int *fds, size_t n_fds)
{
    HF_CHECK(body.len <= HF_MESSAGE_MAX_BYTES && n_fds <= HF_MESSAGE_MAX_FDS, HF_ERR_BOUNDS);
    pthread_mutex_lock(&c->lock);
    hf_err e = send_locked(c, type, id, body, fds, n_fds);
    watch_queue(c);
    pthread_mutex_unlock(&c->lock);
    return e;
}

/* Puts a message behind those that wait for their packet. */
static hf_err gather(hf_channel *c, uint16_t type, uint64_t id, hf_view body)
{
    size_t len = HF_FRAME_HEADER_BYTES + body.len;

    HF_CHECK(!c->peer_gone, HF_ERR_PEER_GONE);
    HF_CHECK(c->queued == 0 || c->queued + c->gathered_len + len <= c->queue_max, HF_ERR_OVERLOADED);
    if (c->gathered_len + len > GATHER_BYTES)
        HF_TRY(send_gathered(c));
    frame_header(c->gathered + c->gathered_len, false, type, body.len, id);
    if (body.len > 0)
        memcpy(c->gathered + c->gathered_len + HF_FRAME_HEADER_BYTES, body.ptr, body.len);
    c->gathered_len += len;
    return ++c->n_gathered == HF_PACKET_MESSAGES_MAX ? send_gathered(c) : HF_OK;
}

hf_err hf_channel_send_soon(hf_channel *c, uint16_t type, uint64_t id, hf_view body)
{
    if (c->loop == NULL || body.len > GATHER_BYTES - HF_FRAME_HEADER_BYTES)
        return hf_channel_send(c, type, id, body, NULL, 0);
    if (c->gathered == NULL)
        c->gathered = calloc(1, GATHER_BYTES);
    HF_CHECK(c->gathered != NULL, HF_ERR_OVERLOADED);
    pthread_mutex_lock(&c->lock);
    hf_err e = gather(c, type, id, body);
    pthread_mutex_unlock(&c->lock);
    hf_loop_later(c->loop, &c->flush_later);
    return e;
}

static void send_if(hf_channel *c, unsigned at_least)
{
    pthread_mutex_lock(&c->lock);
    if (c->n_gathered >= at_least) {
        (void)!send_gathered(c); /* a failure stays in peer_gone, and the socket's end comes to the loop */
        watch_queue(c);
    }
    pthread_mutex_unlock(&c->lock);
}

void hf_channel_push(hf_channel *c)
{
    send_if(c, HF_SOON_MESSAGES);
}

hf_err hf_channel_flush(hf_channel *c)
{
    pthread_mutex_lock(&c->lock);
    hf_err e = flush_locked(c);
    if (e != HF_OK)
        c->peer_gone = true;
    watch_queue(c);
    pthread_mutex_unlock(&c->lock);
    return e;
}

bool hf_channel_wants_write(const hf_channel *c)
{
    hf_channel *w = (hf_channel *)(uintptr_t)c; /* the lock is not part of what const promises */

    pthread_mutex_lock(&w->lock);
    bool wants = w->head != NULL || w->n_gathered > 0;
    pthread_mutex_unlock(&w->lock);
    return wants;
}

/* ---- receiving ---- */

typedef struct frame_head {
    bool more;
    uint16_t type;
    size_t total;
    uint64_t id;
    hf_view part;
} frame_head;

/* The frame at the start of what is left of a packet, and what follows it. */
static hf_err frame_parse(hf_view *packet, bool continues, frame_head *ret)
{
    hf_reader r = hf_reader_of(*packet);
    uint8_t version = hf_get_u8(&r), flags = hf_get_u8(&r);

    ret->more = flags == FLAG_MORE;
    ret->type = hf_get_u16(&r);
    ret->total = hf_get_u32(&r);
    ret->id = hf_get_u64(&r);
    HF_CHECK(!r.failed && version == FRAME_VERSION && flags <= FLAG_MORE, HF_ERR_MALFORMED);
    /* A frame of a larger message is alone in its packet. */
    ret->part = hf_get_view(&r, !ret->more && !continues && ret->total < r.left.len ? ret->total : r.left.len);
    *packet = r.left;
    HF_CHECK(ret->part.len <= FRAME_BODY_MAX && ret->part.len <= ret->total, HF_ERR_MALFORMED);
    return HF_OK;
}

/* Takes descriptors out of the control data; more than allowed is malformed and closes them. */
static hf_err take_fds(struct msghdr *msg, int *fds, size_t *ret_n)
{
    size_t n = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (n < HF_MESSAGE_MAX_FDS)
                fds[n++] = fd;
            else
                close(fd);
        }
    }
    if ((msg->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        close_fds(fds, n);
        return HF_ERR_MALFORMED;
    }
    *ret_n = n;
    return HF_OK;
}

/* One packet from the socket. *ret_len is 0 when there is none now. */
static hf_err read_packet(hf_channel *c, size_t *ret_len, int *fds, size_t *ret_n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * HF_MESSAGE_MAX_FDS)];
    } control;
    struct iovec iov = { .iov_base = c->frame, .iov_len = HF_FRAME_MAX_BYTES };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
    };
    ssize_t n;

    do
        n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        *ret_len = 0;
        return HF_OK;
    }
    HF_CHECK(n >= 0, HF_ERR_PEER_GONE);
    HF_TRY(take_fds(&msg, fds, ret_n_fds));
    if (n == 0) { /* the end, or an empty packet, which may carry descriptors */
        close_fds(fds, *ret_n_fds);
        return HF_ERR_PEER_GONE;
    }
    *ret_len = (size_t)n;
    return HF_OK;
}

static hf_err check_first(const hf_channel *c, const frame_head *h)
{
    size_t most = c->max_body(h->type);

    HF_CHECK(most > 0 && h->total <= most && h->total <= HF_MESSAGE_MAX_BYTES, HF_ERR_MALFORMED);
    HF_CHECK(h->more ? h->part.len > 0 && h->part.len < h->total : h->part.len == h->total, HF_ERR_MALFORMED);
    return HF_OK;
}

static hf_err assembly_start(hf_channel *c, const frame_head *h, const int *fds, size_t n_fds)
{
    if (c->assembly_cap < h->total) {
        uint8_t *bigger = malloc(h->total);
        HF_CHECK(bigger != NULL, HF_ERR_OVERLOADED);
        if (c->assembly != NULL)
            explicit_bzero(c->assembly, c->assembly_cap);
        free(c->assembly);
        c->assembly = bigger;
        c->assembly_cap = h->total;
    }
    memcpy(c->assembly, h->part.ptr, h->part.len);
    c->assembly_len = h->part.len;
    c->assembly_total = h->total;
    c->assembly_type = h->type;
    c->assembly_id = h->id;
    c->assembly_n_fds = n_fds;
    memcpy(c->assembly_fds, fds, sizeof(c->assembly_fds));
    return HF_OK;
}

static hf_err assembly_add(hf_channel *c, const frame_head *h)
{
    size_t after = c->assembly_len + h->part.len;

    HF_CHECK(h->type == c->assembly_type && h->id == c->assembly_id && h->total == c->assembly_total, HF_ERR_MALFORMED);
    HF_CHECK(h->part.len > 0 && (h->more ? after < h->total : after == h->total), HF_ERR_MALFORMED);
    memcpy(c->assembly + c->assembly_len, h->part.ptr, h->part.len);
    c->assembly_len = after;
    return HF_OK;
}

static void hand_over(const frame_head *h, const uint8_t *body, const int *fds, size_t n_fds, hf_message *ret)
{
    *ret = (hf_message) { .type = h->type, .id = h->id, .body = { body, h->total }, .n_fds = n_fds };
    for (size_t i = 0; i < HF_MESSAGE_MAX_FDS; i++)
        ret->fds[i] = i < n_fds ? fds[i] : -1;
}

/* The frames behind the first of a packet: each a whole message that its type allows. */
static hf_err check_rest(const hf_channel *c, hf_view rest)
{
    frame_head h;

    for (size_t n = 1; rest.len > 0; n++) {
        HF_CHECK(n < HF_PACKET_MESSAGES_MAX, HF_ERR_MALFORMED);
        HF_TRY(frame_parse(&rest, false, &h));
        HF_CHECK(!h.more, HF_ERR_MALFORMED);
        HF_TRY(check_first(c, &h));
    }
    return HF_OK;
}

/* A packet that begins a message: a part of a large one, or one or more whole ones, of which the first is given. */
static hf_err accept_first(hf_channel *c, const frame_head *h, hf_view rest, const int *fds, size_t n_fds,
                           hf_message *ret, bool *ret_got)
{
    HF_TRY(check_first(c, h));
    if (h->more)
        return assembly_start(c, h, fds, n_fds);
    HF_CHECK(rest.len == 0 || n_fds == 0, HF_ERR_MALFORMED);
    HF_TRY(check_rest(c, rest));
    c->unread = rest;
    hand_over(h, h->part.ptr, fds, n_fds, ret);
    *ret_got = true;
    return HF_OK;
}

/* Works on one packet; *ret_got when it completes a message. */
static hf_err accept_packet(hf_channel *c, size_t len, const int *fds, size_t n_fds, hf_message *ret, bool *ret_got)
{
    hf_view rest = { c->frame, len };
    frame_head h;

    HF_TRY(frame_parse(&rest, c->assembly_total > 0, &h));
    if (c->assembly_total == 0)
        return accept_first(c, &h, rest, fds, n_fds, ret, ret_got);
    HF_CHECK(n_fds == 0, HF_ERR_MALFORMED);
    HF_TRY(assembly_add(c, &h));
    if (h.more)
        return HF_OK;
    hand_over(&h, c->assembly, c->assembly_fds, c->assembly_n_fds, ret);
    c->assembly_total = 0;
    c->assembly_n_fds = 0;
    *ret_got = true;
    return HF_OK;
}

hf_err hf_channel_receive(hf_channel *c, hf_message *ret, bool *ret_got)
{
    int fds[HF_MESSAGE_MAX_FDS] = { 0 }; /* the first n_fds of them */
    size_t len, n_fds = 0;
    frame_head h;

    *ret_got = false;
    if (c->unread.len > 0) {
        HF_TRY(frame_parse(&c->unread, false, &h));
        hand_over(&h, h.part.ptr, fds, 0, ret);
        *ret_got = true;
        return HF_OK;
    }
    for (;;) {
        HF_TRY(read_packet(c, &len, fds, &n_fds));
        if (len == 0)
            return HF_OK;
        hf_err e = accept_packet(c, len, fds, n_fds, ret, ret_got);
        if (e != HF_OK) {
            close_fds(fds, n_fds);
            return e;
        }
        if (*ret_got)
            return HF_OK;
    }
}

void hf_channel_release(hf_message *m)
{
    if (m->body.ptr != NULL && m->body.len > 0)
        explicit_bzero((void *)(uintptr_t)m->body.ptr, m->body.len);
    close_fds(m->fds, m->n_fds);
    m->n_fds = 0;
}

/* ---- blocking forms ---- */

static hf_err wait_for(hf_channel *c, short events, hf_mono until)
{
    for (;;) {
        int64_t left = (until.ns - hf_mono_now().ns + HF_NS_PER_MS - 1) / HF_NS_PER_MS;
        struct pollfd p = { .fd = c->fd, .events = events };
        int n = poll(&p, 1, left > 0 ? (int)(left > 3600000 ? 3600000 : left) : 0);
        if (n > 0)
            return HF_OK;
        HF_CHECK(n == 0 || errno == EINTR, HF_ERR_SYSTEM);
        HF_CHECK(left > 0, HF_ERR_TIMEOUT);
    }
}

hf_err hf_channel_wait(hf_channel *c, int64_t timeout_ms, hf_message *ret)
{
    hf_mono until = hf_mono_after_ms(hf_mono_now(), timeout_ms);
    bool got = false;

    for (;;) {
        HF_TRY(hf_channel_receive(c, ret, &got));
        if (got)
            return HF_OK;
        HF_TRY(wait_for(c, POLLIN, until));
    }
}

hf_err hf_channel_drain(hf_channel *c, int64_t timeout_ms)
{
    hf_mono until = hf_mono_after_ms(hf_mono_now(), timeout_ms);

    for (;;) {
        HF_TRY(hf_channel_flush(c));
        if (!hf_channel_wants_write(c))
            return HF_OK;
        HF_TRY(wait_for(c, POLLOUT, until));
    }
}

/* ---- in a loop ---- */

/* Takes up to a batch of messages, and the packet begun to its end. *freed is set when a callback freed the channel. */
static hf_err take_messages(hf_channel *c, const bool *freed)
{
    for (size_t i = 0; i < DEFAULT_BATCH || c->unread.len > 0; i++) {
        hf_message m;
        bool got;
        HF_TRY(hf_channel_receive(c, &m, &got));
        if (!got)
            return HF_OK;
        c->on_message(c->arg, &m);
        close_fds(m.fds, m.n_fds);
        if (*freed)
            return HF_OK;
        hf_channel_push(c);
    }
    return HF_OK;
}

static void on_ready(void *arg, uint32_t events)
{
    hf_channel *c = arg;
    bool freed = false;
    hf_err e = HF_OK;

    c->freed = &freed;
    if ((events & EPOLLOUT) != 0)
        e = hf_channel_flush(c);
    if (e == HF_OK && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        e = take_messages(c, &freed);
    if (freed)
        return;
    c->freed = NULL;
    if (e != HF_OK)
        c->on_end(c->arg, e);
}

static void on_flush_later(void *arg)
{
    send_if(arg, 1);
}

static void on_take_later(void *arg)
{
    on_ready(arg, EPOLLIN);
}

hf_err hf_channel_attach(hf_channel *c, hf_loop *loop, hf_channel_message_fn on_message, hf_channel_end_fn on_end,
                         void *arg)
{
    c->on_message = on_message;
    c->on_end = on_end;
    c->arg = arg;
    c->watch = (hf_watch) { .fd = c->fd, .fn = on_ready, .arg = c };
    c->flush_later = (hf_task) { .fn = on_flush_later, .arg = c };
    c->take_later = (hf_task) { .fn = on_take_later, .arg = c };
    c->loop = loop;
    if (c->unread.len > 0) /* read before: epoll does not know of it */
        hf_loop_later(loop, &c->take_later);
    pthread_mutex_lock(&c->lock);
    watch_queue(c);
    hf_err e = c->peer_gone ? HF_ERR_SYSTEM : HF_OK;
    pthread_mutex_unlock(&c->lock);
    return e;
}
