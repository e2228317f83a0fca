/* The keyset's JSON form and back; each refusal names the member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "keysetfmt/keysetfmt.h"
#include "proto/gen/messages.h"
#include "tokens.h"
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* The public key of RFC 8037 appendix A and the P-256 key of RFC 7515 appendix A.3, as openssl writes them. */
#define ED_PEM \
    "-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\\n-----END PUBLIC KEY-----\\n"
#define EC_PEM \
    "-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\\n6e8Tus9uPHvRVEXH8UTNG72bfocs3" \
    "+257rn0s2ldbqkLJK2KRiMohYjlrQ==\\n-----END PUBLIC KEY-----\\n"
#define ED_KEY \
    "{\"kid\":\"ed-1\",\"alg\":\"EdDSA\",\"actor\":\"*\",\"roles\":[\"administrator\",\"auditor\"],\"public_key_pem\":\"" ED_PEM \
    "\"}"
#define EC_KEY \
    "{\"kid\":\"ec-1\",\"alg\":\"ES256\",\"actor\":\"alice\",\"roles\":[\"operator\"],\"public_key_pem\":\"" EC_PEM \
    "\"}"
#define MAC "\"mac_b64\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\""
#define GOOD "{\"version\":1,\"generation\":3,\"keys\":[" ED_KEY "," EC_KEY "]," MAC "}"

static uint8_t rows_bytes[HF_KEYSET_ROWS_MAX_BYTES];

static hf_err parse(const char *json, struct hf_keyset_head *head, hf_writer *rows, struct hf_keyset_why *why)
{
    *rows = hf_writer_on(rows_bytes, sizeof rows_bytes);
    why->text[0] = '\0';
    return hf_keyset_parse(hf_view_str(json), head, rows, why);
}

static void test_good(void **state)
{
    struct hf_jose_keyset *ks;
    struct hf_keyset_head head;
    struct hf_keyset_why why;
    const char *load_why = "";
    hf_writer rows;

    (void)state;
    if (parse(GOOD, &head, &rows, &why) != HF_OK)
        fail_msg("%s", why.text);
    assert_int_equal(head.generation, 3);
    assert_true(head.has_mac);
    for (uint8_t i = 0; i < 32; i++)
        assert_int_equal(head.mac[i], i);
    assert_int_equal(hf_jose_keyset_load(head.generation, hf_writer_view(&rows), true, &ks, &load_why), HF_OK);
    assert_int_equal(ks->n, 2);
    assert_string_equal(ks->keys[0].kid, "ed-1");
    assert_string_equal(ks->keys[0].actor, "*");
    assert_int_equal(ks->keys[0].roles, HF_ROLE_ADMINISTRATOR | HF_ROLE_AUDITOR);
    assert_int_equal(hf_key_alg(ks->keys[0].key), HF_ALG_ED25519);
    assert_int_equal(hf_key_alg(ks->keys[1].key), HF_ALG_EC_P256);
    hf_jose_keyset_free(ks);
}

static void test_print_reads_back(void **state)
{
    static uint8_t first[8192], json[16384], again[16384];
    hf_writer rows, text = hf_writer_on(json, sizeof json), text2 = hf_writer_on(again, sizeof again);
    struct hf_keyset_head head, head2;
    struct hf_keyset_why why;
    size_t rows_len;

    (void)state;
    assert_int_equal(parse(GOOD, &head, &rows, &why), HF_OK);
    rows_len = rows.len;
    memcpy(first, rows_bytes, rows_len);
    assert_int_equal(hf_keyset_print(&head, hf_view_of(first, rows_len), &text), HF_OK);
    hf_put_u8(&text, 0);
    assert_int_equal(parse((const char *)json, &head2, &rows, &why), HF_OK);
    assert_int_equal(rows.len, rows_len);
    assert_memory_equal(rows_bytes, first, rows_len);
    assert_int_equal(head2.generation, head.generation);
    assert_memory_equal(head2.mac, head.mac, sizeof head.mac);
    head2.has_mac = false;
    assert_int_equal(hf_keyset_print(&head2, hf_view_of(first, rows_len), &text2), HF_OK);
    assert_null(memmem(again, text2.len, "mac_b64", 7));
    text = hf_writer_on(json, 100);
    assert_int_equal(hf_keyset_print(&head, hf_view_of(first, rows_len), &text), HF_ERR_BOUNDS);
    assert_int_equal(hf_keyset_print(&head, hf_view_of(first, rows_len - 1), &text2), HF_ERR_MALFORMED);
}

