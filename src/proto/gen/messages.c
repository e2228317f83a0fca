/* Made by tools/gen-proto from src/proto/core.def; do not edit. */
#include "proto/gen/messages.h"

#include <stddef.h>

static const hf_field key_info_fields[] = {
    { HF_FIELD_FIXED, offsetof(struct hf_key_info, id), 16 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_info, name), 64 },
    { HF_FIELD_U16, offsetof(struct hf_key_info, algorithm), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_info, usage), 0 },
    { HF_FIELD_U8, offsetof(struct hf_key_info, state), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_info, version), 0 },
    { HF_FIELD_U64, offsetof(struct hf_key_info, generation), 0 },
    { HF_FIELD_I64, offsetof(struct hf_key_info, created_ns), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_info, created_by), 128 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_info, description), 1024 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_info, tags), 4096 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_info, attributes), 8192 },
    { HF_FIELD_U8, offsetof(struct hf_key_info, origin), 0 },
    { HF_FIELD_U8, offsetof(struct hf_key_info, destruction), 0 },
};

hf_err hf_key_info_encode(const struct hf_key_info *m, hf_writer *w)
{
    return hf_record_encode(key_info_fields, 14, m, w);
}

bool hf_key_info_next(hf_reader *list, struct hf_key_info *ret)
{
    return hf_record_next(key_info_fields, 14, list, ret, sizeof(*ret));
}

static const hf_field version_info_fields[] = {
    { HF_FIELD_U32, offsetof(struct hf_version_info, version), 0 },
    { HF_FIELD_U8, offsetof(struct hf_version_info, state), 0 },
    { HF_FIELD_I64, offsetof(struct hf_version_info, created_ns), 0 },
    { HF_FIELD_U8, offsetof(struct hf_version_info, destruction), 0 },
};

hf_err hf_version_info_encode(const struct hf_version_info *m, hf_writer *w)
{
    return hf_record_encode(version_info_fields, 4, m, w);
}

bool hf_version_info_next(hf_reader *list, struct hf_version_info *ret)
{
    return hf_record_next(version_info_fields, 4, list, ret, sizeof(*ret));
}

static const hf_field keyset_row_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_keyset_row, kid), 64 },
    { HF_FIELD_U8, offsetof(struct hf_keyset_row, alg), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_keyset_row, actor), 128 },
    { HF_FIELD_U32, offsetof(struct hf_keyset_row, roles), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_keyset_row, spki), 2048 },
};

hf_err hf_keyset_row_encode(const struct hf_keyset_row *m, hf_writer *w)
{
    return hf_record_encode(keyset_row_fields, 5, m, w);
}

bool hf_keyset_row_next(hf_reader *list, struct hf_keyset_row *ret)
{
    return hf_record_next(keyset_row_fields, 5, list, ret, sizeof(*ret));
}

static const hf_field protection_row_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_protection_row, process), 32 },
    { HF_FIELD_TEXT, offsetof(struct hf_protection_row, name), 32 },
    { HF_FIELD_U8, offsetof(struct hf_protection_row, state), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_protection_row, why), 128 },
};

hf_err hf_protection_row_encode(const struct hf_protection_row *m, hf_writer *w)
{
    return hf_record_encode(protection_row_fields, 4, m, w);
}

bool hf_protection_row_next(hf_reader *list, struct hf_protection_row *ret)
{
    return hf_record_next(protection_row_fields, 4, list, ret, sizeof(*ret));
}

static const hf_field store_row_fields[] = {
    { HF_FIELD_U8, offsetof(struct hf_store_row, kind), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_store_row, id), 16 },
    { HF_FIELD_U64, offsetof(struct hf_store_row, version), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_store_row, blob), 131072 },
};

hf_err hf_store_row_encode(const struct hf_store_row *m, hf_writer *w)
{
    return hf_record_encode(store_row_fields, 4, m, w);
}

bool hf_store_row_next(hf_reader *list, struct hf_store_row *ret)
{
    return hf_record_next(store_row_fields, 4, list, ret, sizeof(*ret));
}

static const hf_field store_op_fields[] = {
    { HF_FIELD_U8, offsetof(struct hf_store_op, op), 0 },
    { HF_FIELD_U8, offsetof(struct hf_store_op, kind), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_store_op, id), 16 },
    { HF_FIELD_U64, offsetof(struct hf_store_op, version), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_store_op, blob), 131072 },
};

hf_err hf_store_op_encode(const struct hf_store_op *m, hf_writer *w)
{
    return hf_record_encode(store_op_fields, 5, m, w);
}

bool hf_store_op_next(hf_reader *list, struct hf_store_op *ret)
{
    return hf_record_next(store_op_fields, 5, list, ret, sizeof(*ret));
}

static const hf_field audit_event_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_audit_event, record), 256 },
};

hf_err hf_audit_event_encode(const struct hf_audit_event *m, hf_writer *w)
{
    return hf_record_encode(audit_event_fields, 1, m, w);
}

bool hf_audit_event_next(hf_reader *list, struct hf_audit_event *ret)
{
    return hf_record_next(audit_event_fields, 1, list, ret, sizeof(*ret));
}

static const hf_field metric_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_metric, name), 64 },
    { HF_FIELD_TEXT, offsetof(struct hf_metric, labels), 128 },
    { HF_FIELD_U8, offsetof(struct hf_metric, kind), 0 },
    { HF_FIELD_U64, offsetof(struct hf_metric, value), 0 },
};

hf_err hf_metric_encode(const struct hf_metric *m, hf_writer *w)
{
    return hf_record_encode(metric_fields, 4, m, w);
}

bool hf_metric_next(hf_reader *list, struct hf_metric *ret)
{
    return hf_record_next(metric_fields, 4, list, ret, sizeof(*ret));
}

static const hf_field peer_channel_fields[] = {
    { HF_FIELD_U8, offsetof(struct hf_peer_channel, role), 0 },
};

hf_err hf_peer_channel_encode(const struct hf_peer_channel *m, hf_writer *w)
{
    return hf_fields_encode(peer_channel_fields, 1, m, w);
}

hf_err hf_peer_channel_decode(hf_view body, struct hf_peer_channel *ret)
{
    return hf_fields_decode(peer_channel_fields, 1, body, ret, sizeof(*ret));
}

hf_err hf_stop_encode(const struct hf_stop *m, hf_writer *w)
{
    return hf_fields_encode(NULL, 0, m, w);
}

hf_err hf_stop_decode(hf_view body, struct hf_stop *ret)
{
    return hf_fields_decode(NULL, 0, body, ret, sizeof(*ret));
}

static const hf_field ready_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_ready, protections), 8000 },
};

hf_err hf_ready_encode(const struct hf_ready *m, hf_writer *w)
{
    return hf_fields_encode(ready_fields, 1, m, w);
}

hf_err hf_ready_decode(hf_view body, struct hf_ready *ret)
{
    return hf_fields_decode(ready_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field process_up_fields[] = {
    { HF_FIELD_U8, offsetof(struct hf_process_up, role), 0 },
    { HF_FIELD_U32, offsetof(struct hf_process_up, pid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_process_up, starts), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_process_up, protections), 8000 },
};

hf_err hf_process_up_encode(const struct hf_process_up *m, hf_writer *w)
{
    return hf_fields_encode(process_up_fields, 4, m, w);
}

hf_err hf_process_up_decode(hf_view body, struct hf_process_up *ret)
{
    return hf_fields_decode(process_up_fields, 4, body, ret, sizeof(*ret));
}

static const hf_field alarm_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_alarm, what), 900 },
};

hf_err hf_alarm_encode(const struct hf_alarm *m, hf_writer *w)
{
    return hf_fields_encode(alarm_fields, 1, m, w);
}

hf_err hf_alarm_decode(hf_view body, struct hf_alarm *ret)
{
    return hf_fields_decode(alarm_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field ack_fields[] = {
    { HF_FIELD_U16, offsetof(struct hf_ack, error), 0 },
};

hf_err hf_ack_encode(const struct hf_ack *m, hf_writer *w)
{
    return hf_fields_encode(ack_fields, 1, m, w);
}

hf_err hf_ack_decode(hf_view body, struct hf_ack *ret)
{
    return hf_fields_decode(ack_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field config_supervisor_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_config_supervisor, listen), 256 },
    { HF_FIELD_TEXT, offsetof(struct hf_config_supervisor, tls_certificate), 1024 },
    { HF_FIELD_TEXT, offsetof(struct hf_config_supervisor, tls_key), 1024 },
    { HF_FIELD_TEXT, offsetof(struct hf_config_supervisor, client_ca), 1024 },
    { HF_FIELD_TEXT, offsetof(struct hf_config_supervisor, metrics_listen), 256 },
    { HF_FIELD_TEXT, offsetof(struct hf_config_supervisor, seal_kind), 32 },
};

hf_err hf_config_supervisor_encode(const struct hf_config_supervisor *m, hf_writer *w)
{
    return hf_fields_encode(config_supervisor_fields, 6, m, w);
}

hf_err hf_config_supervisor_decode(hf_view body, struct hf_config_supervisor *ret)
{
    return hf_fields_decode(config_supervisor_fields, 6, body, ret, sizeof(*ret));
}

static const hf_field config_core_fields[] = {
    { HF_FIELD_BOOL, offsetof(struct hf_config_core, strict), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_core, lanes), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_core, arena_mib), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_core, key_cache_mib), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_core, actor_rate), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_core, actor_burst), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_core, token_max_s), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_core, token_leeway_s), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_config_core, issuer), 256 },
    { HF_FIELD_TEXT, offsetof(struct hf_config_core, audience), 256 },
    { HF_FIELD_U32, offsetof(struct hf_config_core, session_s), 0 },
    { HF_FIELD_BOOL, offsetof(struct hf_config_core, hs256), 0 },
    { HF_FIELD_BOOL, offsetof(struct hf_config_core, durable_all), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_core, segment_ms), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_core, ring_mib), 0 },
};

hf_err hf_config_core_encode(const struct hf_config_core *m, hf_writer *w)
{
    return hf_fields_encode(config_core_fields, 15, m, w);
}

hf_err hf_config_core_decode(hf_view body, struct hf_config_core *ret)
{
    return hf_fields_decode(config_core_fields, 15, body, ret, sizeof(*ret));
}

static const hf_field config_gateway_fields[] = {
    { HF_FIELD_BOOL, offsetof(struct hf_config_gateway, strict), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_gateway, threads), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_gateway, max_connections), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_gateway, address_rate), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_gateway, address_burst), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_gateway, header_ms), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_gateway, body_ms), 0 },
    { HF_FIELD_U32, offsetof(struct hf_config_gateway, idle_ms), 0 },
    { HF_FIELD_U8, offsetof(struct hf_config_gateway, client_certificates), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_config_gateway, trusted_proxies), 1024 },
    { HF_FIELD_U8, offsetof(struct hf_config_gateway, log_requests), 0 },
    { HF_FIELD_BOOL, offsetof(struct hf_config_gateway, local_socket), 0 },
    { HF_FIELD_BOOL, offsetof(struct hf_config_gateway, metrics_socket), 0 },
};

hf_err hf_config_gateway_encode(const struct hf_config_gateway *m, hf_writer *w)
{
    return hf_fields_encode(config_gateway_fields, 13, m, w);
}

hf_err hf_config_gateway_decode(hf_view body, struct hf_config_gateway *ret)
{
    return hf_fields_decode(config_gateway_fields, 13, body, ret, sizeof(*ret));
}

static const hf_field config_store_fields[] = {
    { HF_FIELD_BOOL, offsetof(struct hf_config_store, strict), 0 },
    { HF_FIELD_U8, offsetof(struct hf_config_store, engine), 0 },
};

hf_err hf_config_store_encode(const struct hf_config_store *m, hf_writer *w)
{
    return hf_fields_encode(config_store_fields, 2, m, w);
}

hf_err hf_config_store_decode(hf_view body, struct hf_config_store *ret)
{
    return hf_fields_decode(config_store_fields, 2, body, ret, sizeof(*ret));
}

static const hf_field config_verifier_fields[] = {
    { HF_FIELD_BOOL, offsetof(struct hf_config_verifier, strict), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_config_verifier, issuer), 256 },
    { HF_FIELD_TEXT, offsetof(struct hf_config_verifier, audience), 256 },
    { HF_FIELD_BOOL, offsetof(struct hf_config_verifier, hs256), 0 },
};

hf_err hf_config_verifier_encode(const struct hf_config_verifier *m, hf_writer *w)
{
    return hf_fields_encode(config_verifier_fields, 4, m, w);
}

hf_err hf_config_verifier_decode(hf_view body, struct hf_config_verifier *ret)
{
    return hf_fields_decode(config_verifier_fields, 4, body, ret, sizeof(*ret));
}

static const hf_field keyset_fields[] = {
    { HF_FIELD_U64, offsetof(struct hf_keyset, generation), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_keyset, rows), 245760 },
    { HF_FIELD_FIXED, offsetof(struct hf_keyset, mac), 32 },
};

hf_err hf_keyset_encode(const struct hf_keyset *m, hf_writer *w)
{
    return hf_fields_encode(keyset_fields, 3, m, w);
}

