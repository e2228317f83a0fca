#include "config/emit.h"

#include "keysetfmt/keysetfmt.h"
#include "proto/gen/messages.h"

#include <stdlib.h>
#include <string.h>

#define BODY_CAP 4096
#define KEYSET_BODY_CAP 262144
#define KEYSET_TEXT_CAP 524288

static hf_err send_message(hf_channel *to, uint16_t type, uint64_t id, hf_err encoded, const hf_writer *w)
{
    HF_TRY(encoded);
    return hf_channel_send(to, type, id, hf_writer_view(w), NULL, 0);
}

static hf_err emit_supervisor(hf_channel *to, const struct config_values *v)
{
    uint8_t body[BODY_CAP];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_config_supervisor m = {
        .listen = hf_view_str(v->listen),
        .tls_certificate = hf_view_str(v->tls_certificate),
        .tls_key = hf_view_str(v->tls_key),
        .client_ca = hf_view_str(v->client_ca),
        .metrics_listen = hf_view_str(v->metrics_listen),
        .seal_kind = hf_view_str(v->seal_kind),
    };

    return send_message(to, HF_MSG_CONFIG_SUPERVISOR, 0, hf_config_supervisor_encode(&m, &w), &w);
}

static hf_err emit_core(hf_channel *to, const struct config_values *v)
{
    uint8_t body[BODY_CAP];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_config_core m = {
        .strict = v->strict,
        .lanes = v->lanes,
        .arena_mib = v->arena_mib,
        .key_cache_mib = v->key_cache_mib,
        .actor_rate = v->actor_rate,
        .actor_burst = v->actor_burst,
        .token_max_s = v->token_max_s,
        .token_leeway_s = v->leeway_s,
        .issuer = hf_view_str(v->issuer),
        .audience = hf_view_str(v->audience),
        .session_s = v->session_s,
        .hs256 = v->hs256,
        .durable_all = v->durable_all,
        .segment_ms = v->segment_ms,
        .ring_mib = v->ring_mib,
    };

    return send_message(to, HF_MSG_CONFIG_CORE, 0, hf_config_core_encode(&m, &w), &w);
}

static hf_err emit_gateway(hf_channel *to, const struct config_values *v)
{
    uint8_t body[BODY_CAP];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_config_gateway m = {
        .strict = v->strict,
        .threads = v->threads,
        .max_connections = v->max_connections,
        .address_rate = v->address_rate,
        .address_burst = v->address_burst,
        .header_ms = v->header_ms,
        .body_ms = v->body_ms,
        .idle_ms = v->idle_ms,
        .client_certificates = (uint8_t)v->client_certificates,
        .trusted_proxies = hf_view_str(v->trusted_proxies),
        .log_requests = (uint8_t)v->log_requests,
    };

    return send_message(to, HF_MSG_CONFIG_GATEWAY, 0, hf_config_gateway_encode(&m, &w), &w);
}

static hf_err emit_store(hf_channel *to, const struct config_values *v)
{
    uint8_t body[BODY_CAP];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_config_store m = { .strict = v->strict, .engine = (uint8_t)v->engine };

    return send_message(to, HF_MSG_CONFIG_STORE, 0, hf_config_store_encode(&m, &w), &w);
}

static hf_err emit_verifier(hf_channel *to, const struct config_values *v)
{
    uint8_t body[BODY_CAP];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_config_verifier m = {
        .strict = v->strict,
        .issuer = hf_view_str(v->issuer),
        .audience = hf_view_str(v->audience),
        .hs256 = v->hs256,
    };

    return send_message(to, HF_MSG_CONFIG_VERIFIER, 0, hf_config_verifier_encode(&m, &w), &w);
}

hf_err emit_options(hf_channel *to, const struct config_values *values)
{
    HF_TRY(emit_supervisor(to, values));
    HF_TRY(emit_core(to, values));
    HF_TRY(emit_gateway(to, values));
    HF_TRY(emit_store(to, values));
    return emit_verifier(to, values);
}

