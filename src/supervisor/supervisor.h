/*
 * The supervisor: starts, wires, restarts and stops the other processes. One thread, one event loop; it waits on nothing but
 * the short config processes.
 *
 *   child.c     one process: start, watch, restart with back-off
 *   wiring.c    what a new process is told, and the socket pairs between two of them
 *   requests.c  what core asks of the supervisor
 *   unsealer.c  holdfast-unseal, when core wants the root key
 *   tls_key.c   the gateway's private key, from its file to core
 *   reload.c    SIGHUP and new keysets: a new verifier beside the old one
 *   stop.c      the order of the end
 */
#ifndef HF_SUPERVISOR_SUPERVISOR_H
#define HF_SUPERVISOR_SUPERVISOR_H

#include "ipc/channel.h"
#include "proto/gen/messages.h"
#include "supervisor/files.h"
#include "supervisor/settings.h"
#include "sys/sandbox.h"

struct supervisor;

/* ---- child.c ---- */

#define CRASHES_MAX 5                            /* this many ... */
#define CRASH_WINDOW_NS (60 * HF_NS_PER_S)       /* ... within this time: it stays down */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 30000

/* When a process that keeps dying is started again. Pure: the time is an argument. */
struct backoff {
    hf_mono crash[CRASHES_MAX]; /* the last ones, as a ring */
    uint32_t crashes;           /* in all */
    int64_t delay_ms;           /* of the last restart */
};
/*
 * Counts a crash of a process that was started at `started`. True: start it again *ret_delay_ms after `now`; false: it stays
 * down. The delay doubles; it begins anew when the process had run for the whole window.
 */
bool backoff_next(struct backoff *b, hf_mono started, hf_mono now, int64_t *ret_delay_ms);

/* One process. Lives on the heap; it is gone when it has both ended and closed its channel. */
struct child {
    struct supervisor *sup;
    hf_peer_role role;
    hf_channel *channel; /* NULL: none now */
    pid_t pid;
    int pidfd; /* -1: no process */
    hf_watch end_watch;
    hf_timer timer; /* the next start; of a retiring one: patience ends */
    hf_mono started;
    struct backoff backoff;
    struct body protections; /* of its last READY */
    uint32_t starts;
    struct program_end end;
    bool ready;
    bool down;     /* crashed too often */
    bool retiring; /* replaced: freed when gone, never restarted */
    bool stop_sent;
};

struct child *child_new(struct supervisor *sup, hf_peer_role role); /* NULL: no memory */
/* Starts it and tells it what it needs; a failure counts as a crash. */
void child_start(struct child *c);
/* Takes it out of service: STOP, and SIGKILL after two seconds. The child frees itself; NULL is fine. */
void child_retire(struct child *c);
void child_kill(struct child *c, const char *why);
bool child_alive(const struct child *c);
/* Sends; a child that cannot take it is killed. NULL or a dead child: nothing happens. */
void child_send(struct child *c, uint16_t type, uint64_t id, hf_view body, const int *fds, size_t n_fds);
void child_send_empty(struct child *c, uint16_t type);

/* ---- the whole ---- */

typedef enum phase { PHASE_STARTING, PHASE_SERVING, PHASE_STOPPING } phase;

/* States that core reports in CORE_STATE. */
enum { CORE_IS_SEALED = 1, CORE_IS_OPEN = 2, CORE_IS_FAILED = 3 };

struct unsealer {
    int pidfd; /* -1: none runs */
    hf_watch end_watch;
    hf_timer retry;
    hf_timer patience; /* for one that hangs */
    uint32_t failures; /* in a row */
    bool killed;       /* by us: its end says nothing about the seal */
    bool wanted_again; /* core asked while it still ran */
};

/* The config process that brings core the private key of the gateway's certificate. */
struct tls_key {
    int pidfd; /* -1: none runs */
    hf_watch end_watch;
    bool again;  /* the file may have changed since it was opened */
    bool killed; /* by us */
};

