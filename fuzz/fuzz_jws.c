/*
 * Target functions: hf_jws_verify, hf_jws_open, hf_claims_read, hf_json_read, hf_token_sign, hf_token_sign_secret,
 * hf_claims_write, signature_check, mac_check.
 *
 * The first byte says how: 'r': the rest is a token. 'e', 'd' or 'h': the rest is a header, a line feed and a
 * payload, which are signed here with a fixed EC or Ed25519 key or shared secret, so that everything behind the
 * signature is reached. 'w': the rest is a payload that our own writer signs. What is accepted must keep what the reader
 * promises, and must read back the same when our own writer has written it. RS256 is reached by the seeds alone.
 */
#include "base/text.h"
#include "jose/jws.h"
#include "proto/gen/messages.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET_BYTES 40

static hf_key *ec_key, *ed_key;
static hf_secret *secret;

/* Its private half signed a seed and was thrown away. */
/* clang-format off */
static const uint8_t rsa_spki[] = {
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
    0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00, 0xbb, 0x0b, 0x26,
    0x47, 0x7e, 0xff, 0xab, 0xb0, 0x89, 0xe2, 0xcf, 0xcc, 0xa4, 0x45, 0x87, 0x91, 0x06, 0x6b, 0x3c, 0x1c, 0x2a,
    0x73, 0x45, 0x8e, 0xfd, 0x63, 0xc7, 0x12, 0x9b, 0x56, 0x08, 0xda, 0xbf, 0xa2, 0x00, 0xb1, 0xcc, 0xcb, 0x7e,
    0xa5, 0x6c, 0x78, 0xa9, 0x52, 0xd7, 0xbe, 0x78, 0xd8, 0xcf, 0xe4, 0x29, 0x8d, 0x17, 0xaa, 0x21, 0x9a, 0x70,
    0x56, 0x8a, 0x17, 0xe5, 0x3d, 0xf9, 0x32, 0x8d, 0x0f, 0x1a, 0xb3, 0x13, 0xe1, 0x6f, 0x4c, 0x7d, 0xb2, 0xc4,
    0xe4, 0x4c, 0x66, 0x7a, 0x13, 0x11, 0x2c, 0x7d, 0xf0, 0x36, 0x3e, 0x52, 0x8b, 0x05, 0x4c, 0x18, 0x87, 0x68,
    0xe0, 0x52, 0x30, 0x53, 0x4c, 0x1a, 0x4b, 0xae, 0xbc, 0xc1, 0xfe, 0xde, 0x8e, 0xc2, 0x59, 0xe1, 0xc9, 0xc2,
    0x30, 0x81, 0x43, 0x35, 0xf4, 0x12, 0x67, 0x6f, 0xff, 0x11, 0x0d, 0x0a, 0xf2, 0x48, 0x6b, 0x65, 0xe4, 0x58,
    0x7a, 0x12, 0x24, 0x26, 0x3e, 0x63, 0x50, 0x23, 0x62, 0x09, 0x96, 0xce, 0x37, 0x8c, 0x40, 0x1c, 0x00, 0xdd,
    0xd7, 0x36, 0x73, 0xc1, 0x18, 0x9c, 0x57, 0x69, 0x0f, 0xee, 0x7d, 0x20, 0x3e, 0x79, 0x4a, 0xc0, 0x68, 0x74,
    0x52, 0x43, 0xbe, 0xfa, 0x16, 0x9b, 0x9d, 0x2f, 0xf5, 0x99, 0x33, 0x2b, 0xb3, 0x52, 0xd9, 0x7e, 0xb9, 0x1d,
    0x85, 0x53, 0x03, 0x22, 0x9e, 0x7a, 0xdb, 0xe9, 0xd0, 0x78, 0x76, 0x41, 0x60, 0xdb, 0x7a, 0x22, 0x61, 0xa0,
    0x64, 0xbf, 0xd5, 0xa1, 0xe0, 0x50, 0x95, 0x29, 0x3a, 0x6c, 0xb1, 0xd3, 0x3b, 0x90, 0x4c, 0x47, 0xec, 0x2d,
    0x32, 0x10, 0x69, 0x88, 0x7b, 0x97, 0x7e, 0x27, 0xcf, 0x69, 0xfd, 0x2b, 0xf7, 0x3e, 0xb8, 0x49, 0x44, 0xf1,
    0x3c, 0x68, 0xb6, 0x35, 0x4b, 0x8e, 0x0b, 0xca, 0x79, 0x9a, 0x9d, 0xfd, 0x79, 0x53, 0x16, 0x8e, 0xd5, 0x15,
    0xb3, 0x02, 0x03, 0x01, 0x00, 0x01,
};
/* clang-format on */

