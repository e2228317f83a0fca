/*
 * Target functions: hf_audit_record_decode, hf_audit_entry_next, hf_audit_walk_next, hf_segment_decode,
 * hf_segment_verify_public, hf_export_next, hf_export_verify, hf_ring_open, hf_ring_read_after
 *
 * Input: one byte that chooses the reader, then its bytes. What is read as a record must be written back to the same
 * bytes; entries of a ring are read from memory that is filled with the input, header included.
 */
#include "audit/export.h"
#include "audit/ring.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RING_BYTES = HF_RING_HEADER_BYTES + HF_RING_DATA_MIN };

static hf_key *public_key;
static uint8_t *ring_memory;

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* The key that signed the seeds: Ed25519 with the seed 01 01 ... 01. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static hf_arena *arena;
    hf_secret *seed = NULL;
    const char *why = NULL;
    const hf_arena_spec spec = { .bytes = 4u << 20, .weakest = HF_BACKING_MALLOC };
    must(hf_arena_create(&spec, &arena, &why) == HF_OK && hf_crypto_start(NULL) == HF_OK);
    hf_secret_use_arena(arena);
    must(hf_secret_new(32, &seed) == HF_OK);
    memset(hf_secret_bytes(seed), 1, 32);
    must(hf_key_load_private(HF_ALG_ED25519, seed, &public_key) == HF_OK);
    hf_secret_free(seed);
    ring_memory = aligned_alloc(HF_RING_HEADER_BYTES, RING_BYTES);
    must(ring_memory != NULL);
    return 0;
}

static void record(hf_view bytes)
{
    struct hf_audit_record rec;
    uint8_t again[HF_AUDIT_RECORD_MAX_BYTES];
    size_t len;
    if (hf_audit_record_decode(bytes, &rec) != HF_OK)
        return;
    const uint8_t cut = rec.cut;
    must(hf_audit_record_encode(&rec, again, &len) == HF_OK && len == bytes.len);
    /* The texts fit, so that the encoder has nothing to cut: only that byte may differ. */
    again[80] = cut;
    must(hf_view_eq(bytes, hf_view_of(again, len)));
}

static void entries(hf_view bytes)
{
    static const struct hf_audit_chain genesis;
    struct hf_audit_walk walk;
    struct hf_audit_entry entry;
    hf_view left = bytes;
    size_t total = 0;
    while (hf_audit_entry_next(&left, &entry) == HF_OK) {
        total += entry.whole.len;
        must(entry.whole.len <= HF_AUDIT_ENTRY_MAX_BYTES && total + left.len == bytes.len);
    }
    hf_audit_walk_start(&walk, bytes, &genesis, hf_view_of(NULL, 0));
    while (hf_audit_walk_next(&walk, &entry) == HF_OK)
        must(entry.seq == walk.at.seq);
}

static void segment(hf_view bytes)
{
    struct hf_segment seg;
    uint64_t seq;
    if (hf_segment_decode(bytes, &seg) != HF_OK)
        return;
    must(seg.entries.len + HF_SEGMENT_OVERHEAD == bytes.len);
    const hf_err e = hf_segment_verify_public(&seg, public_key, &seq);
    must(e == HF_OK || e == HF_ERR_BAD_SIGNATURE || e == HF_ERR_INTEGRITY);
}

static void export(hf_view bytes)
{
    struct hf_export_result result;
    const hf_err e = hf_export_verify(bytes, public_key, &result);
    if (e == HF_OK)
        must(result.segments > 0 && result.last_seq - result.first_seq + 1 == result.records);
    if (e == HF_ERR_INTEGRITY)
        must(result.err_segment == result.segments + 1 && result.err_what != NULL);
}

static void ring(hf_view bytes)
{
    static uint8_t out[HF_RING_DATA_MIN];
    struct hf_ring_reader reader;
    size_t len;
    uint64_t last = 0;
    const size_t header = bytes.len < 32 ? bytes.len : 32;
    memset(ring_memory, 0, RING_BYTES);
    if (bytes.len == 0)
        return;
    memcpy(ring_memory, bytes.ptr, header);
    memcpy(ring_memory + HF_RING_HEADER_BYTES, bytes.ptr + header,
           bytes.len - header < HF_RING_DATA_MIN ? bytes.len - header : HF_RING_DATA_MIN);
    if (hf_ring_open(ring_memory, RING_BYTES, &reader) != HF_OK)
        return;
    for (int i = 0; i < 3 && hf_ring_read_after(&reader, last, out, sizeof(out), &len, &last) == HF_OK; i++) {
        must(len <= sizeof(out));
        entries(hf_view_of(out, len));
    }
}

static void (*const readers[])(hf_view bytes) = { record, entries, segment, export, ring };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t *copy = malloc(size - 1); /* of exactly that size, so that a read past its end shows */
    must(copy != NULL || size == 1);
    if (size > 1)
        memcpy(copy, data + 1, size - 1);
    readers[data[0] % HF_COUNT(readers)](hf_view_of(copy, size - 1));
    free(copy);
    return 0;
}