/* A keyset that core is asked about before it counts. */
struct renewal {
    struct child *verifier;     /* the new one; NULL: none under way */
    struct settings next;       /* takes effect with it; only with has_settings */
    bool has_settings;
    bool core_has_keyset;       /* core itself sent the keyset: it need not be asked */
    uint64_t asked_id;          /* 0: not asked yet */
    hf_timer patience;
};

struct supervisor {
    struct options options;
    struct programs programs;
    struct files files;
    struct settings settings;
    hf_protections protections;
    hf_loop *loop;
    int listen_fd;
    int local_fd; /* -1 without a local socket */
    int metrics_fd; /* -1 without a listener for metrics */
    int ring_fd;  /* core's audit ring; -1 before there is one */
    uint64_t ring_bytes;
    struct child *child[PROGRAM_ROLES]; /* by role: core, store, verifier, gateway */
    struct unsealer unsealer;
    struct tls_key tls_key;
    struct renewal renewal;
    hf_watch signals;
    hf_timer patience; /* names who is late at the start, and ends the stop */
    phase phase;
    uint8_t core_state;
    char unseal_key[65];   /* fingerprint that core reported, hexadecimal; empty: none */
    bool unseal_key_shown;
    hf_mono gateway_alarms_since; /* the minute that counts them */
    uint32_t gateway_alarms;
    int exit_code;
    uint64_t last_id;
};

/* The processes in the order in which they are started. */
#define SERVED_ROLES 4
extern const hf_peer_role start_order[SERVED_ROLES];

/* ---- wiring.c ---- */
void wiring_greet(struct child *c);                  /* a process that was just started */
void wiring_connect(struct supervisor *s, struct child *a, struct child *b); /* new channels between two live ones */
void wiring_neighbours(struct child *c);             /* with every live process that it talks to */
void wiring_tell_core(struct child *c);
void wiring_gateway_files(struct supervisor *s);     /* certificate, authorities and sockets, to a running gateway */

/* ---- requests.c ---- */
/* A message of a child. HF_ERR_MALFORMED or HF_ERR_DENIED: it broke the rules and is killed. */
hf_err request_handle(struct child *c, hf_message *m) HF_MUST_USE;
/* After READY or a new state of core: prints `holdfastd: ready` once all serve. */
void serving_check(struct supervisor *s);
/* Something that a human must look at: into the log, and by core into the audit. */
void alarm_raise(struct supervisor *s, const char *format, ...) HF_PRINTF(2, 3);

/* ---- unsealer.c ---- */
void unsealer_init(struct supervisor *s);
void unsealer_run(struct supervisor *s);
void unsealer_end(struct supervisor *s);
/* Reads from the configuration which seal it names now, and tells core when it is another one. */
void unsealer_learn_kind(struct supervisor *s);
void unsealer_tell_kind(struct supervisor *s);
/* Kinds that open without a human: a start is complete only when they have. */
bool seal_opens_alone(const char *kind);

/* ---- tls_key.c ---- */
void tls_key_init(struct supervisor *s);
/* Core gets the key, and once it has it a serving gateway gets the certificate that goes with it. */
void tls_key_run(struct supervisor *s);
void tls_key_end(struct supervisor *s);

/* ---- reload.c ---- */
void reload_run(struct supervisor *s);
/* A keyset that core already accepted: a new verifier for it. */
void reload_keyset_accepted(struct supervisor *s);
void reload_verifier_ready(struct supervisor *s);
void reload_verifier_failed(struct supervisor *s);
void reload_core_answered(struct supervisor *s, uint64_t id, hf_err answer);
/* why NULL: without an alarm, because everything ends. */
void reload_abort(struct supervisor *s, const char *why);

/* ---- stop.c ---- */
/* Ends everything in order, then the loop. The first call decides the exit code. */
void stop_begin(struct supervisor *s, int exit_code);
void stop_next(struct supervisor *s);

#endif