static void test_whole_refused(void **state)
{
    static const char other[] = "a keyset has a member other than version, generation, keys and mac_b64";
    static const struct {
        const char *json, *why;
    } rows[] = {
        { "", "the keyset cannot be read: the JSON is empty" },
        { "{", "the keyset cannot be read: the text is not valid JSON" },
        { "[]", "a keyset must be a JSON object" },
        { "{\"generation\":3,\"keys\":[]}", "version must be 1" },
        { "{\"version\":2,\"generation\":3,\"keys\":[]}", "version must be 1" },
        { "{\"version\":\"1\",\"generation\":3,\"keys\":[]}", "version must be 1" },
        { "{\"version\":1,\"keys\":[]}", "generation must be a whole number from 1" },
        { "{\"version\":1,\"generation\":0,\"keys\":[]}", "generation must be a whole number from 1" },
        { "{\"version\":1,\"generation\":-1,\"keys\":[]}", "generation must be a whole number from 1" },
        { "{\"version\":1,\"generation\":1.0,\"keys\":[]}", "generation must be a whole number from 1" },
        { "{\"version\":1,\"generation\":9007199254740993,\"keys\":[]}",
          "the keyset cannot be read: the JSON has an integer beyond 2^53" },
        { "{\"version\":1,\"generation\":1,\"generation\":2,\"keys\":[]}",
          "the keyset cannot be read: the JSON has a duplicate member" },
        { "{\"version\":1,\"generation\":1}", "keys must be a list of at most 1024 keys" },
        { "{\"version\":1,\"generation\":1,\"keys\":{}}", "keys must be a list of at most 1024 keys" },
        { "{\"version\":1,\"generation\":1,\"keys\":[1]}", "keys[0] must be an object" },
        { "{\"version\":1,\"generation\":1,\"keys\":[],\"x\":1}", other },
        { "{\"version\":1,\"generation\":1,\"keys\":[]," MAC ",\"x\":1}", other },
        { "{\"version\":1,\"generation\":1,\"keys\":[],\"mac_b64\":\"AAAA\"}", "mac_b64 must be base64 of 32 bytes" },
        { "{\"version\":1,\"generation\":1,\"keys\":[],\"mac_b64\":null}", "mac_b64 must be base64 of 32 bytes" },
        { "{\"version\":1,\"generation\":1,\"keys\":[" ED_KEY "," ED_KEY "]}",
          "keys[1].kid is the kid of an earlier key" },
    };
    struct hf_keyset_head head;
    struct hf_keyset_why why;
    hf_writer w;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        memset(&head, 0xa5, sizeof head);
        assert_int_equal(parse(rows[i].json, &head, &w, &why), HF_ERR_INVALID);
        assert_string_equal(why.text, rows[i].why);
        assert_int_equal(head.generation, 0xa5a5a5a5a5a5a5a5u);
    }
    assert_int_equal(parse("{\"version\":1,\"generation\":1,\"keys\":[]}", &head, &w, &why), HF_OK);
    assert_false(head.has_mac);
    assert_int_equal(w.len, 0);
}

