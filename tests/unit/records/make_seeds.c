/*
 * make-seeds FOLDER: writes the seeds of fuzz/fuzz_record.c (FOLDER/record) and fuzz/fuzz_audit.c (FOLDER/audit): one
 * good input a reader.
 */
#include "audit/export.h"
#include "audit/ring.h"
#include "records/anchor.h"
#include "records/answer.h"
#include "records/ciphertext.h"
#include "records/epoch_file.h"
#include "records/key_record.h"
#include "records/manifest.h"
#include "records/revocation.h"
#include "records/version_record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *folder;
static hf_root_keys *keys;
static uint8_t mac[HF_RECORD_MAC_BYTES];

static void must(hf_err e)
{
    if (e != HF_OK) {
        fprintf(stderr, "make-seeds: %s\n", hf_err_name(e));
        exit(1);
    }
}

static hf_secret *secret_of(bool count, size_t len)
{
    hf_secret *s = NULL;
    must(hf_secret_new(len, &s));
    for (size_t i = 0; i < len; i++)
        hf_secret_bytes(s)[i] = count ? (uint8_t)i : 1;
    return s;
}

static void put(const char *name, uint8_t reader, const uint8_t *bytes, size_t len)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(&reader, 1, 1, f) != 1 || fwrite(bytes, 1, len, f) != len || fclose(f) != 0) {
        fprintf(stderr, "make-seeds: cannot write %s\n", path);
        exit(1);
    }
}

/* Without its MAC: the harness appends the right one. */
static void put_record(const char *name, uint8_t reader, const uint8_t *bytes, size_t len)
{
    put(name, reader, bytes, len - HF_RECORD_MAC_BYTES);
}

static void key_record(void)
{
    static struct hf_key_record rec;
    static uint8_t blob[HF_KEY_RECORD_MAX_BYTES];
    const uint8_t version_mac[HF_RECORD_MAC_BYTES] = { 1 };
    size_t len;
    uint32_t v;
    rec.alg = HF_ALG_ED25519;
    rec.usage = HF_USE_SIGN;
    rec.name = hf_view_str("payments");
    rec.created_by = hf_view_str("alice");
    rec.origin = HF_ORIGIN_IMPORTED;
    rec.attributes = hf_view_of("\0\1a\0\3red\0\5owner\0\3bob", 20);
    for (int i = 1; i <= 3; i++)
        must(hf_key_record_rotate(&rec, (hf_wall) { i }, version_mac, &v));
    must(hf_key_record_destroy(&rec, 1, (hf_wall) { 9 }, 2));
    must(hf_key_record_encode(keys, &rec, blob, sizeof(blob), &len, mac));
    put_record("record/key", 0, blob, len);
}

static void sealed_records(void)
{
    static uint8_t blob[HF_VERSION_MAX_BYTES];
    uint8_t epoch_bytes[HF_EPOCH_FILE_BYTES];
    size_t len;
    hf_secret *dek = secret_of(true, HF_DEK_BYTES);
    const struct hf_version_head head = { .version = 1, .alg = HF_ALG_ED25519 };
    const struct hf_wrap_head wrap = { .version = 1, .epoch = 1 };
    struct hf_epoch_file file = { .current = { 1, dek }, .next = { 2, secret_of(true, 32) } };
    must(hf_version_seal(keys, &head, dek, dek, blob, sizeof(blob), &len, mac));
    put_record("record/version", 1, blob, len);
    must(hf_wrap_seal(keys, &wrap, dek, dek, blob, mac));
    put_record("record/wrap", 2, blob, HF_WRAP_BYTES);
    must(hf_epoch_file_encode(keys, &file, epoch_bytes));
    put_record("record/epoch", 5, epoch_bytes, sizeof(epoch_bytes));
    hf_epoch_file_clear(&file);
}

