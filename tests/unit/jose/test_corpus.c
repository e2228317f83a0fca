/*
 * Published and prepared tokens. Usage: test-jose-corpus SNAPSHOT
 *
 * jwt_attacks.json: `accept` must be accepted and `reject` refused, whatever the key. Where the data leaves the
 * choice (`either`), and for the reason of each refusal, ours is fixed in the snapshot: "id verdict reason".
 * RS256 and HS256 are not offered in this release, so their controls are refused too and counted apart.
 * HOLDFAST_UPDATE_SNAPSHOTS=1 writes the snapshot anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "corpus.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SNAPSHOT_MAX 512
#define LINE_CAP 256

static const char *snapshot_path;
static char snapshot[SNAPSHOT_MAX][LINE_CAP];
static size_t snapshot_n;

static void snapshot_load(void)
{
    FILE *f = fopen(snapshot_path, "r");

    assert_non_null(f);
    while (snapshot_n < SNAPSHOT_MAX && fgets(snapshot[snapshot_n], LINE_CAP, f) != NULL) {
        snapshot[snapshot_n][strcspn(snapshot[snapshot_n], "\n")] = '\0';
        if (snapshot[snapshot_n][0] != '#')
            snapshot_n++;
    }
    fclose(f);
}

/* The line of a test id; NULL when the data has a test that the snapshot does not know. */
static const char *snapshot_line(int id)
{
    for (size_t i = 0; i < snapshot_n; i++) {
        if (atoi(snapshot[i]) == id)
            return snapshot[i];
    }
    return NULL;
}

static const char *text_of(yyjson_val *object, const char *name)
{
    const char *text = yyjson_get_str(yyjson_obj_get(object, name));

    assert_non_null(text);
    return text;
}

struct attacks {
    struct hf_jose_rules rules;
    struct hf_jose_keyset *ks;
    FILE *update;
    size_t accepted, refused, not_offered, chosen;
};

static void attack_judge(struct attacks *a, yyjson_val *test)
{
    const char *expect = text_of(test, "expect"), *key = text_of(test, "key"), *name = text_of(test, "name"), *why = "";
    int id = yyjson_get_int(yyjson_obj_get(test, "id"));
    yyjson_val *token = yyjson_obj_get(test, "token");
    hf_view text = hf_view_of(yyjson_get_str(token), yyjson_get_len(token));
    bool offered = strcmp(key, "es") == 0, ok;
    char line[LINE_CAP];
    struct hf_claims c;
    hf_err e = hf_jws_verify(text, a->ks, &a->rules, &c, &why);

    ok = e == HF_OK;
    snprintf(line, sizeof line, "%d %s: %s", id, ok ? "accept" : "reject", ok ? c.subject : why);
    if (a->update != NULL)
        fprintf(a->update, "%s\n", line);
    else if (snapshot_line(id) != NULL)
        assert_string_equal(line, snapshot_line(id));
    if (!offered && strcmp(expect, "accept") == 0)
        a->not_offered++;
    if (ok && (!offered || strcmp(expect, "reject") == 0))
        fail_msg("%d %s was accepted", id, name);
    if (!ok && offered && strcmp(expect, "accept") == 0)
        fail_msg("%d %s was refused: %s", id, name, why);
    a->chosen += strcmp(expect, "either") == 0 ? 1 : 0;
    a->accepted += ok ? 1 : 0;
    a->refused += ok ? 0 : 1;
}

static void test_jwt_attacks(void **state)
{
    yyjson_doc *doc = corpus_open("jose/jwt_attacks.json");
    yyjson_val *root = yyjson_doc_get_root(doc), *test;
    struct attacks a = { 0 };
    struct test_key key;
    size_t i, n;

    (void)state;
    if (doc == NULL)
        skip();
    assert_true(corpus_key(yyjson_obj_get(yyjson_obj_get(root, "keys"), "es"), &key));
    a.ks = test_keyset_make((struct test_row[]) { { "ec-1", "*", HF_ROLE_ALL, &key } }, 1);
    a.rules = (struct hf_jose_rules) {
        .issuer = hf_view_str(text_of(root, "iss")),
        .audience = hf_view_str(text_of(root, "aud")),
        .has_now = true,
        .now_s = yyjson_get_sint(yyjson_obj_get(root, "now")),
    };
    if (getenv("HOLDFAST_UPDATE_SNAPSHOTS") != NULL) {
        a.update = fopen(snapshot_path, "w");
        assert_non_null(a.update);
        fputs("# The verdict on each token of jwt_attacks.json: id verdict: reason, or the subject when accepted.\n",
              a.update);
    } else {
        snapshot_load();
        assert_true(snapshot_n > 0);
    }
    yyjson_arr_foreach(yyjson_obj_get(root, "tests"), i, n, test) attack_judge(&a, test);
    if (a.update != NULL)
        fclose(a.update);
    print_message(
        "# jwt_attacks: %zu accepted, %zu refused, of which %zu controls of algorithms not offered; %zu left to us\n",
        a.accepted, a.refused, a.not_offered, a.chosen);
    assert_true(a.accepted >= 3);
    hf_jose_keyset_free(a.ks);
    hf_key_free(key.key);
    yyjson_doc_free(doc);
}

