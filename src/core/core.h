/*
 * The core process: every HSM key, the decisions, the audit chain.
 *
 * Threads: `lanes`, each with an event loop on a stack in the arena. One lock guards all state here; it is released
 * around key operations only. Functions say "locked" when the caller holds it. Lane 0 also serves the supervisor,
 * the store, the verifier and the timers.
 */
#ifndef HF_CORE_CORE_H
#define HF_CORE_CORE_H

#include "audit/ring.h"
#include "audit/segment.h"
#include "ipc/channel.h"
#include "policy/limits.h"
#include "policy/rbac.h"
#include "proto/gen/messages.h"
#include "records/anchor.h"
#include "records/epoch_file.h"
#include "records/key_record.h"
#include "records/manifest.h"
#include "sys/sandbox.h"
#include <pthread.h>

#define CORE_PEERS_MAX 40
#define CORE_LANES_MAX 16
#define CORE_PARKED_MAX 4096
#define CORE_PROCESSES_MAX 8

/* Ids of the questions to the supervisor: its ACK carries them back. */
enum { CORE_ACK_ANCHOR = 1, CORE_ACK_EPOCH = 2, CORE_ACK_KEYSET = 3 };

typedef struct core core;
typedef struct lane lane;
typedef struct request request;
typedef struct key_entry key_entry;
typedef struct change change;

typedef enum core_state { CORE_SEALED = 1, CORE_OPEN = 2, CORE_FAILED = 3 } core_state;

/* One channel. Its role never changes; `generation` tells a reply's peer from a later one in the same slot. */
typedef struct peer {
    core *core;
    lane *lane;
    hf_channel *channel; /* NULL: slot free */
    hf_peer_role role;
    uint32_t slot, generation;
    uint32_t parked; /* requests of this peer that wait */
} peer;

struct lane {
    core *core;
    uint32_t number;
    hf_loop *loop;
    uint8_t *reply; /* HF_MESSAGE_MAX_BYTES, wiped after use */
};

/* Who asks, once the token is judged. */
typedef struct actor {
    char subject[129];
    uint32_t roles;
} actor;

/* A request that waits for a verdict, a key or the store. Owns a copy of its body. */
struct request {
    request *next;
    uint32_t peer_slot, peer_generation;
    uint64_t id;
    const hf_message_row *row;
    hf_view body;
    bool owned;       /* body and the request itself are on the heap */
    bool rate_taken;  /* it has paid its actor's rate */
    uint8_t attempts; /* times it was run */
    hf_mono deadline;
};

typedef struct request_queue {
    request *head, **tail;
    size_t len;
} request_queue;

/* ---- parts, each in its own file ---- */

typedef struct verdict_cache verdict_cache;
typedef struct key_index key_index;
typedef struct key_cache key_cache;
typedef struct failure_table failure_table;

typedef struct keyset {
    uint64_t generation;
    uint8_t *rows; /* encoded list, as the MAC covers it */
    size_t rows_len;
    uint8_t mac[32];
    bool checked; /* the MAC was right; nothing is allowed before */
} keyset;

/* The audit: chain, ring, and how far it is in the store. */
typedef struct journal {
    struct hf_audit_chain chain;  /* newest record */
    struct hf_audit_chain sealed; /* newest record in a stored segment */
    uint64_t segment_index;
    struct hf_ring ring;
    struct hf_ring_reader reader;
    int ring_fd;
    hf_mono oldest_unsealed;
    hf_key *sign_key;
    uint8_t *stored_tail; /* TAIL row and old ring entries to take over, NULL when none */
    size_t stored_tail_len;
    bool ring_taken;     /* stored_tail came from an earlier core's ring */
    uint64_t *tail_rows; /* versions of the TAIL rows that the next transaction deletes */
    size_t n_tail_rows;
} journal;

/* The transaction under way and the one that may follow it. */
typedef struct commit {
    bool in_flight;
    uint8_t *message; /* encoded STORE_COMMIT, kept so that it can be sent again to a restarted store */
    size_t len;
    uint64_t id;
    struct hf_manifest next_manifest;
    struct hf_set_hash next_set;
    struct hf_audit_chain next_sealed;
    uint64_t next_segment_index;
    change *current; /* NULL when only audit is written */
    change *pending; /* the next one; built against the state that `current` leaves */
    bool reserved;   /* kept for a change that is being prepared over several steps (keyset, epoch); others wait */
    hf_mono retry_at;
} commit;

struct core {
    pthread_mutex_t lock;
    core_state state;
    char why[512];
    bool stopping;
    bool opening;
    hf_mono started;
    pid_t supervisor_pid;

    struct hf_config_core config;
    hf_arena *arena;
    hf_protections protections;
    struct {
        char name[32];
        uint8_t *list; /* encoded protection_row records */
        size_t len;
        bool degraded;
    } processes[CORE_PROCESSES_MAX];