static void test_key_refused(void **state)
{
    static const char bad_kid[] = "keys[1].kid must be 1 to 64 visible characters";
    static const char bad_alg[] = "keys[1].alg must be \"ES256\", \"EdDSA\", \"RS256\" or \"HS256\"";
    static const char bad_actor[] = "keys[1].actor must be a name of 1 to 64 bytes, or \"*\" for anyone";
    static const char no_roles[] = "keys[1].roles must be a list of at least one role";
    static const char bad_roles[] = "keys[1].roles must be among administrator, operator, auditor, service";
    static const char bad_pem[] = "keys[1].public_key_pem must be one \"PUBLIC KEY\" block and nothing else";
    static const struct {
        const char *member, *value, *why; /* the member of a good key is replaced; NULL value: left out */
    } rows[] = {
        { "kid", "\"\"", bad_kid },
        { "kid", "1", bad_kid },
        { "kid", "\"a b\"", bad_kid },
        { "kid", NULL, "keys[1].kid is missing" },
        { "alg", "\"HS256\"", "keys[1].secret_b64 is missing: an HS256 key has a shared secret" },
        { "alg", "\"HS512\"", bad_alg },
        { "alg", "\"es256\"", bad_alg },
        { "alg", "2", bad_alg },
        { "alg", NULL, "keys[1].alg is missing" },
        { "actor", "\"\"", bad_actor },
        { "actor", "\"a\\u0000\"", bad_actor },
        { "actor", "[\"a\"]", bad_actor },
        { "actor", NULL, "keys[1].actor is missing" },
        { "roles", "[]", no_roles },
        { "roles", "\"operator\"", no_roles },
        { "roles", "[\"root\"]", bad_roles },
        { "roles", "[\"operator\",7]", bad_roles },
        { "roles", NULL, "keys[1].roles is missing" },
        { "public_key_pem", "7", bad_pem },
        { "public_key_pem", "\"\"", bad_pem },
        { "public_key_pem", "\"" ED_PEM ED_PEM "\"", bad_pem },
        { "public_key_pem", "\" " ED_PEM "\"", bad_pem },
        { "public_key_pem", "\"" ED_PEM "x\"", bad_pem },
        { "public_key_pem", "\"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n\"", bad_pem },
        { "public_key_pem", "\"-----BEGIN PUBLIC KEY-----\\n\\n-----END PUBLIC KEY-----\\n\"", bad_pem },
        { "public_key_pem", "\"-----BEGIN PUBLIC KEY-----\\nA?AA\\n-----END PUBLIC KEY-----\\n\"", bad_pem },
        { "public_key_pem", "\"-----BEGIN PUBLIC KEY-----\\nAAAA-----END PUBLIC KEY-----\\n\"", bad_pem },
        { "public_key_pem", "\"-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----\\n\"", bad_pem },
        { "public_key_pem", NULL, "keys[1].public_key_pem is missing" },
        { "extra", "1", "keys[1] has a member other than kid, alg, actor, roles and public_key_pem" },
    };
    static const char *const good[][2] = { { "kid", "\"k\"" },
                                           { "alg", "\"EdDSA\"" },
                                           { "actor", "\"*\"" },
                                           { "roles", "[\"operator\"]" },
                                           { "public_key_pem", "\"" ED_PEM "\"" },
                                           { "extra", NULL } };
    struct hf_keyset_head head;
    struct hf_keyset_why why;
    hf_writer w;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        char json[4096];
        int at = snprintf(json, sizeof json, "{\"version\":1,\"generation\":1,\"keys\":[%s,{", EC_KEY);
        const char *comma = "";
        for (size_t m = 0; m < HF_COUNT(good); m++) {
            const char *value = strcmp(good[m][0], rows[i].member) == 0 ? rows[i].value : good[m][1];
            if (value == NULL)
                continue;
            at += snprintf(json + at, sizeof json - (size_t)at, "%s\"%s\":%s", comma, good[m][0], value);
            comma = ",";
        }
        snprintf(json + at, sizeof json - (size_t)at, "}]}");
        assert_int_equal(parse(json, &head, &w, &why), HF_ERR_INVALID);
        assert_string_equal(why.text, rows[i].why);
    }
}

#define SECRET_32 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SECRET_31 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg=="
#define SECRET_65 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A="
#define FINGERPRINT "AAECAwQFBgcICQoLDA0ODw=="
#define HS_KEY(material) "{\"kid\":\"hs\",\"alg\":\"HS256\",\"actor\":\"*\",\"roles\":[\"service\"]," material "}"
#define HS_SET(material) "{\"version\":1,\"generation\":1,\"keys\":[" HS_KEY(material) "]}"

