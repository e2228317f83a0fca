/* Claims: what is required, what is refused, and that writer and reader agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "jose/claims.h"
#include "jose/jws.h"
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define NOW INT64_C(1800000000)
#define IDENTITY "\"iss\":\"https://issuer.example\",\"aud\":\"holdfast\",\"sub\":\"alice\""
#define ROLES ",\"roles\":[\"operator\"]"
#define EXP ",\"exp\":1800000290"
#define HASH_43 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static const struct hf_jose_rules full = {
    .issuer = { (const uint8_t *)"https://issuer.example", 22 },
    .audience = { (const uint8_t *)"holdfast", 8 },
    .require_roles = true,
    .has_now = true,
    .now_s = NOW,
};

static void expect_ok(const char *payload, const struct hf_jose_rules *rules, struct hf_claims *ret)
{
    const char *why = "";

    if (hf_claims_read(hf_view_str(payload), rules, ret, &why) != HF_OK)
        fail_msg("%s: %s", payload, why);
}

static void expect_refused(const char *payload, const struct hf_jose_rules *rules, hf_err expected,
                           const char *expected_why)
{
    struct hf_claims c, before;
    const char *why = "";

    memset(&c, 0xa5, sizeof c);
    before = c;
    if (hf_claims_read(hf_view_str(payload), rules, &c, &why) != expected || strcmp(why, expected_why) != 0)
        fail_msg("%s: '%s' instead of '%s'", payload, why, expected_why);
    assert_memory_equal(&c, &before, sizeof c);
}

static void test_all_facts(void **state)
{
    struct hf_claims c;

    (void)state;
    expect_ok(
        "{" IDENTITY
        ",\"roles\":[\"admin\",\"auditor\",\"service\",\"operator\"],\"iat\":1799999990,\"nbf\":1799999991,\"exp\":1800000290,"
        "\"jti\":\"t-1\",\"cnf\":{\"x5t#S256\":\"" HASH_43 "\"},\"x\":{\"a\":[1,2,{\"b\":null}]}}",
        &full, &c);
    assert_string_equal(c.subject, "alice");
    assert_string_equal(c.jti, "t-1");
    assert_int_equal(c.roles, HF_ROLE_ALL);
    assert_int_equal(c.issued_s, 1799999990);
    assert_int_equal(c.not_before_s, 1799999991);
    assert_int_equal(c.expires_s, 1800000290);
    assert_true(c.has_cert);
    for (uint8_t i = 0; i < 32; i++)
        assert_int_equal(c.cert_hash[i], i);
}

static void test_least(void **state)
{
    static const struct hf_jose_rules none = { 0 };
    struct hf_claims c;

    (void)state;
    expect_ok("{\"sub\":\"alice\",\"exp\":1}", &none, &c);
    assert_string_equal(c.jti, "");
    assert_int_equal(c.roles, 0);
    assert_int_equal(c.issued_s, 0);
    assert_int_equal(c.not_before_s, 0);
    assert_false(c.has_cert);
    expect_ok("{\"sub\":\"alice\",\"exp\":1,\"iss\":\"anyone\"}", &none, &c);
    expect_refused("{\"sub\":\"alice\",\"exp\":1,\"aud\":\"other\"}", &none, HF_ERR_BAD_TOKEN,
                   "aud does not name this service");
}

static void test_identity(void **state)
{
    static const char bad_sub[] = "sub is not 1 to 64 bytes of text without control characters";
    static const char bad_aud[] = "aud is not a string or a list of strings";
    static const char other_iss[] = "iss is missing or another issuer";
    static const struct {
        const char *members, *why;
    } rows[] = {
        { "\"iss\":\"https://issuer.example\",\"aud\":\"holdfast\"", "sub is missing" },
        { "\"iss\":\"https://issuer.example\",\"aud\":\"holdfast\",\"sub\":\"\"", bad_sub },
        { "\"iss\":\"https://issuer.example\",\"aud\":\"holdfast\",\"sub\":[\"alice\"]", bad_sub },
        { "\"iss\":\"https://issuer.example\",\"aud\":\"holdfast\",\"sub\":7", bad_sub },
        { "\"iss\":\"https://issuer.example\",\"aud\":\"holdfast\",\"sub\":null", bad_sub },
        { "\"iss\":\"https://issuer.example\",\"aud\":\"holdfast\",\"sub\":\"admin\\u0000x\"", bad_sub },
        { "\"iss\":\"https://issuer.example\",\"aud\":\"holdfast\",\"sub\":\"a\\nb\"", bad_sub },
        { "\"iss\":\"https://issuer.example\",\"aud\":\"holdfast\",\"sub\":\"a\\u0085b\"", bad_sub },
        { "\"iss\":\"https://issuer.example\",\"aud\":\"holdfast\",\"sub\":\"0123456789012345678901234567890123456789012345678901234567890123x\"",
          bad_sub },
        { "\"aud\":\"holdfast\",\"sub\":\"alice\"", other_iss },
        { "\"iss\":\"https://issuer.example/\",\"aud\":\"holdfast\",\"sub\":\"alice\"", other_iss },
        { "\"iss\":\"https://issuer.exampl\",\"aud\":\"holdfast\",\"sub\":\"alice\"", other_iss },
        { "\"iss\":\"HTTPS://issuer.example\",\"aud\":\"holdfast\",\"sub\":\"alice\"", other_iss },
        { "\"iss\":[\"https://issuer.example\"],\"aud\":\"holdfast\",\"sub\":\"alice\"", "iss is not a string" },
        { "\"iss\":\"https://issuer.example\",\"sub\":\"alice\"", "aud is missing" },
        { "\"iss\":\"https://issuer.example\",\"sub\":\"alice\",\"aud\":\"HOLDFAST\"",
          "aud does not name this service" },
        { "\"iss\":\"https://issuer.example\",\"sub\":\"alice\",\"aud\":\"holdfas\"",
          "aud does not name this service" },
        { "\"iss\":\"https://issuer.example\",\"sub\":\"alice\",\"aud\":[\"a\",\"b\"]",
          "aud does not name this service" },
        { "\"iss\":\"https://issuer.example\",\"sub\":\"alice\",\"aud\":[]", "aud has no element or too many" },
        { "\"iss\":\"https://issuer.example\",\"sub\":\"alice\",\"aud\":[\"holdfast\",1]", bad_aud },
        { "\"iss\":\"https://issuer.example\",\"sub\":\"alice\",\"aud\":{\"holdfast\":1}", bad_aud },
        { "\"iss\":\"https://issuer.example\",\"sub\":\"alice\",\"aud\":[[\"holdfast\"]]", bad_aud },
    };
    struct hf_claims c;
    char payload[512];

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        snprintf(payload, sizeof payload, "{%s" ROLES EXP "}", rows[i].members);
        expect_refused(payload, &full, HF_ERR_BAD_TOKEN, rows[i].why);
    }
    expect_ok("{\"iss\":\"https://issuer.example\",\"sub\":\"alice\",\"aud\":[\"other\",\"holdfast\"]" ROLES EXP "}",
              &full, &c);
    expect_ok(
        "{\"iss\":\"https://issuer.example\",\"aud\":\"holdfast\",\"sub\":\"0123456789012345678901234567890123456789012345678901234567890123\"" ROLES EXP
        "}",
        &full, &c);
}

static void test_members(void **state)
{
    static const char bad_jti[] = "jti is not 1 to 128 visible characters";
    static const char bad_cnf[] = "cnf is not a certificate hash (x5t#S256)";
    static const char bad_hash[] = "cnf has a certificate hash that is not 32 bytes of base64url";
    static const char bound[] = "the token is bound to something that is not checked in this release (fp, rip)";
    static const struct {
        const char *members, *why;
    } rows[] = {
        { "\"roles\":\"operator\"", "roles is not a list of roles" },
        { "\"roles\":[]", "roles is not a list of roles" },
        { "\"roles\":{\"operator\":true}", "roles is not a list of roles" },
        { "\"roles\":[\"operator\",\"root\"]", "roles has one that does not exist" },
        { "\"roles\":[\"Operator\"]", "roles has one that does not exist" },
        { "\"roles\":[\"operator\",null]", "roles has one that does not exist" },
        { "\"roles\":[\"operator\\u0000\"]", "roles has one that does not exist" },
        { "\"role\":[\"operator\"]", "roles is missing" },
        { "\"roles\":[\"operator\"],\"jti\":\"\"", bad_jti },
        { "\"roles\":[\"operator\"],\"jti\":1", bad_jti },
        { "\"roles\":[\"operator\"],\"jti\":\"a b\"", bad_jti },
        { "\"roles\":[\"operator\"],\"jti\":\"a\\u0000\"", bad_jti },
        { "\"roles\":[\"operator\"],\"cnf\":\"x\"", bad_cnf },
        { "\"roles\":[\"operator\"],\"cnf\":{}", bad_cnf },
        { "\"roles\":[\"operator\"],\"cnf\":{\"jkt\":\"" HASH_43 "\"}", bad_cnf },
        { "\"roles\":[\"operator\"],\"cnf\":{\"x5t#S256\":\"" HASH_43 "\",\"jkt\":\"" HASH_43 "\"}", bad_cnf },
        { "\"roles\":[\"operator\"],\"cnf\":{\"x5t#S256\":7}", bad_cnf },
        { "\"roles\":[\"operator\"],\"cnf\":{\"x5t#S256\":\"AAAA\"}", bad_hash },
        { "\"roles\":[\"operator\"],\"cnf\":{\"x5t#S256\":\"" HASH_43 "=\"}", bad_hash },
        { "\"roles\":[\"operator\"],\"cnf\":{\"x5t#S256\":\"" HASH_43 "A\"}", bad_hash },
        { "\"roles\":[\"operator\"],\"fp\":\"00\"", bound },
        { "\"roles\":[\"operator\"],\"rip\":\"10.0.0.1\"", bound },
        { "\"roles\":[\"operator\"],\"exp\":1", "the JSON has a duplicate member" },
        { "\"roles\":[\"operator\"],\"e\\u0078p\":1", "the JSON has a duplicate member" },
        { "\"roles\":[\"operator\"],\"x\":{\"a\":1,\"a\":1}", "the JSON has a duplicate member" },
        { "\"roles\":[\"operator\"],\"x\":9007199254740993", "the JSON has an integer beyond 2^53" },
        { "\"roles\":[\"operator\"],\"x\":-9007199254740993", "the JSON has an integer beyond 2^53" },
        { "\"roles\":[\"operator\"],\"x\":[[[[[[[[[1]]]]]]]]]", "the JSON is nested too deeply" },
    };
    char payload[512];

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        snprintf(payload, sizeof payload, "{" IDENTITY EXP ",%s}", rows[i].members);
        expect_refused(payload, &full, HF_ERR_BAD_TOKEN, rows[i].why);
    }
}

static void test_times_form(void **state)
{
    static const char *const times[] = {
        "0",
        "-1",
        "-0",
        "null",
        "true",
        "\"1800000290\"",
        "[1800000290]",
        "{}",
        "1800000290.0",
        "1800000290.5",
        "1.8e9",
        "18E8",
        "8589934593",
        "9007199254740992",
        "1800000290000",
    };
    static const char *const names[] = { "exp", "nbf", "iat" };
    static const char *const not_json[] = {
        "01800000290", "+1800000290", "NaN", "Infinity", "1800000290,", "0x10", ""
    };
    char payload[512];

    (void)state;
    for (size_t i = 0; i < HF_COUNT(times) * HF_COUNT(names); i++) {
        const char *name = names[i % HF_COUNT(names)];
        snprintf(payload, sizeof payload, "{" IDENTITY ROLES ",\"%s\":%s%s}", name, times[i / HF_COUNT(names)],
                 strcmp(name, "exp") == 0 ? "" : EXP);
        expect_refused(payload, &full, HF_ERR_BAD_TOKEN,
                       "a time is not a whole number of seconds between 1970 and 2242");
    }
    for (size_t i = 0; i < HF_COUNT(not_json); i++) {
        snprintf(payload, sizeof payload, "{" IDENTITY ROLES ",\"exp\":%s}", not_json[i]);
        expect_refused(payload, &full, HF_ERR_BAD_TOKEN, "the text is not valid JSON");
    }
    expect_refused("{" IDENTITY ROLES ",\"exp\":9223372036854775808}", &full, HF_ERR_BAD_TOKEN,
                   "the JSON has an integer beyond 2^53");
    expect_refused("{" IDENTITY ROLES ",\"exp\":1e400}", &full, HF_ERR_BAD_TOKEN,
                   "a time is not a whole number of seconds between 1970 and 2242");
    expect_refused("{" IDENTITY ROLES "}", &full, HF_ERR_BAD_TOKEN, "exp is missing");
}

/* One second to each side of every comparison, with and without leeway. */
static void test_times_compared(void **state)
{
    struct hf_jose_rules lenient = full;
    struct hf_claims c;

    (void)state;
    lenient.leeway_s = 60;
    expect_ok("{" IDENTITY ROLES ",\"exp\":1800000001}", &full, &c);
    expect_refused("{" IDENTITY ROLES ",\"exp\":1800000000}", &full, HF_ERR_TOKEN_EXPIRED, "exp has passed");
    expect_ok("{" IDENTITY ROLES ",\"exp\":1799999941}", &lenient, &c);
    expect_refused("{" IDENTITY ROLES ",\"exp\":1799999940}", &lenient, HF_ERR_TOKEN_EXPIRED, "exp has passed");
    expect_ok("{" IDENTITY ROLES EXP ",\"nbf\":1800000000}", &full, &c);
    expect_refused("{" IDENTITY ROLES EXP ",\"nbf\":1800000001}", &full, HF_ERR_BAD_TOKEN, "nbf is in the future");
    expect_ok("{" IDENTITY ROLES EXP ",\"nbf\":1800000060}", &lenient, &c);
    expect_refused("{" IDENTITY ROLES EXP ",\"nbf\":1800000061}", &lenient, HF_ERR_BAD_TOKEN, "nbf is in the future");
    expect_ok("{" IDENTITY ROLES EXP ",\"iat\":1800000000}", &full, &c);
    expect_refused("{" IDENTITY ROLES EXP ",\"iat\":1800000001}", &full, HF_ERR_BAD_TOKEN, "iat is in the future");
    expect_refused("{" IDENTITY ROLES EXP ",\"nbf\":1800000290}", &full, HF_ERR_BAD_TOKEN,
                   "exp is not after nbf and iat");
    expect_refused("{" IDENTITY ROLES EXP ",\"iat\":1800000290}", &full, HF_ERR_BAD_TOKEN,
                   "exp is not after nbf and iat");
}

