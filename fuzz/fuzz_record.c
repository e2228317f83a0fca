/*
 * Target functions: hf_key_record_decode, hf_version_open, hf_wrap_open, hf_manifest_decode, hf_anchor_decode,
 * hf_epoch_file_decode, hf_revocation_decode, hf_ciphertext_parse, hf_attributes_valid, hf_answer_decode,
 * hf_envelope_parse, hf_key_record_read
 *
 * Authentic nonsense: the harness puts the right MAC behind the input, so that the readers behind the MAC are reached.
 * Whatever is believed
 * must be written back to the same bytes. Input: one byte that chooses the reader, then the blob without its MAC.
 */
#include "crypto/crypto.h"
#include "records/anchor.h"
#include "records/answer.h"
#include "records/attributes.h"
#include "records/ciphertext.h"
#include "records/envelope.h"
#include "records/epoch_file.h"
#include "records/key_record.h"
#include "records/manifest.h"
#include "records/revocation.h"
#include "records/sealed.h"
#include "records/version_record.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static hf_root_keys *keys;
static hf_secret *dek;
static struct hf_key_record rec;

static void must(bool ok)
{
    if (!ok)
        abort();
}

static hf_secret *counting(size_t len)
{
    hf_secret *s = NULL;
    must(hf_secret_new(len, &s) == HF_OK);
    for (size_t i = 0; i < len; i++)
        hf_secret_bytes(s)[i] = (uint8_t)i;
    return s;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static hf_arena *arena;
    const char *why = NULL;
    const hf_arena_spec spec = { .bytes = 4u << 20, .weakest = HF_BACKING_MALLOC };
    must(hf_arena_create(&spec, &arena, &why) == HF_OK && hf_crypto_start(NULL) == HF_OK);
    hf_secret_use_arena(arena);
    hf_secret *root = counting(HF_ROOT_KEY_BYTES);
    must(hf_root_keys_derive(root, &keys) == HF_OK);
    hf_secret_free(root);
    dek = counting(HF_DEK_BYTES);
    return 0;
}

static void same(hf_view a, const uint8_t *b, size_t len)
{
    must(hf_view_eq(a, hf_view_of(b, len)));
}

static void key_record(hf_view blob)
{
    static uint8_t again[HF_KEY_RECORD_MAX_BYTES];
    uint8_t id[HF_ROW_ID_BYTES] = { 0 }, mac[HF_RECORD_MAC_BYTES];
    size_t len;
    if (blob.len >= 2 + sizeof(id))
        memcpy(id, blob.ptr + 2, sizeof(id));
    if (hf_key_record_decode(keys, blob, id, NULL, &rec) != HF_OK)
        return;
    must(hf_key_record_valid(&rec) && hf_attributes_valid(rec.attributes));
    must(hf_key_record_encode(keys, &rec, again, sizeof(again), &len, mac) == HF_OK);
    if (blob.ptr[0] == HF_KEY_RECORD_FORMAT)
        same(blob, again, len);
    else /* an older one has become a new one, which says the same */
        must(len == blob.len + 1 && hf_key_record_decode(keys, hf_view_of(again, len), id, mac, &rec) == HF_OK);
    must(hf_key_record_read(blob, &rec) == HF_OK);
}

static void version(hf_view blob)
{
    struct hf_version_head head = { .version = 1, .alg = HF_ALG_ED25519 };
    uint8_t mac[HF_RECORD_MAC_BYTES];
    hf_secret *material = NULL;
    if (blob.len < 2 + 16 || hf_record_mac_of(blob, mac) != HF_OK)
        return;
    memcpy(head.id, blob.ptr + 2, sizeof(head.id));
    if (hf_version_open(keys, blob, &head, mac, dek, &material) == HF_OK)
        must(hf_secret_len(material) + HF_VERSION_OVERHEAD_BYTES == blob.len);
    hf_secret_free(material);
}

static void wrap(hf_view blob)
{
    struct hf_wrap_head head = { .version = 1, .epoch = 1 };
    struct hf_wrap_head seen;
    hf_secret *opened = NULL;
    if (blob.len < 2 + 16)
        return;
    memcpy(head.id, blob.ptr + 2, sizeof(head.id));
    if (hf_wrap_check(keys, blob, head.id, 1, NULL, &seen) == HF_OK)
        must(seen.version == 1 && seen.epoch != 0);
    if (hf_wrap_open(keys, blob, &head, NULL, dek, &opened) == HF_OK)
        must(hf_secret_len(opened) == HF_DEK_BYTES);
    hf_secret_free(opened);
}

static void manifest(hf_view blob)
{
    struct hf_manifest m;
    uint8_t again[HF_MANIFEST_BYTES];
    if (hf_manifest_decode(keys, blob, &m) != HF_OK)
        return;
    must(hf_manifest_encode(keys, &m, again) == HF_OK);
    same(blob, again, sizeof(again));
}