static void test_shared_secrets(void **state)
{
    static const char bad_secret[] = "keys[0].secret_b64 must be base64 of 32 to 64 bytes";
    static const char bad_fingerprint[] = "keys[0].secret_fingerprint_b64 must be what 'holdfast keyset show' gives";
    static const char other[] = "keys[0] has a member other than kid, alg, actor, roles and secret_b64";
    static const struct {
        const char *json, *why;
    } rows[] = {
        { HS_SET("\"secret_b64\":\"" SECRET_31 "\""), bad_secret },
        { HS_SET("\"secret_b64\":\"" SECRET_65 "\""), bad_secret },
        { HS_SET("\"secret_b64\":\"" FINGERPRINT "\""), bad_secret },
        { HS_SET("\"secret_b64\":\"\""), bad_secret },
        { HS_SET("\"secret_b64\":7"), bad_secret },
        { HS_SET("\"secret_b64\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9\""), bad_secret },
        { HS_SET("\"secret_fingerprint_b64\":\"" SECRET_32 "\""), bad_fingerprint },
        { HS_SET("\"secret_fingerprint_b64\":\"AAAA\""), bad_fingerprint },
        { HS_SET("\"secret_b64\":\"" SECRET_32 "\",\"secret_fingerprint_b64\":\"" FINGERPRINT "\""), other },
        { HS_SET("\"secret_b64\":\"" SECRET_32 "\",\"public_key_pem\":\"" ED_PEM "\""), other },
        { HS_SET("\"public_key_pem\":\"" ED_PEM "\""),
          "keys[0].secret_b64 is missing: an HS256 key has a shared secret" },
        { "{\"version\":1,\"generation\":1,\"keys\":[{\"kid\":\"x\",\"alg\":\"EdDSA\",\"actor\":\"*\",\"roles\":"
          "[\"service\"],\"secret_b64\":\"" SECRET_32 "\"}]}",
          "keys[0].public_key_pem is missing" },
    };
    static const char *const good[] = { HS_SET("\"secret_b64\":\"" SECRET_32 "\""),
                                        HS_SET("\"secret_fingerprint_b64\":\"" FINGERPRINT "\"") };
    uint8_t first[1024], json[4096];
    struct hf_keyset_head head;
    struct hf_keyset_why why;
    hf_writer w;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        assert_int_equal(parse(rows[i].json, &head, &w, &why), HF_ERR_INVALID);
        assert_string_equal(why.text, rows[i].why);
    }
    for (size_t i = 0; i < HF_COUNT(good); i++) {
        hf_writer text = hf_writer_on(json, sizeof json);
        assert_int_equal(parse(good[i], &head, &w, &why), HF_OK);
        assert_true(head.has_secret);
        size_t len = w.len;
        memcpy(first, rows_bytes, len);
        assert_int_equal(hf_keyset_print(&head, hf_view_of(first, len), &text), HF_OK);
        hf_put_u8(&text, 0);
        assert_int_equal(strstr((const char *)json, "secret_b64") != NULL, i == 0);
        assert_int_equal(parse((const char *)json, &head, &w, &why), HF_OK);
        assert_int_equal(w.len, len);
        assert_memory_equal(rows_bytes, first, len);
    }
    assert_int_equal(parse(GOOD, &head, &w, &why), HF_OK);
    assert_false(head.has_secret);
}

/* RS256 is one name for two sizes: the row gets the one that the key has. */
static void test_rsa_sizes(void **state)
{
    static const hf_alg sizes[] = { HF_ALG_RSA_2048, HF_ALG_RSA_3072 };
    struct hf_keyset_head head = { .generation = 1 }, back;
    struct hf_keyset_why why;
    uint8_t rows[1024], json[4096];

    (void)state;
    for (size_t i = 0; i < HF_COUNT(sizes); i++) {
        struct test_key k = test_key_make(sizes[i]);
        hf_writer list = hf_writer_on(rows, sizeof rows), text = hf_writer_on(json, sizeof json), w;
        struct hf_keyset_row row = { .kid = hf_view_str("rs"),
                                     .alg = (uint8_t)sizes[i],
                                     .actor = hf_view_str("*"),
                                     .roles = HF_ROLE_ALL,
                                     .spki = hf_view_of(k.spki, k.spki_len) };
        assert_int_equal(hf_keyset_row_encode(&row, &list), HF_OK);
        assert_int_equal(hf_keyset_print(&head, hf_writer_view(&list), &text), HF_OK);
        hf_put_u8(&text, 0);
        assert_non_null(strstr((const char *)json, "\"RS256\""));
        assert_int_equal(parse((const char *)json, &back, &w, &why), HF_OK);
        assert_int_equal(w.len, list.len);
        assert_memory_equal(rows_bytes, rows, list.len);
        hf_key_free(k.key);
    }
}

static void test_rows_bound(void **state)
{
    struct hf_keyset_head head;
    struct hf_keyset_why why;
    hf_writer w = hf_writer_on(rows_bytes, 100);

    (void)state;
    assert_int_equal(hf_keyset_parse(hf_view_str(GOOD), &head, &w, &why), HF_ERR_INVALID);
    assert_string_equal(why.text, "keys is larger than 245760 bytes");
}

