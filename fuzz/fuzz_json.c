/*
 * Target functions: json_read, field_only, field_text, field_b64, field_uint, field_payload, field_lines, field_usage,
 * field_tags, route_key_update_ask, route_key_import_ask, route_introspect_ask.
 *
 * The first byte picks a route that takes a body, its top bit says that it is an item of a batch; the rest is the body. What its ask function makes of it must be a
 * message that core's decoder takes, or a refusal with a status.
 */
#include "gateway/route.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lane thread;
static uint8_t message[HF_MESSAGE_MAX_BYTES], scratch[GATEWAY_SCRATCH_BYTES];

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Names that are not empty, each with a value. */
static bool pairs(hf_view attributes)
{
    hf_reader r = hf_reader_of(attributes);

    while (r.left.len > 0 && !r.failed) {
        must(hf_get_view16(&r).len > 0);
        (void)hf_get_view16(&r);
    }
    return hf_reader_done(&r) == HF_OK;
}

static void check_message(uint16_t type, hf_view body)
{
    union {
        struct hf_key_create create;
        struct hf_sign sign;
        struct hf_verify verify;
        struct hf_encrypt encrypt;
        struct hf_decrypt decrypt;
        struct hf_decapsulate decapsulate;
        struct hf_keyset_apply keyset;
        struct hf_token_revoke revoke;
        struct hf_key_update update;
        struct hf_key_import import;
        struct hf_mac mac;
        struct hf_rewrap rewrap;
        struct hf_introspect introspect;
    } m;

    must(body.len <= hf_message_max_body(type));
    if (type == HF_MSG_KEY_CREATE)
        must(hf_key_create_decode(body, &m.create) == HF_OK && m.create.algorithm != 0);
    else if (type == HF_MSG_SIGN)
        must(hf_sign_decode(body, &m.sign) == HF_OK);
    else if (type == HF_MSG_VERIFY)
        must(hf_verify_decode(body, &m.verify) == HF_OK);
    else if (type == HF_MSG_ENCRYPT)
        must(hf_encrypt_decode(body, &m.encrypt) == HF_OK);
    else if (type == HF_MSG_DECRYPT)
        must(hf_decrypt_decode(body, &m.decrypt) == HF_OK && m.decrypt.nonce.len == 12);
    else if (type == HF_MSG_DECAPSULATE)
        must(hf_decapsulate_decode(body, &m.decapsulate) == HF_OK);
    else if (type == HF_MSG_KEYSET_APPLY)
        must(hf_keyset_apply_decode(body, &m.keyset) == HF_OK);
    else if (type == HF_MSG_TOKEN_REVOKE)
        must(hf_token_revoke_decode(body, &m.revoke) == HF_OK);
    else if (type == HF_MSG_MAC)
        must(hf_mac_decode(body, &m.mac) == HF_OK);
    else if (type == HF_MSG_REWRAP)
        must(hf_rewrap_decode(body, &m.rewrap) == HF_OK && m.rewrap.nonce.len == 12);
    else if (type == HF_MSG_INTROSPECT)
        must(hf_introspect_decode(body, &m.introspect) == HF_OK);
    else if (type == HF_MSG_KEY_UPDATE)
        must(hf_key_update_decode(body, &m.update) == HF_OK && pairs(m.update.attributes));
    else if (type == HF_MSG_KEY_IMPORT)
        must(hf_key_import_decode(body, &m.import) == HF_OK && m.import.algorithm != 0 &&
             (m.import.form == 1) == (m.import.public.len > 0));
}

static const route *pick(uint8_t n)
{
    size_t bodies = 0;

    for (size_t i = 0; i < route_count; i++)
        bodies += routes[i].body != BODY_NONE && routes[i].ask != NULL;
    n = (uint8_t)(n % bodies);
    for (size_t i = 0; i < route_count; i++)
        if (routes[i].body != BODY_NONE && routes[i].ask != NULL && n-- == 0)
            return &routes[i];
    return &routes[0];
}

static void ask(const route *r, hf_http_request *http, bool item)
{
    call c = {
        .lane = &thread,
        .http = http,
        .id = hf_view_str("k"),
        .scratch = hf_writer_on(scratch, sizeof(scratch)),
        .item = item,
    };
    hf_writer w = hf_writer_on(message, sizeof(message));
    const char *why = NULL;

    bool form = r->body == BODY_FORM && item;
    if (r->body != BODY_KEYSET && !form) {
        hf_err e = json_read(&thread.json, http->body, http->body_len, &c.body, &why);
        must((e == HF_OK) == (why == NULL));
        if (e != HF_OK || !yyjson_is_obj(c.body))
            return;
    }
    if (r->ask(&c, &w) == HF_OK)
        check_message(r->message, hf_writer_view(&w));
    else
        must(c.refusal.status >= 400 && c.refusal.status < 500 && c.refusal.detail[0] != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 1 << 16)
        return 0;
    if (thread.json.base == NULL)
        must(json_pool_init(&thread.json) == HF_OK);
    uint8_t *body = calloc(1, size - 1 + HF_HTTP_BODY_PADDING);
    must(body != NULL);
    memcpy(body, data + 1, size - 1);
    hf_http_request http = { .body = body, .body_len = size - 1, .has_body = true };
    ask(pick(data[0] & 0x7f), &http, (data[0] & 0x80) != 0);
    json_pool_reset(&thread.json);
    free(body);
    return 0;
}
