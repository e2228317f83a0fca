/*
 * The gateway: TLS, HTTP and JSON on one side, typed messages to core on the other. It decides nothing about
 * rights; the bearer token goes to core with each request.
 *
 * Threads: the main thread talks to the supervisor; each lane is a thread with its own event loop, HTTP servers and
 * channel to core. Lanes share the limits and the failure counts, which have locks of their own, and nothing else.
 */
#ifndef HF_GATEWAY_GATEWAY_H
#define HF_GATEWAY_GATEWAY_H

#include "gateway/failures.h"
#include "gateway/front.h"
#include "gateway/json_in.h"
#include "gateway/json_out.h"
#include "gateway/limit.h"
#include "gateway/pending.h"
#include "gateway/request_log.h"
#include "http/server.h"
#include "ipc/channel.h"
#include "proto/gen/messages.h"
#include "sys/sandbox.h"
#include <pthread.h>
#include <stdatomic.h>

#define GATEWAY_LANES_MAX 64
#define GATEWAY_BODY_MAX (2u << 20)
#define GATEWAY_SCRATCH_BYTES (2u << 20) /* decoded fields of one request: never more than its body */
#define GATEWAY_STOP_MS 5000

#define HTTP_STATUS_FIRST 100
#define HTTP_STATUS_END 600

typedef struct gateway gateway;

/* A certificate whose private key core must show to have before it is used. Lane 0 asks; the main thread owns it. */
typedef struct trial {
    front *front; /* what is used from then on */
    const hf_certificate *certificate;
    uint8_t input[HF_TLS_INPUT_MAX];
    size_t input_len;
    hf_err result;
    atomic_bool ended; /* result is there, and lane 0 has let go of this */
} trial;

/* What the main thread wants of a lane; taken at the lane's next turn. */
typedef struct lane_mail {
    pthread_mutex_t lock;
    atomic_bool waiting;
    int core_fd;         /* -1: none */
    front *front;        /* NULL: none */
    trial *trial;        /* lane 0 only; NULL: none */
    bool stop;
} lane_mail;

/* The last answer to STATUS, so that health checks do not load core. */
typedef struct status_cache {
    hf_mono until;
    unsigned era; /* of the gateway, when core was asked */
    uint8_t state; /* as core numbers them: 1 sealed, 2 open, 3 failed */
    bool degraded;
    uint64_t uptime_ms, keys;
    char why[513], version[65];
} status_cache;

typedef struct lane {
    gateway *gateway;
    uint32_t number;
    pthread_t thread;
    hf_loop *loop;
    front *front; /* a share */
    trial *trial; /* being asked about */
    hf_http_server *https;
    hf_http_server *local;   /* plain HTTP on the local socket; NULL without one */
    hf_http_server *metrics; /* plain HTTP for GET /metrics alone; lane 0, NULL without such a listener */
    hf_channel *core;      /* NULL: core is gone */
    pending_table *pending;
    hf_timer tick;
    hf_mono failures_due;
    hf_mono stop_at; /* 0: not stopping */
    int64_t date_s;  /* the second that the Date header shows */
    lane_mail mail;
    status_cache status;
    request_log_state log;
    /* Written by this lane alone, read by whichever answers /metrics. */
    atomic_ullong responses[HTTP_STATUS_END - HTTP_STATUS_FIRST];
    atomic_ullong open_connections; /* at its last tick */
    uint32_t batches; /* that are being answered */
    /* Working memory of the request being read or answered; wiped after it. */
    json_pool json;
    json_out out;
    uint8_t *scratch, *message;
    uint8_t random[256];
    size_t random_left;
} lane;

struct gateway {
    struct hf_config_gateway config;
    hf_protections protections;
    int local_fd, metrics_fd; /* -1 without a local socket, a listener for metrics */
    front *front;   /* in use */
    trial *trial;   /* the next one; NULL: none */
    front *waiting; /* one that came while the trial was on */
    bool ready;     /* the supervisor was told */
    hf_loop *loop;
    hf_channel *supervisor;
    limit *requests, *connections;
    failures *failures;
    lane *lanes[GATEWAY_LANES_MAX];
    uint32_t n_lanes, next_lane;
    atomic_uint lanes_running;
    atomic_uint
        status_era; /* goes on when a lane saw the HSM sealed or opened: what others remember of it is old then */
    pthread_barrier_t gate; /* passed twice: when all threads run, and when the sandbox is complete */
    bool stopping;
};

/* ---- lane.c ---- */
hf_err lane_new(gateway *g, uint32_t number, lane **ret) HF_MUST_USE;
/* The thread: serves until told to stop. */
void *lane_run(void *arg);
/* From the main thread. Takes fd, or a share of front; a trial stays the main thread's. */
void lane_send_core(lane *l, int fd);
void lane_send_front(lane *l, front *f);
void lane_send_trial(lane *l, trial *t);
void lane_send_stop(lane *l);

/* ---- dispatch.c ---- */
/* One HTTP request or refusal; the servers of a lane call it. */
void dispatch_request(lane *l, hf_http_server *server, const hf_http_request *r);
/* Counts one request against the address's rate. HF_ERR_RATE, with the time to wait. */
hf_err dispatch_admit(lane *l, const hf_http_request *r, uint32_t *reterr_wait_s) HF_MUST_USE;
/* One message of core. HF_ERR_MALFORMED when it breaks the rules: the channel ends. */
hf_err dispatch_answer(lane *l, hf_message *m) HF_MUST_USE;
/* Answers requests whose time is over; with all, every one, because core is gone. */
void dispatch_expire(lane *l, hf_err why, bool all);

/* ---- handshake.c: on the lane's thread ---- */
void handshake_ask(void *arg, hf_http_ref ref, const hf_signing *question);
bool handshake_is_answer(uint64_t id);
/* One message of core with such an id. HF_ERR_MALFORMED when it breaks the rules. */
hf_err handshake_answer(lane *l, const hf_message *m) HF_MUST_USE;
void handshake_try(lane *l, trial *t);
void handshake_core_new(lane *l);
void handshake_end_if_alone(lane *l);

/* ---- supervisor.c ---- */
hf_err supervisor_attach(gateway *g) HF_MUST_USE;
/* Puts a certificate to the test; it is used once core has shown to have its key. Takes f. */
void supervisor_try(gateway *g, front *f);
/* After each turn of the main loop: the end of a trial. */
void supervisor_turn(gateway *g);

#endif