/* Without a clock, times are facts; only what contradicts itself is refused. */
static void test_times_without_clock(void **state)
{
    struct hf_jose_rules rules = full;
    struct hf_claims c;

    (void)state;
    rules.has_now = false;
    expect_ok("{" IDENTITY ROLES ",\"exp\":1}", &rules, &c);
    expect_ok("{" IDENTITY ROLES ",\"exp\":8589934592,\"nbf\":8589934591}", &rules, &c);
    assert_int_equal(c.expires_s, INT64_C(8589934592));
    expect_refused("{" IDENTITY ROLES ",\"exp\":100,\"nbf\":101}", &rules, HF_ERR_BAD_TOKEN,
                   "exp is not after nbf and iat");
}

static void test_payload_form(void **state)
{
    static const char *const not_objects[] = { "1", "\"x\"", "[]", "null", "[{\"sub\":\"alice\"}]" };
    static const char *const not_json[] = { "hello", "{",          "{\"sub\":\"al\xff\"}", "{\"sub\":\"\\ud800\"}",
                                            "{}{}",  "{\"a\":1,}", "\xef\xbb\xbf{}" };
    static char large[HF_JWS_PAYLOAD_MAX_BYTES + 2];

    (void)state;
    for (size_t i = 0; i < HF_COUNT(not_objects); i++)
        expect_refused(not_objects[i], &full, HF_ERR_BAD_TOKEN, "the payload is not a JSON object");
    for (size_t i = 0; i < HF_COUNT(not_json); i++)
        expect_refused(not_json[i], &full, HF_ERR_BAD_TOKEN, "the text is not valid JSON");
    expect_refused("", &full, HF_ERR_BAD_TOKEN, "the JSON is empty");
    memset(large, '[', sizeof large - 1);
    expect_refused(large, &full, HF_ERR_BAD_TOKEN, "the payload is too long");
    large[HF_JWS_PAYLOAD_MAX_BYTES] = '\0';
    expect_refused(large, &full, HF_ERR_BAD_TOKEN, "the text is not valid JSON");
}

