/* Made by tools/gen-proto from src/proto/core.def; do not edit. */
#ifndef HF_PROTO_MESSAGES_H
#define HF_PROTO_MESSAGES_H

#include "proto/codec.h"

typedef enum hf_msg_type {
    HF_MSG_PEER_CHANNEL = 0x0001,
    HF_MSG_STOP = 0x0002,
    HF_MSG_READY = 0x0003,
    HF_MSG_PROCESS_UP = 0x0004,
    HF_MSG_ALARM = 0x0005,
    HF_MSG_ACK = 0x8006,
    HF_MSG_CONFIG_SUPERVISOR = 0x0010,
    HF_MSG_CONFIG_CORE = 0x0011,
    HF_MSG_CONFIG_GATEWAY = 0x0012,
    HF_MSG_CONFIG_STORE = 0x0013,
    HF_MSG_CONFIG_VERIFIER = 0x0014,
    HF_MSG_KEYSET = 0x0015,
    HF_MSG_CONFIG_FAILED = 0x0016,
    HF_MSG_CONFIG_DONE = 0x0017,
    HF_MSG_KEYSET_TEXT = 0x0018,
    HF_MSG_SAVED_FILES = 0x0020,
    HF_MSG_ANCHOR_WRITE = 0x0021,
    HF_MSG_EPOCH_WRITE = 0x0022,
    HF_MSG_KEYSET_WRITE = 0x0023,
    HF_MSG_AUDIT_RING = 0x0024,
    HF_MSG_UNSEAL_WANTED = 0x0025,
    HF_MSG_CORE_STATE = 0x0026,
    HF_MSG_SEAL_IN_USE = 0x0027,
    HF_MSG_ROOT_KEY = 0x0030,
    HF_MSG_UNSEAL_FAILED = 0x0031,
    HF_MSG_UNSEAL_SECRET = 0x0032,
    HF_MSG_TLS_KEY = 0x0033,
    HF_MSG_VERIFY_TOKEN = 0x0040,
    HF_MSG_VERDICT = 0x8040,
    HF_MSG_STORE_SCAN = 0x0050,
    HF_MSG_STORE_ROWS = 0x8050,
    HF_MSG_STORE_GET = 0x0051,
    HF_MSG_STORE_COMMIT = 0x0052,
    HF_MSG_STORE_DONE = 0x8052,
    HF_MSG_FAILED = 0x8100,
    HF_MSG_DONE = 0x8101,
    HF_MSG_STATUS = 0x0102,
    HF_MSG_STATUS_INFO = 0x8102,
    HF_MSG_CAPABILITIES = 0x0103,
    HF_MSG_CAPABILITIES_INFO = 0x8103,
    HF_MSG_METRICS = 0x0105,
    HF_MSG_METRICS_LOCAL = 0x0106,
    HF_MSG_METRICS_INFO = 0x8105,
    HF_MSG_FAILURES = 0x0104,
    HF_MSG_KEY_CREATE = 0x0110,
    HF_MSG_KEY_DETAIL = 0x8110,
    HF_MSG_KEY_LIST = 0x0111,
    HF_MSG_KEYS = 0x8111,
    HF_MSG_KEY_SHOW = 0x0112,
    HF_MSG_KEY_VERSIONS = 0x0113,
    HF_MSG_VERSIONS = 0x8113,
    HF_MSG_KEY_PUBLIC = 0x0114,
    HF_MSG_PUBLIC = 0x8114,
    HF_MSG_KEY_ROTATE = 0x0115,
    HF_MSG_KEY_REVOKE = 0x0116,
    HF_MSG_KEY_DESTROY = 0x0117,
    HF_MSG_KEY_UPDATE = 0x0118,
    HF_MSG_KEY_IMPORT = 0x0119,
    HF_MSG_SIGN = 0x0120,
    HF_MSG_SIGNED = 0x8120,
    HF_MSG_VERIFY = 0x0121,
    HF_MSG_VERIFIED = 0x8121,
    HF_MSG_ENCRYPT = 0x0122,
    HF_MSG_ENCRYPTED = 0x8122,
    HF_MSG_DECRYPT = 0x0123,
    HF_MSG_DECRYPTED = 0x8123,
    HF_MSG_ENCAPSULATE = 0x0124,
    HF_MSG_ENCAPSULATED = 0x8124,
    HF_MSG_DECAPSULATE = 0x0125,
    HF_MSG_DECAPSULATED = 0x8125,
    HF_MSG_MAC = 0x0126,
    HF_MSG_MACED = 0x8126,
    HF_MSG_RANDOM = 0x0127,
    HF_MSG_RANDOM_BYTES = 0x8127,
    HF_MSG_REWRAP = 0x0128,
    HF_MSG_AUDIT_RECENT = 0x0130,
    HF_MSG_AUDIT_EVENTS = 0x0131,
    HF_MSG_EVENTS = 0x8131,
    HF_MSG_AUDIT_HEAD = 0x0132,
    HF_MSG_TREE_HEAD = 0x8132,
    HF_MSG_AUDIT_EXPORT = 0x0133,
    HF_MSG_SEGMENTS = 0x8133,
    HF_MSG_KEYSET_SHOW = 0x0140,
    HF_MSG_KEYSET_INFO = 0x8140,
    HF_MSG_KEYSET_APPLY = 0x0141,
    HF_MSG_EPOCH_ROTATE = 0x0142,
    HF_MSG_SEAL = 0x0143,
    HF_MSG_UNSEAL = 0x0144,
    HF_MSG_TOKEN_REVOKE = 0x0145,
    HF_MSG_SESSION_OPEN = 0x0146,
    HF_MSG_SESSION = 0x8146,
    HF_MSG_SESSION_END = 0x0147,
    HF_MSG_JWKS = 0x0148,
    HF_MSG_JWKS_INFO = 0x8148,
    HF_MSG_INTROSPECT = 0x0149,
    HF_MSG_INTROSPECTED = 0x8149,
    HF_MSG_UNSEAL_KEY = 0x014a,
    HF_MSG_UNSEAL_KEY_INFO = 0x814a,
    HF_MSG_TLS_SIGN = 0x0150,
    HF_MSG_TLS_SIGNED = 0x8150,
} hf_msg_type;