static void anchor(hf_view blob)
{
    struct hf_anchor a;
    uint8_t again[HF_ANCHOR_BYTES];
    if (hf_anchor_decode(keys, blob, &a) != HF_OK)
        return;
    must(hf_anchor_encode(keys, &a, again) == HF_OK);
    same(blob, again, sizeof(again));
}

static void epoch_file(hf_view blob)
{
    struct hf_epoch_file file = { 0 };
    if (hf_epoch_file_decode(keys, blob, &file) == HF_OK)
        must(blob.len == HF_EPOCH_FILE_BYTES && hf_epoch_file_key(&file, file.current.epoch) != NULL);
    hf_epoch_file_clear(&file);
}

static void revocation(hf_view blob)
{
    uint8_t id[HF_ROW_ID_BYTES] = { 0 }, again[HF_REVOCATION_BYTES], mac[HF_RECORD_MAC_BYTES];
    int64_t expires_s;
    if (blob.len >= 2 + sizeof(id))
        memcpy(id, blob.ptr + 2, sizeof(id));
    if (hf_revocation_decode(keys, blob, id, &expires_s) != HF_OK)
        return;
    must(hf_revocation_encode(keys, id, expires_s, again, mac) == HF_OK);
    same(blob, again, sizeof(again));
}

static void answer(hf_view blob)
{
    static uint8_t again[HF_ANSWER_MAX_BYTES];
    uint8_t id[HF_ROW_ID_BYTES] = { 0 }, mac[HF_RECORD_MAC_BYTES];
    struct hf_answer a;
    size_t len;
    if (blob.len >= 2 + sizeof(id))
        memcpy(id, blob.ptr + 2, sizeof(id));
    if (hf_answer_decode(keys, blob, id, &a) != HF_OK)
        return;
    must(hf_answer_encode(keys, &a, again, sizeof(again), &len, mac) == HF_OK);
    same(blob, again, len);
}

static void envelope(hf_view bytes)
{
    static const hf_alg doors[] = { HF_ALG_RSA_2048, HF_ALG_RSA_3072, HF_ALG_ML_KEM_768 };
    struct hf_envelope e;
    for (size_t i = 0; i < HF_COUNT(doors); i++)
        if (hf_envelope_parse(doors[i], bytes, &e) == HF_OK)
            must(e.head.len + e.body.len == bytes.len && e.body.len % 8 == 0 && e.body.ptr == e.head.ptr + e.head.len);
}

static void tags(hf_view bytes)
{
    hf_reader r = hf_reader_of(bytes);
    if (!hf_tags_valid(bytes))
        return;
    while (r.left.len > 0)
        must(hf_get_view16(&r).len > 0);
    must(!r.failed);
}

static void ciphertext(hf_view bytes)
{
    struct hf_ciphertext ct;
    uint8_t prefix[HF_CIPHERTEXT_PREFIX_BYTES];
    if (hf_ciphertext_parse(bytes, &ct) != HF_OK)
        return;
    must(hf_ciphertext_prefix(ct.alg, ct.version, prefix) == HF_OK);
    same(ct.prefix, prefix, sizeof(prefix));
    must(ct.sealed.len == bytes.len - sizeof(prefix) && ct.sealed.len >= HF_CIPHERTEXT_TAG_BYTES);
}

static const struct {
    void (*read)(hf_view blob);
    hf_purpose mac; /* HF_PURPOSE_COUNT: none */
} readers[] = {
    { key_record, HF_PURPOSE_RECORD_MAC }, { version, HF_PURPOSE_RECORD_MAC }, { wrap, HF_PURPOSE_RECORD_MAC },
    { manifest, HF_PURPOSE_MANIFEST_MAC }, { anchor, HF_PURPOSE_ANCHOR_MAC },  { epoch_file, HF_PURPOSE_EPOCH_MAC },
    { revocation, HF_PURPOSE_RECORD_MAC }, { ciphertext, HF_PURPOSE_COUNT },   { answer, HF_PURPOSE_RECORD_MAC },
    { envelope, HF_PURPOSE_COUNT },        { tags, HF_PURPOSE_COUNT },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const size_t which = data[0] % HF_COUNT(readers);
    const size_t len = size - 1;
    uint8_t *blob = malloc(len + HF_RECORD_MAC_BYTES); /* of exactly that size, so that a read past its end shows */
    must(blob != NULL);
    hf_writer w = hf_writer_on(blob, len + HF_RECORD_MAC_BYTES);
    hf_put_bytes(&w, data + 1, len);
    if (readers[which].mac != HF_PURPOSE_COUNT)
        must(hf_blob_end(&w, hf_root_key(keys, readers[which].mac), NULL) == HF_OK);
    readers[which].read(hf_writer_view(&w));
    free(blob);
    return 0;
}
