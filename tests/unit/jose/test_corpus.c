/*
 * Published and prepared tokens. Usage: test-jose-corpus SNAPSHOT
 *
 * jwt_attacks.json: `accept` must be accepted and `reject` refused, each by the key that it names. Where the data leaves
 * the choice (`either`), and for the reason of each refusal, ours is fixed in the snapshot: "id verdict reason".
 * HOLDFAST_UPDATE_SNAPSHOTS=1 writes the snapshot anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "corpus.h"
#include "jose/thumbprint.h"
#include "proto/gen/messages.h"
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

/* One keyset a key: half of the tokens name none. */
static const char *const attacked[][2] = { { "es", "ec-1" }, { "rs", "rsa-1" }, { "hs", "hs-1" } };

struct attacks {
    struct hf_jose_rules rules;
    struct hf_jose_keyset *ks[HF_COUNT(attacked)];
    FILE *update;
    size_t accepted, refused, chosen;
};

static const struct hf_jose_keyset *attacked_keyset(const struct attacks *a, const char *key)
{
    for (size_t i = 0; i < HF_COUNT(attacked); i++) {
        if (strcmp(key, attacked[i][0]) == 0)
            return a->ks[i];
    }
    fail_msg("the data has a new key: %s", key);
    return NULL;
}

static void attack_judge(struct attacks *a, yyjson_val *test)
{
    const char *expect = text_of(test, "expect"), *key = text_of(test, "key"), *name = text_of(test, "name"), *why = "";
    int id = yyjson_get_int(yyjson_obj_get(test, "id"));
    yyjson_val *token = yyjson_obj_get(test, "token");
    hf_view text = hf_view_of(yyjson_get_str(token), yyjson_get_len(token));
    char line[LINE_CAP];
    struct hf_claims c;
    bool ok = hf_jws_verify(text, attacked_keyset(a, key), &a->rules, &c, &why) == HF_OK;

    snprintf(line, sizeof line, "%d %s: %s", id, ok ? "accept" : "reject", ok ? c.subject : why);
    if (a->update != NULL)
        fprintf(a->update, "%s\n", line);
    else if (snapshot_line(id) != NULL)
        assert_string_equal(line, snapshot_line(id));
    if (ok && strcmp(expect, "reject") == 0)
        fail_msg("%d %s was accepted", id, name);
    if (!ok && strcmp(expect, "accept") == 0)
        fail_msg("%d %s was refused: %s", id, name, why);
    a->chosen += strcmp(expect, "either") == 0 ? 1 : 0;
    a->accepted += ok ? 1 : 0;
    a->refused += ok ? 0 : 1;
}

static void test_jwt_attacks(void **state)
{
    yyjson_doc *doc = corpus_open("jose/jwt_attacks.json");
    yyjson_val *root = yyjson_doc_get_root(doc), *test;
    struct test_key keys[HF_COUNT(attacked)];
    struct attacks a = { 0 };
    size_t i, n;

    (void)state;
    if (doc == NULL)
        skip();
    for (i = 0; i < HF_COUNT(attacked); i++) {
        assert_true(corpus_key(yyjson_obj_get(yyjson_obj_get(root, "keys"), attacked[i][0]), &keys[i]));
        a.ks[i] = test_keyset_make((struct test_row[]) { { attacked[i][1], "*", HF_ROLE_ALL, &keys[i] } }, 1);
    }
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
    print_message("# jwt_attacks: %zu accepted, %zu refused; %zu of them left to us\n", a.accepted, a.refused,
                  a.chosen);
    assert_true(a.accepted >= 5 && a.accepted + a.refused >= 133);
    for (i = 0; i < HF_COUNT(attacked); i++) {
        hf_jose_keyset_free(a.ks[i]);
        hf_key_free(keys[i].key);
    }
    yyjson_doc_free(doc);
}

/* ---- third-party JWS ---- */

/* Every reason for which something is refused that its file calls valid: nothing else may be the cause. */
static const struct {
    const char *why, *because;
} stricter[] = {
    { "alg is not offered", "RS384, RS512, PS256, PS384, PS512, ES512, HS384: one algorithm a kind of key is offered" },
    { "a key that is not offered", "a JWK of another kind, size or alg, or a secret of more than 64 bytes" },
    { "a part of the token is empty", "an empty payload says nothing about anybody" },
    { "the signature is not valid", "tcId 373 calls a payload with a character outside base64url valid" },
    { "the payload is not base64url", "the same" },
    { "the token does not have three parts", "JWE: nothing is decrypted" },
    { "a test about JWE", "the same" },
};