hf_err hf_keyset_decode(hf_view body, struct hf_keyset *ret)
{
    return hf_fields_decode(keyset_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field config_failed_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_config_failed, what), 2048 },
};

hf_err hf_config_failed_encode(const struct hf_config_failed *m, hf_writer *w)
{
    return hf_fields_encode(config_failed_fields, 1, m, w);
}

hf_err hf_config_failed_decode(hf_view body, struct hf_config_failed *ret)
{
    return hf_fields_decode(config_failed_fields, 1, body, ret, sizeof(*ret));
}

hf_err hf_config_done_encode(const struct hf_config_done *m, hf_writer *w)
{
    return hf_fields_encode(NULL, 0, m, w);
}

hf_err hf_config_done_decode(hf_view body, struct hf_config_done *ret)
{
    return hf_fields_decode(NULL, 0, body, ret, sizeof(*ret));
}

static const hf_field keyset_text_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_keyset_text, json), 524000 },
};

hf_err hf_keyset_text_encode(const struct hf_keyset_text *m, hf_writer *w)
{
    return hf_fields_encode(keyset_text_fields, 1, m, w);
}

hf_err hf_keyset_text_decode(hf_view body, struct hf_keyset_text *ret)
{
    return hf_fields_decode(keyset_text_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field saved_files_fields[] = {
    { HF_FIELD_BOOL, offsetof(struct hf_saved_files, has_epoch), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_saved_files, epoch), 4096 },
    { HF_FIELD_BOOL, offsetof(struct hf_saved_files, has_anchor), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_saved_files, anchor), 1024 },
    { HF_FIELD_BOOL, offsetof(struct hf_saved_files, accept_rollback), 0 },
};

hf_err hf_saved_files_encode(const struct hf_saved_files *m, hf_writer *w)
{
    return hf_fields_encode(saved_files_fields, 5, m, w);
}

hf_err hf_saved_files_decode(hf_view body, struct hf_saved_files *ret)
{
    return hf_fields_decode(saved_files_fields, 5, body, ret, sizeof(*ret));
}

static const hf_field anchor_write_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_anchor_write, anchor), 1024 },
};

hf_err hf_anchor_write_encode(const struct hf_anchor_write *m, hf_writer *w)
{
    return hf_fields_encode(anchor_write_fields, 1, m, w);
}

hf_err hf_anchor_write_decode(hf_view body, struct hf_anchor_write *ret)
{
    return hf_fields_decode(anchor_write_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field epoch_write_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_epoch_write, epoch), 4096 },
};

hf_err hf_epoch_write_encode(const struct hf_epoch_write *m, hf_writer *w)
{
    return hf_fields_encode(epoch_write_fields, 1, m, w);
}

hf_err hf_epoch_write_decode(hf_view body, struct hf_epoch_write *ret)
{
    return hf_fields_decode(epoch_write_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field keyset_write_fields[] = {
    { HF_FIELD_U64, offsetof(struct hf_keyset_write, generation), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_keyset_write, rows), 245760 },
    { HF_FIELD_FIXED, offsetof(struct hf_keyset_write, mac), 32 },
};

hf_err hf_keyset_write_encode(const struct hf_keyset_write *m, hf_writer *w)
{
    return hf_fields_encode(keyset_write_fields, 3, m, w);
}

hf_err hf_keyset_write_decode(hf_view body, struct hf_keyset_write *ret)
{
    return hf_fields_decode(keyset_write_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field audit_ring_fields[] = {
    { HF_FIELD_U64, offsetof(struct hf_audit_ring, bytes), 0 },
};

hf_err hf_audit_ring_encode(const struct hf_audit_ring *m, hf_writer *w)
{
    return hf_fields_encode(audit_ring_fields, 1, m, w);
}

hf_err hf_audit_ring_decode(hf_view body, struct hf_audit_ring *ret)
{
    return hf_fields_decode(audit_ring_fields, 1, body, ret, sizeof(*ret));
}

hf_err hf_unseal_wanted_encode(const struct hf_unseal_wanted *m, hf_writer *w)
{
    return hf_fields_encode(NULL, 0, m, w);
}

hf_err hf_unseal_wanted_decode(hf_view body, struct hf_unseal_wanted *ret)
{
    return hf_fields_decode(NULL, 0, body, ret, sizeof(*ret));
}

static const hf_field core_state_fields[] = {
    { HF_FIELD_U8, offsetof(struct hf_core_state, state), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_core_state, why), 512 },
    { HF_FIELD_BYTES, offsetof(struct hf_core_state, fingerprint), 32 },
};

hf_err hf_core_state_encode(const struct hf_core_state *m, hf_writer *w)
{
    return hf_fields_encode(core_state_fields, 3, m, w);
}

hf_err hf_core_state_decode(hf_view body, struct hf_core_state *ret)
{
    return hf_fields_decode(core_state_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field seal_in_use_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_seal_in_use, seal), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_seal_in_use, opens_alone), 0 },
};

hf_err hf_seal_in_use_encode(const struct hf_seal_in_use *m, hf_writer *w)
{
    return hf_fields_encode(seal_in_use_fields, 2, m, w);
}

hf_err hf_seal_in_use_decode(hf_view body, struct hf_seal_in_use *ret)
{
    return hf_fields_decode(seal_in_use_fields, 2, body, ret, sizeof(*ret));
}

static const hf_field root_key_fields[] = {
    { HF_FIELD_SECRET, offsetof(struct hf_root_key, root), 64 },
    { HF_FIELD_TEXT, offsetof(struct hf_root_key, seal), 32 },
    { HF_FIELD_BYTES, offsetof(struct hf_root_key, protections), 3500 },
};

hf_err hf_root_key_encode(const struct hf_root_key *m, hf_writer *w)
{
    return hf_fields_encode(root_key_fields, 3, m, w);
}

hf_err hf_root_key_decode(hf_view body, struct hf_root_key *ret)
{
    return hf_fields_decode(root_key_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field unseal_failed_fields[] = {
    { HF_FIELD_U16, offsetof(struct hf_unseal_failed, error), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_unseal_failed, what), 512 },
};

hf_err hf_unseal_failed_encode(const struct hf_unseal_failed *m, hf_writer *w)
{
    return hf_fields_encode(unseal_failed_fields, 2, m, w);
}

hf_err hf_unseal_failed_decode(hf_view body, struct hf_unseal_failed *ret)
{
    return hf_fields_decode(unseal_failed_fields, 2, body, ret, sizeof(*ret));
}

static const hf_field unseal_secret_fields[] = {
    { HF_FIELD_SECRET, offsetof(struct hf_unseal_secret, passphrase), 1024 },
};

hf_err hf_unseal_secret_encode(const struct hf_unseal_secret *m, hf_writer *w)
{
    return hf_fields_encode(unseal_secret_fields, 1, m, w);
}

hf_err hf_unseal_secret_decode(hf_view body, struct hf_unseal_secret *ret)
{
    return hf_fields_decode(unseal_secret_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field tls_key_fields[] = {
    { HF_FIELD_SECRET, offsetof(struct hf_tls_key, pkcs8), 8192 },
};

hf_err hf_tls_key_encode(const struct hf_tls_key *m, hf_writer *w)
{
    return hf_fields_encode(tls_key_fields, 1, m, w);
}

hf_err hf_tls_key_decode(hf_view body, struct hf_tls_key *ret)
{
    return hf_fields_decode(tls_key_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field verify_token_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_verify_token, token), 8192 },
};

hf_err hf_verify_token_encode(const struct hf_verify_token *m, hf_writer *w)
{
    return hf_fields_encode(verify_token_fields, 1, m, w);
}

hf_err hf_verify_token_decode(hf_view body, struct hf_verify_token *ret)
{
    return hf_fields_decode(verify_token_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field verdict_fields[] = {
    { HF_FIELD_U16, offsetof(struct hf_verdict, error), 0 },
    { HF_FIELD_U64, offsetof(struct hf_verdict, keyset_generation), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_verdict, kid), 64 },
    { HF_FIELD_TEXT, offsetof(struct hf_verdict, jti), 128 },
    { HF_FIELD_TEXT, offsetof(struct hf_verdict, subject), 128 },
    { HF_FIELD_U32, offsetof(struct hf_verdict, roles), 0 },
    { HF_FIELD_I64, offsetof(struct hf_verdict, issued_s), 0 },
    { HF_FIELD_I64, offsetof(struct hf_verdict, not_before_s), 0 },
    { HF_FIELD_I64, offsetof(struct hf_verdict, expires_s), 0 },
    { HF_FIELD_BOOL, offsetof(struct hf_verdict, has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_verdict, cert_hash), 32 },
};

hf_err hf_verdict_encode(const struct hf_verdict *m, hf_writer *w)
{
    return hf_fields_encode(verdict_fields, 11, m, w);
}

hf_err hf_verdict_decode(hf_view body, struct hf_verdict *ret)
{
    return hf_fields_decode(verdict_fields, 11, body, ret, sizeof(*ret));
}

static const hf_field store_scan_fields[] = {
    { HF_FIELD_U8, offsetof(struct hf_store_scan, kind), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_store_scan, after_id), 16 },
    { HF_FIELD_U64, offsetof(struct hf_store_scan, after_version), 0 },
    { HF_FIELD_BOOL, offsetof(struct hf_store_scan, from_start), 0 },
    { HF_FIELD_U32, offsetof(struct hf_store_scan, max_bytes), 0 },
};

hf_err hf_store_scan_encode(const struct hf_store_scan *m, hf_writer *w)
{
    return hf_fields_encode(store_scan_fields, 5, m, w);
}

hf_err hf_store_scan_decode(hf_view body, struct hf_store_scan *ret)
{
    return hf_fields_decode(store_scan_fields, 5, body, ret, sizeof(*ret));
}

static const hf_field store_rows_fields[] = {
    { HF_FIELD_U16, offsetof(struct hf_store_rows, error), 0 },
    { HF_FIELD_BOOL, offsetof(struct hf_store_rows, more), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_store_rows, rows), 1048576 },
};

hf_err hf_store_rows_encode(const struct hf_store_rows *m, hf_writer *w)
{
    return hf_fields_encode(store_rows_fields, 3, m, w);
}

hf_err hf_store_rows_decode(hf_view body, struct hf_store_rows *ret)
{
    return hf_fields_decode(store_rows_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field store_get_fields[] = {
    { HF_FIELD_U8, offsetof(struct hf_store_get, kind), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_store_get, id), 16 },
    { HF_FIELD_U64, offsetof(struct hf_store_get, version), 0 },
};

hf_err hf_store_get_encode(const struct hf_store_get *m, hf_writer *w)
{
    return hf_fields_encode(store_get_fields, 3, m, w);
}

hf_err hf_store_get_decode(hf_view body, struct hf_store_get *ret)
{
    return hf_fields_decode(store_get_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field store_commit_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_store_commit, ops), 1048576 },
};

hf_err hf_store_commit_encode(const struct hf_store_commit *m, hf_writer *w)
{
    return hf_fields_encode(store_commit_fields, 1, m, w);
}

hf_err hf_store_commit_decode(hf_view body, struct hf_store_commit *ret)
{
    return hf_fields_decode(store_commit_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field store_done_fields[] = {
    { HF_FIELD_U16, offsetof(struct hf_store_done, error), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_store_done, why), 256 },
};

hf_err hf_store_done_encode(const struct hf_store_done *m, hf_writer *w)
{
    return hf_fields_encode(store_done_fields, 2, m, w);
}

hf_err hf_store_done_decode(hf_view body, struct hf_store_done *ret)
{
    return hf_fields_decode(store_done_fields, 2, body, ret, sizeof(*ret));
}

static const hf_field failed_fields[] = {
    { HF_FIELD_U16, offsetof(struct hf_failed, error), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_failed, detail), 1024 },
    { HF_FIELD_U32, offsetof(struct hf_failed, retry_after_s), 0 },
};

hf_err hf_failed_encode(const struct hf_failed *m, hf_writer *w)
{
    return hf_fields_encode(failed_fields, 3, m, w);
}

hf_err hf_failed_decode(hf_view body, struct hf_failed *ret)
{
    return hf_fields_decode(failed_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field done_fields[] = {
    { HF_FIELD_U64, offsetof(struct hf_done, value), 0 },
};

hf_err hf_done_encode(const struct hf_done *m, hf_writer *w)
{
    return hf_fields_encode(done_fields, 1, m, w);
}

hf_err hf_done_decode(hf_view body, struct hf_done *ret)
{
    return hf_fields_decode(done_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field status_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_status, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_status, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_status, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_status, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_status, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_status, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_status, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_status, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_status, head.signature), 4096 },
};

hf_err hf_status_encode(const struct hf_status *m, hf_writer *w)
{
    return hf_fields_encode(status_fields, 9, m, w);
}

hf_err hf_status_decode(hf_view body, struct hf_status *ret)
{
    return hf_fields_decode(status_fields, 9, body, ret, sizeof(*ret));
}

static const hf_field status_info_fields[] = {
    { HF_FIELD_U8, offsetof(struct hf_status_info, state), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_status_info, why), 512 },
    { HF_FIELD_TEXT, offsetof(struct hf_status_info, version), 64 },
    { HF_FIELD_U64, offsetof(struct hf_status_info, uptime_ms), 0 },
    { HF_FIELD_U64, offsetof(struct hf_status_info, keys), 0 },
    { HF_FIELD_BOOL, offsetof(struct hf_status_info, degraded), 0 },
};

hf_err hf_status_info_encode(const struct hf_status_info *m, hf_writer *w)
{
    return hf_fields_encode(status_info_fields, 6, m, w);
}

hf_err hf_status_info_decode(hf_view body, struct hf_status_info *ret)
{
    return hf_fields_decode(status_info_fields, 6, body, ret, sizeof(*ret));
}

static const hf_field capabilities_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_capabilities, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_capabilities, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_capabilities, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_capabilities, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_capabilities, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_capabilities, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_capabilities, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_capabilities, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_capabilities, head.signature), 4096 },
};