/* The fields of every client request. */
struct hf_head {
    hf_view token; /* text, at most 8192 bytes */
    hf_view request_id; /* text, at most 64 bytes */
    uint8_t address[16];
    bool has_cert;
    uint8_t cert_hash[32];
    bool has_uid;
    uint32_t uid;
    hf_view idempotency_key; /* text, at most 64 bytes */
    hf_view signature; /* bytes, at most 4096 bytes */
};

struct hf_key_info {
    uint8_t id[16];
    hf_view name; /* text, at most 64 bytes */
    uint16_t algorithm;
    uint32_t usage;
    uint8_t state;
    uint32_t version;
    uint64_t generation;
    int64_t created_ns;
    hf_view created_by; /* text, at most 128 bytes */
    hf_view description; /* text, at most 1024 bytes */
    hf_view tags; /* bytes, at most 4096 bytes */
    hf_view attributes; /* bytes, at most 8192 bytes */
    uint8_t origin;
    uint8_t destruction;
};
hf_err hf_key_info_encode(const struct hf_key_info *m, hf_writer *w) HF_MUST_USE;
/* Takes the next record off a list; false at its end and, with list->failed, when it is malformed. */
bool hf_key_info_next(hf_reader *list, struct hf_key_info *ret);

struct hf_version_info {
    uint32_t version;
    uint8_t state;
    int64_t created_ns;
    uint8_t destruction;
};
hf_err hf_version_info_encode(const struct hf_version_info *m, hf_writer *w) HF_MUST_USE;
/* Takes the next record off a list; false at its end and, with list->failed, when it is malformed. */
bool hf_version_info_next(hf_reader *list, struct hf_version_info *ret);

struct hf_keyset_row {
    hf_view kid; /* text, at most 64 bytes */
    uint8_t alg;
    hf_view actor; /* text, at most 128 bytes */
    uint32_t roles;
    hf_view spki; /* bytes, at most 2048 bytes */
};
hf_err hf_keyset_row_encode(const struct hf_keyset_row *m, hf_writer *w) HF_MUST_USE;
/* Takes the next record off a list; false at its end and, with list->failed, when it is malformed. */
bool hf_keyset_row_next(hf_reader *list, struct hf_keyset_row *ret);

struct hf_protection_row {
    hf_view process; /* text, at most 32 bytes */
    hf_view name; /* text, at most 32 bytes */
    uint8_t state;
    hf_view why; /* text, at most 128 bytes */
};
hf_err hf_protection_row_encode(const struct hf_protection_row *m, hf_writer *w) HF_MUST_USE;
/* Takes the next record off a list; false at its end and, with list->failed, when it is malformed. */
bool hf_protection_row_next(hf_reader *list, struct hf_protection_row *ret);

struct hf_store_row {
    uint8_t kind;
    uint8_t id[16];
    uint64_t version;
    hf_view blob; /* bytes, at most 131072 bytes */
};
hf_err hf_store_row_encode(const struct hf_store_row *m, hf_writer *w) HF_MUST_USE;
/* Takes the next record off a list; false at its end and, with list->failed, when it is malformed. */
bool hf_store_row_next(hf_reader *list, struct hf_store_row *ret);

struct hf_store_op {
    uint8_t op;
    uint8_t kind;
    uint8_t id[16];
    uint64_t version;
    hf_view blob; /* bytes, at most 131072 bytes */
};
hf_err hf_store_op_encode(const struct hf_store_op *m, hf_writer *w) HF_MUST_USE;
/* Takes the next record off a list; false at its end and, with list->failed, when it is malformed. */
bool hf_store_op_next(hf_reader *list, struct hf_store_op *ret);

struct hf_audit_event {
    hf_view record; /* bytes, at most 256 bytes */
};
hf_err hf_audit_event_encode(const struct hf_audit_event *m, hf_writer *w) HF_MUST_USE;
/* Takes the next record off a list; false at its end and, with list->failed, when it is malformed. */
bool hf_audit_event_next(hf_reader *list, struct hf_audit_event *ret);

struct hf_metric {
    hf_view name; /* text, at most 64 bytes */
    hf_view labels; /* text, at most 128 bytes */
    uint8_t kind;
    uint64_t value;
};
hf_err hf_metric_encode(const struct hf_metric *m, hf_writer *w) HF_MUST_USE;
/* Takes the next record off a list; false at its end and, with list->failed, when it is malformed. */
bool hf_metric_next(hf_reader *list, struct hf_metric *ret);

struct hf_peer_channel {
    uint8_t role;
};
hf_err hf_peer_channel_encode(const struct hf_peer_channel *m, hf_writer *w) HF_MUST_USE;
hf_err hf_peer_channel_decode(hf_view body, struct hf_peer_channel *ret) HF_MUST_USE;

struct hf_stop {
    char empty; /* no fields */
};
hf_err hf_stop_encode(const struct hf_stop *m, hf_writer *w) HF_MUST_USE;
hf_err hf_stop_decode(hf_view body, struct hf_stop *ret) HF_MUST_USE;

struct hf_ready {
    hf_view protections; /* protection_row records, at most 8000 bytes */
};
hf_err hf_ready_encode(const struct hf_ready *m, hf_writer *w) HF_MUST_USE;
hf_err hf_ready_decode(hf_view body, struct hf_ready *ret) HF_MUST_USE;

struct hf_process_up {
    uint8_t role;
    uint32_t pid;
    uint32_t starts;
    hf_view protections; /* protection_row records, at most 8000 bytes */
};
hf_err hf_process_up_encode(const struct hf_process_up *m, hf_writer *w) HF_MUST_USE;
hf_err hf_process_up_decode(hf_view body, struct hf_process_up *ret) HF_MUST_USE;

