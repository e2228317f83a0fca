/*
 * The form, the header and the signature of compact JWS: every refusal is of a token whose signature is good,
 * unless the signature is the point.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "jose/thumbprint.h"
#include "tokens.h"
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define GOOD_CLAIMS "{\"sub\":\"alice\",\"exp\":1800000290,\"roles\":[\"operator\"]}"

static const char bad_signature_text[] = "the signature is not base64url, or not as long as its algorithm makes it";

static struct test_key ec, ec_other, ed;
static struct hf_jose_keyset *only_ec, *three, *every;

/* Every kind of key, in one keyset. */
static struct kind {
    const char *alg;
    struct test_key key;
} kinds[5];

/* alg of one kind, kid of another: the header in a static buffer. */
static const char *header_of(const char *alg, const char *kid)
{
    static char text[128];

    snprintf(text, sizeof text, "{\"alg\":\"%s\",\"kid\":\"%s\"}", alg, kid);
    return text;
}

static struct hf_jose_keyset *kinds_make(void)
{
    struct test_row rows[HF_COUNT(kinds)];

    kinds[0] = (struct kind) { "ES256", test_key_make(HF_ALG_EC_P256) };
    kinds[1] = (struct kind) { "EdDSA", test_key_make(HF_ALG_ED25519) };
    kinds[2] = (struct kind) { "RS256", test_key_make(HF_ALG_RSA_2048) };
    kinds[3] = (struct kind) { "RS256", test_key_make(HF_ALG_RSA_3072) };
    kinds[4] = (struct kind) { "HS256", test_secret_make(40) };
    static const char *const kids[] = { "es", "ed", "rs", "rs-3072", "hs" };
    for (size_t i = 0; i < HF_COUNT(kinds); i++)
        rows[i] = (struct test_row) { kids[i], "*", HF_ROLE_ALL, &kinds[i].key };
    return test_keyset_make(rows, HF_COUNT(kinds));
}

static int setup(void **state)
{
    int rc = tokens_group_setup(state);

    ec = test_key_make(HF_ALG_EC_P256);
    ec_other = test_key_make(HF_ALG_EC_P256);
    ed = test_key_make(HF_ALG_ED25519);
    only_ec = test_keyset_make((struct test_row[]) { { "ec-1", "*", HF_ROLE_ALL, &ec } }, 1);
    three = test_keyset_make(
        (struct test_row[]) {
            { "ec-1", "*", HF_ROLE_ALL, &ec },
            { "ec-2", "alice", HF_ROLE_OPERATOR, &ec_other },
            { "ed-1", "*", HF_ROLE_ALL, &ed },
        },
        3);
    every = kinds_make();
    return rc;
}

static int teardown(void **state)
{
    (void)state;
    hf_jose_keyset_free(only_ec);
    hf_jose_keyset_free(three);
    hf_jose_keyset_free(every);
    for (size_t i = 0; i < HF_COUNT(kinds); i++)
        hf_key_free(kinds[i].key.key);
    hf_key_free(ec.key);
    hf_key_free(ec_other.key);
    hf_key_free(ed.key);
    return 0;
}

static void expect_opens(hf_view token, const struct hf_jose_keyset *ks, const char *kid, const char *payload)
{
    uint8_t buffer[HF_JWS_PAYLOAD_MAX_BYTES];
    const char *why = "";
    struct hf_jws jws;

    if (hf_jws_open(token, ks, buffer, &jws, &why) != HF_OK)
        fail_msg("refused: %s", why);
    assert_string_equal(jws.key->kid, kid);
    assert_true(hf_view_eq_str(jws.payload, payload));
}

static void expect_refused(hf_view token, const struct hf_jose_keyset *ks, const char *expected_why)
{
    uint8_t buffer[HF_JWS_PAYLOAD_MAX_BYTES];
    struct hf_jws jws, before;
    const char *why = "";

    memset(&jws, 0xa5, sizeof jws);
    before = jws;
    assert_int_equal(hf_jws_open(token, ks, buffer, &jws, &why), HF_ERR_BAD_TOKEN);
    assert_string_equal(why, expected_why);
    assert_memory_equal(&jws, &before, sizeof jws);
}

