/*
 * Target functions: hf_keyset_parse, hf_keyset_print, hf_spki_pem_read, hf_spki_pem_write, hf_jose_keyset_load,
 * secret_read, fingerprint_read, material_read, secret_add, secret_load.
 *
 * The input is the JSON of a keyset. One that is taken must print, read back to the same rows, and print the
 * same again; then it is loaded as the verifier loads it.
 */
#include "jose/keyset.h"
#include "keysetfmt/keysetfmt.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t rows_1[HF_KEYSET_ROWS_MAX_BYTES], rows_2[HF_KEYSET_ROWS_MAX_BYTES];
static uint8_t json_1[2 * HF_KEYSET_JSON_MAX_BYTES], json_2[2 * HF_KEYSET_JSON_MAX_BYTES];

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void round_trip(const struct hf_keyset_head *head, hf_view rows)
{
    hf_writer text = hf_writer_on(json_1, sizeof json_1), again = hf_writer_on(json_2, sizeof json_2);
    hf_writer back = hf_writer_on(rows_2, sizeof rows_2);
    struct hf_keyset_head head_2;
    struct hf_keyset_why why;

    must(hf_keyset_print(head, rows, &text) == HF_OK);
    if (text.len > HF_KEYSET_JSON_MAX_BYTES)
        return;
    must(hf_keyset_parse(hf_writer_view(&text), &head_2, &back, &why) == HF_OK);
    must(hf_view_eq(hf_writer_view(&back), rows) && head_2.generation == head->generation &&
         head_2.has_mac == head->has_mac && head_2.has_secret == head->has_secret);
    must(hf_keyset_print(&head_2, rows, &again) == HF_OK && hf_view_eq(hf_writer_view(&again), hf_writer_view(&text)));
}

static void start(void)
{
    hf_arena_spec spec = { .bytes = 4u << 20, .weakest = HF_BACKING_MALLOC };
    const char *why = "";
    hf_arena *arena;

    must(hf_arena_create(&spec, &arena, &why) == HF_OK);
    hf_secret_use_arena(arena);
    must(hf_crypto_start(NULL) == HF_OK);
}

/* A fingerprint stands for a secret that only core has, so it never loads; nothing with a secret does where it is off. */
static void load(const struct hf_keyset_head *head, hf_view rows, bool hs256)
{
    struct hf_jose_keyset *ks = NULL;
    const char *why = NULL;

    if (hf_jose_keyset_load(head->generation, rows, hs256, &ks, &why) != HF_OK) {
        must(why != NULL && ks == NULL);
        return;
    }
    must(hs256 || !head->has_secret);
    hf_jose_keyset_free(ks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_started;
    hf_writer rows = hf_writer_on(rows_1, sizeof rows_1);
    struct hf_keyset_why why = { "" };
    struct hf_keyset_head head;

    if (!is_started) {
        start();
        is_started = true;
    }
    if (hf_keyset_parse(hf_view_of(data, size), &head, &rows, &why) != HF_OK) {
        must(why.text[0] != '\0' && strlen(why.text) < sizeof why.text);
        return 0;
    }
    round_trip(&head, hf_writer_view(&rows));
    load(&head, hf_writer_view(&rows), true);
    load(&head, hf_writer_view(&rows), false);
    return 0;
}