struct hf_alarm {
    hf_view what; /* text, at most 900 bytes */
};
hf_err hf_alarm_encode(const struct hf_alarm *m, hf_writer *w) HF_MUST_USE;
hf_err hf_alarm_decode(hf_view body, struct hf_alarm *ret) HF_MUST_USE;

struct hf_ack {
    uint16_t error;
};
hf_err hf_ack_encode(const struct hf_ack *m, hf_writer *w) HF_MUST_USE;
hf_err hf_ack_decode(hf_view body, struct hf_ack *ret) HF_MUST_USE;

struct hf_config_supervisor {
    hf_view listen; /* text, at most 256 bytes */
    hf_view tls_certificate; /* text, at most 1024 bytes */
    hf_view tls_key; /* text, at most 1024 bytes */
    hf_view client_ca; /* text, at most 1024 bytes */
    hf_view metrics_listen; /* text, at most 256 bytes */
    hf_view seal_kind; /* text, at most 32 bytes */
};
hf_err hf_config_supervisor_encode(const struct hf_config_supervisor *m, hf_writer *w) HF_MUST_USE;
hf_err hf_config_supervisor_decode(hf_view body, struct hf_config_supervisor *ret) HF_MUST_USE;

struct hf_config_core {
    bool strict;
    uint32_t lanes;
    uint32_t arena_mib;
    uint32_t key_cache_mib;
    uint32_t actor_rate;
    uint32_t actor_burst;
    uint32_t token_max_s;
    uint32_t token_leeway_s;
    hf_view issuer; /* text, at most 256 bytes */
    hf_view audience; /* text, at most 256 bytes */
    uint32_t session_s;
    bool hs256;
    bool durable_all;
    uint32_t segment_ms;
    uint32_t ring_mib;
};
hf_err hf_config_core_encode(const struct hf_config_core *m, hf_writer *w) HF_MUST_USE;
hf_err hf_config_core_decode(hf_view body, struct hf_config_core *ret) HF_MUST_USE;

struct hf_config_gateway {
    bool strict;
    uint32_t threads;
    uint32_t max_connections;
    uint32_t address_rate;
    uint32_t address_burst;
    uint32_t header_ms;
    uint32_t body_ms;
    uint32_t idle_ms;
    uint8_t client_certificates;
    hf_view trusted_proxies; /* text, at most 1024 bytes */
    uint8_t log_requests;
    bool local_socket;
    bool metrics_socket;
};
hf_err hf_config_gateway_encode(const struct hf_config_gateway *m, hf_writer *w) HF_MUST_USE;
hf_err hf_config_gateway_decode(hf_view body, struct hf_config_gateway *ret) HF_MUST_USE;

struct hf_config_store {
    bool strict;
    uint8_t engine;
};
hf_err hf_config_store_encode(const struct hf_config_store *m, hf_writer *w) HF_MUST_USE;
hf_err hf_config_store_decode(hf_view body, struct hf_config_store *ret) HF_MUST_USE;

struct hf_config_verifier {
    bool strict;
    hf_view issuer; /* text, at most 256 bytes */
    hf_view audience; /* text, at most 256 bytes */
    bool hs256;
};
hf_err hf_config_verifier_encode(const struct hf_config_verifier *m, hf_writer *w) HF_MUST_USE;
hf_err hf_config_verifier_decode(hf_view body, struct hf_config_verifier *ret) HF_MUST_USE;

struct hf_keyset {
    uint64_t generation;
    hf_view rows; /* keyset_row records, at most 245760 bytes */
    uint8_t mac[32];
};
hf_err hf_keyset_encode(const struct hf_keyset *m, hf_writer *w) HF_MUST_USE;
hf_err hf_keyset_decode(hf_view body, struct hf_keyset *ret) HF_MUST_USE;

struct hf_config_failed {
    hf_view what; /* text, at most 2048 bytes */
};
hf_err hf_config_failed_encode(const struct hf_config_failed *m, hf_writer *w) HF_MUST_USE;
hf_err hf_config_failed_decode(hf_view body, struct hf_config_failed *ret) HF_MUST_USE;

struct hf_config_done {
    char empty; /* no fields */
};
hf_err hf_config_done_encode(const struct hf_config_done *m, hf_writer *w) HF_MUST_USE;
hf_err hf_config_done_decode(hf_view body, struct hf_config_done *ret) HF_MUST_USE;

struct hf_keyset_text {
    hf_view json; /* bytes, at most 524000 bytes */
};
hf_err hf_keyset_text_encode(const struct hf_keyset_text *m, hf_writer *w) HF_MUST_USE;
hf_err hf_keyset_text_decode(hf_view body, struct hf_keyset_text *ret) HF_MUST_USE;

struct hf_saved_files {
    bool has_epoch;
    hf_view epoch; /* bytes, at most 4096 bytes */
    bool has_anchor;
    hf_view anchor; /* bytes, at most 1024 bytes */
    bool accept_rollback;
};
hf_err hf_saved_files_encode(const struct hf_saved_files *m, hf_writer *w) HF_MUST_USE;
hf_err hf_saved_files_decode(hf_view body, struct hf_saved_files *ret) HF_MUST_USE;

struct hf_anchor_write {
    hf_view anchor; /* bytes, at most 1024 bytes */
};
hf_err hf_anchor_write_encode(const struct hf_anchor_write *m, hf_writer *w) HF_MUST_USE;
hf_err hf_anchor_write_decode(hf_view body, struct hf_anchor_write *ret) HF_MUST_USE;

struct hf_epoch_write {
    hf_view epoch; /* bytes, at most 4096 bytes */
};
hf_err hf_epoch_write_encode(const struct hf_epoch_write *m, hf_writer *w) HF_MUST_USE;
hf_err hf_epoch_write_decode(hf_view body, struct hf_epoch_write *ret) HF_MUST_USE;