static void test_controls_open(void **state)
{
    (void)state;
    expect_opens(test_token(&ec, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"ec-1\"}", "any bytes"), three, "ec-1",
                 "any bytes");
    expect_opens(test_token(&ec_other, "{\"alg\":\"ES256\",\"kid\":\"ec-2\"}", "x"), three, "ec-2", "x");
    expect_opens(test_token(&ed, " {\"kid\" : \"ed-1\",\n\"typ\":\"at+jwt\",\"alg\":\"EdDSA\"} ", "x"), three, "ed-1",
                 "x");
    expect_opens(test_token(&ec, "{\"alg\":\"ES256\"}", "x"), only_ec, "ec-1", "x");
    expect_opens(test_token(&ec, "{\"\\u0061lg\":\"ES256\"}", "x"), only_ec, "ec-1", "x");
}

static void test_header_attacks_with_good_signature(void **state)
{
    static const char other_member[] = "the header has a member other than alg, typ and kid";
    static const char not_offered[] = "alg is not offered";
    static const char not_json[] = "the text is not valid JSON";
    static const struct {
        const char *header, *why;
    } rows[] = {
        { "{\"alg\":\"none\",\"kid\":\"ec-1\"}", not_offered },
        { "{\"alg\":\"None\",\"kid\":\"ec-1\"}", not_offered },
        { "{\"alg\":\"es256\",\"kid\":\"ec-1\"}", not_offered },
        { "{\"alg\":\"ES256 \",\"kid\":\"ec-1\"}", not_offered },
        { "{\"alg\":\"ES256\\u0000\",\"kid\":\"ec-1\"}", not_offered },
        { "{\"alg\":\"HS512\",\"kid\":\"ec-1\"}", not_offered },
        { "{\"alg\":\"PS256\",\"kid\":\"ec-1\"}", not_offered },
        { "{\"alg\":\"HS256\",\"kid\":\"ec-1\"}", "alg is not the algorithm of the key" },
        { "{\"alg\":\"RS256\",\"kid\":\"ec-1\"}", "alg is not the algorithm of the key" },
        { "{\"alg\":\"ES384\",\"kid\":\"ec-1\"}", not_offered },
        { "{\"alg\":\"Ed25519\",\"kid\":\"ed-1\"}", not_offered },
        { "{\"alg\":\"EdDSA\",\"kid\":\"ec-1\"}", "alg is not the algorithm of the key" },
        { "{\"alg\":\"\",\"kid\":\"ec-1\"}", "alg is missing" },
        { "{\"kid\":\"ec-1\"}", "alg is missing" },
        { "{}", "alg is missing" },
        { "{\"alg\":null,\"kid\":\"ec-1\"}", "the header has a member that is not a string" },
        { "{\"alg\":[\"ES256\"],\"kid\":\"ec-1\"}", "the header has a member that is not a string" },
        { "{\"alg\":\"ES256\",\"kid\":1}", "the header has a member that is not a string" },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"crit\":[\"exp\"]}", other_member },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"crit\":[]}", other_member },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"b64\":false}", other_member },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"jwk\":{\"kty\":\"EC\"}}", other_member },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"jku\":\"https://evil.example/k\"}", other_member },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"x5u\":\"https://evil.example/k\"}", other_member },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"x5c\":[\"AA\"]}", other_member },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"zip\":\"DEF\"}", other_member },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"cty\":\"JWT\"}", other_member },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"x\":\"y\"}", other_member },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"typ\":\"JWS\"}", "typ is not JWT or at+jwt" },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"typ\":\"jwt\"}", "typ is not JWT or at+jwt" },
        { "{\"alg\":\"none\",\"kid\":\"ec-1\",\"alg\":\"ES256\"}", "the JSON has a duplicate member" },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"\\u006bid\":\"ec-2\"}", "the JSON has a duplicate member" },
        { "{\"alg\":\"ES256\",\"kid\":\"\"}", "kid is not 1 to 64 visible characters" },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1 \"}", "kid is not 1 to 64 visible characters" },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\\u0000\"}", "kid is not 1 to 64 visible characters" },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-11111111111111111111111111111111111111111111111111111111111111\"}",
          "kid is not 1 to 64 visible characters" },
        { "{\"alg\":\"ES256\",\"kid\":\"../../ec-1\"}", "kid names no key of the keyset" },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-\"}", "kid names no key of the keyset" },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-2\"}", "the signature is not valid" },
        { "{\"alg\":\"ES256\"}", "kid is missing, and the keyset does not have exactly one key" },
        { "[\"ES256\"]", "the header is not a JSON object" },
        { "\"ES256\"", "the header is not a JSON object" },
        { "1", "the header is not a JSON object" },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\"}x", not_json },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",}", not_json },
        { "{\"alg\":\"ES256\"/**/,\"kid\":\"ec-1\"}", not_json },
        { "{'alg':'ES256','kid':'ec-1'}", not_json },
        { "\xef\xbb\xbf{\"alg\":\"ES256\",\"kid\":\"ec-1\"}", not_json },
        { "{\"alg\":\"ES256\",\"kid\":\"\xc0\xae\"}", not_json },
        { "{\"alg\":\"ES256\",\"kid\":\"\\ud800\"}", not_json },
        { "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"x\":[[[[[]]]]]}", "the JSON is nested too deeply" },
    };

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++)
        expect_refused(test_token(&ec, rows[i].header, "x"), three, rows[i].why);
}

