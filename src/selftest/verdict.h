/* How one published test went, and the words for why it was not run or why we are stricter. */
#ifndef SELFTEST_VERDICT_H
#define SELFTEST_VERDICT_H

#include "base/buf.h"

/* X(NAME, "word"): docs/algorithms.md explains each word. Policies: we refuse what the vector's makers would take. */
/* clang-format off */
#define ST_POLICIES(X) \
    X(GCM_NONCE, "gcm-nonce-size") \
    X(GCM_TAG, "gcm-tag-size") \
    X(SHORT_MAC, "truncated-mac") \
    X(PSS_SALT, "pss-salt-length") \
    X(PSS_MGF, "pss-mgf-hash") \
    X(PSS_KEY, "pss-key-identifier") \
    X(RSA_EXPONENT, "rsa-exponent") \
    X(RSA_PRIMES, "rsa-multi-prime") \
    X(OAEP_LABEL, "oaep-label") \
    X(EMPTY_SECRET, "empty-secret") \
    X(ED25519, "ed25519-edge-case") \
    X(JWS_FORM, "jws-form") \
    X(JWK_SECRET, "hs256-secret-size") \
    X(LEFT_OPEN, "acceptable")
/* Why a test, or a whole file, was not run. */
#define ST_SKIPS(X) \
    X(ALGORITHM, "algorithm-not-offered") \
    X(KEY_SIZE, "key-size-not-offered") \
    X(HASH, "hash-not-offered") \
    X(CURVE, "curve-not-offered") \
    X(PARAMETERS, "parameter-set-not-offered") \
    X(PINNED, "pinned-otherwise") \
    X(JWK_SET, "jwk-set-not-offered") \
    X(JWK_USE, "jwk-use-not-read") \
    X(DEFECT, "vector-defect") \
    X(SHAPE, "unknown-shape") \
    X(TYPE, "unknown-test-type") \
    X(MALFORMED_TEST, "malformed-test") \
    X(NO_EXPECTATION, "no-expected-result") \
    X(MALFORMED_FILE, "malformed-json") \
    X(LARGE_FILE, "file-too-large") \
    X(UNREADABLE, "unreadable")
/* clang-format on */

typedef enum st_why {
    ST_NO_REASON,
#define ST_ENUM_POLICY(name, word) ST_POLICY_##name,
#define ST_ENUM_SKIP(name, word) ST_SKIP_##name,
    ST_POLICIES(ST_ENUM_POLICY) ST_SKIPS(ST_ENUM_SKIP)
#undef ST_ENUM_POLICY
#undef ST_ENUM_SKIP
        ST_WHY_COUNT
} st_why;
const char *st_word(st_why why);

typedef enum st_expected { ST_VALID, ST_INVALID, ST_ACCEPTABLE } st_expected;

/* What the library did. ST_DIFFERENT: it gave an answer, and not the vector's. */
typedef enum st_did { ST_ACCEPTED, ST_REFUSED, ST_DIFFERENT, ST_NOT_RUN } st_did;

/*
 * why: of ST_NOT_RUN the reason; else the policy, if any, under which we refuse whatever the vector says: known from the
 * test's inputs alone, before it is run.
 */
struct st_result {
    st_did did;
    st_why why;
};
static inline struct st_result st_result_of(st_did did, st_why why)
{
    return (struct st_result) { did, why };
}
static inline struct st_result st_not_run(st_why why)
{
    return st_result_of(ST_NOT_RUN, why);
}
/* A yes or no of the library; error is HF_OK for yes. */
static inline struct st_result st_decided(hf_err e, st_why policy)
{
    return st_result_of(e == HF_OK ? ST_ACCEPTED : ST_REFUSED, policy);
}
/* An output that was compared. */
static inline struct st_result st_compared(bool same)
{
    return st_result_of(same ? ST_ACCEPTED : ST_DIFFERENT, ST_NO_REASON);
}

typedef enum st_outcome { ST_AS_EXPECTED, ST_STRICTER, ST_WRONG, ST_SKIPPED } st_outcome;
/* *ret_why: the reason of ST_STRICTER and ST_SKIPPED, else ST_NO_REASON. */
st_outcome st_judge(st_expected expected, struct st_result r, st_why *ret_why);

#endif