static struct hf_jose_keyset *keyset;

static void must(bool holds)
{
    if (!holds)
        abort();
}

static hf_key *key_of(hf_alg a)
{
    uint8_t bytes[32];
    hf_secret *material = NULL;
    hf_key *key = NULL;

    memset(bytes, 0x11, sizeof bytes);
    must(hf_secret_copy(bytes, sizeof bytes, &material) == HF_OK && hf_key_load_private(a, material, &key) == HF_OK);
    hf_secret_free(material);
    return key;
}

static void material_put(hf_writer *list, const char *kid, hf_alg alg, hf_view material)
{
    struct hf_keyset_row row = {
        .kid = hf_view_str(kid),
        .alg = (uint8_t)alg,
        .actor = hf_view_str(alg == HF_ALG_ED25519 ? "alice" : "*"),
        .roles = alg == HF_ALG_ED25519 ? HF_ROLE_OPERATOR | HF_ROLE_AUDITOR : HF_ROLE_ALL,
        .spki = material,
    };

    must(hf_keyset_row_encode(&row, list) == HF_OK);
}

static void key_put(hf_writer *list, const char *kid, const hf_key *key)
{
    uint8_t spki[HF_SPKI_MAX_BYTES];
    size_t len;

    must(hf_key_public_der(key, spki, sizeof spki, &len) == HF_OK);
    material_put(list, kid, hf_key_alg(key), hf_view_of(spki, len));
}

static void start(void)
{
    hf_arena_spec spec = { .bytes = 4u << 20, .weakest = HF_BACKING_MALLOC };
    uint8_t rows[4096];
    hf_writer list = hf_writer_on(rows, sizeof rows);
    hf_arena *arena;
    const char *why = "";

    must(hf_arena_create(&spec, &arena, &why) == HF_OK);
    hf_secret_use_arena(arena);
    must(hf_crypto_start(NULL) == HF_OK);
    ec_key = key_of(HF_ALG_EC_P256);
    ed_key = key_of(HF_ALG_ED25519);
    must(hf_secret_new(SECRET_BYTES, &secret) == HF_OK);
    memset(hf_secret_bytes(secret), 0x11, SECRET_BYTES);
    key_put(&list, "ec-1", ec_key);
    key_put(&list, "ed-1", ed_key);
    material_put(&list, "rs-1", HF_ALG_RSA_2048, hf_view_of(rsa_spki, sizeof rsa_spki));
    material_put(&list, "hs-1", HF_ALG_HMAC_SHA256, hf_view_of(hf_secret_read(secret), SECRET_BYTES));
    must(hf_jose_keyset_load(1, hf_writer_view(&list), true, &keyset, &why) == HF_OK);
}

/* What was read, written by core's writer and read again. */
static void write_back(const struct hf_claims *c)
{
    struct hf_jose_rules rules = { .audience = hf_view_str("holdfast"), .require_roles = true };
    uint8_t text[HF_JWS_PAYLOAD_MAX_BYTES];
    hf_writer w = hf_writer_on(text, sizeof text);
    struct hf_claims again;
    const char *why = "";

    must(hf_claims_write(c, hf_view_str("issuer \"\\"), hf_view_str("holdfast"), &w) == HF_OK);
    must(hf_claims_read(hf_writer_view(&w), &rules, &again, &why) == HF_OK);
    must(strcmp(again.subject, c->subject) == 0 && strcmp(again.jti, c->jti) == 0 && again.roles == c->roles);
    must(again.issued_s == c->issued_s && again.not_before_s == c->not_before_s && again.expires_s == c->expires_s);
    must(again.has_cert == c->has_cert && memcmp(again.cert_hash, c->cert_hash, sizeof again.cert_hash) == 0);
}