static void test_header_size_is_bounded(void **state)
{
    char header[1024];

    (void)state;
    memset(header, ' ', sizeof header);
    memcpy(header, "{\"alg\":\"ES256\",\"kid\":\"ec-1\"}", 28);
    header[512] = '\0';
    expect_opens(test_token(&ec, header, "x"), three, "ec-1", "x");
    header[512] = ' ';
    header[513] = '\0';
    expect_refused(test_token(&ec, header, "x"), three, "the header is not base64url or too long");
}

/* A good token, damaged in its text. `at` counts dots: 0 the header, 1 the payload, 2 the signature. */
static hf_view edited(const char *before, const char *after, size_t cut)
{
    static char text[65536];
    hf_view good = test_token(&ec, "{\"alg\":\"ES256\",\"kid\":\"ec-1\"}", "payload");
    size_t len = strlen(before);

    memcpy(text, before, len);
    memcpy(text + len, good.ptr, good.len - cut);
    len += good.len - cut;
    memcpy(text + len, after, strlen(after));
    return hf_view_of(text, len + strlen(after));
}

static void test_forms_refused(void **state)
{
    static const char bad_header_text[] = "the header is not base64url or too long";

    (void)state;
    expect_opens(edited("", "", 0), three, "ec-1", "payload");
    expect_refused(edited(" ", "", 0), three, bad_header_text);
    expect_refused(edited("", " ", 0), three, bad_signature_text);
    expect_refused(edited("", "\n", 0), three, bad_signature_text);
    expect_refused(edited("", "=", 0), three, bad_signature_text);
    expect_refused(edited("", "==", 0), three, bad_signature_text);
    expect_refused(edited("", "A", 0), three, bad_signature_text);
    expect_refused(edited("", "AA", 0), three, bad_signature_text);
    expect_refused(edited("", "", 1), three, bad_signature_text);
    expect_refused(edited("", "", 86), three, "a part of the token is empty");
    expect_refused(edited("", ".", 0), three, "a part of the token is empty");
    expect_refused(edited("", ".AAAA", 0), three, bad_signature_text);
    expect_refused(edited(".", "", 0), three, "a part of the token is empty");
    expect_refused(edited("AAAA.", "", 0), three, "the text is not valid JSON");
    expect_refused(hf_view_str(""), three, "the token is empty or longer than 8192 characters");
    expect_refused(hf_view_str("."), three, "the token does not have three parts");
    expect_refused(hf_view_str("AAAA"), three, "the token does not have three parts");
    expect_refused(hf_view_str(".."), three, "a part of the token is empty");
    expect_refused(hf_view_str("{\"payload\":\"Zm9v\",\"signatures\":[]}"), three,
                   "the token does not have three parts");
}

/*
 * Unused bits of the last character: 64 bytes leave four of them, so 15 other texts decode to the same signature
 * elsewhere.
 */
static void test_slack_bits_refused(void **state)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    hf_view good = edited("", "", 0);
    char *last = (char *)(uintptr_t)&good.ptr[good.len - 1];
    ptrdiff_t value = strchr(alphabet, *last) - alphabet;

    (void)state;
    assert_int_equal(value & 15, 0);
    for (ptrdiff_t slack = 1; slack < 16; slack++) {
        *last = alphabet[value | slack];
        expect_refused(good, three, bad_signature_text);
    }
}

static void test_size_bound(void **state)
{
    static char payload[6200];
    hf_view token;

    (void)state;
    memset(payload, 'x', sizeof payload - 1);
    payload[6049] = '\0';
    token = test_token(&ec, "{\"alg\":\"ES256\",\"kid\":\"ec-1\"}", payload);
    assert_int_equal(token.len, HF_JWS_MAX_BYTES);
    expect_opens(token, three, "ec-1", payload);
    payload[6049] = 'x';
    payload[6050] = '\0';
    token = test_token(&ec, "{\"alg\":\"ES256\",\"kid\":\"ec-1\"}", payload);
    assert_true(token.len > HF_JWS_MAX_BYTES);
    expect_refused(token, three, "the token is empty or longer than 8192 characters");
}

