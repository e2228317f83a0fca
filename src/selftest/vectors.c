#include "selftest/vectors.h"

#include "selftest/runners.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which runner ---- */

/* clang-format off */
static const struct {
    const char *type;
    st_run *run;
} types[] = {
    { "EcdsaVerify", st_ecdsa_der },
    { "EcdsaP1363Verify", st_ecdsa_raw },
    { "EddsaVerify", st_eddsa },
    { "RsassaPkcs1Verify", st_rsa_pkcs1 },
    { "RsassaPkcs1Generate", st_rsa_pkcs1_generate },
    { "RsassaPssVerify", st_rsa_pss },
    { "RsassaPssWithParametersVerify", st_rsa_pss_parameters },
    { "RsaesOaepDecrypt", st_rsa_oaep },
    { "AeadTest", st_aead },
    { "MacWithIvTest", st_gmac },
    { "MacTest", st_mac },
    { "HkdfTest", st_hkdf },
    { "KeywrapTest", st_keywrap },
    { "PrimalityTest", st_primality },
    { "MlDsaVerify", st_ml_dsa_verify },
    { "MlDsaSign", st_ml_dsa_sign },
    { "MLKEMKeyGen", st_ml_kem_keygen },
    { "MLKEMTest", st_ml_kem_decaps },
    { "MLKEMEncapsTest", st_ml_kem_encaps },
    { "MLKEMDecapsValidationTest", st_ml_kem_expanded },
    { "JsonWebSignature", st_jws },
    { "JsonWebKey", st_jws },
    { "JsonWebCrypto", st_jws },
};
/* Kinds of tests whose algorithm is not offered at all. */
static const char *const foreign_types[] = {
    "EcdhTest", "EcdhEcpointTest", "EcdhPemTest", "EcdhWebcryptoTest", "XdhComp", "XdhAsnComp", "XdhPemComp", "XdhJwkComp",
    "EcdsaBitcoinVerify", "DsaVerify", "DsaP1363Verify", "DaeadTest", "IndCpaTest", "PbkdfTest", "PbeTest",
    "RsaesPkcs1Decrypt", "EcCurveTest", "FpeListTest", "FpeStrTest", "BlsSigVerify", "BlsAggregateVerify", "BlsHashToG1",
    "BlsHashToG2", "EcdsaVerifyRecover", "JsonWebEncryption",
};
static const struct {
    const char *algorithm, *mode;
    st_run *run;
} acvp[] = {
    { "ML-DSA", "keyGen", st_acvp_ml_dsa_keygen },
    { "ML-DSA", "sigGen", st_acvp_ml_dsa_siggen },
    { "ML-DSA", "sigVer", st_acvp_ml_dsa_sigver },
    { "ML-KEM", "keyGen", st_acvp_ml_kem_keygen },
    { "ML-KEM", "encapDecap", st_acvp_ml_kem_encapdecap },
};
/* clang-format on */

static st_run *runner_of_type(const char *type, st_why *ret_skip)
{
    for (size_t i = 0; i < HF_COUNT(types); i++) {
        if (strcmp(type, types[i].type) == 0)
            return types[i].run;
    }
    *ret_skip = ST_SKIP_TYPE;
    for (size_t i = 0; i < HF_COUNT(foreign_types); i++) {
        if (strcmp(type, foreign_types[i]) == 0)
            *ret_skip = ST_SKIP_ALGORITHM;
    }
    return NULL;
}

/* An ACVP file has a mode; an algorithm without modes is another one than ours. */
static bool is_acvp(yyjson_val *root)
{
    return st_has(root, "mode") || st_has(root, "revision") || st_has(root, "vsId");
}

static st_run *runner_of_mode(yyjson_val *root, st_why *ret_skip)
{
    for (size_t i = 0; i < HF_COUNT(acvp); i++) {
        if (st_is(root, "algorithm", acvp[i].algorithm) && st_is(root, "mode", acvp[i].mode))
            return acvp[i].run;
    }
    *ret_skip = ST_SKIP_ALGORITHM;
    return NULL;
}

/* ---- what a test expects ---- */

static bool expected_of(yyjson_val *test, st_expected *ret)
{
    static const struct {
        const char *word;
        st_expected expected;
    } results[] = { { "valid", ST_VALID }, { "invalid", ST_INVALID }, { "acceptable", ST_ACCEPTABLE } };
    yyjson_val *result = yyjson_obj_get(test, "result"), *passed = yyjson_obj_get(test, "testPassed");
    if (result == NULL) { /* ACVP: a verdict, or an output that must be the same */
        *ret = passed == NULL || yyjson_get_bool(passed) ? ST_VALID : ST_INVALID;
        return passed == NULL || yyjson_is_bool(passed);
    }
    for (size_t i = 0; i < HF_COUNT(results); i++) {
        if (yyjson_equals_str(result, results[i].word)) {
            *ret = results[i].expected;
            return true;
        }
    }
    return false;
}

