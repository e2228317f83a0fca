/*
 * A connection's bytes: TLS 1.3 or, for a local socket, plain. Works on a non-blocking descriptor and never blocks.
 * A program that uses it must ignore SIGPIPE.
 */
#ifndef HF_TLSIO_STREAM_H
#define HF_TLSIO_STREAM_H

#include "base/buf.h"
#include "tlsio/server_key.h"

typedef struct hf_tls_server hf_tls_server;

/*
 * TLS 1.3 only; groups X25519MLKEM768, X25519, P-256; ALPN http/1.1 (another offer is refused with the alert
 * no_application_protocol, no offer is accepted); no tickets, no resumption, no early data, no renegotiation.
 * The key may be freed afterwards. One context serves all threads.
 */
hf_err hf_tls_server_new(const hf_server_key *key, hf_tls_server **ret) HF_MUST_USE;
/* Another owner of the same context; each frees its own. Any thread. */
hf_tls_server *hf_tls_server_share(hf_tls_server *s);
void hf_tls_server_free(hf_tls_server *s);

typedef enum hf_io {
    HF_IO_DONE,
    HF_IO_WANT_READ,  /* again when the descriptor is readable */
    HF_IO_WANT_WRITE, /* again when it is writable */
    HF_IO_CLOSED      /* the peer ended the connection, or broke the protocol */
} hf_io;

typedef struct hf_stream {
    int fd;
    struct ssl_st *tls; /* NULL: plain */
    bool dead;          /* TLS failed: nothing more may be written, not even a goodbye */
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
/* Until HF_IO_DONE. At once for plain bytes. */
hf_io hf_stream_handshake(hf_stream *s);
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
