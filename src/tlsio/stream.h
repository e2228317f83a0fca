/*
 * A connection's bytes: TLS 1.3 or, for a local socket, plain. Works on a non-blocking descriptor and never blocks.
 * A program that uses it must ignore SIGPIPE.
 */
#ifndef HF_TLSIO_STREAM_H
#define HF_TLSIO_STREAM_H

#include "base/buf.h"
#include "tlsio/remote_key.h"
#include "tlsio/server.h"

typedef enum hf_io {
    HF_IO_DONE,
    HF_IO_WANT_READ,  /* again when the descriptor is readable */
    HF_IO_WANT_WRITE, /* again when it is writable */
    HF_IO_WANT_SIGNATURE, /* again when hf_stream_question has its answer */
    HF_IO_WANT_JOB,   /* again when another handshake of this thread has got its signature or has ended */
    HF_IO_CLOSED      /* the peer ended the connection, or broke the protocol */
} hf_io;

typedef struct hf_stream {
    int fd;
    struct ssl_st *tls;  /* NULL: plain */
    hf_signing *signing; /* only until the handshake has its signature */
    bool dead;           /* TLS failed: nothing more may be written, not even a goodbye */
    unsigned key_updates;
} hf_stream;

/*
 * A peer may ask for new traffic keys this often on one connection; then it is cut, because each costs us and
 * not it.
 */
#define HF_TLS_KEY_UPDATES_MAX 64

/*
 * Takes fd (closed by hf_stream_close, and on failure). ret must stay where it is until it is closed.
 * server NULL: plain bytes.
 */
hf_err hf_stream_open(int fd, const hf_tls_server *server, hf_stream *ret) HF_MUST_USE;
/* Until HF_IO_DONE. At once for plain bytes. Always on the same thread. */
hf_io hf_stream_handshake(hf_stream *s);
/* What is to be signed, after HF_IO_WANT_SIGNATURE; NULL when no question is open. */
const hf_signing *hf_stream_question(const hf_stream *s);
/* The answer; an empty one fails the handshake. Then hf_stream_handshake goes on. */
void hf_stream_answer(hf_stream *s, hf_view signature);
/* SHA-256 of the certificate that the client showed and that was verified. False without one. */
bool hf_stream_client(const hf_stream *s, uint8_t ret_hash[static 32]);
/* *ret_more: more bytes are probably there already, read again before waiting. */
hf_io hf_stream_read(hf_stream *s, void *dst, size_t cap, size_t *ret_len, bool *ret_more);
/* May write less than len; call again with the rest, which may have moved. */
hf_io hf_stream_write(hf_stream *s, const void *src, size_t len, size_t *ret_len);
/* True when received bytes wait inside the stream, where epoll does not see them. */
bool hf_stream_buffered(const hf_stream *s);
/* Says goodbye (close_notify, FIN) as far as that goes without waiting; bytes can still arrive on the descriptor. */
void hf_stream_finish(hf_stream *s);
/* Throws away what still arrives; HF_IO_WANT_READ while the peer keeps its side open. */
hf_io hf_stream_discard(hf_stream *s, size_t *discarded);
void hf_stream_close(hf_stream *s);

#endif