    lane lanes[CORE_LANES_MAX];
    pthread_barrier_t gate; /* passed twice: when all lanes exist, and when the filter is there */
    uint32_t n_lanes, next_lane;
    peer peers[CORE_PEERS_MAX];
    peer *supervisor, *store, *verifier, *unsealer;

    hf_root_keys *keys;
    struct hf_epoch_file epochs;
    struct hf_manifest manifest;
    struct hf_set_hash set;
    bool has_manifest;
    uint64_t newest_generation; /* that this process has seen stored: sealing does not forget it */
    bool has_saved_files, accept_rollback;
    uint8_t *saved_epoch, *saved_anchor;
    size_t saved_epoch_len, saved_anchor_len;
    bool anchor_busy, anchor_absent, anchor_wanted, epoch_busy;
    uint64_t anchored_generation;
    hf_mono anchor_at;

    keyset keyset;
    keyset next_keyset; /* being applied */
    verdict_cache *verdicts;
    key_index *index;
    key_cache *cache;
    hf_limits *limits;
    failure_table *failures;
    journal journal;
    commit commit;
    request_queue waiting_changes;
    request_queue waiting_keyset; /* at most one: until its file is on disk */
    actor keyset_actor;
    bool seal_wanted;
    struct durable_reply *durable_head, **durable_tail; /* replies that wait for their record to be stored */
    size_t parked;
    uint32_t busy; /* lanes inside a key operation, without the lock */
    struct hf_key_record *scratch;

    hf_timer tick, seal_timer;
    struct opening *open_step;
};

/* The lock is a plain mutex; these names exist so that a reader can search for them. */
void core_lock(core *c);
void core_unlock(core *c);
/* Around a key operation: gives the lock away and takes it back. */
void core_begin_work(core *c);
void core_end_work(core *c);
void core_fail(core *c, const char *format, ...)
    HF_PRINTF(2, 3); /* locked: state failed, who waits answered, keys wiped */
void core_set_state(core *c, core_state s, const char *why);     /* locked */

/* lanes.c */
lane *lane_here(void); /* of the calling thread: its reply buffer may be used */
/* Threads are made before the system call filter, which has no call for that, and run only after it. */
hf_err lanes_make(core *c) HF_MUST_USE;
void lanes_run(core *c);

/* peers.c */
hf_err peer_adopt(core *c, lane *l, hf_peer_role role, hf_channel *channel, peer **ret)
    HF_MUST_USE; /* takes channel on success */
hf_err peer_add(core *c, lane *l, hf_peer_role role, int fd, peer **ret) HF_MUST_USE; /* locked; takes fd */
void peer_send(peer *p, uint16_t type, uint64_t id, hf_view body); /* NULL is fine; a dead peer loses it */
void peer_end(peer *p, hf_err cause); /* locked, on its own lane: closes the channel and settles what hung on it */
peer *peer_find(core *c, uint32_t slot, uint32_t generation);

/* requests.c: locked */
hf_err request_park(core *c, request *r, request_queue *q) HF_MUST_USE; /* moves a copy into the queue */
request *request_take(request_queue *q);
void request_queue_init(request_queue *q);
void request_free(core *c, request *r);
void request_answer(core *c, const request *r, uint16_t type, hf_view body);
void request_fail(core *c, const request *r, hf_err e, const char *detail, uint32_t retry_after_s);
/* Runs every request of a queue again from its first step. */
void request_rerun_all(core *c, request_queue *q);
void requests_expire(core *c, hf_mono now);
void request_queue_fail(core *c, request_queue *q, hf_err e, const char *detail);

/* dispatch.c */
void dispatch_message(peer *p, hf_message *m);
void dispatch_run(core *c, lane *l, request *r); /* locked */

/* verdicts.c: locked */
typedef struct verdict {
    uint8_t token_hash[32];
    hf_err error;
    uint64_t keyset_generation;
    char kid[65], jti[129], subject[129];
    uint32_t roles;
    int64_t issued_s, not_before_s, expires_s;
    bool has_cert;
    uint8_t cert_hash[32];
} verdict;
hf_err verdicts_new(verdict_cache **ret) HF_MUST_USE;
void verdicts_clear(verdict_cache *v);
/*
 * The actor behind a request. HF_OK with *ret, or *ret_wait when the verifier was asked and r is parked, or the error to answer.
 */
hf_err verdicts_judge(core *c, request *r, const struct hf_head *head, hf_wall now, actor *ret, bool *ret_wait)
    HF_MUST_USE;
