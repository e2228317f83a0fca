/*
 * Target functions: hf_jws_verify, hf_jws_open, hf_claims_read, hf_json_read, hf_jws_sign.
 *
 * The first byte says how: 'r': the rest is a token. 'e' or 'd': the rest is a header, a line feed and a
 * payload, which are signed here with a fixed EC or Ed25519 key, so that everything behind the signature is
 * reached. 'w': the rest is a payload that our own writer signs. What is accepted must keep what the reader
 * promises.
 */
#include "base/text.h"
#include "jose/jws.h"
#include "proto/gen/messages.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static hf_key *ec_key, *ed_key;
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

static void row_put(hf_writer *list, const char *kid, const char *actor, uint32_t roles, const hf_key *key)
{
    uint8_t spki[HF_SPKI_MAX_BYTES];
    struct hf_keyset_row row = { .alg = (uint8_t)hf_key_alg(key), .roles = roles };
    size_t len;

    must(hf_key_public_der(key, spki, sizeof spki, &len) == HF_OK);
    row.kid = hf_view_str(kid);
    row.actor = hf_view_str(actor);
    row.spki = hf_view_of(spki, len);
    must(hf_keyset_row_encode(&row, list) == HF_OK);
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
    row_put(&list, "ec-1", "*", HF_ROLE_ALL, ec_key);
    row_put(&list, "ed-1", "alice", HF_ROLE_OPERATOR | HF_ROLE_AUDITOR, ed_key);
    must(hf_jose_keyset_load(1, hf_writer_view(&list), &keyset, &why) == HF_OK);
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
    must(strcmp(c.kid, "ec-1") == 0 || strcmp(c.subject, "alice") == 0);
}

static void sign_and_judge(const hf_key *key, hf_view text)
{
    static char token[65536];
    const uint8_t *feed = text.len == 0 ? NULL : memchr(text.ptr, '\n', text.len);
    hf_scheme scheme = hf_key_alg(key) == HF_ALG_EC_P256 ? HF_SCHEME_ECDSA_RAW : HF_SCHEME_ED25519;
    uint8_t signature[64];
    size_t header_len, len;

    if (feed == NULL || text.len > 16384)
        return;
    header_len = (size_t)(feed - text.ptr);
    len = hf_b64url_encode(hf_view_of(text.ptr, header_len), token);
    token[len++] = '.';
    len += hf_b64url_encode(hf_view_of(feed + 1, text.len - header_len - 1), token + len);
    must(hf_key_sign(key, scheme, HF_HASH_NONE, false, hf_view_of(token, len), signature, sizeof signature,
                     &header_len) == HF_OK);
    token[len++] = '.';
    len += hf_b64url_encode(hf_view_of(signature, sizeof signature), token + len);
    judge(hf_view_of(token, len));
}

static void write_and_judge(hf_view payload)
{
    uint8_t token[HF_JWS_MAX_BYTES], back[HF_JWS_PAYLOAD_MAX_BYTES];
    hf_writer w = hf_writer_on(token, sizeof token);
    const char *why = "";
    struct hf_jws jws;

    if (hf_jws_sign(ed_key, hf_view_str("ed-1"), payload, &w) != HF_OK)
        return;
    must(hf_jws_open(hf_writer_view(&w), keyset, back, &jws, &why) == HF_OK && hf_view_eq(jws.payload, payload));
    judge(hf_writer_view(&w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_view rest;

    if (keyset == NULL)
        start();
    if (size == 0)
        return 0;
    rest = hf_view_of(data + 1, size - 1);
    if (data[0] == 'e' || data[0] == 'd')
        sign_and_judge(data[0] == 'e' ? ec_key : ed_key, rest);
    else if (data[0] == 'w')
        write_and_judge(rest);
    else
        judge(rest);
    return 0;
}