hf_err hf_capabilities_encode(const struct hf_capabilities *m, hf_writer *w)
{
    return hf_fields_encode(capabilities_fields, 9, m, w);
}

hf_err hf_capabilities_decode(hf_view body, struct hf_capabilities *ret)
{
    return hf_fields_decode(capabilities_fields, 9, body, ret, sizeof(*ret));
}

static const hf_field capabilities_info_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_capabilities_info, backing), 32 },
    { HF_FIELD_TEXT, offsetof(struct hf_capabilities_info, freshness), 32 },
    { HF_FIELD_TEXT, offsetof(struct hf_capabilities_info, seal), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_capabilities_info, strict), 0 },
    { HF_FIELD_U64, offsetof(struct hf_capabilities_info, arena_bytes), 0 },
    { HF_FIELD_U64, offsetof(struct hf_capabilities_info, arena_used), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_capabilities_info, protections), 60000 },
};

hf_err hf_capabilities_info_encode(const struct hf_capabilities_info *m, hf_writer *w)
{
    return hf_fields_encode(capabilities_info_fields, 7, m, w);
}

hf_err hf_capabilities_info_decode(hf_view body, struct hf_capabilities_info *ret)
{
    return hf_fields_decode(capabilities_info_fields, 7, body, ret, sizeof(*ret));
}

static const hf_field metrics_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_metrics, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_metrics, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_metrics, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_metrics, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_metrics, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_metrics, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_metrics, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_metrics, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_metrics, head.signature), 4096 },
};

hf_err hf_metrics_encode(const struct hf_metrics *m, hf_writer *w)
{
    return hf_fields_encode(metrics_fields, 9, m, w);
}

hf_err hf_metrics_decode(hf_view body, struct hf_metrics *ret)
{
    return hf_fields_decode(metrics_fields, 9, body, ret, sizeof(*ret));
}

static const hf_field metrics_local_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_metrics_local, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_metrics_local, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_metrics_local, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_metrics_local, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_metrics_local, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_metrics_local, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_metrics_local, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_metrics_local, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_metrics_local, head.signature), 4096 },
};

hf_err hf_metrics_local_encode(const struct hf_metrics_local *m, hf_writer *w)
{
    return hf_fields_encode(metrics_local_fields, 9, m, w);
}

hf_err hf_metrics_local_decode(hf_view body, struct hf_metrics_local *ret)
{
    return hf_fields_decode(metrics_local_fields, 9, body, ret, sizeof(*ret));
}

static const hf_field metrics_info_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_metrics_info, metrics), 65000 },
};

hf_err hf_metrics_info_encode(const struct hf_metrics_info *m, hf_writer *w)
{
    return hf_fields_encode(metrics_info_fields, 1, m, w);
}

hf_err hf_metrics_info_decode(hf_view body, struct hf_metrics_info *ret)
{
    return hf_fields_decode(metrics_info_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field failures_fields[] = {
    { HF_FIELD_FIXED, offsetof(struct hf_failures, prefix), 16 },
    { HF_FIELD_U16, offsetof(struct hf_failures, error), 0 },
    { HF_FIELD_U32, offsetof(struct hf_failures, count), 0 },
};

hf_err hf_failures_encode(const struct hf_failures *m, hf_writer *w)
{
    return hf_fields_encode(failures_fields, 3, m, w);
}

hf_err hf_failures_decode(hf_view body, struct hf_failures *ret)
{
    return hf_fields_decode(failures_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field key_create_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_key_create, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_create, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_create, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_create, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_create, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_create, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_create, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_create, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_create, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_create, name), 64 },
    { HF_FIELD_U16, offsetof(struct hf_key_create, algorithm), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_create, usage), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_create, description), 1024 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_create, tags), 4096 },
};

hf_err hf_key_create_encode(const struct hf_key_create *m, hf_writer *w)
{
    return hf_fields_encode(key_create_fields, 14, m, w);
}

hf_err hf_key_create_decode(hf_view body, struct hf_key_create *ret)
{
    return hf_fields_decode(key_create_fields, 14, body, ret, sizeof(*ret));
}

static const hf_field key_detail_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_key_detail, info), 16000 },
};

hf_err hf_key_detail_encode(const struct hf_key_detail *m, hf_writer *w)
{
    return hf_fields_encode(key_detail_fields, 1, m, w);
}

hf_err hf_key_detail_decode(hf_view body, struct hf_key_detail *ret)
{
    return hf_fields_decode(key_detail_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field key_list_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_key_list, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_list, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_list, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_list, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_list, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_list, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_list, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_list, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_list, head.signature), 4096 },
    { HF_FIELD_U32, offsetof(struct hf_key_list, page), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_list, per_page), 0 },
    { HF_FIELD_U16, offsetof(struct hf_key_list, algorithm), 0 },
    { HF_FIELD_U8, offsetof(struct hf_key_list, state), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_list, tags), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_list, search), 64 },
};

hf_err hf_key_list_encode(const struct hf_key_list *m, hf_writer *w)
{
    return hf_fields_encode(key_list_fields, 15, m, w);
}

hf_err hf_key_list_decode(hf_view body, struct hf_key_list *ret)
{
    return hf_fields_decode(key_list_fields, 15, body, ret, sizeof(*ret));
}

static const hf_field keys_fields[] = {
    { HF_FIELD_U64, offsetof(struct hf_keys, total), 0 },
    { HF_FIELD_U32, offsetof(struct hf_keys, page), 0 },
    { HF_FIELD_U32, offsetof(struct hf_keys, per_page), 0 },
    { HF_FIELD_BOOL, offsetof(struct hf_keys, has_more), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_keys, items), 1048576 },
};

hf_err hf_keys_encode(const struct hf_keys *m, hf_writer *w)
{
    return hf_fields_encode(keys_fields, 5, m, w);
}

hf_err hf_keys_decode(hf_view body, struct hf_keys *ret)
{
    return hf_fields_decode(keys_fields, 5, body, ret, sizeof(*ret));
}

static const hf_field key_show_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_key_show, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_show, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_show, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_show, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_show, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_show, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_show, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_show, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_show, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_show, key), 64 },
};

hf_err hf_key_show_encode(const struct hf_key_show *m, hf_writer *w)
{
    return hf_fields_encode(key_show_fields, 10, m, w);
}

hf_err hf_key_show_decode(hf_view body, struct hf_key_show *ret)
{
    return hf_fields_decode(key_show_fields, 10, body, ret, sizeof(*ret));
}

static const hf_field key_versions_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_key_versions, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_versions, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_versions, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_versions, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_versions, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_versions, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_versions, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_versions, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_versions, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_versions, key), 64 },
};

hf_err hf_key_versions_encode(const struct hf_key_versions *m, hf_writer *w)
{
    return hf_fields_encode(key_versions_fields, 10, m, w);
}

hf_err hf_key_versions_decode(hf_view body, struct hf_key_versions *ret)
{
    return hf_fields_decode(key_versions_fields, 10, body, ret, sizeof(*ret));
}

static const hf_field versions_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_versions, items), 1048576 },
};

hf_err hf_versions_encode(const struct hf_versions *m, hf_writer *w)
{
    return hf_fields_encode(versions_fields, 1, m, w);
}

hf_err hf_versions_decode(hf_view body, struct hf_versions *ret)
{
    return hf_fields_decode(versions_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field key_public_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_key_public, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_public, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_public, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_public, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_public, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_public, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_public, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_public, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_public, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_public, key), 64 },
    { HF_FIELD_U32, offsetof(struct hf_key_public, version), 0 },
};

hf_err hf_key_public_encode(const struct hf_key_public *m, hf_writer *w)
{
    return hf_fields_encode(key_public_fields, 11, m, w);
}

hf_err hf_key_public_decode(hf_view body, struct hf_key_public *ret)
{
    return hf_fields_decode(key_public_fields, 11, body, ret, sizeof(*ret));
}

static const hf_field public_fields[] = {
    { HF_FIELD_U16, offsetof(struct hf_public, algorithm), 0 },
    { HF_FIELD_U32, offsetof(struct hf_public, version), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_public, spki), 2048 },
};

hf_err hf_public_encode(const struct hf_public *m, hf_writer *w)
{
    return hf_fields_encode(public_fields, 3, m, w);
}

hf_err hf_public_decode(hf_view body, struct hf_public *ret)
{
    return hf_fields_decode(public_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field key_rotate_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_key_rotate, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_rotate, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_rotate, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_rotate, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_rotate, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_rotate, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_rotate, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_rotate, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_rotate, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_rotate, key), 64 },
};

hf_err hf_key_rotate_encode(const struct hf_key_rotate *m, hf_writer *w)
{
    return hf_fields_encode(key_rotate_fields, 10, m, w);
}

hf_err hf_key_rotate_decode(hf_view body, struct hf_key_rotate *ret)
{
    return hf_fields_decode(key_rotate_fields, 10, body, ret, sizeof(*ret));
}

static const hf_field key_revoke_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_key_revoke, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_revoke, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_revoke, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_revoke, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_revoke, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_revoke, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_revoke, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_revoke, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_revoke, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_revoke, key), 64 },
};

hf_err hf_key_revoke_encode(const struct hf_key_revoke *m, hf_writer *w)
{
    return hf_fields_encode(key_revoke_fields, 10, m, w);
}

hf_err hf_key_revoke_decode(hf_view body, struct hf_key_revoke *ret)
{
    return hf_fields_decode(key_revoke_fields, 10, body, ret, sizeof(*ret));
}

static const hf_field key_destroy_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_key_destroy, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_destroy, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_destroy, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_destroy, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_destroy, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_destroy, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_destroy, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_destroy, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_destroy, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_destroy, key), 64 },
};

hf_err hf_key_destroy_encode(const struct hf_key_destroy *m, hf_writer *w)
{
    return hf_fields_encode(key_destroy_fields, 10, m, w);
}

hf_err hf_key_destroy_decode(hf_view body, struct hf_key_destroy *ret)
{
    return hf_fields_decode(key_destroy_fields, 10, body, ret, sizeof(*ret));
}

static const hf_field key_update_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_key_update, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_update, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_update, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_update, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_update, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_update, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_update, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_update, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_update, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_update, key), 64 },
    { HF_FIELD_U64, offsetof(struct hf_key_update, if_generation), 0 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_update, has_description), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_update, description), 1024 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_update, has_tags), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_update, tags), 4096 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_update, has_attributes), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_update, attributes), 8192 },
};

hf_err hf_key_update_encode(const struct hf_key_update *m, hf_writer *w)
{
    return hf_fields_encode(key_update_fields, 17, m, w);
}

hf_err hf_key_update_decode(hf_view body, struct hf_key_update *ret)
{
    return hf_fields_decode(key_update_fields, 17, body, ret, sizeof(*ret));
}

static const hf_field key_import_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_key_import, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_import, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_import, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_import, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_key_import, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_key_import, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_import, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_import, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_import, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_import, name), 64 },
    { HF_FIELD_U16, offsetof(struct hf_key_import, algorithm), 0 },
    { HF_FIELD_U32, offsetof(struct hf_key_import, usage), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_import, description), 1024 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_import, tags), 4096 },
    { HF_FIELD_U8, offsetof(struct hf_key_import, form), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_import, public), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_key_import, wrapping_key), 64 },
    { HF_FIELD_U32, offsetof(struct hf_key_import, wrapping_version), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_key_import, wrapped), 16384 },
};

hf_err hf_key_import_encode(const struct hf_key_import *m, hf_writer *w)
{
    return hf_fields_encode(key_import_fields, 19, m, w);
}

hf_err hf_key_import_decode(hf_view body, struct hf_key_import *ret)
{
    return hf_fields_decode(key_import_fields, 19, body, ret, sizeof(*ret));
}

static const hf_field sign_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_sign, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_sign, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_sign, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_sign, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_sign, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_sign, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_sign, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_sign, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_sign, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_sign, key), 64 },
    { HF_FIELD_U8, offsetof(struct hf_sign, scheme), 0 },
    { HF_FIELD_U8, offsetof(struct hf_sign, hash), 0 },
    { HF_FIELD_BOOL, offsetof(struct hf_sign, prehashed), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_sign, context), 255 },
    { HF_FIELD_BYTES, offsetof(struct hf_sign, payload), 1048576 },
};

