/*
 * Target functions: hf_sidecar_parse, hf_sidecar_print, hf_entry_parse, hf_entry_open, hf_entry_print
 *
 * Sidecars and entries of the store, which others can write. Input: one byte that chooses the reader, then its bytes.
 */
#include "file/entry.h"
#include "file/sidecar.h"
#include <stdlib.h>
#include <string.h>

#define PATH "/fuzz"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static hf_secret *key;

static void must(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static const uint8_t bytes[HF_FILE_KEY_BYTES] = { 7 };

    must(hf_secret_copy(bytes, sizeof(bytes), &key) == HF_OK);
    return 0;
}

/* One text for each tag. */
static void sidecar(hf_view bytes)
{
    uint8_t again[HF_SIDECAR_BYTES];
    const char *why = NULL;
    hf_tag tag;

    if (hf_sidecar_parse(bytes, &tag, &why) != HF_OK) {
        must(why != NULL);
        return;
    }
    hf_sidecar_print(&tag, again);
    must(bytes.len == sizeof(again) && memcmp(again, bytes.ptr, sizeof(again)) == 0);
}

/* What is taken for genuine is what we would have written; nobody makes another one without the key. */
static void entry(hf_view bytes)
{
    uint8_t again[HF_FILE_ENTRY_MAX_BYTES];
    const char *why = NULL;
    hf_entry e;
    size_t len = 0;

    if (hf_entry_open(bytes, PATH, key, &e, &why) != HF_OK) {
        must(why != NULL);
        return;
    }
    must(hf_entry_print(&e, PATH, key, again, &len) == HF_OK);
    must(len == bytes.len && memcmp(again, bytes.ptr, len) == 0);
}

/* The form alone, with the right MAC put behind it. */
static void entry_of_ours(hf_view bytes)
{
    uint8_t made[HF_FILE_ENTRY_MAX_BYTES];
    hf_entry_parts parts;
    hf_tag mac;

    if (bytes.len + sizeof(mac.bytes) > sizeof(made))
        return;
    must(hf_tag_of(key, bytes, &mac) == HF_OK);
    hf_writer w = hf_writer_on(made, sizeof(made));
    hf_put_view(&w, bytes);
    hf_put_bytes(&w, mac.bytes, sizeof(mac.bytes));
    if (hf_entry_parse(hf_writer_view(&w), &parts) == HF_OK)
        must(parts.covered.len == bytes.len && parts.path.len > 0 && parts.path.len < HF_FILE_PATH_CAP);
    entry(hf_writer_view(&w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(hf_view) = { sidecar, entry, entry_of_ours };

    if (size == 0 || size > 2 * HF_FILE_ENTRY_MAX_BYTES)
        return 0;
    readers[data[0] % HF_COUNT(readers)](hf_view_of(data + 1, size - 1));
    return 0;
}
