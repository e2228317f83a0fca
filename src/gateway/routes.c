#include "gateway/routes.h"

#include <string.h>

/* The whole REST surface. */
const route routes[] = {
    { .method = HF_HTTP_GET,
      .path = "/healthz",
      .message = HF_MSG_STATUS,
      .status = 200,
      .format = ROUTE_STATUS_HEALTH,
      .ask = route_status_ask,
      .tell = route_status_tell,
      .anonymous = true,
      .local = route_status_local,
      .fail = route_status_fail },
    { .method = HF_HTTP_GET,
      .path = "/api/v1/status",
      .message = HF_MSG_STATUS,
      .status = 200,
      .ask = route_status_ask,
      .tell = route_status_tell,
      .anonymous = true,
      .local = route_status_local,
      .fail = route_status_fail },
    { .method = HF_HTTP_GET,
      .path = "/metrics",
      .message = HF_MSG_METRICS,
      .metrics_message = HF_MSG_METRICS_LOCAL,
      .status = 200,
      .any_type = true,
      .ask = route_metrics_ask,
      .tell = route_metrics_tell },
    { .method = HF_HTTP_GET,
      .path = "/api/v1/capabilities",
      .message = HF_MSG_CAPABILITIES,
      .status = 200,
      .ask = route_capabilities_ask,
      .tell = route_capabilities_tell },
    { .method = HF_HTTP_GET,
      .path = "/api/v1/keys",
      .message = HF_MSG_KEY_LIST,
      .status = 200,
      .ask = route_key_list_ask,
      .tell = route_key_list_tell },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/keys",
      .message = HF_MSG_KEY_CREATE,
      .status = 201,
      .ask = route_key_create_ask,
      .tell = route_key_create_tell,
      .body = BODY_REQUIRED },
    { .method = HF_HTTP_GET,
      .path = "/api/v1/keys/:id",
      .message = HF_MSG_KEY_SHOW,
      .status = 200,
      .ask = route_key_show_ask,
      .tell = route_key_show_tell },
    { .method = HF_HTTP_PATCH,
      .path = "/api/v1/keys/:id",
      .message = HF_MSG_KEY_UPDATE,
      .status = 200,
      .ask = route_key_update_ask,
      .tell = route_key_update_tell,
      .body = BODY_PATCH,
      .if_match = true },
    { .method = HF_HTTP_DELETE,
      .path = "/api/v1/keys/:id",
      .message = HF_MSG_KEY_DESTROY,
      .status = 200,
      .ask = route_key_destroy_ask,
      .tell = route_key_destroy_tell },
    { .method = HF_HTTP_GET,
      .path = "/api/v1/keys/:id/versions",
      .message = HF_MSG_KEY_VERSIONS,
      .status = 200,
      .ask = route_key_versions_ask,
      .tell = route_key_versions_tell },
    { .method = HF_HTTP_GET,
      .path = "/api/v1/keys/:id/public",
      .message = HF_MSG_KEY_PUBLIC,
      .status = 200,
      .ask = route_key_public_ask,
      .tell = route_key_public_tell,
      .any_type = true },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/keys/:id/rotate",
      .message = HF_MSG_KEY_ROTATE,
      .status = 200,
      .ask = route_key_rotate_ask,
      .tell = route_key_rotate_tell },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/keys/:id/revoke",
      .message = HF_MSG_KEY_REVOKE,
      .status = 200,
      .ask = route_key_revoke_ask,
      .tell = route_key_revoke_tell },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/keys/:id/import",
      .message = HF_MSG_KEY_IMPORT,
      .status = 201,
      .ask = route_key_import_ask,
      .tell = route_key_import_tell,
      .body = BODY_REQUIRED },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/keys/:id/sign",
      .message = HF_MSG_SIGN,
      .status = 200,
      .ask = route_sign_ask,
      .tell = route_sign_tell,
      .body = BODY_REQUIRED },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/keys/:id/verify",
      .message = HF_MSG_VERIFY,
      .status = 200,
      .ask = route_verify_ask,
      .tell = route_verify_tell,
      .body = BODY_REQUIRED },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/keys/:id/encrypt",
      .message = HF_MSG_ENCRYPT,
      .status = 200,
      .ask = route_encrypt_ask,
      .tell = route_encrypt_tell,
      .body = BODY_REQUIRED },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/keys/:id/decrypt",
      .message = HF_MSG_DECRYPT,
      .status = 200,
      .ask = route_decrypt_ask,
      .tell = route_decrypt_tell,
      .body = BODY_REQUIRED },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/keys/:id/rewrap",
      .message = HF_MSG_REWRAP,
      .status = 200,
      .ask = route_rewrap_ask,
      .tell = route_rewrap_tell,
      .body = BODY_REQUIRED },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/keys/:id/mac",
      .message = HF_MSG_MAC,
      .status = 200,
      .ask = route_mac_ask,
      .tell = route_mac_tell,
      .body = BODY_REQUIRED },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/keys/:id/encapsulate",
      .message = HF_MSG_ENCAPSULATE,
      .status = 200,
      .ask = route_encapsulate_ask,
      .tell = route_encapsulate_tell },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/keys/:id/decapsulate",
      .message = HF_MSG_DECAPSULATE,
      .status = 200,
      .ask = route_decapsulate_ask,
      .tell = route_decapsulate_tell,
      .body = BODY_REQUIRED },
    { .method = HF_HTTP_GET,
      .path = "/api/v1/random/:bytes",
      .message = HF_MSG_RANDOM,
      .status = 200,
      .ask = route_random_ask,
      .tell = route_random_tell },
    { .method = HF_HTTP_POST, .path = "/api/v1/batch", .status = 200, .body = BODY_REQUIRED, .many = route_batch },
    { .method = HF_HTTP_GET,
      .path = "/api/v1/audit/recent",
      .message = HF_MSG_AUDIT_RECENT,
      .status = 200,
      .ask = route_audit_recent_ask,
      .tell = route_audit_events_tell },
    { .method = HF_HTTP_GET,
      .path = "/api/v1/audit/events",
      .message = HF_MSG_AUDIT_EVENTS,
      .status = 200,
      .ask = route_audit_events_ask,
      .tell = route_audit_events_tell },
    { .method = HF_HTTP_GET,
      .path = "/api/v1/audit/tree-head",
      .message = HF_MSG_AUDIT_HEAD,
      .status = 200,
      .ask = route_audit_head_ask,
      .tell = route_audit_head_tell },
    { .method = HF_HTTP_GET,
      .path = "/api/v1/audit/export",
      .message = HF_MSG_AUDIT_EXPORT,
      .status = 200,
      .ask = route_audit_export_ask,
      .tell = route_audit_export_tell },
    { .method = HF_HTTP_GET,
      .path = "/api/v1/keyset",
      .message = HF_MSG_KEYSET_SHOW,
      .status = 200,
      .ask = route_keyset_show_ask,
      .tell = route_keyset_show_tell },
    { .method = HF_HTTP_PUT,
      .path = "/api/v1/keyset",
      .message = HF_MSG_KEYSET_APPLY,
      .status = 200,
      .ask = route_keyset_apply_ask,
      .tell = route_keyset_apply_tell,
      .body = BODY_KEYSET },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/root/rotate-epoch",
      .message = HF_MSG_EPOCH_ROTATE,
      .status = 200,
      .ask = route_epoch_rotate_ask,
      .tell = route_epoch_rotate_tell },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/seal",
      .message = HF_MSG_SEAL,
      .status = 200,
      .ask = route_seal_ask,
      .tell = route_seal_tell },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/unseal",
      .message = HF_MSG_UNSEAL,
      .status = 200,
      .token_optional = true,
      .ask = route_unseal_ask,
      .tell = route_unseal_tell },
    { .method = HF_HTTP_GET,
      .path = "/api/v1/unseal-key",
      .message = HF_MSG_UNSEAL_KEY,
      .status = 200,
      .anonymous = true,
      .ask = route_unseal_key_ask,
      .tell = route_unseal_key_tell },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/tokens/revoke",
      .message = HF_MSG_TOKEN_REVOKE,
      .status = 200,
      .ask = route_token_revoke_ask,
      .tell = route_token_revoke_tell,
      .body = BODY_REQUIRED },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/sessions",
      .message = HF_MSG_SESSION_OPEN,
      .status = 201,
      .ask = route_session_open_ask,
      .tell = route_session_open_tell },
    { .method = HF_HTTP_DELETE,
      .path = "/api/v1/sessions",
      .message = HF_MSG_SESSION_END,
      .status = 200,
      .ask = route_session_end_ask,
      .tell = route_session_end_tell },
    { .method = HF_HTTP_GET,
      .path = "/.well-known/jwks.json",
      .message = HF_MSG_JWKS,
      .status = 200,
      .ask = route_jwks_ask,
      .tell = route_jwks_tell,
      .anonymous = true,
      .any_type = true },
    { .method = HF_HTTP_POST,
      .path = "/api/v1/introspect",
      .message = HF_MSG_INTROSPECT,
      .status = 200,
      .ask = route_introspect_ask,
      .tell = route_introspect_tell,
      .body = BODY_FORM },
};
const size_t route_count = HF_COUNT(routes);