void verdicts_answer(core *c, const hf_message *m); /* VERDICT arrived */
void verdicts_verifier_gone(core *c);
void verdicts_verifier_new(core *c);
void verdicts_tick(core *c, hf_mono now);
/* Revocations in memory are those in the store, one a token: expired ones go when the next one comes (op_root.c). */
hf_err verdicts_revoke(core *c, const uint8_t id[static 16], int64_t expires_s) HF_MUST_USE;
bool verdicts_revoked(const core *c, const uint8_t id[static 16], int64_t *ret_expires_s);
bool verdicts_expired_revocation(const core *c, hf_wall now, uint8_t ret_id[static 16], int64_t *ret_expires_s);
bool verdicts_revocations_full(const core *c);
void verdicts_forget_revocation(core *c, const uint8_t id[static 16]);
void verdicts_fail_all(core *c, hf_err e);

/* keyset.c: locked */
hf_err keyset_offer(core *c, const struct hf_keyset *m)
    HF_MUST_USE; /* from the supervisor: checked now or at opening */
hf_err keyset_check(core *c) HF_MUST_USE; /* at opening */
hf_err keyset_find(const core *c, hf_view kid, struct hf_keyset_row *ret) HF_MUST_USE;
hf_err keyset_validate(hf_view rows, const char **reterr_why) HF_MUST_USE;
hf_err keyset_copy(keyset *dst, uint64_t generation, hf_view rows, const uint8_t mac[static 32]) HF_MUST_USE;
void keyset_clear(keyset *k);

/* index.c: locked */
struct key_entry {
    uint8_t id[16];
    uint8_t *blob; /* the KEY record as stored and authenticated */
    size_t len;
    hf_view name; /* into blob */
    hf_alg alg;
    uint32_t usage;
    hf_key_state state; /* active when a version is; else revoked, staged or destroyed */
    uint32_t version; /* the active one, else the highest */
    uint64_t generation;
    int64_t created_ns;
    uint32_t destroy_epoch;
    uint64_t uses; /* encryptions of the active version in this process */
    uint64_t uses_lease; /* may go up to here */
    bool lease_asked;
    struct wrap_ref {
        uint32_t version, epoch;
        uint8_t mac[HF_RECORD_MAC_BYTES];
    } *wraps;
    uint32_t n_wraps;
};
hf_err index_new(key_index **ret) HF_MUST_USE;
void index_free(key_index *ix);
/* Puts an authenticated record: new, or in place of the older generation. Copies blob. */
hf_err index_put(key_index *ix, const struct hf_key_record *rec, hf_view blob, key_entry **ret) HF_MUST_USE;
hf_err index_put_wrap(key_index *ix, const uint8_t id[static 16], uint32_t version, uint32_t epoch,
                      const uint8_t mac[static HF_RECORD_MAC_BYTES]) HF_MUST_USE;
void index_drop_wraps(key_entry *e);
key_entry *index_by_id(const key_index *ix, const uint8_t id[static 16]);
key_entry *index_by_name(const key_index *ix, hf_view name);
key_entry *index_find(const key_index *ix, hf_view key); /* UUID or name */
size_t index_count(const key_index *ix);
key_entry *index_at(const key_index *ix, size_t i); /* in order of creation */
const struct wrap_ref *index_wrap(const key_entry *e, uint32_t version);
/* The record of an entry, decoded into core's scratch: valid until the next call. */
hf_err index_record(core *c, const key_entry *e, struct hf_key_record **ret) HF_MUST_USE;

/* keycache.c: all locked */
typedef struct cached_key cached_key;
hf_err cache_new(size_t max_bytes, key_cache **ret) HF_MUST_USE;
/* A loaded key, held until cache_release; NULL when it is not in the cache. */
cached_key *cache_hold(key_cache *kc, const uint8_t id[static 16], uint32_t version);
void cache_release(core *c, cached_key *k);
const hf_key *cache_key(const cached_key *k);
hf_err cache_put(core *c, const uint8_t id[static 16], uint32_t version, hf_key *key) HF_MUST_USE; /* takes key */
void cache_drop(key_cache *kc, const uint8_t id[static 16]);
void cache_drop_all(key_cache *kc);

/* loading.c: a key version from the store into the cache; parks the request */
hf_err loading_start(core *c, request *r, const key_entry *e, uint32_t version) HF_MUST_USE;
void loading_rows(core *c, uint64_t id, const struct hf_store_rows *rows);
void loading_fail_all(core *c, hf_err e);

/* journal.c: locked */
hf_err journal_start(core *c) HF_MUST_USE; /* makes the ring; before the sandbox */
hf_err journal_append(core *c, struct hf_audit_record *rec) HF_MUST_USE;
void journal_note(core *c, uint16_t action, hf_err result, const char *actor_name,
                  const char *detail); /* our own events */