/* The pool must be large enough for any payload that fits: the texts that cost yyjson most memory. */
static void test_pool_is_large_enough(void **state)
{
    static char text[HF_JWS_PAYLOAD_MAX_BYTES + 1];
    size_t len = 0;

    (void)state;
    memset(text, ' ', HF_JWS_PAYLOAD_MAX_BYTES);
    memcpy(text, "{\"x\":[", 6);
    for (len = 6; len < HF_JWS_PAYLOAD_MAX_BYTES - 4; len += 2)
        memcpy(text + len, "1,", 2);
    memcpy(text + len, "1]}", 3);
    expect_refused(text, &full, HF_ERR_BAD_TOKEN, "the JSON has an array with too many elements");
}

static void test_write_reads_back(void **state)
{
    struct hf_claims in = { .subject = "al\"ice\\",
                            .jti = "j-1",
                            .roles = HF_ROLE_AUDITOR | HF_ROLE_ADMINISTRATOR,
                            .issued_s = NOW - 1,
                            .not_before_s = NOW - 2,
                            .expires_s = NOW + 3,
                            .has_cert = true,
                            .cert_hash = { 1, 2, 3, 255 } };
    uint8_t bytes[1024];
    hf_writer w = hf_writer_on(bytes, sizeof bytes);
    struct hf_claims out;
    const char *why = "";

    (void)state;
    assert_int_equal(hf_claims_write(&in, full.issuer, full.audience, &w), HF_OK);
    assert_int_equal(hf_claims_read(hf_writer_view(&w), &full, &out, &why), HF_OK);
    assert_memory_equal(&in, &out, sizeof in);
    w = hf_writer_on(bytes, 10);
    assert_int_equal(hf_claims_write(&in, full.issuer, full.audience, &w), HF_ERR_BOUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_facts),
        cmocka_unit_test(test_least),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_times_form),
        cmocka_unit_test(test_times_compared),
        cmocka_unit_test(test_times_without_clock),
        cmocka_unit_test(test_payload_form),
        cmocka_unit_test(test_pool_is_large_enough),
        cmocka_unit_test(test_write_reads_back),
    };

    return cmocka_run_group_tests_name("jose-claims", tests, NULL, NULL);
}
