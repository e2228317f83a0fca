/*
 * Target functions: hf_seal_passphrase_parse, hf_hpke_open, hf_hpke_open_with, hf_hpke_seal, config_set_seal
 *
 * What a sealed root key, a passphrase under way and a configuration may look like when somebody else wrote them. Input: one
 * byte that chooses the reader, then its bytes.
 */
#include "config/edit.h"
#include "config/file.h"
#include "crypto/crypto.h"
#include "crypto/hpke.h"
#include "seal/passphrase.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static hf_hpke_key *key;
static uint8_t public[HF_HPKE_PUBLIC_BYTES];

static void must(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static hf_arena *arena;
    const char *why = NULL;
    const hf_arena_spec spec = { .bytes = 4u << 20, .weakest = HF_BACKING_MALLOC };
    static const uint8_t ikm[32] = { 7 };

    must(hf_arena_create(&spec, &arena, &why) == HF_OK && hf_crypto_start(NULL) == HF_OK);
    hf_secret_use_arena(arena);
    must(hf_hpke_key_derive(hf_view_of(ikm, sizeof(ikm)), &key, public) == HF_OK);
    return 0;
}

/* What is taken is within its bounds, and every byte is accounted for. */
static void passphrase_file(hf_view bytes)
{
    struct hf_seal_sealed s;

    if (hf_seal_passphrase_parse(bytes, &s) != HF_OK)
        return;
    must(bytes.len == HF_SEAL_PASSPHRASE_BYTES && s.head.len + s.ciphertext.len == bytes.len);
    must(s.cost.memory_kib >= HF_SEAL_MEMORY_MIN_KIB && s.cost.memory_kib <= HF_SEAL_MEMORY_MAX_KIB);
    must(s.cost.passes >= 1 && s.cost.passes <= HF_SEAL_PASSES_MAX && s.cost.lanes >= 1 &&
         s.cost.lanes <= HF_SEAL_LANES_MAX);
    must(s.salt.ptr + s.salt.len == s.nonce.ptr && s.nonce.ptr + s.nonce.len == s.ciphertext.ptr);
}

/* Nobody makes a message that opens without sealing it. */
static void message_from_outside(hf_view bytes)
{
    hf_secret *plain = NULL;
    size_t n = bytes.len < HF_HPKE_ENC_BYTES ? bytes.len : HF_HPKE_ENC_BYTES;
    hf_view info = hf_view_str("fuzz");

    must(hf_hpke_open(key, hf_view_of(bytes.ptr, n), info, info, hf_view_of(bytes.ptr + n, bytes.len - n), &plain) !=
         HF_OK);
    must(plain == NULL);
}

static void message_of_ours(hf_view bytes)
{
    uint8_t enc[HF_HPKE_ENC_BYTES], sealed[2048];
    hf_secret *plain = NULL, *again = NULL;
    hf_view info = hf_view_str("fuzz");
    size_t len = 0;

    if (bytes.len == 0 || bytes.len > sizeof(sealed))
        return;
    must(hf_secret_copy(bytes.ptr, bytes.len, &plain) == HF_OK);
    if (hf_hpke_seal(public, info, info, plain, enc, sealed, sizeof(sealed), &len) == HF_OK) {
        must(hf_hpke_open(key, hf_view_of(enc, sizeof(enc)), info, info, hf_view_of(sealed, len), &again) == HF_OK);
        must(hf_secret_len(again) == bytes.len && memcmp(hf_secret_read(again), bytes.ptr, bytes.len) == 0);
    } else {
        must(bytes.len > sizeof(sealed) - HF_HPKE_TAG_BYTES);
    }
    hf_secret_free(plain);
    hf_secret_free(again);
}

/* What comes out reads like what went in, but for the seal. */
static void configuration(hf_view text)
{
    static uint8_t edited[CONFIG_FILE_MAX_BYTES + 256];
    struct config_values before, after;
    struct config_why why;
    hf_writer w = hf_writer_on(edited, sizeof(edited));

    if (config_set_seal(text, "passphrase", &w, &why) != HF_OK)
        return;
    must(config_read(text, &before, &why) == HF_OK && config_read(hf_writer_view(&w), &after, &why) == HF_OK);
    must(strcmp(after.seal_kind, "passphrase") == 0);
    memset(before.seal_kind, 0, sizeof(before.seal_kind));
    memset(after.seal_kind, 0, sizeof(after.seal_kind));
    must(memcmp(&before, &after, sizeof(before)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(hf_view) = { passphrase_file, message_from_outside, message_of_ours, configuration };

    if (size == 0 || size > 65536)
        return 0;
    readers[data[0] % HF_COUNT(readers)](hf_view_of(data + 1, size - 1));
    return 0;
}
