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
typedef struct slow_job slow_job;
typedef struct slow_worker slow_worker;
typedef struct answer_table answer_table;
typedef struct tls_keys tls_keys;
typedef struct core_metrics core_metrics;

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
typedef struct session session;
typedef struct actor {
    char subject[129];
    uint32_t roles;
    session *session; /* whose token it was; NULL: one of the keyset's. Only until the lock is given away */
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
    uint8_t token_hash[32]; /* SHA-256 of its token */
    uint8_t wanted_hash[32]; /* of the token whose verdict it waits for */
    bool asks_subject;       /* that is the token that it asks about, not its own */
    bool subject_refused;    /* and it is not good */
    slow_job *slow;   /* owned: what the slow worker made for it */
    hf_mono deadline;
};

typedef struct request_queue {
    request *head, **tail;
    size_t len;
} request_queue;

/* ---- parts, each in its own file ---- */

typedef struct verdict_cache verdict_cache;
typedef struct revocations revocations;
typedef struct session_table session_table;
typedef struct key_index key_index;
typedef struct key_cache key_cache;
typedef struct failure_table failure_table;
typedef struct unsealing unsealing;
typedef struct kept_events kept_events;

typedef struct keyset {
    uint64_t generation;
    uint8_t *rows; /* encoded list, as the MAC covers it */
    size_t rows_len;
    hf_secret *locked; /* owns rows when one of them has a shared secret; NULL: they are on the heap */
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
    struct journal_macs *macs; /* loaded at the first record after opening */
    bool chained; /* `chain` goes on from what the store has: until then nothing is appended */
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
    change *current; /* in flight, a list; NULL when only audit is written */
    change *pending; /* the next ones, in the order of their audit records */
    size_t n_pending, pending_bytes;
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
    char issuer[257], audience[257]; /* what config's views show */
    hf_arena *arena;
    hf_protections protections;
    struct {
        char name[32];
        uint8_t *list; /* encoded protection_row records */
        size_t len;
        bool degraded;
        uint32_t starts;
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
    core_metrics *metrics;
    verdict_cache *verdicts;
    revocations *revocations;
    session_table *sessions;
    key_index *index;
    key_cache *cache;
    hf_limits *limits;
    failure_table *failures;
    answer_table *answers;
    tls_keys *tls_keys;
    slow_worker *slow;
    unsealing *unsealing; /* unsealing.h */
    kept_events *kept;
    journal journal;
    commit commit;
    request_queue waiting_changes;
    request_queue waiting_keyset; /* at most one: until its file is on disk */
    actor keyset_actor;
    bool seal_wanted;
    struct durable_reply *durable_head, **durable_tail; /* replies that wait for their record to be stored */
    size_t parked;
    uint32_t busy; /* lanes inside a key operation, without the lock */
    uint32_t shaking; /* of them, those that sign a TLS handshake: they look at nothing that an opening replaces */
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
void peers_flush(core *c); /* locked: the answers that wait for the end of their lane's turn leave now */
void peer_end(peer *p, hf_err cause); /* locked, on its own lane: closes the channel and settles what hung on it */
peer *peer_find(core *c, uint32_t slot, uint32_t generation);

/* requests.c: locked */
hf_err request_park(core *c, request *r, request_queue *q) HF_MUST_USE; /* moves a copy into the queue */
request *request_take(request_queue *q);
void request_queue_init(request_queue *q);
void request_free(core *c, request *r);
void request_answer(core *c, const request *r, uint16_t type, hf_view body);
void request_fail(core *c, const request *r, hf_err e, const char *detail, uint32_t retry_after_s);
/* Answers those whose deadline has passed. NULL detail: the error's own text. */
void request_queue_expire(core *c, request_queue *q, hf_mono now, const char *detail);
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
    uint64_t keyset_generation;
    hf_err by_keyset; /* HF_OK, or what its key may not say */
    char kid[65], jti[129], subject[129];
    uint32_t roles;
    int64_t issued_s, not_before_s, expires_s;
    bool has_cert, has_jti;
    uint8_t cert_hash[32];
    uint8_t revocation_id[16]; /* of its jti */
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
void verdicts_fail_all(core *c, hf_err e);
const verdict *verdicts_known(const core *c, const uint8_t hash[static 32]); /* by SHA-256 of the token; NULL */
hf_err verdicts_holds(const core *c, const verdict *v, hf_wall now) HF_MUST_USE; /* now, whoever shows it */
/* Parks r until there is a verdict on the token that it asks about; when that is bad, r runs with subject_refused. */
hf_err verdicts_ask_subject(core *c, request *r, const uint8_t hash[static 32], bool *ret_wait) HF_MUST_USE;

/*
 * revocations.c: locked. Those in memory are those in the store, one a token: expired ones go when the next one comes
 * (op_root.c).
 */
hf_err revocations_new(revocations **ret) HF_MUST_USE;
hf_err revocations_add(core *c, const uint8_t id[static 16], int64_t expires_s) HF_MUST_USE;
void revocations_remove(core *c, const uint8_t id[static 16]);
bool revocations_has(const core *c, const uint8_t id[static 16]);
bool revocations_find(const core *c, const uint8_t id[static 16], int64_t *ret_expires_s);
bool revocations_expired(const core *c, hf_wall now, uint8_t ret_id[static 16], int64_t *ret_expires_s);
bool revocations_full(const core *c);

/* sessions.c: locked; see sessions.h */
hf_err sessions_new(session_table **ret) HF_MUST_USE;
hf_err sessions_start(core *c) HF_MUST_USE; /* at opening: a new key */
void sessions_forget(core *c);              /* at sealing: key and sessions */
void sessions_tick(core *c, hf_mono now);
void sessions_revoked(core *c, const uint8_t id[static 16]); /* a token's revocation_id */
void sessions_keyset_changed(core *c);

/* keyset.c: locked */
hf_err keyset_offer(core *c, const struct hf_keyset *m)
    HF_MUST_USE; /* from the supervisor: checked now or at opening */
hf_err keyset_check(core *c) HF_MUST_USE; /* at opening */
hf_err keyset_find(const core *c, hf_view kid, struct hf_keyset_row *ret) HF_MUST_USE;
hf_err keyset_validate(hf_view rows, bool hs256, const char **reterr_why) HF_MUST_USE;
/* May a token that this key signed speak for this subject with these roles? HF_ERR_TOKEN_REVOKED: there is no such key. */
hf_err keyset_allows(const core *c, hf_view kid, const char *subject, uint32_t roles) HF_MUST_USE;
/*
 * Shared secrets (HS256) never leave core but to the keyset file: shown is a fingerprint, which only core can compute.
 * hidden: the rows with fingerprints. resolve: the rows with the secrets that the keyset in force has for them.
 */
hf_err keyset_hidden(const core *c, hf_writer *w) HF_MUST_USE;
hf_err keyset_resolve(const core *c, hf_view rows, hf_writer *w, const char **reterr_why) HF_MUST_USE;
hf_err keyset_lock(core *c) HF_MUST_USE; /* once there is an arena: secrets that came before it move there */
hf_err keyset_copy(keyset *dst, uint64_t generation, hf_view rows, const uint8_t mac[static 32]) HF_MUST_USE;
void keyset_clear(keyset *k);

/* index.c: locked, but where it says otherwise */
struct wrap_ref {
    uint32_t version, epoch;
    uint8_t mac[HF_RECORD_MAC_BYTES];
};
struct key_entry {
    uint8_t id[16];
    uint8_t *blob; /* the KEY record as stored and authenticated */
    union {
        struct wrap_ref one;
        struct wrap_ref *many;
    } wraps; /* see index_wraps */
    int64_t created_ns;
    uint64_t uses; /* encryptions of the active version in this process */
    uint64_t uses_lease; /* may go up to here */
    uint32_t len; /* of blob */
    uint32_t n_wraps;
    uint32_t version; /* the active one, else the highest */
    uint32_t destroy_epoch;
    uint8_t alg; /* hf_alg */
    uint8_t usage; /* HF_USE_ bits */
    uint8_t state; /* hf_key_state: active when a version is; else revoked, staged or destroyed */
    uint8_t origin; /* hf_origin */
};
hf_err index_new(key_index **ret) HF_MUST_USE;
void index_free(key_index *ix);
/* Puts an authenticated record: new, or in place of the older generation. Copies blob. */
hf_err index_put(key_index *ix, const struct hf_key_record *rec, hf_view blob, key_entry **ret) HF_MUST_USE;
hf_err index_put_wrap(key_index *ix, const uint8_t id[static 16], uint32_t version, uint32_t epoch,
                      const uint8_t mac[static HF_RECORD_MAC_BYTES]) HF_MUST_USE;
void index_drop_wraps(key_entry *e);
/* Puts all keys in order of creation. Moves entries: only while nobody holds one, at opening. */
hf_err index_sort(key_index *ix) HF_MUST_USE;
/* Gives back the room of texts that were replaced; only while no list is being made (no lane at work). */
hf_err index_tidy(key_index *ix) HF_MUST_USE;
key_entry *index_by_id(const key_index *ix, const uint8_t id[static 16]);
key_entry *index_by_name(const key_index *ix, hf_view name);
key_entry *index_find(const key_index *ix, hf_view key); /* UUID or name */
size_t index_count(const key_index *ix);
key_entry *index_at(const key_index *ix, size_t i); /* in order of creation */
const struct wrap_ref *index_wrap(const key_entry *e, uint32_t version);
const struct wrap_ref *index_wraps(const key_entry *e); /* e->n_wraps of them */
/* The record of an entry, decoded into core's scratch: valid until the next call. */
hf_err index_record(core *c, const key_entry *e, struct hf_key_record **ret) HF_MUST_USE;
/* The same without computing its MAC again: for what is only shown. */
hf_err index_read(core *c, const key_entry *e, struct hf_key_record **ret) HF_MUST_USE;
/* What the versions of a record say about the key as a whole. */
struct key_summary {
    hf_key_state state; /* active while a version is */
    uint32_t version, destroy_epoch;
    uint64_t nonce_lease;
};
struct key_summary index_summary(const struct hf_key_record *rec);
/* What a list asks for; zeros and empty views select everything. */
struct key_filter {
    uint16_t alg;
    uint8_t state;
    hf_view tags; /* all of them */
    hf_view search; /* part of the name, whatever its case; at most HF_KEY_NAME_MAX bytes count */
};
/*
 * Among the first `count` keys, newest first: how many are selected, and the positions of those from the first'th on. May run
 * without the lock between core_begin_work and core_end_work, with the count that index_count gave under it.
 */
uint64_t index_select(const key_index *ix, size_t count, const struct key_filter *f, uint64_t first, uint32_t *ret_at,
                      size_t cap, size_t *ret_n);

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
struct cache_numbers {
    uint64_t hits, misses;
    size_t bytes;
};
struct cache_numbers cache_numbers(const key_cache *kc);

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
/*
 * The MAC keys of the journal, loaded. Who holds them may use them without the lock; sealing lets go of them, and the last
 * hold's end wipes them.
 */
typedef struct journal_macs journal_macs;
hf_err journal_macs_hold(core *c, journal_macs **ret) HF_MUST_USE;
void journal_macs_release(journal_macs *m);
hf_err journal_macs_payload(const journal_macs *m, hf_view payload, uint8_t dst[static 16])
    HF_MUST_USE; /* not locked */
void journal_macs_forget(core *c);
bool journal_unsealed(const core *c);
/* Segments of what is not stored yet, as store ops into w; at most 8. */
hf_err journal_segments(core *c, hf_wall now, hf_writer *w, struct hf_audit_chain *ret_sealed, uint64_t *ret_index)
    HF_MUST_USE;

/* commit.c: locked */
struct change {
    change *next;
    request *request; /* answered when stored; NULL for core's own changes */
    uint8_t *ops; /* encoded store_op list */
    size_t ops_len, ops_cap;
    struct hf_set_change set;
    uint32_t keys_added;
    bool alone; /* no other change rides in its transaction; the fields after this are of such changes */
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
    char name[HF_KEY_NAME_MAX + 1]; /* of a key that is being made */
    uint8_t *blob; /* the new KEY record */
    size_t blob_len;
    uint32_t version, wrap_epoch;
    uint8_t wrap_mac[HF_RECORD_MAC_BYTES];
    bool has_wrap;
    hf_key *key; /* loaded, for the cache */
    int64_t expires_s;
    uint8_t expired_id[16]; /* a revocation that goes */
    bool has_expired;
    struct kept_answer *answer; /* of a request with an Idempotency-Key */
};
/*
 * One transaction carries either one change that is alone, or any number of changes of different keys: they are made beside each other
 * and stored together. slot_free: nothing is under way. may_join: a change of this key, or (id NULL) of a new key with
 * this name, can be made now.
 */
bool commit_slot_free(const core *c);
bool commit_may_join(const core *c, const uint8_t *id, hf_view name);
void commit_reserve(core *c);
void commit_unreserve(core *c); /* and whoever waited goes on */
void commit_abandon(core *c, hf_err e); /* core has failed: answers the changes under way */
hf_err change_new(core *c, change **ret) HF_MUST_USE; /* alone, unless the caller says otherwise */
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

/*
 * slow.c: what takes so long that no lane may do it: RSA keys are made and imported keys are checked on one thread of its
 * own, at most two jobs an actor. A request waits here and runs again with what was made in request.slow.
 */
hf_err slow_make(core *c) HF_MUST_USE; /* the thread: before the system call filter */
void slow_tick(core *c, hf_mono now); /* locked, lane 0: what is done, too late, or nobody's any more */
void slow_fail_all(core *c, hf_err e); /* locked: who waits is answered, what was made is wiped */
bool slow_running(const core *c); /* locked */
void slow_free(core *c, slow_job *job); /* locked; wipes; NULL is fine */

/* answers.c: locked. Answers of the last day to requests that had an Idempotency-Key. */
hf_err answers_new(answer_table **ret) HF_MUST_USE;
hf_err answers_take_row(core *c, const struct hf_store_row *row) HF_MUST_USE; /* at opening */
void answers_clear(answer_table *t);
void answers_stored(core *c, change *ch); /* the change is, and its answer with it */
void answers_free(struct kept_answer *kept); /* it is not; NULL is fine */

/* opening.c: locked */
hf_err opening_start(core *c, hf_secret *root, hf_view seal) HF_MUST_USE; /* takes root; seal: the kind that gave it */
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
/* The protections that a process of this role reports of itself; HF_ERR_DENIED when they are another's. */
hf_err boot_take_protections(core *c, hf_peer_role role, hf_view rows) HF_MUST_USE;
void boot_hand_over_ring(core *c); /* to supervisor and store, once it holds what the last run left */
bool boot_complete(const core *c); /* everything that must be here before the lanes run */
void stop_if_done(core *c); /* ends the process once everything is stored and anchored */

/* anchor.c */
void anchor_acknowledged(core *c, hf_err e);

#endif