static hf_view segment(hf_view *path)
{
    const uint8_t *slash = path->len > 0 ? memchr(path->ptr, '/', path->len) : NULL;
    size_t n = slash == NULL ? path->len : (size_t)(slash - path->ptr);
    hf_view s = hf_view_of(path->ptr, n);

    *path = slash == NULL ? hf_view_of(NULL, 0) : hf_view_of(slash + 1, path->len - n - 1);
    return s;
}

static bool id_ok(hf_view id)
{
    uint8_t uuid[16];

    return hf_name_ok(id) || hf_uuid_parse(id, uuid) == HF_OK;
}

static bool digits_ok(hf_view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.ptr[i] < '0' || v.ptr[i] > '9')
            return false;
    return v.len > 0 && v.len <= 9;
}

/* Segment by segment; an empty one fits nothing, so doubled and trailing slashes are no other name of a route. */
static bool path_fits(const char *pattern, hf_view path, hf_view *ret_id)
{
    hf_view want = hf_view_str(pattern);
    bool more;

    do {
        hf_view w = segment(&want), p = segment(&path);
        if (hf_view_eq_str(w, ":id") || hf_view_eq_str(w, ":bytes")) {
            if (!(w.len == 3 ? id_ok(p) : digits_ok(p)))
                return false;
            *ret_id = p;
        } else if (!hf_view_eq(w, p)) {
            return false;
        }
        more = want.ptr != NULL;
        if (more != (path.ptr != NULL))
            return false;
    } while (more);
    return true;
}