/* Replaces the signature of a good token by these bytes. */
static hf_view with_signature(const struct test_key *k, const char *header, const uint8_t *signature, size_t len)
{
    static char text[4096];
    hf_view good = test_token(k, header, "payload");
    const uint8_t *dot = memrchr(good.ptr, '.', good.len);
    size_t kept = (size_t)(dot + 1 - good.ptr);

    memcpy(text, good.ptr, kept);
    return hf_view_of(text, kept + hf_b64url_encode(hf_view_of(signature, len), text + kept));
}

static void test_signature_attacks(void **state)
{
    static const char header[] = "{\"alg\":\"ES256\",\"kid\":\"ec-1\"}";
    static const uint8_t order[32] = { 0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                       0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };
    uint8_t s[65] = { 0 };

    (void)state;
    expect_refused(with_signature(&ec, header, s, 64), three, "the signature is not valid");
    s[31] = s[63] = 1;
    expect_refused(with_signature(&ec, header, s, 64), three, "the signature is not valid");
    s[31] = 0;
    expect_refused(with_signature(&ec, header, s, 64), three, "the signature is not valid");
    memcpy(s, order, 32);
    memcpy(s + 32, order, 32);
    expect_refused(with_signature(&ec, header, s, 64), three, "the signature is not valid");
    memset(s, 0xff, sizeof s);
    expect_refused(with_signature(&ec, header, s, 64), three, "the signature is not valid");
    expect_refused(with_signature(&ec, header, s, 63), three, bad_signature_text);
    expect_refused(with_signature(&ec, header, s, 65), three, bad_signature_text);
    expect_refused(with_signature(&ec, header, s, 1), three, bad_signature_text);
}

/* DER is the other common form of ECDSA; it may be 64 bytes long only for tiny integers. */
static void test_der_signature_refused(void **state)
{
    hf_view signed_part = hf_view_str("eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEifQ.cGF5bG9hZA");
    uint8_t der[HF_SIGNATURE_MAX_BYTES];
    size_t len;

    (void)state;
    assert_int_equal(
        hf_key_sign(ec.key, HF_SCHEME_ECDSA_DER, HF_HASH_SHA256, false, signed_part, der, sizeof der, &len), HF_OK);
    expect_refused(with_signature(&ec, "{\"alg\":\"ES256\",\"kid\":\"ec-1\"}", der, len), three, bad_signature_text);
}

