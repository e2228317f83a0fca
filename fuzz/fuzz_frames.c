/*
 * Target functions: hf_channel_receive, hf_channel_release.
 *
 * The input is a sequence of packets: u16 length and descriptors to go with it (length & 0x8000: one), then the bytes.
 * A channel takes them from a real socket. Whatever comes, messages keep to their bounds, the first error ends the
 * channel, and no descriptor is left.
 */
#include "ipc/channel.h"
#include "proto/codec.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool send_packet(int fd, hf_view bytes, bool with_fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { .bytes = { 0 } };
    struct iovec iov = { (void *)(uintptr_t)bytes.ptr, bytes.len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (with_fd) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    }
    return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* The lowest free descriptor: the same before and after when none is left open below it. */
static int lowest_free(void)
{
    int fd = fcntl(0, F_DUPFD, 0);

    if (fd >= 0)
        close(fd);
    return fd;
}

static bool take_all(hf_channel *c)
{
    for (;;) {
        hf_message m;
        bool got = false;
        if (hf_channel_receive(c, &m, &got) != HF_OK) {
            must(!got);
            return false;
        }
        if (!got)
            return true;
        must(hf_message_max_body(m.type) > 0 && m.body.len <= hf_message_max_body(m.type));
        must(m.n_fds <= HF_MESSAGE_MAX_FDS);
        for (size_t i = 0; i < HF_MESSAGE_MAX_FDS; i++)
            must(i < m.n_fds ? fcntl(m.fds[i], F_GETFD) == FD_CLOEXEC : m.fds[i] == -1);
        hf_channel_release(&m);
        for (size_t i = 0; i < m.body.len; i++)
            must(m.body.ptr[i] == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fds[2], before = lowest_free();
    hf_channel *c = NULL;
    hf_reader r = hf_reader_of(hf_view_of(data, size));
    bool alive = true;

    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    must(hf_channel_new(fds[0], 1000, hf_message_max_body, &c) == HF_OK);
    while (alive && r.left.len > 0 && !r.failed) {
        uint16_t head = hf_get_u16(&r);
        size_t len = head & 0x7fffu;
        hf_view packet = hf_get_view(&r, len < r.left.len ? len : r.left.len);
        if (!send_packet(fds[1], packet, (head & 0x8000) != 0))
            break;
        alive = take_all(c);
    }
    hf_channel_free(c);
    close(fds[1]);
    must(lowest_free() == before);
    return 0;
}
