/*
 * One SEQPACKET connection between two processes, carrying whole messages.
 *
 * Frame (big endian): version u8 = 1 | flags u8 (bit 0: more follows) | type u16 | total u32 | id u64 | bytes.
 * A message above one frame (60 KiB of bytes) goes as consecutive frames with the same type, total and id; frames of
 * two messages never interleave. Descriptors travel with the first frame.
 * Packet (what the socket carries at once): one frame, or up to HF_PACKET_MESSAGES_MAX whole messages without
 * descriptors, one behind the other. It is checked as a whole before its first message is handed out.
 *
 * Receiving: one thread. Sending: any thread; a queue takes what the socket does not.
 */
#ifndef HF_IPC_CHANNEL_H
#define HF_IPC_CHANNEL_H

#include "base/buf.h"
#include "ipc/loop.h"

#define HF_FRAME_HEADER_BYTES 16
#define HF_FRAME_MAX_BYTES 65536
#define HF_MESSAGE_MAX_BYTES (2u << 20)
#define HF_MESSAGE_MAX_FDS 6
#define HF_PACKET_MESSAGES_MAX 64

typedef struct hf_message {
    uint16_t type;
    uint64_t id; /* chosen by the requester, repeated in the answer */
    hf_view body; /* borrowed from the channel until the next receive; writable, so that secrets in it can be wiped */
    int fds[HF_MESSAGE_MAX_FDS]; /* owned by the receiver; -1 when unused or taken */
    size_t n_fds;
} hf_message;

typedef struct hf_channel hf_channel;

/*
 * Takes fd (closed by free, and on failure). queue_bytes bounds what may wait to be sent. max_body: a
 * function that gives the largest body allowed for a type, 0 to refuse the type: a frame outside that ends the channel before
 * any buffer grows.
 */
hf_err hf_channel_new(int fd, size_t queue_bytes, size_t (*max_body)(uint16_t type), hf_channel **ret) HF_MUST_USE;
void hf_channel_free(hf_channel *c);
int hf_channel_fd(const hf_channel *c);
/*
 * For channels that carry secrets: frames are read into `buffer` (HF_FRAME_MAX_BYTES in locked memory) from now on, which
 * hf_channel_free wipes and gives back by release(arg). A secret must fit one frame: what is assembled of several is not.
 */
void hf_channel_receive_in(hf_channel *c, uint8_t *buffer, void (*release)(void *arg), void *arg);

/*
 * Sends or queues. fds are duplicated by the kernel and stay the caller's. HF_ERR_OVERLOADED when the queue is full
 * (nothing of the message was sent), HF_ERR_PEER_GONE when the other end is gone.
 */
hf_err hf_channel_send(hf_channel *c, uint16_t type, uint64_t id, hf_view body, const int *fds, size_t n_fds)
    HF_MUST_USE;
/*
 * Like hf_channel_send without descriptors, on the thread of the channel's loop only: small messages are gathered and
 * leave as one packet with hf_channel_push, before any other send, and at the end of the loop's turn. A wake-up of the
 * other process costs more than a message. HF_OK also when the other end turns out to be gone later: the loop's on_end
 * tells. Without a loop: sends at once.
 */
hf_err hf_channel_send_soon(hf_channel *c, uint16_t type, uint64_t id, hf_view body) HF_MUST_USE;
/*
 * Sends what was gathered once it is HF_SOON_MESSAGES or more: few enough for the other process to begin with them while
 * the next ones are made. The loop does so after each message that it hands out of this channel.
 */
#define HF_SOON_MESSAGES 4
void hf_channel_push(hf_channel *c);
/* Sends what was gathered and more of the queue: call when the socket is writable. Any thread. */
hf_err hf_channel_flush(hf_channel *c) HF_MUST_USE;
bool hf_channel_wants_write(const hf_channel *c);

/*
 * Takes the next whole message if there is one. *ret_got is false when more bytes are needed. HF_ERR_PEER_GONE at the
 * end, HF_ERR_MALFORMED for a frame that breaks the rules: free the channel then, never the process.
 */
hf_err hf_channel_receive(hf_channel *c, hf_message *ret, bool *ret_got) HF_MUST_USE;
/* Wipes the received bytes of the last message (it held secrets) and closes descriptors not taken. */
void hf_channel_release(hf_message *m);

/* Blocking forms for start-up code and one-shot programs; timeout in ms. HF_ERR_TIMEOUT. */
hf_err hf_channel_wait(hf_channel *c, int64_t timeout_ms, hf_message *ret) HF_MUST_USE;
hf_err hf_channel_drain(hf_channel *c, int64_t timeout_ms) HF_MUST_USE;

/*
 * The channel in a loop: on_message runs for each message (its fds and body are valid during the call),
 * on_end once with the cause; on_end must free the channel. At most 64 messages are taken per wake-up.
 */
typedef void (*hf_channel_message_fn)(void *arg, hf_message *m);
typedef void (*hf_channel_end_fn)(void *arg, hf_err cause);
hf_err hf_channel_attach(hf_channel *c, hf_loop *loop, hf_channel_message_fn on_message, hf_channel_end_fn on_end,
                         void *arg) HF_MUST_USE;

#endif