/*
 * json_web_signature_test.json calls 367 and 370 invalid because of padding, but their text has none: each is, byte for
 * byte, a correct JWS (its HMAC is right by Python's hmac too). 373 in the table above is their counterpart.
 */
static bool is_mislabelled(const char *name)
{
    return strcmp(name, "wycheproof/json_web_signature_test.json: 367") == 0 ||
           strcmp(name, "wycheproof/json_web_signature_test.json: 370") == 0;
}

struct tally {
    size_t verified, refused, stricter, ambiguous, mislabelled;
};

/*
 * Keysets with a shared secret beside public keys: the files want them refused as ambiguous. Here a kid names exactly one
 * key and the key its algorithm, so they are not; an administrator's key pair stands beside each HS256 secret.
 */
static bool is_mixed_keyset(yyjson_val *group)
{
    return strcmp(text_of(group, "comment"), "jws_mixedSymmetryKeyset") == 0;
}

/* JWK members use and key_ops exist in no keyset of ours, so a test that only differs there cannot be asked. */
static bool about_jwk_members(yyjson_val *test)
{
    const char *comment = text_of(test, "comment");

    return strcmp(comment, "rejectWrongKeyOps") == 0 || strcmp(comment, "rejectWrongUse") == 0;
}

/* One key or a set of them as a keyset of ours; NULL with a reason. */
static struct hf_jose_keyset *keyset_of(yyjson_val *jwk, const char **why)
{
    static uint8_t bytes[16384];
    hf_writer list = hf_writer_on(bytes, sizeof bytes);
    yyjson_val *keys = yyjson_obj_get(jwk, "keys");
    size_t n = keys == NULL ? 1 : yyjson_arr_size(keys);
    struct hf_jose_keyset *ks = NULL;

    for (size_t i = 0; i < n; i++) {
        yyjson_val *key = keys == NULL ? jwk : yyjson_arr_get(keys, i);
        const char *kid = yyjson_get_str(yyjson_obj_get(key, "kid"));
        struct test_key k;
        if (!corpus_key(key, &k)) {
            *why = "a key that is not offered";
            return NULL;
        }
        struct hf_keyset_row row = {
            .kid = hf_view_str(kid == NULL ? "k" : kid),
            .alg = (uint8_t)k.alg,
            .actor = hf_view_str("*"),
            .roles = HF_ROLE_ALL,
            .spki = hf_view_of(k.spki, k.spki_len),
        };
        assert_int_equal(hf_keyset_row_encode(&row, &list), HF_OK);
        hf_key_free(k.key);
    }
    (void)!hf_jose_keyset_load(1, hf_writer_view(&list), true, &ks, why);
    return ks;
}

static void judge(struct tally *t, const char *name, bool ok, bool valid, const char *why)
{
    t->verified += ok && valid ? 1 : 0;
    t->refused += !ok && !valid ? 1 : 0;
    if (ok && !valid)
        fail_msg("%s was accepted", name);
    if (ok || !valid)
        return;
    for (size_t i = 0; i < HF_COUNT(stricter); i++) {
        if (strcmp(why, stricter[i].why) == 0) {
            t->stricter++;
            return;
        }
    }
    fail_msg("%s is valid and was refused: %s", name, why);
}

static bool opens(yyjson_val *token, const struct hf_jose_keyset *ks, const char **why)
{
    uint8_t payload[HF_JWS_PAYLOAD_MAX_BYTES];
    struct hf_jws jws;

    if (!yyjson_is_str(token)) {
        *why = "a test about JWE";
        return false;
    }
    return ks != NULL &&
           hf_jws_open(hf_view_of(yyjson_get_str(token), yyjson_get_len(token)), ks, payload, &jws, why) == HF_OK;
}