hf_err hf_sign_encode(const struct hf_sign *m, hf_writer *w)
{
    return hf_fields_encode(sign_fields, 15, m, w);
}

hf_err hf_sign_decode(hf_view body, struct hf_sign *ret)
{
    return hf_fields_decode(sign_fields, 15, body, ret, sizeof(*ret));
}

static const hf_field signed_fields[] = {
    { HF_FIELD_U32, offsetof(struct hf_signed, version), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_signed, signature), 8192 },
};

hf_err hf_signed_encode(const struct hf_signed *m, hf_writer *w)
{
    return hf_fields_encode(signed_fields, 2, m, w);
}

hf_err hf_signed_decode(hf_view body, struct hf_signed *ret)
{
    return hf_fields_decode(signed_fields, 2, body, ret, sizeof(*ret));
}

static const hf_field verify_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_verify, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_verify, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_verify, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_verify, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_verify, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_verify, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_verify, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_verify, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_verify, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_verify, key), 64 },
    { HF_FIELD_U32, offsetof(struct hf_verify, version), 0 },
    { HF_FIELD_U8, offsetof(struct hf_verify, scheme), 0 },
    { HF_FIELD_U8, offsetof(struct hf_verify, hash), 0 },
    { HF_FIELD_BOOL, offsetof(struct hf_verify, prehashed), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_verify, context), 255 },
    { HF_FIELD_BYTES, offsetof(struct hf_verify, signature), 8192 },
    { HF_FIELD_BYTES, offsetof(struct hf_verify, payload), 1048576 },
};

hf_err hf_verify_encode(const struct hf_verify *m, hf_writer *w)
{
    return hf_fields_encode(verify_fields, 17, m, w);
}

hf_err hf_verify_decode(hf_view body, struct hf_verify *ret)
{
    return hf_fields_decode(verify_fields, 17, body, ret, sizeof(*ret));
}

static const hf_field verified_fields[] = {
    { HF_FIELD_BOOL, offsetof(struct hf_verified, valid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_verified, version), 0 },
};

hf_err hf_verified_encode(const struct hf_verified *m, hf_writer *w)
{
    return hf_fields_encode(verified_fields, 2, m, w);
}

hf_err hf_verified_decode(hf_view body, struct hf_verified *ret)
{
    return hf_fields_decode(verified_fields, 2, body, ret, sizeof(*ret));
}

static const hf_field encrypt_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_encrypt, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_encrypt, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_encrypt, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_encrypt, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_encrypt, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_encrypt, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_encrypt, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_encrypt, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_encrypt, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_encrypt, key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_encrypt, associated_data), 65536 },
    { HF_FIELD_BYTES, offsetof(struct hf_encrypt, plaintext), 1048576 },
};

hf_err hf_encrypt_encode(const struct hf_encrypt *m, hf_writer *w)
{
    return hf_fields_encode(encrypt_fields, 12, m, w);
}

hf_err hf_encrypt_decode(hf_view body, struct hf_encrypt *ret)
{
    return hf_fields_decode(encrypt_fields, 12, body, ret, sizeof(*ret));
}

static const hf_field encrypted_fields[] = {
    { HF_FIELD_U32, offsetof(struct hf_encrypted, version), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_encrypted, nonce), 12 },
    { HF_FIELD_BYTES, offsetof(struct hf_encrypted, ciphertext), 1048608 },
};

hf_err hf_encrypted_encode(const struct hf_encrypted *m, hf_writer *w)
{
    return hf_fields_encode(encrypted_fields, 3, m, w);
}

hf_err hf_encrypted_decode(hf_view body, struct hf_encrypted *ret)
{
    return hf_fields_decode(encrypted_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field decrypt_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_decrypt, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_decrypt, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_decrypt, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_decrypt, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_decrypt, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_decrypt, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_decrypt, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_decrypt, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_decrypt, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_decrypt, key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_decrypt, nonce), 12 },
    { HF_FIELD_BYTES, offsetof(struct hf_decrypt, associated_data), 65536 },
    { HF_FIELD_BYTES, offsetof(struct hf_decrypt, ciphertext), 1048608 },
};

hf_err hf_decrypt_encode(const struct hf_decrypt *m, hf_writer *w)
{
    return hf_fields_encode(decrypt_fields, 13, m, w);
}

hf_err hf_decrypt_decode(hf_view body, struct hf_decrypt *ret)
{
    return hf_fields_decode(decrypt_fields, 13, body, ret, sizeof(*ret));
}

static const hf_field decrypted_fields[] = {
    { HF_FIELD_U32, offsetof(struct hf_decrypted, version), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_decrypted, plaintext), 1048576 },
};

hf_err hf_decrypted_encode(const struct hf_decrypted *m, hf_writer *w)
{
    return hf_fields_encode(decrypted_fields, 2, m, w);
}

hf_err hf_decrypted_decode(hf_view body, struct hf_decrypted *ret)
{
    return hf_fields_decode(decrypted_fields, 2, body, ret, sizeof(*ret));
}

static const hf_field encapsulate_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_encapsulate, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_encapsulate, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_encapsulate, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_encapsulate, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_encapsulate, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_encapsulate, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_encapsulate, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_encapsulate, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_encapsulate, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_encapsulate, key), 64 },
};

hf_err hf_encapsulate_encode(const struct hf_encapsulate *m, hf_writer *w)
{
    return hf_fields_encode(encapsulate_fields, 10, m, w);
}

hf_err hf_encapsulate_decode(hf_view body, struct hf_encapsulate *ret)
{
    return hf_fields_decode(encapsulate_fields, 10, body, ret, sizeof(*ret));
}

static const hf_field encapsulated_fields[] = {
    { HF_FIELD_U32, offsetof(struct hf_encapsulated, version), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_encapsulated, ciphertext), 2048 },
    { HF_FIELD_BYTES, offsetof(struct hf_encapsulated, shared_secret), 64 },
};

hf_err hf_encapsulated_encode(const struct hf_encapsulated *m, hf_writer *w)
{
    return hf_fields_encode(encapsulated_fields, 3, m, w);
}

hf_err hf_encapsulated_decode(hf_view body, struct hf_encapsulated *ret)
{
    return hf_fields_decode(encapsulated_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field decapsulate_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_decapsulate, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_decapsulate, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_decapsulate, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_decapsulate, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_decapsulate, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_decapsulate, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_decapsulate, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_decapsulate, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_decapsulate, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_decapsulate, key), 64 },
    { HF_FIELD_U32, offsetof(struct hf_decapsulate, version), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_decapsulate, ciphertext), 2048 },
};

hf_err hf_decapsulate_encode(const struct hf_decapsulate *m, hf_writer *w)
{
    return hf_fields_encode(decapsulate_fields, 12, m, w);
}

hf_err hf_decapsulate_decode(hf_view body, struct hf_decapsulate *ret)
{
    return hf_fields_decode(decapsulate_fields, 12, body, ret, sizeof(*ret));
}

static const hf_field decapsulated_fields[] = {
    { HF_FIELD_U32, offsetof(struct hf_decapsulated, version), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_decapsulated, shared_secret), 64 },
};

hf_err hf_decapsulated_encode(const struct hf_decapsulated *m, hf_writer *w)
{
    return hf_fields_encode(decapsulated_fields, 2, m, w);
}

hf_err hf_decapsulated_decode(hf_view body, struct hf_decapsulated *ret)
{
    return hf_fields_decode(decapsulated_fields, 2, body, ret, sizeof(*ret));
}

static const hf_field mac_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_mac, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_mac, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_mac, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_mac, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_mac, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_mac, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_mac, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_mac, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_mac, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_mac, key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_mac, payload), 1048576 },
};

hf_err hf_mac_encode(const struct hf_mac *m, hf_writer *w)
{
    return hf_fields_encode(mac_fields, 11, m, w);
}

hf_err hf_mac_decode(hf_view body, struct hf_mac *ret)
{
    return hf_fields_decode(mac_fields, 11, body, ret, sizeof(*ret));
}

static const hf_field maced_fields[] = {
    { HF_FIELD_U32, offsetof(struct hf_maced, version), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_maced, mac), 64 },
};

hf_err hf_maced_encode(const struct hf_maced *m, hf_writer *w)
{
    return hf_fields_encode(maced_fields, 2, m, w);
}

hf_err hf_maced_decode(hf_view body, struct hf_maced *ret)
{
    return hf_fields_decode(maced_fields, 2, body, ret, sizeof(*ret));
}

static const hf_field random_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_random, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_random, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_random, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_random, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_random, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_random, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_random, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_random, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_random, head.signature), 4096 },
    { HF_FIELD_U32, offsetof(struct hf_random, bytes), 0 },
};

hf_err hf_random_encode(const struct hf_random *m, hf_writer *w)
{
    return hf_fields_encode(random_fields, 10, m, w);
}

hf_err hf_random_decode(hf_view body, struct hf_random *ret)
{
    return hf_fields_decode(random_fields, 10, body, ret, sizeof(*ret));
}

static const hf_field random_bytes_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_random_bytes, random), 65536 },
};

hf_err hf_random_bytes_encode(const struct hf_random_bytes *m, hf_writer *w)
{
    return hf_fields_encode(random_bytes_fields, 1, m, w);
}

hf_err hf_random_bytes_decode(hf_view body, struct hf_random_bytes *ret)
{
    return hf_fields_decode(random_bytes_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field rewrap_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_rewrap, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_rewrap, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_rewrap, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_rewrap, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_rewrap, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_rewrap, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_rewrap, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_rewrap, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_rewrap, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_rewrap, key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_rewrap, nonce), 12 },
    { HF_FIELD_BYTES, offsetof(struct hf_rewrap, associated_data), 65536 },
    { HF_FIELD_BYTES, offsetof(struct hf_rewrap, ciphertext), 1048608 },
};

hf_err hf_rewrap_encode(const struct hf_rewrap *m, hf_writer *w)
{
    return hf_fields_encode(rewrap_fields, 13, m, w);
}

hf_err hf_rewrap_decode(hf_view body, struct hf_rewrap *ret)
{
    return hf_fields_decode(rewrap_fields, 13, body, ret, sizeof(*ret));
}

static const hf_field audit_recent_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_audit_recent, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_audit_recent, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_audit_recent, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_audit_recent, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_audit_recent, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_audit_recent, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_audit_recent, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_audit_recent, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_audit_recent, head.signature), 4096 },
    { HF_FIELD_U32, offsetof(struct hf_audit_recent, limit), 0 },
};

hf_err hf_audit_recent_encode(const struct hf_audit_recent *m, hf_writer *w)
{
    return hf_fields_encode(audit_recent_fields, 10, m, w);
}

hf_err hf_audit_recent_decode(hf_view body, struct hf_audit_recent *ret)
{
    return hf_fields_decode(audit_recent_fields, 10, body, ret, sizeof(*ret));
}

static const hf_field audit_events_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_audit_events, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_audit_events, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_audit_events, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_audit_events, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_audit_events, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_audit_events, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_audit_events, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_audit_events, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_audit_events, head.signature), 4096 },
    { HF_FIELD_U64, offsetof(struct hf_audit_events, after), 0 },
    { HF_FIELD_U32, offsetof(struct hf_audit_events, limit), 0 },
};

hf_err hf_audit_events_encode(const struct hf_audit_events *m, hf_writer *w)
{
    return hf_fields_encode(audit_events_fields, 11, m, w);
}

hf_err hf_audit_events_decode(hf_view body, struct hf_audit_events *ret)
{
    return hf_fields_decode(audit_events_fields, 11, body, ret, sizeof(*ret));
}

static const hf_field events_fields[] = {
    { HF_FIELD_BOOL, offsetof(struct hf_events, more), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_events, items), 1048576 },
};

hf_err hf_events_encode(const struct hf_events *m, hf_writer *w)
{
    return hf_fields_encode(events_fields, 2, m, w);
}

hf_err hf_events_decode(hf_view body, struct hf_events *ret)
{
    return hf_fields_decode(events_fields, 2, body, ret, sizeof(*ret));
}

static const hf_field audit_head_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_audit_head, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_audit_head, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_audit_head, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_audit_head, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_audit_head, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_audit_head, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_audit_head, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_audit_head, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_audit_head, head.signature), 4096 },
};

hf_err hf_audit_head_encode(const struct hf_audit_head *m, hf_writer *w)
{
    return hf_fields_encode(audit_head_fields, 9, m, w);
}

hf_err hf_audit_head_decode(hf_view body, struct hf_audit_head *ret)
{
    return hf_fields_decode(audit_head_fields, 9, body, ret, sizeof(*ret));
}

static const hf_field tree_head_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_tree_head, segment_head), 512 },
    { HF_FIELD_BYTES, offsetof(struct hf_tree_head, spki), 256 },
};

hf_err hf_tree_head_encode(const struct hf_tree_head *m, hf_writer *w)
{
    return hf_fields_encode(tree_head_fields, 2, m, w);
}

hf_err hf_tree_head_decode(hf_view body, struct hf_tree_head *ret)
{
    return hf_fields_decode(tree_head_fields, 2, body, ret, sizeof(*ret));
}