struct hf_keyset_write {
    uint64_t generation;
    hf_view rows; /* keyset_row records, at most 245760 bytes */
    uint8_t mac[32];
};
hf_err hf_keyset_write_encode(const struct hf_keyset_write *m, hf_writer *w) HF_MUST_USE;
hf_err hf_keyset_write_decode(hf_view body, struct hf_keyset_write *ret) HF_MUST_USE;

struct hf_audit_ring {
    uint64_t bytes;
};
hf_err hf_audit_ring_encode(const struct hf_audit_ring *m, hf_writer *w) HF_MUST_USE;
hf_err hf_audit_ring_decode(hf_view body, struct hf_audit_ring *ret) HF_MUST_USE;

struct hf_unseal_wanted {
    char empty; /* no fields */
};
hf_err hf_unseal_wanted_encode(const struct hf_unseal_wanted *m, hf_writer *w) HF_MUST_USE;
hf_err hf_unseal_wanted_decode(hf_view body, struct hf_unseal_wanted *ret) HF_MUST_USE;

struct hf_core_state {
    uint8_t state;
    hf_view why; /* text, at most 512 bytes */
    hf_view fingerprint; /* bytes, at most 32 bytes */
};
hf_err hf_core_state_encode(const struct hf_core_state *m, hf_writer *w) HF_MUST_USE;
hf_err hf_core_state_decode(hf_view body, struct hf_core_state *ret) HF_MUST_USE;

struct hf_seal_in_use {
    hf_view seal; /* text, at most 32 bytes */
    bool opens_alone;
};
hf_err hf_seal_in_use_encode(const struct hf_seal_in_use *m, hf_writer *w) HF_MUST_USE;
hf_err hf_seal_in_use_decode(hf_view body, struct hf_seal_in_use *ret) HF_MUST_USE;

struct hf_root_key {
    hf_secret *root; /* 1 to 64 bytes, owned by whoever decoded it */
    hf_view seal; /* text, at most 32 bytes */
    hf_view protections; /* protection_row records, at most 3500 bytes */
};
hf_err hf_root_key_encode(const struct hf_root_key *m, hf_writer *w) HF_MUST_USE;
hf_err hf_root_key_decode(hf_view body, struct hf_root_key *ret) HF_MUST_USE;

struct hf_unseal_failed {
    uint16_t error;
    hf_view what; /* text, at most 512 bytes */
};
hf_err hf_unseal_failed_encode(const struct hf_unseal_failed *m, hf_writer *w) HF_MUST_USE;
hf_err hf_unseal_failed_decode(hf_view body, struct hf_unseal_failed *ret) HF_MUST_USE;

struct hf_unseal_secret {
    hf_secret *passphrase; /* 1 to 1024 bytes, owned by whoever decoded it */
};
hf_err hf_unseal_secret_encode(const struct hf_unseal_secret *m, hf_writer *w) HF_MUST_USE;
hf_err hf_unseal_secret_decode(hf_view body, struct hf_unseal_secret *ret) HF_MUST_USE;

struct hf_tls_key {
    hf_secret *pkcs8; /* 1 to 8192 bytes, owned by whoever decoded it */
};
hf_err hf_tls_key_encode(const struct hf_tls_key *m, hf_writer *w) HF_MUST_USE;
hf_err hf_tls_key_decode(hf_view body, struct hf_tls_key *ret) HF_MUST_USE;

struct hf_verify_token {
    hf_view token; /* bytes, at most 8192 bytes */
};
hf_err hf_verify_token_encode(const struct hf_verify_token *m, hf_writer *w) HF_MUST_USE;
hf_err hf_verify_token_decode(hf_view body, struct hf_verify_token *ret) HF_MUST_USE;

struct hf_verdict {
    uint16_t error;
    uint64_t keyset_generation;
    hf_view kid; /* text, at most 64 bytes */
    hf_view jti; /* text, at most 128 bytes */
    hf_view subject; /* text, at most 128 bytes */
    uint32_t roles;
    int64_t issued_s;
    int64_t not_before_s;
    int64_t expires_s;
    bool has_cert;
    uint8_t cert_hash[32];
};
hf_err hf_verdict_encode(const struct hf_verdict *m, hf_writer *w) HF_MUST_USE;
hf_err hf_verdict_decode(hf_view body, struct hf_verdict *ret) HF_MUST_USE;

struct hf_store_scan {
    uint8_t kind;
    uint8_t after_id[16];
    uint64_t after_version;
    bool from_start;
    uint32_t max_bytes;
};
hf_err hf_store_scan_encode(const struct hf_store_scan *m, hf_writer *w) HF_MUST_USE;
hf_err hf_store_scan_decode(hf_view body, struct hf_store_scan *ret) HF_MUST_USE;

struct hf_store_rows {
    uint16_t error;
    bool more;
    hf_view rows; /* store_row records, at most 1048576 bytes */
};
hf_err hf_store_rows_encode(const struct hf_store_rows *m, hf_writer *w) HF_MUST_USE;
hf_err hf_store_rows_decode(hf_view body, struct hf_store_rows *ret) HF_MUST_USE;

struct hf_store_get {
    uint8_t kind;
    uint8_t id[16];
    uint64_t version;
};
hf_err hf_store_get_encode(const struct hf_store_get *m, hf_writer *w) HF_MUST_USE;
hf_err hf_store_get_decode(hf_view body, struct hf_store_get *ret) HF_MUST_USE;

struct hf_store_commit {
    hf_view ops; /* store_op records, at most 1048576 bytes */
};
hf_err hf_store_commit_encode(const struct hf_store_commit *m, hf_writer *w) HF_MUST_USE;
hf_err hf_store_commit_decode(hf_view body, struct hf_store_commit *ret) HF_MUST_USE;

struct hf_store_done {
    uint16_t error;
    hf_view why; /* text, at most 256 bytes */
};
hf_err hf_store_done_encode(const struct hf_store_done *m, hf_writer *w) HF_MUST_USE;
hf_err hf_store_done_decode(hf_view body, struct hf_store_done *ret) HF_MUST_USE;

