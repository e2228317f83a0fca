/* The two functions of each operation; the files are named after them. */
#ifndef HF_GATEWAY_ROUTES_H
#define HF_GATEWAY_ROUTES_H

#include "base/names.h"
#include "base/text.h"
#include "gateway/route.h"

/* The `format` of /healthz: the state decides about the status. */
#define ROUTE_STATUS_HEALTH 1
hf_err route_status_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_status_tell(reply *r) HF_MUST_USE;
bool route_status_local(reply *r);
void route_status_changed(lane *l); /* whoever asks next for the status is told the new one, on every lane */
void route_status_fail(reply *r, hf_err why);
hf_err route_audit_recent_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_audit_events_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_audit_events_tell(reply *r) HF_MUST_USE;
hf_err route_key_create_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_key_create_tell(reply *r) HF_MUST_USE;
hf_err route_key_list_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_key_list_tell(reply *r) HF_MUST_USE;
hf_err route_key_show_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_key_show_tell(reply *r) HF_MUST_USE;
hf_err route_key_versions_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_key_versions_tell(reply *r) HF_MUST_USE;
hf_err route_key_public_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_key_public_tell(reply *r) HF_MUST_USE;
hf_err route_key_rotate_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_key_rotate_tell(reply *r) HF_MUST_USE;
hf_err route_key_revoke_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_key_revoke_tell(reply *r) HF_MUST_USE;
hf_err route_key_destroy_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_key_destroy_tell(reply *r) HF_MUST_USE;
hf_err route_sign_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_sign_tell(reply *r) HF_MUST_USE;
hf_err route_verify_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_verify_tell(reply *r) HF_MUST_USE;
hf_err route_encrypt_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_encrypt_tell(reply *r) HF_MUST_USE;
hf_err route_decrypt_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_decrypt_tell(reply *r) HF_MUST_USE;
hf_err route_encapsulate_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_encapsulate_tell(reply *r) HF_MUST_USE;
hf_err route_decapsulate_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_decapsulate_tell(reply *r) HF_MUST_USE;
hf_err route_audit_head_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_audit_head_tell(reply *r) HF_MUST_USE;
hf_err route_audit_export_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_audit_export_tell(reply *r) HF_MUST_USE;
hf_err route_keyset_show_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_keyset_show_tell(reply *r) HF_MUST_USE;
hf_err route_keyset_apply_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_keyset_apply_tell(reply *r) HF_MUST_USE;
hf_err route_epoch_rotate_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_epoch_rotate_tell(reply *r) HF_MUST_USE;
hf_err route_seal_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_seal_tell(reply *r) HF_MUST_USE;
hf_err route_unseal_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_unseal_tell(reply *r) HF_MUST_USE;
hf_err route_unseal_key_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_unseal_key_tell(reply *r) HF_MUST_USE;
hf_err route_token_revoke_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_token_revoke_tell(reply *r) HF_MUST_USE;
hf_err route_capabilities_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_capabilities_tell(reply *r) HF_MUST_USE;
hf_err route_key_update_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_key_update_tell(reply *r) HF_MUST_USE;
hf_err route_key_import_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_key_import_tell(reply *r) HF_MUST_USE;
hf_err route_mac_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_mac_tell(reply *r) HF_MUST_USE;
hf_err route_metrics_ask(call *c, hf_writer *w);
hf_err route_metrics_tell(reply *r);
hf_err route_random_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_random_tell(reply *r) HF_MUST_USE;
hf_err route_rewrap_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_rewrap_tell(reply *r) HF_MUST_USE;
hf_err route_session_open_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_session_open_tell(reply *r) HF_MUST_USE;
hf_err route_session_end_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_session_end_tell(reply *r) HF_MUST_USE;
hf_err route_jwks_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_jwks_tell(reply *r) HF_MUST_USE;
hf_err route_introspect_ask(call *c, hf_writer *w) HF_MUST_USE;
hf_err route_introspect_tell(reply *r) HF_MUST_USE;
/* Answers itself, after all its items. */
hf_err route_batch(call *c, const struct addressee *from) HF_MUST_USE;

#endif
