/*
 * Target functions: hf_fields_decode, hf_fields_encode, hf_record_next.
 *
 * The first two bytes choose the message, the rest is its body. A body that is taken must encode to the very same
 * bytes: there is one spelling of each message.
 */
#include "proto/gen/messages.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MAX (1u << 16)

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void start(void)
{
    const hf_arena_spec spec = { .bytes = 1u << 20, .weakest = HF_BACKING_MALLOC };
    hf_arena *arena = NULL;
    const char *why = "";

    must(hf_arena_create(&spec, &arena, &why) == HF_OK);
    hf_secret_use_arena(arena);
}

/* Views lie inside the body; lists are walked as every record that messages carry. */
static void use_views(const hf_message_row *row, const uint8_t *m, hf_view body)
{
    for (size_t i = 0; i < row->n_fields; i++) {
        if (row->fields[i].kind != HF_FIELD_TEXT && row->fields[i].kind != HF_FIELD_BYTES)
            continue;
        hf_view v;
        memcpy(&v, m + row->fields[i].offset, sizeof(v));
        must(v.len <= row->fields[i].bound);
        must(v.len == 0 || (v.ptr >= body.ptr && v.ptr + v.len <= body.ptr + body.len));
        hf_reader keys = hf_reader_of(v), rows = keys, ops = keys, keyset = keys, protections = keys, events = keys;
        struct hf_key_info key;
        struct hf_store_row store_row;
        struct hf_store_op op;
        struct hf_keyset_row keyset_row;
        struct hf_protection_row protection;
        struct hf_audit_event event;
        while (hf_key_info_next(&keys, &key))
            must(key.name.len <= 64);
        while (hf_store_row_next(&rows, &store_row))
            must(store_row.blob.len <= 131072);
        while (hf_store_op_next(&ops, &op))
            must(op.blob.len <= 131072);
        while (hf_keyset_row_next(&keyset, &keyset_row))
            must(keyset_row.kid.len <= 64);
        while (hf_protection_row_next(&protections, &protection))
            must(protection.why.len <= 128);
        while (hf_audit_event_next(&events, &event))
            must(event.record.len <= 256);
    }
}

static void free_secrets(const hf_message_row *row, uint8_t *m)
{
    for (size_t i = 0; i < row->n_fields; i++)
        if (row->fields[i].kind == HF_FIELD_SECRET)
            hf_secret_freep((hf_secret **)(void *)(m + row->fields[i].offset));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_started;
    static _Alignas(16) uint8_t message[4096], zero[4096];
    static uint8_t encoded[BODY_MAX];

    if (!is_started)
        start();
    is_started = true;
    if (size < 2 || size - 2 > BODY_MAX)
        return 0;
    const hf_message_row *row = hf_message_row_of((uint16_t)(data[0] << 8 | data[1]));
    if (row == NULL)
        row = &hf_message_rows[(size_t)(data[0] << 8 | data[1]) % hf_message_row_count];
    must(row->size <= sizeof(message));
    /* Exactly as long as the body, and writable, as secrets are wiped from it. */
    size_t len = size - 2;
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    must(copy != NULL);
    memcpy(copy, data + 2, len);
    hf_view body = { copy, len };
    memset(message, 0x5a, sizeof(message));
    if (hf_fields_decode(row->fields, row->n_fields, body, message, row->size) == HF_OK) {
        hf_writer w = hf_writer_on(encoded, sizeof(encoded));
        must(hf_fields_encode(row->fields, row->n_fields, message, &w) == HF_OK);
        must(w.len == len && memcmp(encoded, data + 2, len) == 0);

        use_views(row, message, body);
        free_secrets(row, message);
    } else {
        must(memcmp(message, zero, row->size) == 0);
    }
    free(copy);
    return 0;
}