struct hf_failed {
    uint16_t error;
    hf_view detail; /* text, at most 1024 bytes */
    uint32_t retry_after_s;
};
hf_err hf_failed_encode(const struct hf_failed *m, hf_writer *w) HF_MUST_USE;
hf_err hf_failed_decode(hf_view body, struct hf_failed *ret) HF_MUST_USE;

struct hf_done {
    uint64_t value;
};
hf_err hf_done_encode(const struct hf_done *m, hf_writer *w) HF_MUST_USE;
hf_err hf_done_decode(hf_view body, struct hf_done *ret) HF_MUST_USE;

struct hf_status {
    struct hf_head head;
};
hf_err hf_status_encode(const struct hf_status *m, hf_writer *w) HF_MUST_USE;
hf_err hf_status_decode(hf_view body, struct hf_status *ret) HF_MUST_USE;

struct hf_status_info {
    uint8_t state;
    hf_view why; /* text, at most 512 bytes */
    hf_view version; /* text, at most 64 bytes */
    uint64_t uptime_ms;
    uint64_t keys;
    bool degraded;
};
hf_err hf_status_info_encode(const struct hf_status_info *m, hf_writer *w) HF_MUST_USE;
hf_err hf_status_info_decode(hf_view body, struct hf_status_info *ret) HF_MUST_USE;

struct hf_capabilities {
    struct hf_head head;
};
hf_err hf_capabilities_encode(const struct hf_capabilities *m, hf_writer *w) HF_MUST_USE;
hf_err hf_capabilities_decode(hf_view body, struct hf_capabilities *ret) HF_MUST_USE;

struct hf_capabilities_info {
    hf_view backing; /* text, at most 32 bytes */
    hf_view freshness; /* text, at most 32 bytes */
    hf_view seal; /* text, at most 32 bytes */
    bool strict;
    uint64_t arena_bytes;
    uint64_t arena_used;
    hf_view protections; /* protection_row records, at most 60000 bytes */
};
hf_err hf_capabilities_info_encode(const struct hf_capabilities_info *m, hf_writer *w) HF_MUST_USE;
hf_err hf_capabilities_info_decode(hf_view body, struct hf_capabilities_info *ret) HF_MUST_USE;

struct hf_metrics {
    struct hf_head head;
};
hf_err hf_metrics_encode(const struct hf_metrics *m, hf_writer *w) HF_MUST_USE;
hf_err hf_metrics_decode(hf_view body, struct hf_metrics *ret) HF_MUST_USE;

struct hf_metrics_local {
    struct hf_head head;
};
hf_err hf_metrics_local_encode(const struct hf_metrics_local *m, hf_writer *w) HF_MUST_USE;
hf_err hf_metrics_local_decode(hf_view body, struct hf_metrics_local *ret) HF_MUST_USE;

struct hf_metrics_info {
    hf_view metrics; /* metric records, at most 65000 bytes */
};
hf_err hf_metrics_info_encode(const struct hf_metrics_info *m, hf_writer *w) HF_MUST_USE;
hf_err hf_metrics_info_decode(hf_view body, struct hf_metrics_info *ret) HF_MUST_USE;

struct hf_failures {
    uint8_t prefix[16];
    uint16_t error;
    uint32_t count;
};
hf_err hf_failures_encode(const struct hf_failures *m, hf_writer *w) HF_MUST_USE;
hf_err hf_failures_decode(hf_view body, struct hf_failures *ret) HF_MUST_USE;

struct hf_key_create {
    struct hf_head head;
    hf_view name; /* text, at most 64 bytes */
    uint16_t algorithm;
    uint32_t usage;
    hf_view description; /* text, at most 1024 bytes */
    hf_view tags; /* bytes, at most 4096 bytes */
};
hf_err hf_key_create_encode(const struct hf_key_create *m, hf_writer *w) HF_MUST_USE;
hf_err hf_key_create_decode(hf_view body, struct hf_key_create *ret) HF_MUST_USE;

struct hf_key_detail {
    hf_view info; /* key_info records, at most 16000 bytes */
};
hf_err hf_key_detail_encode(const struct hf_key_detail *m, hf_writer *w) HF_MUST_USE;
hf_err hf_key_detail_decode(hf_view body, struct hf_key_detail *ret) HF_MUST_USE;

struct hf_key_list {
    struct hf_head head;
    uint32_t page;
    uint32_t per_page;
    uint16_t algorithm;
    uint8_t state;
    hf_view tags; /* bytes, at most 4096 bytes */
    hf_view search; /* text, at most 64 bytes */
};
hf_err hf_key_list_encode(const struct hf_key_list *m, hf_writer *w) HF_MUST_USE;
hf_err hf_key_list_decode(hf_view body, struct hf_key_list *ret) HF_MUST_USE;

struct hf_keys {
    uint64_t total;
    uint32_t page;
    uint32_t per_page;
    bool has_more;
    hf_view items; /* key_info records, at most 1048576 bytes */
};
hf_err hf_keys_encode(const struct hf_keys *m, hf_writer *w) HF_MUST_USE;
hf_err hf_keys_decode(hf_view body, struct hf_keys *ret) HF_MUST_USE;

struct hf_key_show {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
};
hf_err hf_key_show_encode(const struct hf_key_show *m, hf_writer *w) HF_MUST_USE;
hf_err hf_key_show_decode(hf_view body, struct hf_key_show *ret) HF_MUST_USE;

struct hf_key_versions {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
};
hf_err hf_key_versions_encode(const struct hf_key_versions *m, hf_writer *w) HF_MUST_USE;
hf_err hf_key_versions_decode(hf_view body, struct hf_key_versions *ret) HF_MUST_USE;

struct hf_versions {
    hf_view items; /* version_info records, at most 1048576 bytes */
};
hf_err hf_versions_encode(const struct hf_versions *m, hf_writer *w) HF_MUST_USE;
hf_err hf_versions_decode(hf_view body, struct hf_versions *ret) HF_MUST_USE;