static void run_test(struct st_group *g, yyjson_val *test, st_run *run, bool needs_result, struct st_tally *t)
{
    st_expected expected = ST_VALID;
    st_group_next(g);
    if (!yyjson_is_obj(test)) {
        st_tally_skip(t, ST_SKIP_MALFORMED_TEST, 1);
        return;
    }
    if (!expected_of(test, &expected) || (needs_result && !st_has(test, "result"))) {
        st_tally_skip(t, ST_SKIP_NO_EXPECTATION, 1);
        return;
    }
    st_tally_count(t, expected, run(g, test), st_number(test, "tcId"), st_text(test, "comment"));
}

static void run_group(yyjson_val *root, yyjson_val *json, struct st_tally *t)
{
    struct st_group g = { .root = root, .json = json };
    st_why skip = ST_NO_REASON;
    yyjson_val *tests = yyjson_obj_get(json, "tests"), *test;
    bool nist = is_acvp(root);
    st_run *run = nist ? runner_of_mode(root, &skip) : runner_of_type(st_text(json, "type"), &skip);
    size_t i, n;
    if (run == NULL) {
        st_tally_skip(t, skip, yyjson_arr_size(tests));
        return;
    }
    yyjson_arr_foreach(tests, i, n, test)
    {
        run_test(&g, test, run, !nist, t);
    }
    st_group_end(&g);
}

/* ---- shapes of files ---- */

/* NIST wraps its object into a list behind one with the protocol's version. */
static yyjson_val *object_with_groups(yyjson_val *root)
{
    yyjson_val *v;
    size_t i, n;
    if (yyjson_is_arr(yyjson_obj_get(root, "testGroups")))
        return root;
    yyjson_arr_foreach(root, i, n, v)
    {
        if (yyjson_is_arr(yyjson_obj_get(v, "testGroups")))
            return v;
    }
    return NULL;
}

static bool is_edge_case_list(yyjson_val *root)
{
    yyjson_val *first = yyjson_arr_get_first(root);
    return st_has(first, "key") && st_has(first, "sig") && st_has(first, "msg") && st_has(first, "flags");
}

/*
 * The list gives no verdicts: without flags of ours a signature holds for everybody; with one, verifiers differ, and the
 * member that tells what OpenSSL does, where it is there, tells whether we are stricter.
 */
static st_expected edge_case_expected(yyjson_val *test)
{
    if (!st_ed25519_is_disputed(test))
        return ST_VALID;
    return st_is(test, "openssl_3_5_7", "refuse") ? ST_INVALID : ST_ACCEPTABLE;
}

static void run_edge_cases(yyjson_val *root, struct st_tally *t)
{
    struct st_group g = { .root = root };
    yyjson_val *test;
    size_t i, n;
    yyjson_arr_foreach(root, i, n, test)
    {
        st_group_next(&g);
        st_tally_count(t, edge_case_expected(test), st_ed25519_edge_case(&g, test), st_number(test, "number"), "");
    }
    st_group_end(&g);
}

static void run_groups(yyjson_val *root, struct st_tally *t)
{
    yyjson_val *group;
    size_t i, n;
    yyjson_arr_foreach(yyjson_obj_get(root, "testGroups"), i, n, group)
    {
        run_group(root, group, t);
    }
}

static st_why run_document(yyjson_val *top, struct st_tally *t, char algorithm[static ST_ALGORITHM_CAP])
{
    yyjson_val *root = object_with_groups(top);
    if (root != NULL) {
        snprintf(algorithm, ST_ALGORITHM_CAP, "%s", st_text(root, "algorithm"));
        run_groups(root, t);
    } else if (is_edge_case_list(top)) {
        snprintf(algorithm, ST_ALGORITHM_CAP, "Ed25519");
        run_edge_cases(top, t);
    } else {
        return ST_SKIP_SHAPE;
    }
    return ST_NO_REASON;
}

st_why st_vectors_run(hf_view text, struct st_tally *t, char algorithm[static ST_ALGORITHM_CAP])
{
    algorithm[0] = '\0';
    if (text.len > ST_FILE_MAX_BYTES)
        return ST_SKIP_LARGE_FILE;
    yyjson_doc *doc = yyjson_read((const char *)text.ptr, text.len, YYJSON_READ_NOFLAG);
    if (doc == NULL)
        return ST_SKIP_MALFORMED_FILE;
    st_why skipped = run_document(yyjson_doc_get_root(doc), t, algorithm);
    yyjson_doc_free(doc);
    return skipped;
}