static void test_rfc_vectors(void **state)
{
    yyjson_doc *doc = corpus_open("jose/rfc_jws_vectors.json");
    struct tally t = { 0 };
    size_t i, n, thumbprints = 0;
    yyjson_val *vector;

    (void)state;
    if (doc == NULL)
        skip();
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "vectors"), i, n, vector)
    {
        yyjson_val *jwk = yyjson_obj_get(vector, "jwk"), *compact = yyjson_obj_get(vector, "compact");
        const char *want = yyjson_get_str(yyjson_obj_get(vector, "thumbprint_sha256")),
                   *why = "a key that is not offered";
        struct hf_jose_keyset *ks = jwk == NULL ? NULL : keyset_of(jwk, &why);
        char thumbprint[HF_THUMBPRINT_CAP];
        bool ok = opens(compact, ks, &why);
        if (yyjson_is_str(compact)) /* alg none is the one that the RFC shows to be refused */
            judge(&t, text_of(vector, "name"), ok, jwk != NULL, why);
        if (want != NULL && ks != NULL) {
            assert_int_equal(hf_jwk_thumbprint(ks->keys[0].key, thumbprint), HF_OK);
            assert_string_equal(thumbprint, want);
            thumbprints++;
        }
        hf_jose_keyset_free(ks);
    }
    print_message("# RFC vectors: %zu verified, %zu refused, %zu stricter, %zu thumbprints\n", t.verified, t.refused,
                  t.stricter, thumbprints);
    assert_true(t.verified == 4 && t.refused == 1 && t.stricter == 1 && thumbprints == 1);
    yyjson_doc_free(doc);
}

static struct tally wycheproof(const char *file)
{
    yyjson_doc *doc = corpus_open(file);
    struct tally t = { 0 };
    size_t i, j, n, m, not_asked = 0;
    yyjson_val *group, *test;

    if (doc == NULL)
        skip();
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "testGroups"), i, n, group)
    {
        yyjson_val *jwk = yyjson_obj_get(group, "public");
        const char *key_why = "";
        struct hf_jose_keyset *ks = keyset_of(jwk == NULL ? yyjson_obj_get(group, "private") : jwk, &key_why);
        yyjson_arr_foreach(yyjson_obj_get(group, "tests"), j, m, test)
        {
            const char *why = key_why;
            char name[128];
            bool ok = opens(yyjson_obj_get(test, "jws"), ks, &why),
                 valid = strcmp(text_of(test, "result"), "valid") == 0;
            snprintf(name, sizeof name, "%s: %d", file, yyjson_get_int(yyjson_obj_get(test, "tcId")));
            if (about_jwk_members(test))
                not_asked++;
            else if (ok && is_mixed_keyset(group))
                t.ambiguous++;
            else if (ok && is_mislabelled(name))
                t.mislabelled++;
            else
                judge(&t, name, ok, valid, why);
        }
        hf_jose_keyset_free(ks);
    }
    print_message("# %s: %zu verified, %zu refused, %zu stricter, %zu ambiguous, %zu about JWK members not asked\n",
                  file, t.verified, t.refused, t.stricter, t.ambiguous, not_asked);
    yyjson_doc_free(doc);
    return t;
}

static void test_wycheproof_signatures(void **state)
{
    struct tally t = wycheproof("wycheproof/json_web_signature_test.json");

    (void)state;
    assert_true(t.verified >= 9 && t.refused >= 200 && t.ambiguous == 0 && t.mislabelled == 2);
}

static void test_wycheproof_keys(void **state)
{
    struct tally t = wycheproof("wycheproof/json_web_key_test.json");

    (void)state;
    assert_true(t.verified >= 2 && t.refused >= 12 && t.ambiguous == 1);
}

static void test_wycheproof_crypto(void **state)
{
    struct tally t = wycheproof("wycheproof/json_web_crypto_test.json");

    (void)state;
    assert_true(t.verified >= 1 && t.refused >= 40 && t.ambiguous == 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jwt_attacks),           cmocka_unit_test(test_rfc_vectors),
        cmocka_unit_test(test_wycheproof_signatures), cmocka_unit_test(test_wycheproof_keys),
        cmocka_unit_test(test_wycheproof_crypto),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: %s SNAPSHOT\n", argv[0]);
        return 2;
    }
    snapshot_path = argv[1];
    return cmocka_run_group_tests_name("jose-corpus", tests, tokens_group_setup, NULL);
}