struct hf_key_public {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
    uint32_t version;
};
hf_err hf_key_public_encode(const struct hf_key_public *m, hf_writer *w) HF_MUST_USE;
hf_err hf_key_public_decode(hf_view body, struct hf_key_public *ret) HF_MUST_USE;

struct hf_public {
    uint16_t algorithm;
    uint32_t version;
    hf_view spki; /* bytes, at most 2048 bytes */
};
hf_err hf_public_encode(const struct hf_public *m, hf_writer *w) HF_MUST_USE;
hf_err hf_public_decode(hf_view body, struct hf_public *ret) HF_MUST_USE;

struct hf_key_rotate {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
};
hf_err hf_key_rotate_encode(const struct hf_key_rotate *m, hf_writer *w) HF_MUST_USE;
hf_err hf_key_rotate_decode(hf_view body, struct hf_key_rotate *ret) HF_MUST_USE;

struct hf_key_revoke {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
};
hf_err hf_key_revoke_encode(const struct hf_key_revoke *m, hf_writer *w) HF_MUST_USE;
hf_err hf_key_revoke_decode(hf_view body, struct hf_key_revoke *ret) HF_MUST_USE;

struct hf_key_destroy {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
};
hf_err hf_key_destroy_encode(const struct hf_key_destroy *m, hf_writer *w) HF_MUST_USE;
hf_err hf_key_destroy_decode(hf_view body, struct hf_key_destroy *ret) HF_MUST_USE;

struct hf_key_update {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
    uint64_t if_generation;
    bool has_description;
    hf_view description; /* text, at most 1024 bytes */
    bool has_tags;
    hf_view tags; /* bytes, at most 4096 bytes */
    bool has_attributes;
    hf_view attributes; /* bytes, at most 8192 bytes */
};
hf_err hf_key_update_encode(const struct hf_key_update *m, hf_writer *w) HF_MUST_USE;
hf_err hf_key_update_decode(hf_view body, struct hf_key_update *ret) HF_MUST_USE;

struct hf_key_import {
    struct hf_head head;
    hf_view name; /* text, at most 64 bytes */
    uint16_t algorithm;
    uint32_t usage;
    hf_view description; /* text, at most 1024 bytes */
    hf_view tags; /* bytes, at most 4096 bytes */
    uint8_t form;
    hf_view public; /* bytes, at most 4096 bytes */
    hf_view wrapping_key; /* text, at most 64 bytes */
    uint32_t wrapping_version;
    hf_view wrapped; /* bytes, at most 16384 bytes */
};
hf_err hf_key_import_encode(const struct hf_key_import *m, hf_writer *w) HF_MUST_USE;
hf_err hf_key_import_decode(hf_view body, struct hf_key_import *ret) HF_MUST_USE;

struct hf_sign {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
    uint8_t scheme;
    uint8_t hash;
    bool prehashed;
    hf_view context; /* bytes, at most 255 bytes */
    hf_view payload; /* bytes, at most 1048576 bytes */
};
hf_err hf_sign_encode(const struct hf_sign *m, hf_writer *w) HF_MUST_USE;
hf_err hf_sign_decode(hf_view body, struct hf_sign *ret) HF_MUST_USE;

struct hf_signed {
    uint32_t version;
    hf_view signature; /* bytes, at most 8192 bytes */
};
hf_err hf_signed_encode(const struct hf_signed *m, hf_writer *w) HF_MUST_USE;
hf_err hf_signed_decode(hf_view body, struct hf_signed *ret) HF_MUST_USE;

struct hf_verify {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
    uint32_t version;
    uint8_t scheme;
    uint8_t hash;
    bool prehashed;
    hf_view context; /* bytes, at most 255 bytes */
    hf_view signature; /* bytes, at most 8192 bytes */
    hf_view payload; /* bytes, at most 1048576 bytes */
};
hf_err hf_verify_encode(const struct hf_verify *m, hf_writer *w) HF_MUST_USE;
hf_err hf_verify_decode(hf_view body, struct hf_verify *ret) HF_MUST_USE;

struct hf_verified {
    bool valid;
    uint32_t version;
};
hf_err hf_verified_encode(const struct hf_verified *m, hf_writer *w) HF_MUST_USE;
hf_err hf_verified_decode(hf_view body, struct hf_verified *ret) HF_MUST_USE;

struct hf_encrypt {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
    hf_view associated_data; /* bytes, at most 65536 bytes */
    hf_view plaintext; /* bytes, at most 1048576 bytes */
};
hf_err hf_encrypt_encode(const struct hf_encrypt *m, hf_writer *w) HF_MUST_USE;
hf_err hf_encrypt_decode(hf_view body, struct hf_encrypt *ret) HF_MUST_USE;

struct hf_encrypted {
    uint32_t version;
    uint8_t nonce[12];
    hf_view ciphertext; /* bytes, at most 1048608 bytes */
};
hf_err hf_encrypted_encode(const struct hf_encrypted *m, hf_writer *w) HF_MUST_USE;
hf_err hf_encrypted_decode(hf_view body, struct hf_encrypted *ret) HF_MUST_USE;

struct hf_decrypt {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
    hf_view nonce; /* bytes, at most 12 bytes */
    hf_view associated_data; /* bytes, at most 65536 bytes */
    hf_view ciphertext; /* bytes, at most 1048608 bytes */
};
hf_err hf_decrypt_encode(const struct hf_decrypt *m, hf_writer *w) HF_MUST_USE;
hf_err hf_decrypt_decode(hf_view body, struct hf_decrypt *ret) HF_MUST_USE;

struct hf_decrypted {
    uint32_t version;
    hf_view plaintext; /* bytes, at most 1048576 bytes */
};
hf_err hf_decrypted_encode(const struct hf_decrypted *m, hf_writer *w) HF_MUST_USE;
hf_err hf_decrypted_decode(hf_view body, struct hf_decrypted *ret) HF_MUST_USE;

