/* Private to src/http: one connection of a server. */
#ifndef HF_HTTP_CONN_H
#define HF_HTTP_CONN_H

#include "http/out.h"
#include "http/parse.h"
#include "http/proxy.h"
#include "http/server.h"

#define READ_BYTES 65536

typedef enum conn_phase {
    CONN_PROXY,    /* the header of a trusted proxy is to come */
    CONN_HANDSHAKE,
    CONN_READING,  /* between requests, or taking one in */
    CONN_WAITING,  /* the handler owes an answer */
    CONN_LINGERING /* all is said; the peer may still be sending */
} conn_phase;

/* What the current deadline is for. */
typedef enum conn_timed {
    TIMED_NOTHING,
    TIMED_HANDSHAKE,
    TIMED_IDLE,
    TIMED_HEAD,
    TIMED_BODY,
    TIMED_OUTPUT,
    TIMED_LINGER
} conn_timed;

typedef struct hf_http_conn {
    struct hf_http_server *server;
    hf_http_ref ref;
    hf_stream stream;
    hf_watch watch;
    hf_timer timer;
    hf_mono deadline;    /* the timer may be armed for earlier; it then moves itself */
    struct hf_http_conn *idle_prev, *idle_next; /* in the list of idle ones, oldest first */
    struct hf_http_conn *queue_prev, *queue_next; /* of handshakes that wait for a job */
    hf_proxy *proxy; /* only in CONN_PROXY */
    hf_http_parser parser;
    hf_view in;          /* received, not yet parsed: in the server's buffer while running, else in `saved` */
    uint8_t *saved;
    size_t saved_len;
    hf_http_out out;
    size_t discarded;
    conn_phase phase;
    conn_timed timed;
    bool idle;           /* in the idle list */
    bool running;        /* conn_run is on the stack */
    bool closing;        /* no request after the current answer */
    bool ended;          /* the peer sends nothing more */
    bool dead;           /* to be freed when conn_run returns */
    bool resume;         /* stopped for fairness with input at hand */
    bool wants_write;    /* TLS must write before it can go on */
    bool head_only;      /* the request was HEAD */
    bool queued;         /* in the queue of handshakes */
    bool asked;          /* the handshake's signature was asked for */
    bool has_cert;       /* the client showed a certificate, which was verified */
    uint8_t address[16];
    uint8_t cert_hash[32];
} hf_http_conn;

struct hf_http_server {
    hf_http_config config;
    hf_watch listen;
    hf_timer accept_pause;
    hf_http_pool pool;
    hf_http_conn **slots;     /* max_connections */
    uint32_t *generations;
    uint32_t *free_slots;
    size_t n_free;
    hf_http_conn *idle_head, *idle_tail;
    hf_http_conn *queue_head, *queue_tail;
    bool queue_running, queue_full; /* full: the handshake tried last got no job */
    bool draining;
    char headers[1024];
    size_t headers_len;
    size_t read_len; /* bytes in read_buffer that are still to be wiped */
    uint8_t read_buffer[READ_BYTES];
};

/* Starts a connection in a free slot; takes fd. proxied: it begins with the header of a proxy. */
void conn_start(hf_http_server *s, int fd, const uint8_t address[static 16], bool proxied);
/* Parses, answers, writes: as far as it goes. The connection may be gone afterwards. */
void conn_run(hf_http_conn *c, bool readable);
/* Puts an answer out; c->dead is set when it cannot be held. conn_run follows, unless it is on the stack already. */
void conn_answer(hf_http_conn *c, const hf_http_response *r);
/* Ends the connection at once, or when conn_run returns. */
void conn_drop(hf_http_conn *c);
/* Sets deadline, list and interest for what the connection now waits for. Only while c->running. */
void conn_settle(hf_http_conn *c);
void conn_settle_alone(hf_http_conn *c); /* outside a run; the connection may be gone afterwards */
/* All is said: takes what the peer still sends, for a moment, so that it gets to read our last words. */
void conn_linger(hf_http_conn *c);

/* ---- handshake.c: the connection may be gone afterwards ---- */
void conn_proxy(hf_http_conn *c);
void conn_handshake(hf_http_conn *c);
void conn_queue_leave(hf_http_conn *c); /* not this one */
void conn_queue_run(hf_http_server *s);

#endif