hf_err journal_payload_mac(core *c, const hf_view *parts, size_t n, uint8_t dst[static 16]) HF_MUST_USE;
bool journal_unsealed(const core *c);
/* Segments of what is not stored yet, as store ops into w; at most 8. */
hf_err journal_segments(core *c, hf_wall now, hf_writer *w, struct hf_audit_chain *ret_sealed, uint64_t *ret_index)
    HF_MUST_USE;

/* commit.c: locked */
struct change {
    request *request; /* answered when stored; NULL for core's own changes */
    uint8_t *ops; /* encoded store_op list */
    size_t ops_len, ops_cap;
    struct hf_set_hash set;
    uint64_t key_count;
    uint32_t epoch;
    uint64_t keyset_generation;
    uint64_t seq; /* its audit record */
    uint16_t reply_type;
    uint8_t *reply;
    size_t reply_len;
    hf_err (*apply)(core *c, change *ch); /* the state in memory follows the store */
    void (*finish)(core *c, change *ch, hf_err e);
    /* what apply needs */
    uint8_t id[16];
    uint8_t *blob; /* the new KEY record */
    size_t blob_len;
    uint32_t version, wrap_epoch;
    uint8_t wrap_mac[HF_RECORD_MAC_BYTES];
    bool has_wrap;
    hf_key *key; /* loaded, for the cache */
    int64_t expires_s;
    uint8_t expired_id[16]; /* a revocation that goes */
    bool has_expired;
};
bool commit_slot_free(const core *c);
void commit_reserve(core *c);
void commit_unreserve(core *c); /* and whoever waited goes on */
void commit_abandon(core *c, hf_err e); /* core has failed: answers the changes under way */
hf_err change_new(core *c, change **ret) HF_MUST_USE; /* starts from the state that is current */
void change_free(change *ch);
hf_err change_put(change *ch, uint8_t kind, const uint8_t id[static 16], uint64_t version, hf_view blob) HF_MUST_USE;
hf_err change_delete(change *ch, uint8_t kind, const uint8_t id[static 16], uint64_t version) HF_MUST_USE;
hf_err change_set_add(core *c, change *ch, uint8_t kind, const uint8_t id[static 16], uint64_t version,
                      const uint8_t *mac) HF_MUST_USE;
hf_err change_set_remove(core *c, change *ch, uint8_t kind, const uint8_t id[static 16], uint64_t version,
                         const uint8_t *mac) HF_MUST_USE;
hf_err change_reply(change *ch, uint16_t type, hf_view body) HF_MUST_USE;
void commit_submit(core *c, change *ch); /* takes it; its audit record is already in the journal */
void commit_pump(core *c);
void commit_done(core *c, uint64_t id, hf_err e, hf_view why);
void commit_store_gone(core *c);
void commit_store_back(core *c); /* a new store process: what became of the transaction in flight? */
void commit_manifest_row(core *c, const struct hf_store_rows *rows);
void anchor_pump(core *c, bool now);

/* durable.c: replies that leave only when their audit record is stored; locked */
void durable_init(core *c);
hf_err durable_wait(core *c, const request *r, uint16_t type, hf_view body, uint64_t seq) HF_MUST_USE;
void durable_stored(core *c, uint64_t seq);
void durable_expire(core *c, hf_mono now);
void durable_fail_all(core *c, hf_err e);

/* opening.c: locked */
hf_err opening_start(core *c, hf_secret *root) HF_MUST_USE; /* takes root */
void opening_rows(core *c, const struct hf_store_rows *rows);
void opening_store_back(core *c);
void opening_abort(core *c);
void opening_drop(core *c); /* core has failed meanwhile */
void core_seal(core *c);
void core_forget_keys(core *c); /* frees, and so wipes, every key; what a lane is using goes when it is done */
hf_err epochs_write(core *c) HF_MUST_USE; /* asks the supervisor to put c->epochs on disk; transactions wait for it */

void audit_fail_all(core *c, hf_err e); /* op_audit.c: the store is gone */
void epoch_abort(core *c, hf_err e); /* op_epoch_rotate.c: the same, or failed; a new request goes on */
void epoch_resume(core *c); /* at opening: a rotation that was cut off goes on */

/* failures.c: locked */
hf_err failures_new(failure_table **ret) HF_MUST_USE;
void failures_count(core *c, const uint8_t address[static 16], hf_err reason, uint32_t n);
void failures_tick(core *c, hf_mono now);

/* sandbox_rules.c */
extern const hf_syscall_rule core_syscalls[];
extern const size_t core_syscall_count;

/* boot.c: messages of the supervisor, at start and later; locked */
void boot_supervisor_message(core *c, hf_message *m);
void boot_hand_over_ring(core *c); /* to supervisor and store, once it holds what the last run left */
bool boot_complete(const core *c); /* everything that must be here before the lanes run */
void stop_if_done(core *c); /* ends the process once everything is stored and anchored */

/* anchor.c */
void anchor_acknowledged(core *c, hf_err e);

#endif
