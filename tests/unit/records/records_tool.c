/*
 * Writes what an independent judge needs to check: each line is `name hex`. With --export FILE PEM it writes an audit
 * export of three segments and the public key instead.
 */
#include "audit/export.h"
#include "base/text.h"
#include "records/anchor.h"
#include "records/ciphertext.h"
#include "records/epoch_file.h"
#include "records/key_record.h"
#include "records/keyset_mac.h"
#include "records/set_hash.h"
#include "records/version_record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(hf_err e)
{
    if (e != HF_OK) {
        fprintf(stderr, "records-tool: %s\n", hf_err_name(e));
        exit(1);
    }
}

static void line(const char *name, hf_view bytes)
{
    printf("%s ", name);
    for (size_t i = 0; i < bytes.len; i++)
        printf("%02x", bytes.ptr[i]);
    printf("\n");
}

static hf_secret *counting(uint8_t first, size_t len)
{
    hf_secret *s = NULL;
    must(hf_secret_new(len, &s));
    for (size_t i = 0; i < len; i++)
        hf_secret_bytes(s)[i] = (uint8_t)(first + i);
    return s;
}

static void rows(const hf_root_keys *keys)
{
    static uint8_t blob[HF_VERSION_MAX_BYTES];
    uint8_t wrap[HF_WRAP_BYTES], mac[HF_RECORD_MAC_BYTES], epoch_bytes[HF_EPOCH_FILE_BYTES];
    size_t len;
    const struct hf_version_head head = {
        .id = "0123456789abcde", .version = 2, .alg = HF_ALG_ED25519, .created = { 7 }
    };
    const struct hf_wrap_head wrap_head = { .id = "0123456789abcde", .version = 2, .epoch = 5 };
    hf_secret *dek = counting(0x80, 32), *material = counting(0x10, 32);
    struct hf_epoch_file file = { .current = { 5, counting(0x40, 32) } };
    must(hf_version_seal(keys, &head, dek, material, blob, sizeof(blob), &len, mac));
    line("version", hf_view_of(blob, len));
    must(hf_wrap_seal(keys, &wrap_head, file.current.key, dek, wrap, mac));
    line("wrap", hf_view_of(wrap, sizeof(wrap)));
    must(hf_epoch_file_encode(keys, &file, epoch_bytes));
    line("epoch_file", hf_view_of(epoch_bytes, sizeof(epoch_bytes)));
    hf_secret_free(dek);
    hf_secret_free(material);
    hf_epoch_file_clear(&file);
}

static void ciphertext(void)
{
    static const char aad_text[] = "invoice 7", plain[] = "attack at dawn";
    uint8_t out[HF_CIPHERTEXT_OVERHEAD + sizeof(plain) - 1], nonce[HF_GCM_NONCE_BYTES];
    hf_secret *key = counting(0, 32);
    must(hf_random(nonce, sizeof(nonce)));
    must(hf_ciphertext_prefix(HF_ALG_AES_256_GCM, 3, out));
    const hf_view aad[] = { hf_view_of(out, HF_CIPHERTEXT_PREFIX_BYTES), hf_view_str(aad_text) };
    must(hf_gcm_seal(hf_secret_read(key), nonce, aad, 2, hf_view_str(plain), out + HF_CIPHERTEXT_PREFIX_BYTES));
    line("ciphertext", hf_view_of(out, sizeof(out)));
    line("ciphertext_nonce", hf_view_of(nonce, sizeof(nonce)));
    hf_secret_free(key);
}

static void macs(const hf_root_keys *keys)
{
    uint8_t mac[HF_KEYSET_MAC_BYTES];
    struct hf_set_hash set;
    struct hf_set_hash_sealed sealed;
    must(hf_keyset_mac(keys, 5, hf_view_str("rows"), mac));
    line("keyset_mac", hf_view_of(mac, sizeof(mac)));
    hf_set_hash_init(&set);
    for (uint8_t i = 1; i <= 2; i++) {
        struct hf_row_ref row = { .kind = HF_ROW_KEY, .version = i };
        memset(row.id, i, sizeof(row.id));
        memset(row.mac, 0x20 + i, sizeof(row.mac));
        must(hf_set_hash_add(keys, &set, &row));
    }
    must(hf_set_hash_seal(keys, &set, &sealed));
    line("set_r", hf_view_of(sealed.r, sizeof(sealed.r)));
    line("set_hash", hf_view_of(sealed.hash, sizeof(sealed.hash)));
}