static const char *method_word(hf_http_method m)
{
    switch (m) {
    case HF_HTTP_GET:
        return "GET, HEAD";
    case HF_HTTP_POST:
        return "POST";
    case HF_HTTP_PUT:
        return "PUT";
    case HF_HTTP_PATCH:
        return "PATCH";
    case HF_HTTP_DELETE:
        return "DELETE";
    case HF_HTTP_HEAD:
    case HF_HTTP_OPTIONS:
    case HF_HTTP_OTHER:
        break;
    }
    return "";
}

hf_err route_find(hf_http_method method, hf_view path, const route **ret, hf_view *ret_id, hf_writer *reterr_allow)
{
    hf_http_method wanted = method == HF_HTTP_HEAD ? HF_HTTP_GET : method;

    for (size_t i = 0; i < route_count; i++) {
        hf_view id = { 0 };
        if (!path_fits(routes[i].path, path, &id))
            continue;
        if (routes[i].method == wanted) {
            *ret = &routes[i];
            *ret_id = id;
            return HF_OK;
        }
        const char *word = method_word(routes[i].method);
        if (reterr_allow->len > 0)
            hf_put_bytes(reterr_allow, ", ", 2);
        hf_put_bytes(reterr_allow, word, strlen(word));
    }
    return reterr_allow->len > 0 ? HF_ERR_UNSUPPORTED : HF_ERR_NOT_FOUND;
}