static void small_records(void)
{
    const struct hf_manifest m = { .generation = 1, .epoch = 1 };
    const struct hf_anchor a = { .manifest_generation = 1, .epoch = 1 };
    const uint8_t id[HF_ROW_ID_BYTES] = { 1 };
    uint8_t blob[HF_MANIFEST_BYTES];
    must(hf_manifest_encode(keys, &m, blob));
    put_record("record/manifest", 3, blob, HF_MANIFEST_BYTES);
    must(hf_anchor_encode(keys, &a, blob));
    put_record("record/anchor", 4, blob, HF_ANCHOR_BYTES);
    must(hf_revocation_encode(keys, id, 1, blob, mac));
    put_record("record/revocation", 6, blob, HF_REVOCATION_BYTES);
    uint8_t row[HF_ANSWER_OVERHEAD_BYTES + 5];
    size_t len;
    const struct hf_answer answer = { .expires_s = 1, .type = 0x8110, .reply = hf_view_str("reply") };
    must(hf_answer_encode(keys, &answer, row, sizeof(row), &len, mac));
    put_record("record/answer", 8, row, len);
    static const uint8_t envelope[1088 + 16];
    put("record/envelope", 9, envelope, sizeof(envelope));
    put("record/envelope-rsa", 9, envelope, 256 + 16);
    put("record/tags", 10, (const uint8_t *)"\0\4prod\0\3eur", 11);
    memset(blob, 0, sizeof(blob));
    must(hf_ciphertext_prefix(HF_ALG_AES_256_GCM, 1, blob));
    put("record/ciphertext", 7, blob, HF_CIPHERTEXT_OVERHEAD + 3);
}

static void audit(const hf_key *sign)
{
    static uint8_t all[3 * HF_AUDIT_ENTRY_MAX_BYTES], segment[HF_SEGMENT_MAX_BYTES], file[sizeof(segment) + 4];
    static uint8_t memory[HF_RING_HEADER_BYTES + HF_RING_DATA_MIN] __attribute__((aligned(8)));
    static uint8_t flat[32 + sizeof(all)];
    const struct hf_audit_chain genesis = { 0 };
    struct hf_audit_chain chain = { 0 };
    struct hf_ring ring;
    size_t at = 0, len;
    must(hf_ring_format(memory, sizeof(memory), &ring));
    for (int i = 0; i < 3; i++) {
        struct hf_audit_record rec = { .klass = HF_AUDIT_JOURNAL,
                                       .count = 1,
                                       .actor = hf_view_str("alice"),
                                       .request_id = hf_view_str("r-1"),
                                       .detail = hf_view_str("x") };
        must(hf_audit_append(&chain, hf_view_str("key"), &rec, all + at, &len));
        must(hf_ring_append(&ring, hf_view_of(all + at, len)));
        at += len;
    }
    put("audit/record", 0, all + 2, ((size_t)all[0] << 8) + all[1]);
    put("audit/entries", 1, all, at);
    must(hf_segment_seal(1, &genesis, (hf_wall) { 1 }, hf_view_of(all, at), hf_view_str("key"), sign, segment,
                         sizeof(segment), &len));
    put("audit/segment", 2, segment, len);
    hf_writer w = hf_writer_on(file, sizeof(file));
    hf_export_put(&w, hf_view_of(segment, len));
    put("audit/export", 3, file, w.len);
    memcpy(flat, memory, 32);
    memcpy(flat + 32, memory + HF_RING_HEADER_BYTES, hf_ring_used(&ring));
    put("audit/ring", 4, flat, 32 + hf_ring_used(&ring));
}

int main(int argc, char **argv)
{
    hf_arena *arena = NULL;
    hf_key *sign = NULL;
    const char *why = NULL;
    const hf_arena_spec spec = { .bytes = 4u << 20, .weakest = HF_BACKING_MALLOC };
    if (argc != 2) {
        fprintf(stderr, "usage: make-seeds FOLDER\n");
        return 2;
    }
    folder = argv[1];
    must(hf_arena_create(&spec, &arena, &why));
    must(hf_crypto_start(arena));
    hf_secret_use_arena(arena);
    hf_secret *root = secret_of(true, HF_ROOT_KEY_BYTES), *seed = secret_of(false, 32);
    must(hf_root_keys_derive(root, &keys));
    must(hf_key_load_private(HF_ALG_ED25519, seed, &sign));
    key_record();
    sealed_records();
    small_records();
    audit(sign);
    hf_secret_free(root);
    hf_secret_free(seed);
    hf_root_keys_free(keys);
    hf_key_free(sign);
    return 0;
}