/* Appends n records and seals them. */
static size_t segment(uint64_t index, struct hf_audit_chain *chain, unsigned n, const hf_root_keys *keys,
                      const hf_key *sign, uint8_t dst[static HF_SEGMENT_MAX_BYTES])
{
    static uint8_t entries[HF_SEGMENT_ENTRIES_MAX];
    const struct hf_audit_chain before = *chain;
    const hf_view mac_key = hf_root_key(keys, HF_PURPOSE_AUDIT_MAC);
    size_t at = 0, len;
    for (unsigned i = 0; i < n; i++) {
        uint8_t entry[HF_AUDIT_ENTRY_MAX_BYTES];
        struct hf_audit_record rec = { .time = { 1700000000000000000 + i },
                                       .klass = HF_AUDIT_DURABLE,
                                       .action = 0x0110,
                                       .count = 1,
                                       .actor = hf_view_str("alice"),
                                       .detail = hf_view_str("made") };
        must(hf_audit_append(chain, mac_key, &rec, entry, &len));
        memcpy(entries + at, entry, len);
        at += len;
    }
    must(hf_segment_seal(index, &before, (hf_wall) { 42 }, hf_view_of(entries, at), mac_key, sign, dst,
                         HF_SEGMENT_MAX_BYTES, &len));
    return len;
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(bytes, 1, len, f) != len || fclose(f) != 0) {
        fprintf(stderr, "records-tool: cannot write %s\n", path);
        exit(1);
    }
}

static void export_to(const char *file, const char *pem, const hf_root_keys *keys, const hf_key *sign)
{
    static uint8_t blob[HF_SEGMENT_MAX_BYTES], bytes[HF_SEGMENT_MAX_BYTES];
    uint8_t der[HF_SPKI_MAX_BYTES];
    char text[512], b64[256];
    size_t len;
    struct hf_audit_chain chain = { 0 };
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    for (unsigned i = 1; i <= 3; i++)
        hf_export_put(&w, hf_view_of(blob, segment(i, &chain, i + 1, keys, sign, blob)));
    write_file(file, bytes, w.len);
    must(hf_key_public_der(sign, der, sizeof(der), &len));
    b64[hf_b64_encode(hf_view_of(der, len), b64)] = '\0';
    const int n = snprintf(text, sizeof(text), "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", b64);
    write_file(pem, text, (size_t)n);
}

int main(int argc, char **argv)
{
    hf_arena *arena = NULL;
    const char *why = NULL;
    hf_root_keys *keys = NULL;
    hf_key *sign = NULL;
    const hf_arena_spec spec = { .bytes = 4u << 20, .weakest = HF_BACKING_MALLOC };
    must(hf_arena_create(&spec, &arena, &why));
    must(hf_crypto_start(arena));
    hf_secret_use_arena(arena);
    hf_secret *root = counting(0, HF_ROOT_KEY_BYTES);
    must(hf_root_keys_derive(root, &keys));
    must(hf_key_load_private(HF_ALG_ED25519, hf_root_key_secret(keys, HF_PURPOSE_AUDIT_SIGN), &sign));
    if (argc == 4 && strcmp(argv[1], "--export") == 0) {
        export_to(argv[2], argv[3], keys, sign);
    } else {
        static uint8_t blob[HF_SEGMENT_MAX_BYTES];
        struct hf_audit_chain chain = { 0 };
        rows(keys);
        ciphertext();
        macs(keys);
        line("segment", hf_view_of(blob, segment(1, &chain, 3, keys, sign, blob)));
    }
    hf_secret_free(root);
    hf_root_keys_free(keys);
    hf_key_free(sign);
    return 0;
}