static void every_bit_counts(const struct test_key *k, const char *header)
{
    static uint8_t copy[4096];
    hf_view good = test_token(k, header, "payload");
    uint8_t buffer[HF_JWS_PAYLOAD_MAX_BYTES];
    const char *why;
    struct hf_jws jws;

    memcpy(copy, good.ptr, good.len);
    for (size_t i = 0; i < good.len * 8; i++) {
        copy[i / 8] ^= (uint8_t)(1u << (i % 8));
        assert_int_equal(hf_jws_open(hf_view_of(copy, good.len), three, buffer, &jws, &why), HF_ERR_BAD_TOKEN);
        copy[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    assert_int_equal(hf_jws_open(hf_view_of(copy, good.len), three, buffer, &jws, &why), HF_OK);
}

/* ---- every kind of key ---- */

/* Each key, under each kid and each alg: only its own pair opens. */
static void test_confusion_of_algorithms(void **state)
{
    static const char *const algs[] = { "ES256", "EdDSA", "RS256", "HS256", "PS256", "RS384", "HS384", "none" };
    size_t opened = 0;

    (void)state;
    for (size_t signer = 0; signer < HF_COUNT(kinds); signer++)
        for (size_t kid = 0; kid < every->n; kid++)
            for (size_t alg = 0; alg < HF_COUNT(algs); alg++) {
                hf_view token = test_token(&kinds[signer].key, header_of(algs[alg], every->keys[kid].kid), "x");
                uint8_t buffer[HF_JWS_PAYLOAD_MAX_BYTES];
                const char *why = "";
                struct hf_jws jws;
                bool own = signer == kid && strcmp(algs[alg], kinds[kid].alg) == 0;
                if ((hf_jws_open(token, every, buffer, &jws, &why) == HF_OK) != own)
                    fail_msg("key %zu as kid %s with alg %s: %s", signer, every->keys[kid].kid, algs[alg], why);
                opened += own ? 1 : 0;
            }
    assert_int_equal(opened, HF_COUNT(kinds));
}

/* What everybody knows of a key, used as the secret of an HMAC (CVE-2015-9235 and its kin). */
static void test_public_key_as_secret(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct test_key forged = kinds[i].key;
        forged.alg = HF_ALG_HMAC_SHA256;
        forged.key = NULL;
        expect_refused(test_token(&forged, header_of("HS256", every->keys[i].kid), "x"), every,
                       "alg is not the algorithm of the key");
        expect_refused(test_token(&forged, header_of("HS256", "hs"), "x"), every, "the signature is not valid");
    }
}

static void test_lengths_of_signatures(void **state)
{
    uint8_t s[HF_JOSE_SIGNATURE_MAX_BYTES + 1] = { 0 };

    (void)state;
    for (size_t i = 0; i < HF_COUNT(kinds); i++) {
        size_t right = hf_jose_alg_of(kinds[i].key.alg)->signature_bytes;
        const char *kid = every->keys[i].kid;
        expect_opens(test_token(&kinds[i].key, header_of(kinds[i].alg, kid), "x"), every, kid, "x");
        for (size_t len = 1; len < sizeof s; len++)
            expect_refused(with_signature(&kinds[i].key, header_of(kinds[i].alg, kid), s, len), every,
                           len == right ? "the signature is not valid" : bad_signature_text);
    }
}

static void test_sign_with_a_secret(void **state)
{
    struct test_key hs = test_secret_make(HF_HS256_MAX_BYTES + 1);
    struct hf_jose_keyset *ks;
    uint8_t text[HF_JWS_MAX_BYTES];
    hf_secret *secret;

    (void)state;
    for (size_t len = HF_HS256_MIN_BYTES - 1; len <= HF_HS256_MAX_BYTES + 1; len++) {
        hf_writer w = hf_writer_on(text, sizeof text);
        bool fits = len >= HF_HS256_MIN_BYTES && len <= HF_HS256_MAX_BYTES;
        assert_int_equal(hf_secret_copy(hs.spki, len, &secret), HF_OK);
        assert_int_equal(hf_token_sign_secret(secret, hf_view_str("hs"), hf_view_str(GOOD_CLAIMS), &w),
                         fits ? HF_OK : HF_ERR_BAD_KEY);
        hf_secret_free(secret);
        if (!fits)
            continue;
        hs.spki_len = len;
        ks = test_keyset_make((struct test_row[]) { { "hs", "*", HF_ROLE_ALL, &hs } }, 1);
        expect_opens(hf_writer_view(&w), ks, "hs", GOOD_CLAIMS);
        hf_jose_keyset_free(ks);
    }
}

static void test_every_bit_counts(void **state)
{
    (void)state;
    every_bit_counts(&ec, "{\"alg\":\"ES256\",\"kid\":\"ec-1\"}");
    every_bit_counts(&ed, "{\"alg\":\"EdDSA\",\"kid\":\"ed-1\"}");
}

static void test_every_truncation_refused(void **state)
{
    hf_view good = test_token(&ed, "{\"alg\":\"EdDSA\",\"kid\":\"ed-1\"}", "payload");
    uint8_t buffer[HF_JWS_PAYLOAD_MAX_BYTES];
    const char *why;
    struct hf_jws jws;

    (void)state;
    for (size_t len = 0; len < good.len; len++)
        assert_int_equal(hf_jws_open(hf_view_of(good.ptr, len), three, buffer, &jws, &why), HF_ERR_BAD_TOKEN);
}

static hf_err verify(const struct test_key *k, const char *header, const char *payload, struct hf_claims *ret,
                     const char **why)
{
    struct hf_jose_rules rules = { .require_roles = true };

    return hf_jws_verify(test_token(k, header, payload), three, &rules, ret, why);
}

static void test_key_fixes_actor_and_roles(void **state)
{
    static const char header[] = "{\"alg\":\"ES256\",\"kid\":\"ec-2\"}";
    struct hf_claims c;
    const char *why = "";

    (void)state;
    assert_int_equal(verify(&ec_other, header, GOOD_CLAIMS, &c, &why), HF_OK);
    assert_string_equal(c.kid, "ec-2");
    assert_string_equal(c.subject, "alice");
    assert_int_equal(c.roles, HF_ROLE_OPERATOR);
    assert_int_equal(
        verify(&ec_other, header, "{\"sub\":\"bob\",\"exp\":1800000290,\"roles\":[\"operator\"]}", &c, &why),
        HF_ERR_BAD_TOKEN);
    assert_string_equal(why, "sub is not the actor that the key speaks for");
    assert_int_equal(verify(&ec_other, header,
                            "{\"sub\":\"alice\",\"exp\":1800000290,\"roles\":[\"operator\",\"admin\"]}", &c, &why),
                     HF_ERR_BAD_TOKEN);
    assert_string_equal(why, "roles has one that the key may not give");
}

static void test_sign_gives_what_open_takes(void **state)
{
    static const char *const kids[] = { "ec-1", "\"\\\\\"/<>",
                                        "................................................................" };
    struct test_key *keys[] = { &ec, &ed };

    (void)state;
    for (size_t i = 0; i < HF_COUNT(kids) * HF_COUNT(keys); i++) {
        const char *kid = kids[i / 2];
        struct hf_jose_keyset *ks = test_keyset_make((struct test_row[]) { { kid, "*", HF_ROLE_ALL, keys[i % 2] } }, 1);
        uint8_t text[HF_JWS_MAX_BYTES];
        hf_writer w = hf_writer_on(text, sizeof text);
        assert_int_equal(hf_token_sign(keys[i % 2]->key, hf_view_str(kid), hf_view_str(GOOD_CLAIMS), &w), HF_OK);
        expect_opens(hf_writer_view(&w), ks, kid, GOOD_CLAIMS);
        hf_jose_keyset_free(ks);
    }
}

static void test_sign_refuses(void **state)
{
    uint8_t text[200];
    hf_writer w = hf_writer_on(text, 20);

    (void)state;
    assert_int_equal(hf_token_sign(ec.key, hf_view_str("k"), hf_view_str("x"), &w), HF_ERR_BOUNDS);
    w = hf_writer_on(text, sizeof text);
    assert_int_equal(hf_token_sign(ec.key, hf_view_str("a b"), hf_view_str("x"), &w), HF_ERR_INVALID);
    assert_int_equal(hf_token_sign(ec.key, hf_view_str("k"), hf_view_str(""), &w), HF_ERR_INVALID);
}

/* RFC 8037 appendix A: key (that of RFC 8032 section 7.1, test 1), thumbprint and signature. */
static void test_rfc_8037(void **state)
{
    static const char jws[] =
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6d"
        "WbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    struct test_key k = { .alg = HF_ALG_ED25519, .spki_len = 44 };
    char thumbprint[HF_THUMBPRINT_CAP];
    struct hf_jose_keyset *ks;
    size_t len;

    (void)state;
    assert_int_equal(
        hf_hex_decode(
            hf_view_str("302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
            k.spki, sizeof k.spki, &len),
        HF_OK);
    assert_int_equal(hf_key_load_public(HF_ALG_ED25519, hf_view_of(k.spki, len), &k.key), HF_OK);
    assert_int_equal(hf_jwk_thumbprint(k.key, thumbprint), HF_OK);
    assert_string_equal(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    ks = test_keyset_make((struct test_row[]) { { "k", "*", HF_ROLE_ALL, &k } }, 1);
    expect_opens(hf_view_str(jws), ks, "k", "Example of Ed25519 signing");
    hf_jose_keyset_free(ks);
    hf_key_free(k.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_controls_open),
        cmocka_unit_test(test_header_attacks_with_good_signature),
        cmocka_unit_test(test_header_size_is_bounded),
        cmocka_unit_test(test_forms_refused),
        cmocka_unit_test(test_slack_bits_refused),
        cmocka_unit_test(test_size_bound),
        cmocka_unit_test(test_signature_attacks),
        cmocka_unit_test(test_der_signature_refused),
        cmocka_unit_test(test_confusion_of_algorithms),
        cmocka_unit_test(test_public_key_as_secret),
        cmocka_unit_test(test_lengths_of_signatures),
        cmocka_unit_test(test_sign_with_a_secret),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_every_truncation_refused),
        cmocka_unit_test(test_key_fixes_actor_and_roles),
        cmocka_unit_test(test_sign_gives_what_open_takes),
        cmocka_unit_test(test_sign_refuses),
        cmocka_unit_test(test_rfc_8037),
    };

    return cmocka_run_group_tests_name("jose-jws", tests, setup, teardown);
}