static hf_err keyset_encode(hf_view json, bool hs256, uint8_t *rows_buffer, hf_writer *w, struct config_why *why)
{
    hf_writer rows = hf_writer_on(rows_buffer, HF_KEYSET_ROWS_MAX_BYTES);
    struct hf_keyset_head head;
    struct hf_keyset_why keyset_why = { "" };
    struct hf_keyset m;

    if (hf_keyset_parse(json, &head, &rows, &keyset_why) != HF_OK) {
        config_why_set(why, "keyset.json: %s", keyset_why.text);
        return HF_ERR_INVALID;
    }
    if (!head.has_mac) {
        config_why_set(why, "keyset.json carries no MAC (mac_b64); apply it with 'holdfast keyset apply'");
        return HF_ERR_INVALID;
    }
    if (head.has_secret && !hs256) {
        config_why_set(why, "keyset.json has an HS256 key, and tokens.hs256 is off; set 'hs256 = yes' in [tokens] of "
                            "holdfast.conf, or take the key out with 'holdfast keyset apply' first");
        return HF_ERR_INVALID;
    }
    m = (struct hf_keyset) { .generation = head.generation, .rows = hf_writer_view(&rows) };
    memcpy(m.mac, head.mac, sizeof(m.mac));
    return hf_keyset_encode(&m, w);
}

hf_err emit_keyset(hf_channel *to, hf_view json, bool hs256, struct config_why *why)
{
    uint8_t *body = malloc(KEYSET_BODY_CAP);
    uint8_t *rows = malloc(HF_KEYSET_ROWS_MAX_BYTES);
    hf_writer w = hf_writer_on(body, body == NULL ? 0 : KEYSET_BODY_CAP);
    hf_err err = HF_ERR_SYSTEM;

    if (body != NULL && rows != NULL)
        err = send_message(to, HF_MSG_KEYSET, 0, keyset_encode(json, hs256, rows, &w, why), &w);
    free(rows);
    free(body);
    return err;
}

hf_err emit_done(hf_channel *to)
{
    return hf_channel_send(to, HF_MSG_CONFIG_DONE, 0, (hf_view) { NULL, 0 }, NULL, 0);
}

hf_err emit_failed(hf_channel *to, const char *text)
{
    uint8_t body[BODY_CAP];
    hf_writer w = hf_writer_on(body, sizeof(body));

    return send_message(to, HF_MSG_CONFIG_FAILED, 0,
                        hf_config_failed_encode(&(struct hf_config_failed) { .what = hf_view_str(text) }, &w), &w);
}

static hf_err keyset_text(const struct hf_keyset_write *m, uint8_t *json_buffer, hf_writer *w)
{
    hf_writer json = hf_writer_on(json_buffer, HF_KEYSET_JSON_MAX_BYTES);
    struct hf_keyset_head head = { .generation = m->generation, .has_mac = true };

    memcpy(head.mac, m->mac, sizeof(head.mac));
    HF_TRY(hf_keyset_print(&head, m->rows, &json));
    return hf_keyset_text_encode(&(struct hf_keyset_text) { .json = hf_writer_view(&json) }, w);
}

hf_err emit_keyset_text(hf_channel *to, uint64_t id, hf_view keyset_write)
{
    struct hf_keyset_write m;
    uint8_t *json = malloc(HF_KEYSET_JSON_MAX_BYTES);
    uint8_t *body = malloc(KEYSET_TEXT_CAP);
    hf_writer w = hf_writer_on(body, body == NULL ? 0 : KEYSET_TEXT_CAP);
    hf_err err = HF_ERR_SYSTEM;

    if (json != NULL && body != NULL)
        err = hf_keyset_write_decode(keyset_write, &m);
    if (err == HF_OK)
        err = send_message(to, HF_MSG_KEYSET_TEXT, id, keyset_text(&m, json, &w), &w);
    free(body);
    free(json);
    return err;
}