static const hf_field audit_export_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_audit_export, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_audit_export, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_audit_export, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_audit_export, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_audit_export, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_audit_export, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_audit_export, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_audit_export, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_audit_export, head.signature), 4096 },
    { HF_FIELD_U64, offsetof(struct hf_audit_export, after), 0 },
};

hf_err hf_audit_export_encode(const struct hf_audit_export *m, hf_writer *w)
{
    return hf_fields_encode(audit_export_fields, 10, m, w);
}

hf_err hf_audit_export_decode(hf_view body, struct hf_audit_export *ret)
{
    return hf_fields_decode(audit_export_fields, 10, body, ret, sizeof(*ret));
}

static const hf_field segments_fields[] = {
    { HF_FIELD_BOOL, offsetof(struct hf_segments, more), 0 },
    { HF_FIELD_U64, offsetof(struct hf_segments, last), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_segments, rows), 1048576 },
};

hf_err hf_segments_encode(const struct hf_segments *m, hf_writer *w)
{
    return hf_fields_encode(segments_fields, 3, m, w);
}

hf_err hf_segments_decode(hf_view body, struct hf_segments *ret)
{
    return hf_fields_decode(segments_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field keyset_show_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_keyset_show, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_keyset_show, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_keyset_show, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_keyset_show, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_keyset_show, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_keyset_show, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_keyset_show, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_keyset_show, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_keyset_show, head.signature), 4096 },
};

hf_err hf_keyset_show_encode(const struct hf_keyset_show *m, hf_writer *w)
{
    return hf_fields_encode(keyset_show_fields, 9, m, w);
}

hf_err hf_keyset_show_decode(hf_view body, struct hf_keyset_show *ret)
{
    return hf_fields_decode(keyset_show_fields, 9, body, ret, sizeof(*ret));
}

static const hf_field keyset_info_fields[] = {
    { HF_FIELD_U64, offsetof(struct hf_keyset_info, generation), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_keyset_info, rows), 245760 },
};

hf_err hf_keyset_info_encode(const struct hf_keyset_info *m, hf_writer *w)
{
    return hf_fields_encode(keyset_info_fields, 2, m, w);
}

hf_err hf_keyset_info_decode(hf_view body, struct hf_keyset_info *ret)
{
    return hf_fields_decode(keyset_info_fields, 2, body, ret, sizeof(*ret));
}

static const hf_field keyset_apply_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_keyset_apply, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_keyset_apply, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_keyset_apply, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_keyset_apply, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_keyset_apply, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_keyset_apply, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_keyset_apply, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_keyset_apply, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_keyset_apply, head.signature), 4096 },
    { HF_FIELD_U64, offsetof(struct hf_keyset_apply, generation), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_keyset_apply, rows), 245760 },
};

hf_err hf_keyset_apply_encode(const struct hf_keyset_apply *m, hf_writer *w)
{
    return hf_fields_encode(keyset_apply_fields, 11, m, w);
}

hf_err hf_keyset_apply_decode(hf_view body, struct hf_keyset_apply *ret)
{
    return hf_fields_decode(keyset_apply_fields, 11, body, ret, sizeof(*ret));
}

static const hf_field epoch_rotate_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_epoch_rotate, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_epoch_rotate, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_epoch_rotate, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_epoch_rotate, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_epoch_rotate, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_epoch_rotate, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_epoch_rotate, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_epoch_rotate, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_epoch_rotate, head.signature), 4096 },
};

hf_err hf_epoch_rotate_encode(const struct hf_epoch_rotate *m, hf_writer *w)
{
    return hf_fields_encode(epoch_rotate_fields, 9, m, w);
}

hf_err hf_epoch_rotate_decode(hf_view body, struct hf_epoch_rotate *ret)
{
    return hf_fields_decode(epoch_rotate_fields, 9, body, ret, sizeof(*ret));
}

static const hf_field seal_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_seal, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_seal, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_seal, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_seal, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_seal, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_seal, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_seal, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_seal, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_seal, head.signature), 4096 },
};

hf_err hf_seal_encode(const struct hf_seal *m, hf_writer *w)
{
    return hf_fields_encode(seal_fields, 9, m, w);
}

hf_err hf_seal_decode(hf_view body, struct hf_seal *ret)
{
    return hf_fields_decode(seal_fields, 9, body, ret, sizeof(*ret));
}

static const hf_field unseal_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_unseal, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_unseal, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_unseal, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_unseal, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_unseal, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_unseal, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_unseal, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_unseal, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_unseal, head.signature), 4096 },
    { HF_FIELD_BYTES, offsetof(struct hf_unseal, enc), 128 },
    { HF_FIELD_BYTES, offsetof(struct hf_unseal, sealed), 2048 },
};

hf_err hf_unseal_encode(const struct hf_unseal *m, hf_writer *w)
{
    return hf_fields_encode(unseal_fields, 11, m, w);
}

hf_err hf_unseal_decode(hf_view body, struct hf_unseal *ret)
{
    return hf_fields_decode(unseal_fields, 11, body, ret, sizeof(*ret));
}

static const hf_field token_revoke_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_token_revoke, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_token_revoke, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_token_revoke, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_token_revoke, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_token_revoke, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_token_revoke, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_token_revoke, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_token_revoke, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_token_revoke, head.signature), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_token_revoke, jti), 128 },
    { HF_FIELD_I64, offsetof(struct hf_token_revoke, expires_s), 0 },
};

hf_err hf_token_revoke_encode(const struct hf_token_revoke *m, hf_writer *w)
{
    return hf_fields_encode(token_revoke_fields, 11, m, w);
}

hf_err hf_token_revoke_decode(hf_view body, struct hf_token_revoke *ret)
{
    return hf_fields_decode(token_revoke_fields, 11, body, ret, sizeof(*ret));
}

static const hf_field session_open_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_session_open, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_session_open, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_session_open, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_session_open, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_session_open, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_session_open, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_session_open, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_session_open, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_session_open, head.signature), 4096 },
    { HF_FIELD_U32, offsetof(struct hf_session_open, ttl_s), 0 },
    { HF_FIELD_U32, offsetof(struct hf_session_open, roles), 0 },
};

hf_err hf_session_open_encode(const struct hf_session_open *m, hf_writer *w)
{
    return hf_fields_encode(session_open_fields, 11, m, w);
}

hf_err hf_session_open_decode(hf_view body, struct hf_session_open *ret)
{
    return hf_fields_decode(session_open_fields, 11, body, ret, sizeof(*ret));
}

static const hf_field session_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_session, token), 4096 },
    { HF_FIELD_TEXT, offsetof(struct hf_session, id), 64 },
    { HF_FIELD_I64, offsetof(struct hf_session, expires_s), 0 },
};

hf_err hf_session_encode(const struct hf_session *m, hf_writer *w)
{
    return hf_fields_encode(session_fields, 3, m, w);
}

hf_err hf_session_decode(hf_view body, struct hf_session *ret)
{
    return hf_fields_decode(session_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field session_end_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_session_end, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_session_end, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_session_end, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_session_end, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_session_end, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_session_end, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_session_end, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_session_end, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_session_end, head.signature), 4096 },
};

hf_err hf_session_end_encode(const struct hf_session_end *m, hf_writer *w)
{
    return hf_fields_encode(session_end_fields, 9, m, w);
}

hf_err hf_session_end_decode(hf_view body, struct hf_session_end *ret)
{
    return hf_fields_decode(session_end_fields, 9, body, ret, sizeof(*ret));
}

static const hf_field jwks_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_jwks, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_jwks, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_jwks, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_jwks, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_jwks, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_jwks, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_jwks, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_jwks, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_jwks, head.signature), 4096 },
};

hf_err hf_jwks_encode(const struct hf_jwks *m, hf_writer *w)
{
    return hf_fields_encode(jwks_fields, 9, m, w);
}

hf_err hf_jwks_decode(hf_view body, struct hf_jwks *ret)
{
    return hf_fields_decode(jwks_fields, 9, body, ret, sizeof(*ret));
}

static const hf_field jwks_info_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_jwks_info, rows), 60000 },
};

hf_err hf_jwks_info_encode(const struct hf_jwks_info *m, hf_writer *w)
{
    return hf_fields_encode(jwks_info_fields, 1, m, w);
}

hf_err hf_jwks_info_decode(hf_view body, struct hf_jwks_info *ret)
{
    return hf_fields_decode(jwks_info_fields, 1, body, ret, sizeof(*ret));
}

static const hf_field introspect_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_introspect, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_introspect, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_introspect, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_introspect, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_introspect, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_introspect, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_introspect, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_introspect, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_introspect, head.signature), 4096 },
    { HF_FIELD_BYTES, offsetof(struct hf_introspect, subject_token), 8192 },
};

hf_err hf_introspect_encode(const struct hf_introspect *m, hf_writer *w)
{
    return hf_fields_encode(introspect_fields, 10, m, w);
}

hf_err hf_introspect_decode(hf_view body, struct hf_introspect *ret)
{
    return hf_fields_decode(introspect_fields, 10, body, ret, sizeof(*ret));
}

static const hf_field introspected_fields[] = {
    { HF_FIELD_BOOL, offsetof(struct hf_introspected, active), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_introspected, subject), 128 },
    { HF_FIELD_U32, offsetof(struct hf_introspected, roles), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_introspected, kid), 64 },
    { HF_FIELD_TEXT, offsetof(struct hf_introspected, jti), 128 },
    { HF_FIELD_I64, offsetof(struct hf_introspected, issued_s), 0 },
    { HF_FIELD_I64, offsetof(struct hf_introspected, not_before_s), 0 },
    { HF_FIELD_I64, offsetof(struct hf_introspected, expires_s), 0 },
    { HF_FIELD_BOOL, offsetof(struct hf_introspected, has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_introspected, cert_hash), 32 },
};

hf_err hf_introspected_encode(const struct hf_introspected *m, hf_writer *w)
{
    return hf_fields_encode(introspected_fields, 10, m, w);
}

hf_err hf_introspected_decode(hf_view body, struct hf_introspected *ret)
{
    return hf_fields_decode(introspected_fields, 10, body, ret, sizeof(*ret));
}

static const hf_field unseal_key_fields[] = {
    { HF_FIELD_TEXT, offsetof(struct hf_unseal_key, head.token), 8192 },
    { HF_FIELD_TEXT, offsetof(struct hf_unseal_key, head.request_id), 64 },
    { HF_FIELD_FIXED, offsetof(struct hf_unseal_key, head.address), 16 },
    { HF_FIELD_BOOL, offsetof(struct hf_unseal_key, head.has_cert), 0 },
    { HF_FIELD_FIXED, offsetof(struct hf_unseal_key, head.cert_hash), 32 },
    { HF_FIELD_BOOL, offsetof(struct hf_unseal_key, head.has_uid), 0 },
    { HF_FIELD_U32, offsetof(struct hf_unseal_key, head.uid), 0 },
    { HF_FIELD_TEXT, offsetof(struct hf_unseal_key, head.idempotency_key), 64 },
    { HF_FIELD_BYTES, offsetof(struct hf_unseal_key, head.signature), 4096 },
};

hf_err hf_unseal_key_encode(const struct hf_unseal_key *m, hf_writer *w)
{
    return hf_fields_encode(unseal_key_fields, 9, m, w);
}

hf_err hf_unseal_key_decode(hf_view body, struct hf_unseal_key *ret)
{
    return hf_fields_decode(unseal_key_fields, 9, body, ret, sizeof(*ret));
}

static const hf_field unseal_key_info_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_unseal_key_info, public), 128 },
    { HF_FIELD_FIXED, offsetof(struct hf_unseal_key_info, fingerprint), 32 },
    { HF_FIELD_TEXT, offsetof(struct hf_unseal_key_info, seal), 32 },
};

hf_err hf_unseal_key_info_encode(const struct hf_unseal_key_info *m, hf_writer *w)
{
    return hf_fields_encode(unseal_key_info_fields, 3, m, w);
}