static void judge(hf_view token)
{
    struct hf_jose_rules rules = { .audience = hf_view_str("holdfast"), .require_roles = true };
    struct hf_claims c, before;
    const char *why = NULL;

    memset(&c, 0xa5, sizeof c);
    before = c;
    if (hf_jws_verify(token, keyset, &rules, &c, &why) != HF_OK) {
        must(why != NULL && memcmp(&c, &before, sizeof c) == 0);
        return;
    }
    must(hf_jose_keyset_find(keyset, hf_view_str(c.kid)) != NULL);
    must(hf_jose_actor_ok(hf_view_str(c.subject)) && c.roles != 0 && (c.roles & ~(uint32_t)HF_ROLE_ALL) == 0);
    must(c.expires_s >= 1 && c.expires_s <= HF_CLAIM_TIME_MAX_S && c.not_before_s < c.expires_s &&
         c.issued_s < c.expires_s);
    must(c.jti[0] == '\0' || hf_jose_visible(hf_view_str(c.jti), HF_JTI_MAX_BYTES));
    must(strcmp(c.kid, "ed-1") != 0 || strcmp(c.subject, "alice") == 0);
    write_back(&c);
}

/* key NULL: the shared secret. */
static size_t sign(const hf_key *key, hf_view body, uint8_t dst[static HF_JOSE_SIGNATURE_MAX_BYTES])
{
    const struct hf_jose_alg *how = hf_jose_alg_of(key == NULL ? HF_ALG_HMAC_SHA256 : hf_key_alg(key));
    size_t len = how->signature_bytes;

    if (key == NULL)
        must(hf_hmac(how->hash, hf_view_of(hf_secret_read(secret), SECRET_BYTES), &body, 1, dst) == HF_OK);
    else
        must(hf_key_sign(key, how->scheme, how->hash, false, body, dst, HF_JOSE_SIGNATURE_MAX_BYTES, &len) == HF_OK);
    return len;
}

static void sign_and_judge(const hf_key *key, hf_view text)
{
    static char token[65536];
    const uint8_t *feed = text.len == 0 ? NULL : memchr(text.ptr, '\n', text.len);
    uint8_t signature[HF_JOSE_SIGNATURE_MAX_BYTES];
    size_t header_len, len, signature_len;

    if (feed == NULL || text.len > 16384)
        return;
    header_len = (size_t)(feed - text.ptr);
    len = hf_b64url_encode(hf_view_of(text.ptr, header_len), token);
    token[len++] = '.';
    len += hf_b64url_encode(hf_view_of(feed + 1, text.len - header_len - 1), token + len);
    signature_len = sign(key, hf_view_of(token, len), signature);
    token[len++] = '.';
    len += hf_b64url_encode(hf_view_of(signature, signature_len), token + len);
    judge(hf_view_of(token, len));
}

static void write_and_judge(hf_view payload)
{
    uint8_t token[HF_JWS_MAX_BYTES], back[HF_JWS_PAYLOAD_MAX_BYTES];
    hf_writer w = hf_writer_on(token, sizeof token);
    const char *why = "";
    struct hf_jws jws;

    if (hf_token_sign(ed_key, hf_view_str("ed-1"), payload, &w) != HF_OK)
        return;
    must(hf_jws_open(hf_writer_view(&w), keyset, back, &jws, &why) == HF_OK && hf_view_eq(jws.payload, payload));
    judge(hf_writer_view(&w));
    w = hf_writer_on(token, sizeof token);
    must(hf_token_sign_secret(secret, hf_view_str("hs-1"), payload, &w) == HF_OK);
    must(hf_jws_open(hf_writer_view(&w), keyset, back, &jws, &why) == HF_OK && hf_view_eq(jws.payload, payload));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_view rest;

    if (keyset == NULL)
        start();
    if (size == 0)
        return 0;
    rest = hf_view_of(data + 1, size - 1);
    if (data[0] == 'e' || data[0] == 'd' || data[0] == 'h')
        sign_and_judge(data[0] == 'e' ? ec_key : data[0] == 'd' ? ed_key : NULL, rest);
    else if (data[0] == 'w')
        write_and_judge(rest);
    else
        judge(rest);
    return 0;
}
