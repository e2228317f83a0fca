/* Private to src/http: one connection of a server. */
#ifndef HF_HTTP_CONN_H
#define HF_HTTP_CONN_H

#include "http/out.h"
#include "http/parse.h"
#include "http/server.h"

#define READ_BYTES 65536

typedef enum conn_phase {
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
    uint8_t address[16];
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
    bool draining;
    char headers[1024];
    size_t headers_len;
    size_t read_len; /* bytes in read_buffer that are still to be wiped */
    uint8_t read_buffer[READ_BYTES];
};

/* Starts a connection in a free slot; takes fd. */
void conn_start(hf_http_server *s, int fd, const uint8_t address[static 16]);
/* Parses, answers, writes: as far as it goes. The connection may be gone afterwards. */
void conn_run(hf_http_conn *c, bool readable);
/* Puts an answer out; c->dead is set when it cannot be held. conn_run follows, unless it is on the stack already. */
void conn_answer(hf_http_conn *c, const hf_http_response *r);
/* Ends the connection at once, or when conn_run returns. */
void conn_drop(hf_http_conn *c);

#endif