hf_err hf_unseal_key_info_decode(hf_view body, struct hf_unseal_key_info *ret)
{
    return hf_fields_decode(unseal_key_info_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field tls_sign_fields[] = {
    { HF_FIELD_FIXED, offsetof(struct hf_tls_sign, key), 32 },
    { HF_FIELD_U16, offsetof(struct hf_tls_sign, scheme), 0 },
    { HF_FIELD_BYTES, offsetof(struct hf_tls_sign, input), 256 },
};

hf_err hf_tls_sign_encode(const struct hf_tls_sign *m, hf_writer *w)
{
    return hf_fields_encode(tls_sign_fields, 3, m, w);
}

hf_err hf_tls_sign_decode(hf_view body, struct hf_tls_sign *ret)
{
    return hf_fields_decode(tls_sign_fields, 3, body, ret, sizeof(*ret));
}

static const hf_field tls_signed_fields[] = {
    { HF_FIELD_BYTES, offsetof(struct hf_tls_signed, signature), 512 },
};

hf_err hf_tls_signed_encode(const struct hf_tls_signed *m, hf_writer *w)
{
    return hf_fields_encode(tls_signed_fields, 1, m, w);
}

hf_err hf_tls_signed_decode(hf_view body, struct hf_tls_signed *ret)
{
    return hf_fields_decode(tls_signed_fields, 1, body, ret, sizeof(*ret));
}

const hf_message_row hf_message_rows[] = {
    { .type = HF_MSG_PEER_CHANNEL, .name = "PEER_CHANNEL", .senders = HF_FROM_SUPERVISOR,
      .states = HF_IN_ANY, .max_bytes = 64, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = peer_channel_fields, .n_fields = HF_COUNT(peer_channel_fields), .size = sizeof(struct hf_peer_channel), .has_head = false },
    { .type = HF_MSG_STOP, .name = "STOP", .senders = HF_FROM_SUPERVISOR,
      .states = HF_IN_ANY, .max_bytes = 64, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = NULL, .size = sizeof(struct hf_stop), .has_head = false },
    { .type = HF_MSG_READY, .name = "READY", .senders = HF_FROM_CORE | HF_FROM_GATEWAY | HF_FROM_STORE | HF_FROM_VERIFIER,
      .states = HF_IN_ANY, .max_bytes = 8192, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = ready_fields, .n_fields = HF_COUNT(ready_fields), .size = sizeof(struct hf_ready), .has_head = false },
    { .type = HF_MSG_PROCESS_UP, .name = "PROCESS_UP", .senders = HF_FROM_SUPERVISOR,
      .states = HF_IN_ANY, .max_bytes = 8192, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = process_up_fields, .n_fields = HF_COUNT(process_up_fields), .size = sizeof(struct hf_process_up), .has_head = false },
    { .type = HF_MSG_ALARM, .name = "ALARM", .senders = HF_FROM_SUPERVISOR | HF_FROM_CORE | HF_FROM_GATEWAY,
      .states = HF_IN_ANY, .max_bytes = 1024, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = alarm_fields, .n_fields = HF_COUNT(alarm_fields), .size = sizeof(struct hf_alarm), .has_head = false },
    { .type = HF_MSG_ACK, .name = "ACK", .senders = HF_FROM_SUPERVISOR | HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 64, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = ack_fields, .n_fields = HF_COUNT(ack_fields), .size = sizeof(struct hf_ack), .has_head = false },
    { .type = HF_MSG_CONFIG_SUPERVISOR, .name = "CONFIG_SUPERVISOR", .senders = HF_FROM_CONFIG,
      .states = HF_IN_ANY, .max_bytes = 4096, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = config_supervisor_fields, .n_fields = HF_COUNT(config_supervisor_fields), .size = sizeof(struct hf_config_supervisor), .has_head = false },
    { .type = HF_MSG_CONFIG_CORE, .name = "CONFIG_CORE", .senders = HF_FROM_CONFIG | HF_FROM_SUPERVISOR,
      .states = HF_IN_ANY, .max_bytes = 4096, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = config_core_fields, .n_fields = HF_COUNT(config_core_fields), .size = sizeof(struct hf_config_core), .has_head = false },
    { .type = HF_MSG_CONFIG_GATEWAY, .name = "CONFIG_GATEWAY", .senders = HF_FROM_CONFIG | HF_FROM_SUPERVISOR,
      .states = HF_IN_ANY, .max_bytes = 4096, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = config_gateway_fields, .n_fields = HF_COUNT(config_gateway_fields), .size = sizeof(struct hf_config_gateway), .has_head = false },
    { .type = HF_MSG_CONFIG_STORE, .name = "CONFIG_STORE", .senders = HF_FROM_CONFIG | HF_FROM_SUPERVISOR,
      .states = HF_IN_ANY, .max_bytes = 4096, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = config_store_fields, .n_fields = HF_COUNT(config_store_fields), .size = sizeof(struct hf_config_store), .has_head = false },
    { .type = HF_MSG_CONFIG_VERIFIER, .name = "CONFIG_VERIFIER", .senders = HF_FROM_CONFIG | HF_FROM_SUPERVISOR,
      .states = HF_IN_ANY, .max_bytes = 4096, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = config_verifier_fields, .n_fields = HF_COUNT(config_verifier_fields), .size = sizeof(struct hf_config_verifier), .has_head = false },
    { .type = HF_MSG_KEYSET, .name = "KEYSET", .senders = HF_FROM_CONFIG | HF_FROM_SUPERVISOR | HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 262144, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = keyset_fields, .n_fields = HF_COUNT(keyset_fields), .size = sizeof(struct hf_keyset), .has_head = false },
    { .type = HF_MSG_CONFIG_FAILED, .name = "CONFIG_FAILED", .senders = HF_FROM_CONFIG,
      .states = HF_IN_ANY, .max_bytes = 4096, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = config_failed_fields, .n_fields = HF_COUNT(config_failed_fields), .size = sizeof(struct hf_config_failed), .has_head = false },
    { .type = HF_MSG_CONFIG_DONE, .name = "CONFIG_DONE", .senders = HF_FROM_CONFIG,
      .states = HF_IN_ANY, .max_bytes = 64, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = NULL, .size = sizeof(struct hf_config_done), .has_head = false },
    { .type = HF_MSG_KEYSET_TEXT, .name = "KEYSET_TEXT", .senders = HF_FROM_CONFIG,
      .states = HF_IN_ANY, .max_bytes = 524288, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = keyset_text_fields, .n_fields = HF_COUNT(keyset_text_fields), .size = sizeof(struct hf_keyset_text), .has_head = false },
    { .type = HF_MSG_SAVED_FILES, .name = "SAVED_FILES", .senders = HF_FROM_SUPERVISOR,
      .states = HF_IN_ANY, .max_bytes = 16384, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = saved_files_fields, .n_fields = HF_COUNT(saved_files_fields), .size = sizeof(struct hf_saved_files), .has_head = false },
    { .type = HF_MSG_ANCHOR_WRITE, .name = "ANCHOR_WRITE", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 2048, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = NULL, .reply = HF_MSG_ACK,
      .fields = anchor_write_fields, .n_fields = HF_COUNT(anchor_write_fields), .size = sizeof(struct hf_anchor_write), .has_head = false },
    { .type = HF_MSG_EPOCH_WRITE, .name = "EPOCH_WRITE", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 8192, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = NULL, .reply = HF_MSG_ACK,
      .fields = epoch_write_fields, .n_fields = HF_COUNT(epoch_write_fields), .size = sizeof(struct hf_epoch_write), .has_head = false },
    { .type = HF_MSG_KEYSET_WRITE, .name = "KEYSET_WRITE", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 262144, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = NULL, .reply = HF_MSG_ACK,
      .fields = keyset_write_fields, .n_fields = HF_COUNT(keyset_write_fields), .size = sizeof(struct hf_keyset_write), .has_head = false },
    { .type = HF_MSG_AUDIT_RING, .name = "AUDIT_RING", .senders = HF_FROM_CORE | HF_FROM_SUPERVISOR,
      .states = HF_IN_ANY, .max_bytes = 64, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = audit_ring_fields, .n_fields = HF_COUNT(audit_ring_fields), .size = sizeof(struct hf_audit_ring), .has_head = false },
    { .type = HF_MSG_UNSEAL_WANTED, .name = "UNSEAL_WANTED", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 64, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = NULL, .size = sizeof(struct hf_unseal_wanted), .has_head = false },
    { .type = HF_MSG_CORE_STATE, .name = "CORE_STATE", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 1024, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = core_state_fields, .n_fields = HF_COUNT(core_state_fields), .size = sizeof(struct hf_core_state), .has_head = false },
    { .type = HF_MSG_SEAL_IN_USE, .name = "SEAL_IN_USE", .senders = HF_FROM_SUPERVISOR,
      .states = HF_IN_ANY, .max_bytes = 64, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = seal_in_use_fields, .n_fields = HF_COUNT(seal_in_use_fields), .size = sizeof(struct hf_seal_in_use), .has_head = false },
    { .type = HF_MSG_ROOT_KEY, .name = "ROOT_KEY", .senders = HF_FROM_UNSEAL,
      .states = HF_IN_ANY, .max_bytes = 4096, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = HF_MSG_ACK,
      .fields = root_key_fields, .n_fields = HF_COUNT(root_key_fields), .size = sizeof(struct hf_root_key), .has_head = false },
    { .type = HF_MSG_UNSEAL_FAILED, .name = "UNSEAL_FAILED", .senders = HF_FROM_UNSEAL,
      .states = HF_IN_ANY, .max_bytes = 1024, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = unseal_failed_fields, .n_fields = HF_COUNT(unseal_failed_fields), .size = sizeof(struct hf_unseal_failed), .has_head = false },
    { .type = HF_MSG_UNSEAL_SECRET, .name = "UNSEAL_SECRET", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 2048, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = unseal_secret_fields, .n_fields = HF_COUNT(unseal_secret_fields), .size = sizeof(struct hf_unseal_secret), .has_head = false },
    { .type = HF_MSG_TLS_KEY, .name = "TLS_KEY", .senders = HF_FROM_CONFIG,
      .states = HF_IN_ANY, .max_bytes = 16384, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = NULL, .reply = HF_MSG_ACK,
      .fields = tls_key_fields, .n_fields = HF_COUNT(tls_key_fields), .size = sizeof(struct hf_tls_key), .has_head = false },
    { .type = HF_MSG_VERIFY_TOKEN, .name = "VERIFY_TOKEN", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 8448, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 2000, .action = NULL, .reply = HF_MSG_VERDICT,
      .fields = verify_token_fields, .n_fields = HF_COUNT(verify_token_fields), .size = sizeof(struct hf_verify_token), .has_head = false },
    { .type = HF_MSG_VERDICT, .name = "VERDICT", .senders = HF_FROM_VERIFIER,
      .states = HF_IN_ANY, .max_bytes = 1024, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = verdict_fields, .n_fields = HF_COUNT(verdict_fields), .size = sizeof(struct hf_verdict), .has_head = false },
    { .type = HF_MSG_STORE_SCAN, .name = "STORE_SCAN", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 128, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 30000, .action = NULL, .reply = HF_MSG_STORE_ROWS,
      .fields = store_scan_fields, .n_fields = HF_COUNT(store_scan_fields), .size = sizeof(struct hf_store_scan), .has_head = false },
    { .type = HF_MSG_STORE_ROWS, .name = "STORE_ROWS", .senders = HF_FROM_STORE,
      .states = HF_IN_ANY, .max_bytes = 1114112, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = store_rows_fields, .n_fields = HF_COUNT(store_rows_fields), .size = sizeof(struct hf_store_rows), .has_head = false },
    { .type = HF_MSG_STORE_GET, .name = "STORE_GET", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 128, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = NULL, .reply = HF_MSG_STORE_ROWS,
      .fields = store_get_fields, .n_fields = HF_COUNT(store_get_fields), .size = sizeof(struct hf_store_get), .has_head = false },
    { .type = HF_MSG_STORE_COMMIT, .name = "STORE_COMMIT", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 1114112, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 30000, .action = NULL, .reply = HF_MSG_STORE_DONE,
      .fields = store_commit_fields, .n_fields = HF_COUNT(store_commit_fields), .size = sizeof(struct hf_store_commit), .has_head = false },
    { .type = HF_MSG_STORE_DONE, .name = "STORE_DONE", .senders = HF_FROM_STORE,
      .states = HF_IN_ANY, .max_bytes = 512, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = store_done_fields, .n_fields = HF_COUNT(store_done_fields), .size = sizeof(struct hf_store_done), .has_head = false },
    { .type = HF_MSG_FAILED, .name = "FAILED", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 2048, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = failed_fields, .n_fields = HF_COUNT(failed_fields), .size = sizeof(struct hf_failed), .has_head = false },
    { .type = HF_MSG_DONE, .name = "DONE", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 512, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = done_fields, .n_fields = HF_COUNT(done_fields), .size = sizeof(struct hf_done), .has_head = false },
    { .type = HF_MSG_STATUS, .name = "STATUS", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_ANY, .max_bytes = 16384, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 1000, .action = NULL, .reply = HF_MSG_STATUS_INFO,
      .fields = status_fields, .n_fields = HF_COUNT(status_fields), .size = sizeof(struct hf_status), .has_head = true },
    { .type = HF_MSG_STATUS_INFO, .name = "STATUS_INFO", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 2048, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = status_info_fields, .n_fields = HF_COUNT(status_info_fields), .size = sizeof(struct hf_status_info), .has_head = false },
    { .type = HF_MSG_CAPABILITIES, .name = "CAPABILITIES", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_ANY, .max_bytes = 16384, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 1000, .action = "system:describe", .reply = HF_MSG_CAPABILITIES_INFO,
      .fields = capabilities_fields, .n_fields = HF_COUNT(capabilities_fields), .size = sizeof(struct hf_capabilities), .has_head = true },
    { .type = HF_MSG_CAPABILITIES_INFO, .name = "CAPABILITIES_INFO", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 65536, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = capabilities_info_fields, .n_fields = HF_COUNT(capabilities_info_fields), .size = sizeof(struct hf_capabilities_info), .has_head = false },
    { .type = HF_MSG_METRICS, .name = "METRICS", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_ANY, .max_bytes = 16384, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 2000, .action = "metrics:view", .reply = HF_MSG_METRICS_INFO,
      .fields = metrics_fields, .n_fields = HF_COUNT(metrics_fields), .size = sizeof(struct hf_metrics), .has_head = true },
    { .type = HF_MSG_METRICS_LOCAL, .name = "METRICS_LOCAL", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_ANY, .max_bytes = 16384, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 2000, .action = NULL, .reply = HF_MSG_METRICS_INFO,
      .fields = metrics_local_fields, .n_fields = HF_COUNT(metrics_local_fields), .size = sizeof(struct hf_metrics_local), .has_head = true },
    { .type = HF_MSG_METRICS_INFO, .name = "METRICS_INFO", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 65536, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = metrics_info_fields, .n_fields = HF_COUNT(metrics_info_fields), .size = sizeof(struct hf_metrics_info), .has_head = false },
    { .type = HF_MSG_FAILURES, .name = "FAILURES", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_ANY, .max_bytes = 256, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = failures_fields, .n_fields = HF_COUNT(failures_fields), .size = sizeof(struct hf_failures), .has_head = false },
    { .type = HF_MSG_KEY_CREATE, .name = "KEY_CREATE", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 24576, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SMALL, .deadline_ms = 10000, .action = "key:create", .reply = HF_MSG_KEY_DETAIL,
      .fields = key_create_fields, .n_fields = HF_COUNT(key_create_fields), .size = sizeof(struct hf_key_create), .has_head = true },
    { .type = HF_MSG_KEY_DETAIL, .name = "KEY_DETAIL", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 16384, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = key_detail_fields, .n_fields = HF_COUNT(key_detail_fields), .size = sizeof(struct hf_key_detail), .has_head = false },
    { .type = HF_MSG_KEY_LIST, .name = "KEY_LIST", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 24576, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "key:describe", .reply = HF_MSG_KEYS,
      .fields = key_list_fields, .n_fields = HF_COUNT(key_list_fields), .size = sizeof(struct hf_key_list), .has_head = true },
    { .type = HF_MSG_KEYS, .name = "KEYS", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 1114112, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = keys_fields, .n_fields = HF_COUNT(keys_fields), .size = sizeof(struct hf_keys), .has_head = false },
    { .type = HF_MSG_KEY_SHOW, .name = "KEY_SHOW", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "key:describe", .reply = HF_MSG_KEY_DETAIL,
      .fields = key_show_fields, .n_fields = HF_COUNT(key_show_fields), .size = sizeof(struct hf_key_show), .has_head = true },
    { .type = HF_MSG_KEY_VERSIONS, .name = "KEY_VERSIONS", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "key:describe", .reply = HF_MSG_VERSIONS,
      .fields = key_versions_fields, .n_fields = HF_COUNT(key_versions_fields), .size = sizeof(struct hf_key_versions), .has_head = true },
    { .type = HF_MSG_VERSIONS, .name = "VERSIONS", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 1114112, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = versions_fields, .n_fields = HF_COUNT(versions_fields), .size = sizeof(struct hf_versions), .has_head = false },
    { .type = HF_MSG_KEY_PUBLIC, .name = "KEY_PUBLIC", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "key:describe", .reply = HF_MSG_PUBLIC,
      .fields = key_public_fields, .n_fields = HF_COUNT(key_public_fields), .size = sizeof(struct hf_key_public), .has_head = true },
    { .type = HF_MSG_PUBLIC, .name = "PUBLIC", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 4096, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = public_fields, .n_fields = HF_COUNT(public_fields), .size = sizeof(struct hf_public), .has_head = false },
    { .type = HF_MSG_KEY_ROTATE, .name = "KEY_ROTATE", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SMALL, .deadline_ms = 10000, .action = "key:rotate", .reply = HF_MSG_KEY_DETAIL,
      .fields = key_rotate_fields, .n_fields = HF_COUNT(key_rotate_fields), .size = sizeof(struct hf_key_rotate), .has_head = true },
    { .type = HF_MSG_KEY_REVOKE, .name = "KEY_REVOKE", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SMALL, .deadline_ms = 10000, .action = "key:revoke", .reply = HF_MSG_KEY_DETAIL,
      .fields = key_revoke_fields, .n_fields = HF_COUNT(key_revoke_fields), .size = sizeof(struct hf_key_revoke), .has_head = true },
    { .type = HF_MSG_KEY_DESTROY, .name = "KEY_DESTROY", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SMALL, .deadline_ms = 10000, .action = "key:destroy", .reply = HF_MSG_KEY_DETAIL,
      .fields = key_destroy_fields, .n_fields = HF_COUNT(key_destroy_fields), .size = sizeof(struct hf_key_destroy), .has_head = true },
    { .type = HF_MSG_KEY_UPDATE, .name = "KEY_UPDATE", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 32768, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SMALL, .deadline_ms = 10000, .action = "key:update", .reply = HF_MSG_KEY_DETAIL,
      .fields = key_update_fields, .n_fields = HF_COUNT(key_update_fields), .size = sizeof(struct hf_key_update), .has_head = true },
    { .type = HF_MSG_KEY_IMPORT, .name = "KEY_IMPORT", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 49152, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SLOW, .deadline_ms = 20000, .action = "key:import", .reply = HF_MSG_KEY_DETAIL,
      .fields = key_import_fields, .n_fields = HF_COUNT(key_import_fields), .size = sizeof(struct hf_key_import), .has_head = true },
    { .type = HF_MSG_SIGN, .name = "SIGN", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 1081344, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "crypto:sign", .reply = HF_MSG_SIGNED,
      .fields = sign_fields, .n_fields = HF_COUNT(sign_fields), .size = sizeof(struct hf_sign), .has_head = true },
    { .type = HF_MSG_SIGNED, .name = "SIGNED", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 16384, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = signed_fields, .n_fields = HF_COUNT(signed_fields), .size = sizeof(struct hf_signed), .has_head = false },
    { .type = HF_MSG_VERIFY, .name = "VERIFY", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 1081344, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "crypto:verify", .reply = HF_MSG_VERIFIED,
      .fields = verify_fields, .n_fields = HF_COUNT(verify_fields), .size = sizeof(struct hf_verify), .has_head = true },
    { .type = HF_MSG_VERIFIED, .name = "VERIFIED", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 64, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = verified_fields, .n_fields = HF_COUNT(verified_fields), .size = sizeof(struct hf_verified), .has_head = false },
    { .type = HF_MSG_ENCRYPT, .name = "ENCRYPT", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 1146880, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "crypto:encrypt", .reply = HF_MSG_ENCRYPTED,
      .fields = encrypt_fields, .n_fields = HF_COUNT(encrypt_fields), .size = sizeof(struct hf_encrypt), .has_head = true },
    { .type = HF_MSG_ENCRYPTED, .name = "ENCRYPTED", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 1081344, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = encrypted_fields, .n_fields = HF_COUNT(encrypted_fields), .size = sizeof(struct hf_encrypted), .has_head = false },
    { .type = HF_MSG_DECRYPT, .name = "DECRYPT", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 1146880, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "crypto:decrypt", .reply = HF_MSG_DECRYPTED,
      .fields = decrypt_fields, .n_fields = HF_COUNT(decrypt_fields), .size = sizeof(struct hf_decrypt), .has_head = true },
    { .type = HF_MSG_DECRYPTED, .name = "DECRYPTED", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 1081344, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = decrypted_fields, .n_fields = HF_COUNT(decrypted_fields), .size = sizeof(struct hf_decrypted), .has_head = false },
    { .type = HF_MSG_ENCAPSULATE, .name = "ENCAPSULATE", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "crypto:encapsulate", .reply = HF_MSG_ENCAPSULATED,
      .fields = encapsulate_fields, .n_fields = HF_COUNT(encapsulate_fields), .size = sizeof(struct hf_encapsulate), .has_head = true },
    { .type = HF_MSG_ENCAPSULATED, .name = "ENCAPSULATED", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 4096, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = encapsulated_fields, .n_fields = HF_COUNT(encapsulated_fields), .size = sizeof(struct hf_encapsulated), .has_head = false },
    { .type = HF_MSG_DECAPSULATE, .name = "DECAPSULATE", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 20480, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "crypto:decapsulate", .reply = HF_MSG_DECAPSULATED,
      .fields = decapsulate_fields, .n_fields = HF_COUNT(decapsulate_fields), .size = sizeof(struct hf_decapsulate), .has_head = true },
    { .type = HF_MSG_DECAPSULATED, .name = "DECAPSULATED", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 4096, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = decapsulated_fields, .n_fields = HF_COUNT(decapsulated_fields), .size = sizeof(struct hf_decapsulated), .has_head = false },
    { .type = HF_MSG_MAC, .name = "MAC", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 1081344, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "crypto:mac", .reply = HF_MSG_MACED,
      .fields = mac_fields, .n_fields = HF_COUNT(mac_fields), .size = sizeof(struct hf_mac), .has_head = true },
    { .type = HF_MSG_MACED, .name = "MACED", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 512, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = maced_fields, .n_fields = HF_COUNT(maced_fields), .size = sizeof(struct hf_maced), .has_head = false },
    { .type = HF_MSG_RANDOM, .name = "RANDOM", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "crypto:random", .reply = HF_MSG_RANDOM_BYTES,
      .fields = random_fields, .n_fields = HF_COUNT(random_fields), .size = sizeof(struct hf_random), .has_head = true },
    { .type = HF_MSG_RANDOM_BYTES, .name = "RANDOM_BYTES", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 66560, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = random_bytes_fields, .n_fields = HF_COUNT(random_bytes_fields), .size = sizeof(struct hf_random_bytes), .has_head = false },
    { .type = HF_MSG_REWRAP, .name = "REWRAP", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 1146880, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "crypto:rewrap", .reply = HF_MSG_ENCRYPTED,
      .fields = rewrap_fields, .n_fields = HF_COUNT(rewrap_fields), .size = sizeof(struct hf_rewrap), .has_head = true },
    { .type = HF_MSG_AUDIT_RECENT, .name = "AUDIT_RECENT", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "audit:view", .reply = HF_MSG_EVENTS,
      .fields = audit_recent_fields, .n_fields = HF_COUNT(audit_recent_fields), .size = sizeof(struct hf_audit_recent), .has_head = true },
    { .type = HF_MSG_AUDIT_EVENTS, .name = "AUDIT_EVENTS", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "audit:view", .reply = HF_MSG_EVENTS,
      .fields = audit_events_fields, .n_fields = HF_COUNT(audit_events_fields), .size = sizeof(struct hf_audit_events), .has_head = true },
    { .type = HF_MSG_EVENTS, .name = "EVENTS", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 1114112, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = events_fields, .n_fields = HF_COUNT(events_fields), .size = sizeof(struct hf_events), .has_head = false },
    { .type = HF_MSG_AUDIT_HEAD, .name = "AUDIT_HEAD", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "audit:view", .reply = HF_MSG_TREE_HEAD,
      .fields = audit_head_fields, .n_fields = HF_COUNT(audit_head_fields), .size = sizeof(struct hf_audit_head), .has_head = true },
    { .type = HF_MSG_TREE_HEAD, .name = "TREE_HEAD", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 2048, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = tree_head_fields, .n_fields = HF_COUNT(tree_head_fields), .size = sizeof(struct hf_tree_head), .has_head = false },
    { .type = HF_MSG_AUDIT_EXPORT, .name = "AUDIT_EXPORT", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 10000, .action = "audit:view", .reply = HF_MSG_SEGMENTS,
      .fields = audit_export_fields, .n_fields = HF_COUNT(audit_export_fields), .size = sizeof(struct hf_audit_export), .has_head = true },
    { .type = HF_MSG_SEGMENTS, .name = "SEGMENTS", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 1114112, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = segments_fields, .n_fields = HF_COUNT(segments_fields), .size = sizeof(struct hf_segments), .has_head = false },
    { .type = HF_MSG_KEYSET_SHOW, .name = "KEYSET_SHOW", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "keyset:describe", .reply = HF_MSG_KEYSET_INFO,
      .fields = keyset_show_fields, .n_fields = HF_COUNT(keyset_show_fields), .size = sizeof(struct hf_keyset_show), .has_head = true },
    { .type = HF_MSG_KEYSET_INFO, .name = "KEYSET_INFO", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 262144, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = keyset_info_fields, .n_fields = HF_COUNT(keyset_info_fields), .size = sizeof(struct hf_keyset_info), .has_head = false },
    { .type = HF_MSG_KEYSET_APPLY, .name = "KEYSET_APPLY", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 270336, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SMALL, .deadline_ms = 10000, .action = "keyset:apply", .reply = HF_MSG_DONE,
      .fields = keyset_apply_fields, .n_fields = HF_COUNT(keyset_apply_fields), .size = sizeof(struct hf_keyset_apply), .has_head = true },
    { .type = HF_MSG_EPOCH_ROTATE, .name = "EPOCH_ROTATE", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SMALL, .deadline_ms = 60000, .action = "root:rotate-epoch", .reply = HF_MSG_DONE,
      .fields = epoch_rotate_fields, .n_fields = HF_COUNT(epoch_rotate_fields), .size = sizeof(struct hf_epoch_rotate), .has_head = true },
    { .type = HF_MSG_SEAL, .name = "SEAL", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SMALL, .deadline_ms = 10000, .action = "root:seal", .reply = HF_MSG_DONE,
      .fields = seal_fields, .n_fields = HF_COUNT(seal_fields), .size = sizeof(struct hf_seal), .has_head = true },
    { .type = HF_MSG_UNSEAL, .name = "UNSEAL", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_ANY, .max_bytes = 20480, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 30000, .action = "root:unseal", .reply = HF_MSG_DONE,
      .fields = unseal_fields, .n_fields = HF_COUNT(unseal_fields), .size = sizeof(struct hf_unseal), .has_head = true },
    { .type = HF_MSG_TOKEN_REVOKE, .name = "TOKEN_REVOKE", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SMALL, .deadline_ms = 10000, .action = "token:revoke", .reply = HF_MSG_DONE,
      .fields = token_revoke_fields, .n_fields = HF_COUNT(token_revoke_fields), .size = sizeof(struct hf_token_revoke), .has_head = true },
    { .type = HF_MSG_SESSION_OPEN, .name = "SESSION_OPEN", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "session:open", .reply = HF_MSG_SESSION,
      .fields = session_open_fields, .n_fields = HF_COUNT(session_open_fields), .size = sizeof(struct hf_session_open), .has_head = true },
    { .type = HF_MSG_SESSION, .name = "SESSION", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 8192, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = session_fields, .n_fields = HF_COUNT(session_fields), .size = sizeof(struct hf_session), .has_head = false },
    { .type = HF_MSG_SESSION_END, .name = "SESSION_END", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 16384, .audit = HF_AUDITED_DURABLE,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "session:end", .reply = HF_MSG_DONE,
      .fields = session_end_fields, .n_fields = HF_COUNT(session_end_fields), .size = sizeof(struct hf_session_end), .has_head = true },
    { .type = HF_MSG_JWKS, .name = "JWKS", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_ANY, .max_bytes = 16384, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 1000, .action = NULL, .reply = HF_MSG_JWKS_INFO,
      .fields = jwks_fields, .n_fields = HF_COUNT(jwks_fields), .size = sizeof(struct hf_jwks), .has_head = true },
    { .type = HF_MSG_JWKS_INFO, .name = "JWKS_INFO", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 65536, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = jwks_info_fields, .n_fields = HF_COUNT(jwks_info_fields), .size = sizeof(struct hf_jwks_info), .has_head = false },
    { .type = HF_MSG_INTROSPECT, .name = "INTROSPECT", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_OPEN, .max_bytes = 24576, .audit = HF_AUDITED_JOURNAL,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = "token:introspect", .reply = HF_MSG_INTROSPECTED,
      .fields = introspect_fields, .n_fields = HF_COUNT(introspect_fields), .size = sizeof(struct hf_introspect), .has_head = true },
    { .type = HF_MSG_INTROSPECTED, .name = "INTROSPECTED", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 1024, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = introspected_fields, .n_fields = HF_COUNT(introspected_fields), .size = sizeof(struct hf_introspected), .has_head = false },
    { .type = HF_MSG_UNSEAL_KEY, .name = "UNSEAL_KEY", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_ANY, .max_bytes = 16384, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 1000, .action = NULL, .reply = HF_MSG_UNSEAL_KEY_INFO,
      .fields = unseal_key_fields, .n_fields = HF_COUNT(unseal_key_fields), .size = sizeof(struct hf_unseal_key), .has_head = true },
    { .type = HF_MSG_UNSEAL_KEY_INFO, .name = "UNSEAL_KEY_INFO", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 256, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = unseal_key_info_fields, .n_fields = HF_COUNT(unseal_key_info_fields), .size = sizeof(struct hf_unseal_key_info), .has_head = false },
    { .type = HF_MSG_TLS_SIGN, .name = "TLS_SIGN", .senders = HF_FROM_GATEWAY,
      .states = HF_IN_ANY, .max_bytes = 512, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 5000, .action = NULL, .reply = HF_MSG_TLS_SIGNED,
      .fields = tls_sign_fields, .n_fields = HF_COUNT(tls_sign_fields), .size = sizeof(struct hf_tls_sign), .has_head = false },
    { .type = HF_MSG_TLS_SIGNED, .name = "TLS_SIGNED", .senders = HF_FROM_CORE,
      .states = HF_IN_ANY, .max_bytes = 1024, .audit = HF_AUDITED_NOT,
      .cost = HF_COST_SMALL, .deadline_ms = 0, .action = NULL, .reply = 0,
      .fields = tls_signed_fields, .n_fields = HF_COUNT(tls_signed_fields), .size = sizeof(struct hf_tls_signed), .has_head = false },
};
const size_t hf_message_row_count = HF_COUNT(hf_message_rows);

/* Asked several times for each message, so not a walk. */
const hf_message_row *hf_message_row_of(uint16_t type)
{
    switch (type) {
    case HF_MSG_PEER_CHANNEL:
        return &hf_message_rows[0];
    case HF_MSG_STOP:
        return &hf_message_rows[1];
    case HF_MSG_READY:
        return &hf_message_rows[2];
    case HF_MSG_PROCESS_UP:
        return &hf_message_rows[3];
    case HF_MSG_ALARM:
        return &hf_message_rows[4];
    case HF_MSG_ACK:
        return &hf_message_rows[5];
    case HF_MSG_CONFIG_SUPERVISOR:
        return &hf_message_rows[6];
    case HF_MSG_CONFIG_CORE:
        return &hf_message_rows[7];
    case HF_MSG_CONFIG_GATEWAY:
        return &hf_message_rows[8];
    case HF_MSG_CONFIG_STORE:
        return &hf_message_rows[9];
    case HF_MSG_CONFIG_VERIFIER:
        return &hf_message_rows[10];
    case HF_MSG_KEYSET:
        return &hf_message_rows[11];
    case HF_MSG_CONFIG_FAILED:
        return &hf_message_rows[12];
    case HF_MSG_CONFIG_DONE:
        return &hf_message_rows[13];
    case HF_MSG_KEYSET_TEXT:
        return &hf_message_rows[14];
    case HF_MSG_SAVED_FILES:
        return &hf_message_rows[15];
    case HF_MSG_ANCHOR_WRITE:
        return &hf_message_rows[16];
    case HF_MSG_EPOCH_WRITE:
        return &hf_message_rows[17];
    case HF_MSG_KEYSET_WRITE:
        return &hf_message_rows[18];
    case HF_MSG_AUDIT_RING:
        return &hf_message_rows[19];
    case HF_MSG_UNSEAL_WANTED:
        return &hf_message_rows[20];
    case HF_MSG_CORE_STATE:
        return &hf_message_rows[21];
    case HF_MSG_SEAL_IN_USE:
        return &hf_message_rows[22];
    case HF_MSG_ROOT_KEY:
        return &hf_message_rows[23];
    case HF_MSG_UNSEAL_FAILED:
        return &hf_message_rows[24];
    case HF_MSG_UNSEAL_SECRET:
        return &hf_message_rows[25];
    case HF_MSG_TLS_KEY:
        return &hf_message_rows[26];
    case HF_MSG_VERIFY_TOKEN:
        return &hf_message_rows[27];
    case HF_MSG_VERDICT:
        return &hf_message_rows[28];
    case HF_MSG_STORE_SCAN:
        return &hf_message_rows[29];
    case HF_MSG_STORE_ROWS:
        return &hf_message_rows[30];
    case HF_MSG_STORE_GET:
        return &hf_message_rows[31];
    case HF_MSG_STORE_COMMIT:
        return &hf_message_rows[32];
    case HF_MSG_STORE_DONE:
        return &hf_message_rows[33];
    case HF_MSG_FAILED:
        return &hf_message_rows[34];
    case HF_MSG_DONE:
        return &hf_message_rows[35];
    case HF_MSG_STATUS:
        return &hf_message_rows[36];
    case HF_MSG_STATUS_INFO:
        return &hf_message_rows[37];
    case HF_MSG_CAPABILITIES:
        return &hf_message_rows[38];
    case HF_MSG_CAPABILITIES_INFO:
        return &hf_message_rows[39];
    case HF_MSG_METRICS:
        return &hf_message_rows[40];
    case HF_MSG_METRICS_LOCAL:
        return &hf_message_rows[41];
    case HF_MSG_METRICS_INFO:
        return &hf_message_rows[42];
    case HF_MSG_FAILURES:
        return &hf_message_rows[43];
    case HF_MSG_KEY_CREATE:
        return &hf_message_rows[44];
    case HF_MSG_KEY_DETAIL:
        return &hf_message_rows[45];
    case HF_MSG_KEY_LIST:
        return &hf_message_rows[46];
    case HF_MSG_KEYS:
        return &hf_message_rows[47];
    case HF_MSG_KEY_SHOW:
        return &hf_message_rows[48];
    case HF_MSG_KEY_VERSIONS:
        return &hf_message_rows[49];
    case HF_MSG_VERSIONS:
        return &hf_message_rows[50];
    case HF_MSG_KEY_PUBLIC:
        return &hf_message_rows[51];
    case HF_MSG_PUBLIC:
        return &hf_message_rows[52];
    case HF_MSG_KEY_ROTATE:
        return &hf_message_rows[53];
    case HF_MSG_KEY_REVOKE:
        return &hf_message_rows[54];
    case HF_MSG_KEY_DESTROY:
        return &hf_message_rows[55];
    case HF_MSG_KEY_UPDATE:
        return &hf_message_rows[56];
    case HF_MSG_KEY_IMPORT:
        return &hf_message_rows[57];
    case HF_MSG_SIGN:
        return &hf_message_rows[58];
    case HF_MSG_SIGNED:
        return &hf_message_rows[59];
    case HF_MSG_VERIFY:
        return &hf_message_rows[60];
    case HF_MSG_VERIFIED:
        return &hf_message_rows[61];
    case HF_MSG_ENCRYPT:
        return &hf_message_rows[62];
    case HF_MSG_ENCRYPTED:
        return &hf_message_rows[63];
    case HF_MSG_DECRYPT:
        return &hf_message_rows[64];
    case HF_MSG_DECRYPTED:
        return &hf_message_rows[65];
    case HF_MSG_ENCAPSULATE:
        return &hf_message_rows[66];
    case HF_MSG_ENCAPSULATED:
        return &hf_message_rows[67];
    case HF_MSG_DECAPSULATE:
        return &hf_message_rows[68];
    case HF_MSG_DECAPSULATED:
        return &hf_message_rows[69];
    case HF_MSG_MAC:
        return &hf_message_rows[70];
    case HF_MSG_MACED:
        return &hf_message_rows[71];
    case HF_MSG_RANDOM:
        return &hf_message_rows[72];
    case HF_MSG_RANDOM_BYTES:
        return &hf_message_rows[73];
    case HF_MSG_REWRAP:
        return &hf_message_rows[74];
    case HF_MSG_AUDIT_RECENT:
        return &hf_message_rows[75];
    case HF_MSG_AUDIT_EVENTS:
        return &hf_message_rows[76];
    case HF_MSG_EVENTS:
        return &hf_message_rows[77];
    case HF_MSG_AUDIT_HEAD:
        return &hf_message_rows[78];
    case HF_MSG_TREE_HEAD:
        return &hf_message_rows[79];
    case HF_MSG_AUDIT_EXPORT:
        return &hf_message_rows[80];
    case HF_MSG_SEGMENTS:
        return &hf_message_rows[81];
    case HF_MSG_KEYSET_SHOW:
        return &hf_message_rows[82];
    case HF_MSG_KEYSET_INFO:
        return &hf_message_rows[83];
    case HF_MSG_KEYSET_APPLY:
        return &hf_message_rows[84];
    case HF_MSG_EPOCH_ROTATE:
        return &hf_message_rows[85];
    case HF_MSG_SEAL:
        return &hf_message_rows[86];
    case HF_MSG_UNSEAL:
        return &hf_message_rows[87];
    case HF_MSG_TOKEN_REVOKE:
        return &hf_message_rows[88];
    case HF_MSG_SESSION_OPEN:
        return &hf_message_rows[89];
    case HF_MSG_SESSION:
        return &hf_message_rows[90];
    case HF_MSG_SESSION_END:
        return &hf_message_rows[91];
    case HF_MSG_JWKS:
        return &hf_message_rows[92];
    case HF_MSG_JWKS_INFO:
        return &hf_message_rows[93];
    case HF_MSG_INTROSPECT:
        return &hf_message_rows[94];
    case HF_MSG_INTROSPECTED:
        return &hf_message_rows[95];
    case HF_MSG_UNSEAL_KEY:
        return &hf_message_rows[96];
    case HF_MSG_UNSEAL_KEY_INFO:
        return &hf_message_rows[97];
    case HF_MSG_TLS_SIGN:
        return &hf_message_rows[98];
    case HF_MSG_TLS_SIGNED:
        return &hf_message_rows[99];
    default:
        return NULL;
    }
}