static void test_pem_round_trip(void **state)
{
    uint8_t der[2048], back[2048], text[HF_SPKI_PEM_CAP];
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof der; i++)
        der[i] = (uint8_t)(i * 7);
    for (size_t n = 1; n <= sizeof der; n += n < 200 ? 1 : 97) {
        hf_writer w = hf_writer_on(text, sizeof text);
        assert_int_equal(hf_spki_pem_write(hf_view_of(der, n), &w), HF_OK);
        assert_int_equal(hf_spki_pem_read(hf_writer_view(&w), back, sizeof back, &len), HF_OK);
        assert_int_equal(len, n);
        assert_memory_equal(back, der, n);
        assert_int_equal(hf_spki_pem_read(hf_writer_view(&w), back, n - 1, &len), HF_ERR_BOUNDS);
    }
}

/* RFC 7468 sections 2 and 5.2: other line ends, and what people write around a block. */
static void test_pem_of_others(void **state)
{
#define BEGIN "-----BEGIN PUBLIC KEY-----"
#define END "-----END PUBLIC KEY-----"
    static const struct {
        const char *text;
        bool found;
    } rows[] = {
        { BEGIN "\nQUJD\nREVG\n" END "\n", true },
        { BEGIN "\r\nQUJD\r\nREVG\r\n" END "\r\n", true },
        { BEGIN "\rQUJD\rREVG\r" END "\r", true },
        { BEGIN " \nQUJDREVG\t \n" END " \t", true },
        { "Subject: us\n\n" BEGIN "\nQUJDREVG\n" END "\nthe end\n", true },
        { "in a line -----BEGIN X-----\n" BEGIN "\nQUJDREVG\n" END "\nin a line " END "\n", true },
        { "", false },
        { "QUJDREVG", false },
        { BEGIN "\n" END "\n", false },
        { BEGIN "\nQUJDREVG\n", false },
        { "QUJDREVG\n" END "\n", false },
        { "x " BEGIN "\nQUJDREVG\n" END "\n", false },
        { BEGIN "\nQUJDREVG" END "\n", false },
        { BEGIN " x\nQUJDREVG\n" END "\n", false },
        { BEGIN "\nQUJDREVG\n" END "x\n", false },
        { BEGIN "\nQUJD REVG\n" END "\n", false },
        { BEGIN "\nQUJD\n=REVG\n" END "\n", false },
        { BEGIN "\nQUJDREV\n" END "\n", false },
        { BEGIN "\nProc-Type: 4\n\nQUJDREVG\n" END "\n", false },
        { BEGIN "\nQUJDREVG\n" END "\n" BEGIN "\nQUJDREVG\n" END "\n", false },
        { BEGIN "\n" BEGIN "\nQUJDREVG\n" END "\n", false },
        { BEGIN "\nQUJDREVG\n" END "\n" END "\n", false },
        { BEGIN "\nQUJDREVG\n" END "\n-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n", false },
        { "-----BEGIN EC PARAMETERS-----\nQUJD\n-----END EC PARAMETERS-----\n" BEGIN "\nQUJDREVG\n" END "\n", false },
        { BEGIN "\nQUJDREVG\n-----END PRIVATE KEY-----\n", false },
        { "-----BEGIN PRIVATE KEY-----\nQUJDREVG\n-----END PRIVATE KEY-----\n", false },
    };
#undef BEGIN
#undef END
    uint8_t der[16];
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        hf_err e = hf_spki_pem_find(hf_view_str(rows[i].text), der, sizeof der, &len);
        assert_int_equal(e == HF_OK, rows[i].found);
        if (e == HF_OK)
            assert_true(hf_view_eq_str(hf_view_of(der, len), "ABCDEF"));
    }
    assert_int_equal(hf_spki_pem_find(hf_view_str(rows[0].text), der, 5, &len), HF_ERR_BOUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),          cmocka_unit_test(test_print_reads_back),
        cmocka_unit_test(test_whole_refused), cmocka_unit_test(test_key_refused),
        cmocka_unit_test(test_rows_bound),    cmocka_unit_test(test_pem_round_trip),
        cmocka_unit_test(test_pem_of_others), cmocka_unit_test(test_shared_secrets),
        cmocka_unit_test(test_rsa_sizes),
    };

    return cmocka_run_group_tests_name("jose-keysetfmt", tests, tokens_group_setup, NULL);
}