struct hf_encapsulate {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
};
hf_err hf_encapsulate_encode(const struct hf_encapsulate *m, hf_writer *w) HF_MUST_USE;
hf_err hf_encapsulate_decode(hf_view body, struct hf_encapsulate *ret) HF_MUST_USE;

struct hf_encapsulated {
    uint32_t version;
    hf_view ciphertext; /* bytes, at most 2048 bytes */
    hf_view shared_secret; /* bytes, at most 64 bytes */
};
hf_err hf_encapsulated_encode(const struct hf_encapsulated *m, hf_writer *w) HF_MUST_USE;
hf_err hf_encapsulated_decode(hf_view body, struct hf_encapsulated *ret) HF_MUST_USE;

struct hf_decapsulate {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
    uint32_t version;
    hf_view ciphertext; /* bytes, at most 2048 bytes */
};
hf_err hf_decapsulate_encode(const struct hf_decapsulate *m, hf_writer *w) HF_MUST_USE;
hf_err hf_decapsulate_decode(hf_view body, struct hf_decapsulate *ret) HF_MUST_USE;

struct hf_decapsulated {
    uint32_t version;
    hf_view shared_secret; /* bytes, at most 64 bytes */
};
hf_err hf_decapsulated_encode(const struct hf_decapsulated *m, hf_writer *w) HF_MUST_USE;
hf_err hf_decapsulated_decode(hf_view body, struct hf_decapsulated *ret) HF_MUST_USE;

struct hf_mac {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
    hf_view payload; /* bytes, at most 1048576 bytes */
};
hf_err hf_mac_encode(const struct hf_mac *m, hf_writer *w) HF_MUST_USE;
hf_err hf_mac_decode(hf_view body, struct hf_mac *ret) HF_MUST_USE;

struct hf_maced {
    uint32_t version;
    hf_view mac; /* bytes, at most 64 bytes */
};
hf_err hf_maced_encode(const struct hf_maced *m, hf_writer *w) HF_MUST_USE;
hf_err hf_maced_decode(hf_view body, struct hf_maced *ret) HF_MUST_USE;

struct hf_random {
    struct hf_head head;
    uint32_t bytes;
};
hf_err hf_random_encode(const struct hf_random *m, hf_writer *w) HF_MUST_USE;
hf_err hf_random_decode(hf_view body, struct hf_random *ret) HF_MUST_USE;

struct hf_random_bytes {
    hf_view random; /* bytes, at most 65536 bytes */
};
hf_err hf_random_bytes_encode(const struct hf_random_bytes *m, hf_writer *w) HF_MUST_USE;
hf_err hf_random_bytes_decode(hf_view body, struct hf_random_bytes *ret) HF_MUST_USE;

struct hf_rewrap {
    struct hf_head head;
    hf_view key; /* text, at most 64 bytes */
    hf_view nonce; /* bytes, at most 12 bytes */
    hf_view associated_data; /* bytes, at most 65536 bytes */
    hf_view ciphertext; /* bytes, at most 1048608 bytes */
};
hf_err hf_rewrap_encode(const struct hf_rewrap *m, hf_writer *w) HF_MUST_USE;
hf_err hf_rewrap_decode(hf_view body, struct hf_rewrap *ret) HF_MUST_USE;

struct hf_audit_recent {
    struct hf_head head;
    uint32_t limit;
};
hf_err hf_audit_recent_encode(const struct hf_audit_recent *m, hf_writer *w) HF_MUST_USE;
hf_err hf_audit_recent_decode(hf_view body, struct hf_audit_recent *ret) HF_MUST_USE;

struct hf_audit_events {
    struct hf_head head;
    uint64_t after;
    uint32_t limit;
};
hf_err hf_audit_events_encode(const struct hf_audit_events *m, hf_writer *w) HF_MUST_USE;
hf_err hf_audit_events_decode(hf_view body, struct hf_audit_events *ret) HF_MUST_USE;

struct hf_events {
    bool more;
    hf_view items; /* audit_event records, at most 1048576 bytes */
};
hf_err hf_events_encode(const struct hf_events *m, hf_writer *w) HF_MUST_USE;
hf_err hf_events_decode(hf_view body, struct hf_events *ret) HF_MUST_USE;

struct hf_audit_head {
    struct hf_head head;
};
hf_err hf_audit_head_encode(const struct hf_audit_head *m, hf_writer *w) HF_MUST_USE;
hf_err hf_audit_head_decode(hf_view body, struct hf_audit_head *ret) HF_MUST_USE;

struct hf_tree_head {
    hf_view segment_head; /* bytes, at most 512 bytes */
    hf_view spki; /* bytes, at most 256 bytes */
};
hf_err hf_tree_head_encode(const struct hf_tree_head *m, hf_writer *w) HF_MUST_USE;
hf_err hf_tree_head_decode(hf_view body, struct hf_tree_head *ret) HF_MUST_USE;

struct hf_audit_export {
    struct hf_head head;
    uint64_t after;
};
hf_err hf_audit_export_encode(const struct hf_audit_export *m, hf_writer *w) HF_MUST_USE;
hf_err hf_audit_export_decode(hf_view body, struct hf_audit_export *ret) HF_MUST_USE;

struct hf_segments {
    bool more;
    uint64_t last;
    hf_view rows; /* store_row records, at most 1048576 bytes */
};
hf_err hf_segments_encode(const struct hf_segments *m, hf_writer *w) HF_MUST_USE;
hf_err hf_segments_decode(hf_view body, struct hf_segments *ret) HF_MUST_USE;

struct hf_keyset_show {
    struct hf_head head;
};
hf_err hf_keyset_show_encode(const struct hf_keyset_show *m, hf_writer *w) HF_MUST_USE;
hf_err hf_keyset_show_decode(hf_view body, struct hf_keyset_show *ret) HF_MUST_USE;

struct hf_keyset_info {
    uint64_t generation;
    hf_view rows; /* keyset_row records, at most 245760 bytes */
};
hf_err hf_keyset_info_encode(const struct hf_keyset_info *m, hf_writer *w) HF_MUST_USE;
hf_err hf_keyset_info_decode(hf_view body, struct hf_keyset_info *ret) HF_MUST_USE;