static void test_rfc_vectors(void **state)
{
    yyjson_doc *doc = corpus_open("jose/rfc_jws_vectors.json");
    size_t i, n, opened = 0, not_offered = 0;
    uint8_t payload[HF_JWS_PAYLOAD_MAX_BYTES];
    yyjson_val *vector;
    struct test_key key;
    struct hf_jws jws;
    const char *why;

    (void)state;
    if (doc == NULL)
        skip();
    struct test_key own = test_key_make(HF_ALG_ED25519);
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "vectors"), i, n, vector)
    {
        const char *compact = yyjson_get_str(yyjson_obj_get(vector, "compact"));
        const char *kid = yyjson_get_str(yyjson_obj_get(yyjson_obj_get(vector, "jwk"), "kid"));
        struct hf_jose_keyset *ks;
        if (compact == NULL)
            continue;
        bool offered = corpus_key(yyjson_obj_get(vector, "jwk"), &key);
        ks = test_keyset_make(
            (struct test_row[]) { { kid == NULL ? "k" : kid, "*", HF_ROLE_ALL, offered ? &key : &own } }, 1);
        hf_err e = hf_jws_open(hf_view_str(compact), ks, payload, &jws, &why);
        if ((e == HF_OK) != offered)
            fail_msg("%s: %s", text_of(vector, "name"), why);
        opened += offered ? 1 : 0;
        not_offered += offered ? 0 : 1;
        hf_jose_keyset_free(ks);
        if (offered)
            hf_key_free(key.key);
    }
    print_message("# RFC vectors: %zu verified, %zu of algorithms not offered refused\n", opened, not_offered);
    assert_true(opened >= 1 && not_offered >= 1);
    hf_key_free(own.key);
    yyjson_doc_free(doc);
}

/* JWK members use and key_ops exist in no keyset of ours, so a test that only differs there cannot be asked. */
static bool about_jwk_members(yyjson_val *test)
{
    const char *comment = text_of(test, "comment");

    return strcmp(comment, "rejectWrongKeyOps") == 0 || strcmp(comment, "rejectWrongUse") == 0;
}

static void test_wycheproof(void **state)
{
    yyjson_doc *doc = corpus_open("wycheproof/json_web_signature_test.json");
    size_t i, j, n, m, refused = 0, verified = 0, not_offered = 0, not_asked = 0;
    uint8_t payload[HF_JWS_PAYLOAD_MAX_BYTES];
    yyjson_val *group, *test;
    struct hf_jws jws;
    const char *why;

    (void)state;
    if (doc == NULL)
        skip();
    struct test_key own = test_key_make(HF_ALG_EC_P256);
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "testGroups"), i, n, group)
    {
        yyjson_val *jwk = yyjson_obj_get(group, "public");
        struct test_key key = own;
        bool offered = corpus_key(jwk, &key);
        const char *kid = yyjson_get_str(yyjson_obj_get(jwk, "kid"));
        struct hf_jose_keyset *ks =
            test_keyset_make((struct test_row[]) { { kid == NULL ? "k" : kid, "*", HF_ROLE_ALL, &key } }, 1);
        yyjson_arr_foreach(yyjson_obj_get(group, "tests"), j, m, test)
        {
            yyjson_val *token = yyjson_obj_get(test, "jws");
            bool valid = offered && strcmp(text_of(test, "result"), "valid") == 0;
            if (!yyjson_is_str(token) || about_jwk_members(test)) {
                not_asked++;
                continue;
            }
            hf_err e = hf_jws_open(hf_view_of(yyjson_get_str(token), yyjson_get_len(token)), ks, payload, &jws, &why);
            if ((e == HF_OK) != valid)
                fail_msg("%d: %s", yyjson_get_int(yyjson_obj_get(test, "tcId")), e == HF_OK ? "was accepted" : why);
            not_offered += offered ? 0 : 1;
            verified += valid ? 1 : 0;
            refused += offered && !valid ? 1 : 0;
        }
        hf_jose_keyset_free(ks);
        if (offered)
            hf_key_free(key.key);
    }
    print_message(
        "# wycheproof: %zu verified, %zu refused, %zu of algorithms not offered, %zu about JWK members not asked\n",
        verified, refused, not_offered, not_asked);
    assert_true(refused >= 10 && not_offered >= 100);
    hf_key_free(own.key);
    yyjson_doc_free(doc);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jwt_attacks),
        cmocka_unit_test(test_rfc_vectors),
        cmocka_unit_test(test_wycheproof),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: %s SNAPSHOT\n", argv[0]);
        return 2;
    }
    snapshot_path = argv[1];
    return cmocka_run_group_tests_name("jose-corpus", tests, tokens_group_setup, NULL);
}
