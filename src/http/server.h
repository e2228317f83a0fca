/*
 * An HTTP/1.1 server on a loop: one thread, any number of connections up to a cap, one request in flight on each.
 *
 * While a request waits for its answer, or an answer waits to be sent, nothing more is read from that connection, so
 * what a client can make us hold is one request and one answer. Every deadline is absolute: it does not move with
 * each byte. At the cap the connection that has idled longest makes room; when none idles, the new one is closed.
 */
#ifndef HF_HTTP_SERVER_H
#define HF_HTTP_SERVER_H

#include "http/request.h"
#include "ipc/loop.h"
#include "tlsio/stream.h"

typedef struct hf_http_server hf_http_server;

/*
 * Called for each request, and for each refusal (r->refused). Must lead to one hf_http_respond with r->ref, now or
 * later; for a refusal, now.
 */
typedef void (*hf_http_handler_fn)(void *arg, const hf_http_request *r);

typedef struct hf_http_config {
    hf_loop *loop;
    int listen_fd; /* stays the caller's; may be shared with other threads; -1: hf_http_server_adopt only */
    const hf_tls_server *tls; /* NULL: plain */
    size_t max_connections;
    size_t body_max; /* bytes of one body */
    size_t bodies_max; /* bytes of all bodies held at once */
    int64_t header_ms; /* handshake; first byte of a request to the end of its head */
    int64_t body_ms; /* end of the head to the end of the body; also for an answer to be taken */
    int64_t idle_ms; /* between requests */
    hf_http_handler_fn handler;
    void *arg;
    /* May be NULL. False closes a new connection before its handshake. */
    bool (*admit)(void *arg, const uint8_t address[static 16]);
    /*
     * May be NULL. True: who connects from there is a trusted proxy; its connection begins with a PROXY protocol header
     * (proxy.h), and the client that this names is who counts from then on.
     */
    bool (*proxied)(void *arg, const uint8_t address[static 16]);
    /*
     * A handshake wants a signature. Leads to one hf_http_server_signed with ref, now or later; when none comes, the
     * handshake's deadline ends the connection. Not needed without TLS.
     */
    void (*sign)(void *arg, hf_http_ref ref, const hf_signing *question);
} hf_http_config;

hf_err hf_http_server_new(const hf_http_config *config, hf_http_server **ret) HF_MUST_USE;
void hf_http_server_free(hf_http_server *s);

/* Serves a connection that somebody else accepted. Takes fd. */
void hf_http_server_adopt(hf_http_server *s, int fd, const uint8_t address[static 16]);

/* New connections use this context from now on; the old one may be freed, connections hold what they need. */
void hf_http_server_set_tls(hf_http_server *s, const hf_tls_server *tls);

/* The signature that a handshake waits for; an empty one fails it. A connection that is gone is fine. */
void hf_http_server_signed(hf_http_server *s, hf_http_ref ref, hf_view signature);
/* Calls sign anew for every handshake that waits: who would have answered is gone, and another is there. */
void hf_http_server_sign_again(hf_http_server *s);
/* Fails every handshake that waits: nobody will answer. */
void hf_http_server_sign_fails(hf_http_server *s);

/* Connections are taken from this socket from now on; it stays the caller's, as the one before. */
void hf_http_server_set_listen(hf_http_server *s, int listen_fd);

/* Header lines, each ended by CRLF, that go out with every answer; copied, at most 1 KiB. HF_ERR_BOUNDS. */
hf_err hf_http_server_set_headers(hf_http_server *s, hf_view lines) HF_MUST_USE;

typedef struct hf_http_response {
    uint16_t status;
    const char *content_type; /* NULL: none */
    hf_view headers; /* further lines, each ended by CRLF */
    hf_view body; /* copied; wiped once sent */
    bool close;
} hf_http_response;

/* False when the connection is gone: the answer is dropped. */
bool hf_http_respond(hf_http_server *s, hf_http_ref ref, const hf_http_response *r);

/* No new connections; idle ones end now, the others after their answer. */
void hf_http_server_drain(hf_http_server *s);
size_t hf_http_server_connections(const hf_http_server *s);

/* The reason phrase of a status; "Unknown" when it has none here. */
const char *hf_http_reason(uint16_t status);

#endif