struct hf_keyset_apply {
    struct hf_head head;
    uint64_t generation;
    hf_view rows; /* keyset_row records, at most 245760 bytes */
};
hf_err hf_keyset_apply_encode(const struct hf_keyset_apply *m, hf_writer *w) HF_MUST_USE;
hf_err hf_keyset_apply_decode(hf_view body, struct hf_keyset_apply *ret) HF_MUST_USE;

struct hf_epoch_rotate {
    struct hf_head head;
};
hf_err hf_epoch_rotate_encode(const struct hf_epoch_rotate *m, hf_writer *w) HF_MUST_USE;
hf_err hf_epoch_rotate_decode(hf_view body, struct hf_epoch_rotate *ret) HF_MUST_USE;

struct hf_seal {
    struct hf_head head;
};
hf_err hf_seal_encode(const struct hf_seal *m, hf_writer *w) HF_MUST_USE;
hf_err hf_seal_decode(hf_view body, struct hf_seal *ret) HF_MUST_USE;

struct hf_unseal {
    struct hf_head head;
    hf_view enc; /* bytes, at most 128 bytes */
    hf_view sealed; /* bytes, at most 2048 bytes */
};
hf_err hf_unseal_encode(const struct hf_unseal *m, hf_writer *w) HF_MUST_USE;
hf_err hf_unseal_decode(hf_view body, struct hf_unseal *ret) HF_MUST_USE;

struct hf_token_revoke {
    struct hf_head head;
    hf_view jti; /* text, at most 128 bytes */
    int64_t expires_s;
};
hf_err hf_token_revoke_encode(const struct hf_token_revoke *m, hf_writer *w) HF_MUST_USE;
hf_err hf_token_revoke_decode(hf_view body, struct hf_token_revoke *ret) HF_MUST_USE;

struct hf_session_open {
    struct hf_head head;
    uint32_t ttl_s;
    uint32_t roles;
};
hf_err hf_session_open_encode(const struct hf_session_open *m, hf_writer *w) HF_MUST_USE;
hf_err hf_session_open_decode(hf_view body, struct hf_session_open *ret) HF_MUST_USE;

struct hf_session {
    hf_view token; /* text, at most 4096 bytes */
    hf_view id; /* text, at most 64 bytes */
    int64_t expires_s;
};
hf_err hf_session_encode(const struct hf_session *m, hf_writer *w) HF_MUST_USE;
hf_err hf_session_decode(hf_view body, struct hf_session *ret) HF_MUST_USE;

struct hf_session_end {
    struct hf_head head;
};
hf_err hf_session_end_encode(const struct hf_session_end *m, hf_writer *w) HF_MUST_USE;
hf_err hf_session_end_decode(hf_view body, struct hf_session_end *ret) HF_MUST_USE;

struct hf_jwks {
    struct hf_head head;
};
hf_err hf_jwks_encode(const struct hf_jwks *m, hf_writer *w) HF_MUST_USE;
hf_err hf_jwks_decode(hf_view body, struct hf_jwks *ret) HF_MUST_USE;

struct hf_jwks_info {
    hf_view rows; /* keyset_row records, at most 60000 bytes */
};
hf_err hf_jwks_info_encode(const struct hf_jwks_info *m, hf_writer *w) HF_MUST_USE;
hf_err hf_jwks_info_decode(hf_view body, struct hf_jwks_info *ret) HF_MUST_USE;

struct hf_introspect {
    struct hf_head head;
    hf_view subject_token; /* bytes, at most 8192 bytes */
};
hf_err hf_introspect_encode(const struct hf_introspect *m, hf_writer *w) HF_MUST_USE;
hf_err hf_introspect_decode(hf_view body, struct hf_introspect *ret) HF_MUST_USE;

struct hf_introspected {
    bool active;
    hf_view subject; /* text, at most 128 bytes */
    uint32_t roles;
    hf_view kid; /* text, at most 64 bytes */
    hf_view jti; /* text, at most 128 bytes */
    int64_t issued_s;
    int64_t not_before_s;
    int64_t expires_s;
    bool has_cert;
    uint8_t cert_hash[32];
};
hf_err hf_introspected_encode(const struct hf_introspected *m, hf_writer *w) HF_MUST_USE;
hf_err hf_introspected_decode(hf_view body, struct hf_introspected *ret) HF_MUST_USE;

struct hf_unseal_key {
    struct hf_head head;
};
hf_err hf_unseal_key_encode(const struct hf_unseal_key *m, hf_writer *w) HF_MUST_USE;
hf_err hf_unseal_key_decode(hf_view body, struct hf_unseal_key *ret) HF_MUST_USE;

struct hf_unseal_key_info {
    hf_view public; /* bytes, at most 128 bytes */
    uint8_t fingerprint[32];
    hf_view seal; /* text, at most 32 bytes */
};
hf_err hf_unseal_key_info_encode(const struct hf_unseal_key_info *m, hf_writer *w) HF_MUST_USE;
hf_err hf_unseal_key_info_decode(hf_view body, struct hf_unseal_key_info *ret) HF_MUST_USE;

struct hf_tls_sign {
    uint8_t key[32];
    uint16_t scheme;
    hf_view input; /* bytes, at most 256 bytes */
};
hf_err hf_tls_sign_encode(const struct hf_tls_sign *m, hf_writer *w) HF_MUST_USE;
hf_err hf_tls_sign_decode(hf_view body, struct hf_tls_sign *ret) HF_MUST_USE;

struct hf_tls_signed {
    hf_view signature; /* bytes, at most 512 bytes */
};
hf_err hf_tls_signed_encode(const struct hf_tls_signed *m, hf_writer *w) HF_MUST_USE;
hf_err hf_tls_signed_decode(hf_view body, struct hf_tls_signed *ret) HF_MUST_USE;

#endif
