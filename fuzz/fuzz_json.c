/*
 * Target functions: json_read, field_only, field_text, field_b64, field_uint, field_payload, route_*_ask.
 *
 * The first byte picks a route that takes a body, the rest is the body. What its ask function makes of it must be a
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
}

static const route *pick(uint8_t n)
{
    size_t bodies = 0;

    for (size_t i = 0; i < route_count; i++)
        bodies += routes[i].body != BODY_NONE;
    n = (uint8_t)(n % bodies);
    for (size_t i = 0; i < route_count; i++)
        if (routes[i].body != BODY_NONE && n-- == 0)
            return &routes[i];
    return &routes[0];
}

static void ask(const route *r, hf_http_request *http)
{
    call c = {
        .lane = &thread, .http = http, .id = hf_view_str("k"), .scratch = hf_writer_on(scratch, sizeof(scratch))
    };
    hf_writer w = hf_writer_on(message, sizeof(message));
    const char *why = NULL;

    if (r->body != BODY_KEYSET) {
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
    ask(pick(data[0]), &http);
    json_pool_reset(&thread.json);
    free(body);
    return 0;
}
