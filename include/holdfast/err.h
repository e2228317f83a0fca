/* Errors: the one list of everything that can go wrong, with class and text. */
#ifndef HOLDFAST_ERR_H
#define HOLDFAST_ERR_H

/* What the shared libraries export. */
#if defined(_WIN32)
#define HF_API
#else
#define HF_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A class says how a surface answers: HTTP status, exit code and CKR code are chosen by class,
 * never by single error, so that a new error needs no change outside this list.
 */
typedef enum hf_err_class {
    HF_CLASS_OK = 0,
    HF_CLASS_INVALID,         /* malformed or out of bounds: HTTP 400, exit 2 */
    HF_CLASS_UNAUTHENTICATED, /* no valid credential: 401, exit 4 */
    HF_CLASS_DENIED,          /* known, but not allowed: 403, exit 4 */
    HF_CLASS_NOT_FOUND,       /* 404, exit 3 */
    HF_CLASS_CONFLICT,        /* wrong state, name taken: 409, exit 5 */
    HF_CLASS_TOO_LARGE,       /* 413, exit 2 */
    HF_CLASS_UNUSABLE,        /* well formed, but cannot be done with this key: 422, exit 2 */
    HF_CLASS_LIMITED,         /* rate or quota: 429, exit 7 */
    HF_CLASS_UNAVAILABLE,     /* sealed, overloaded, peer gone: 503, exit 7 */
    HF_CLASS_TIMEOUT,         /* 504, exit 7 */
    HF_CLASS_INTEGRITY,       /* tampering, bad signature: 422, exit 8 */
    HF_CLASS_INTERNAL         /* a defect of ours: 500, exit 1 */
} hf_err_class;

/* X(NAME, CLASS, "name", "text"): values are positions and part of the ABI, so new rows go to the end; names are stable. */
/* clang-format off */
#define HF_ERRORS(X) \
    X(OK, OK, "ok", "done") \
    X(INVALID, INVALID, "invalid", "the request is not valid") \
    X(MALFORMED, INVALID, "malformed", "the bytes do not have the form that is expected here") \
    X(BOUNDS, INVALID, "bounds", "a value is outside its bounds") \
    X(NO_TOKEN, UNAUTHENTICATED, "no_token", "a bearer token is needed; make one with 'holdfast token mint'") \
    X(BAD_TOKEN, UNAUTHENTICATED, "bad_token", "the token is not valid") \
    X(TOKEN_EXPIRED, UNAUTHENTICATED, "token_expired", "the token has expired; mint a new one with 'holdfast token mint'") \
    X(TOKEN_REVOKED, UNAUTHENTICATED, "token_revoked", "the token or its key has been revoked") \
    X(DENIED, DENIED, "denied", "the actor's role does not allow this") \
    X(NOT_FOUND, NOT_FOUND, "not_found", "there is no such object") \
    X(EXISTS, CONFLICT, "exists", "the name is taken") \
    X(WRONG_STATE, CONFLICT, "wrong_state", "the state of the key, or of the HSM, does not allow this") \
    X(WRONG_USAGE, UNUSABLE, "wrong_usage", "the key's usage does not allow this") \
    X(CONFLICT, CONFLICT, "conflict", "another change came first; read again and retry") \
    X(TOO_LARGE, TOO_LARGE, "too_large", "the input is larger than this operation takes") \
    X(UNSUPPORTED, UNUSABLE, "unsupported", "this combination is not supported") \
    X(RATE, LIMITED, "rate", "too many requests; wait and retry") \
    X(QUOTA, LIMITED, "quota", "a quota is used up") \
    X(SEALED, UNAVAILABLE, "sealed", "the HSM is sealed; unseal it with 'holdfast unseal'") \
    X(OVERLOADED, UNAVAILABLE, "overloaded", "too much work is waiting; retry later") \
    X(PEER_GONE, UNAVAILABLE, "peer_gone", "a process that is needed is being restarted; retry") \
    X(AUDIT_FULL, UNAVAILABLE, "audit_full", "the audit journal is full, so nothing may be done; is the store alive and its disk not full?") \
    X(STORE, UNAVAILABLE, "store", "the store cannot be written or read; see its log for the cause") \
    X(LOCKED_MEMORY, UNAVAILABLE, "locked_memory", "locked memory cannot be had; raise the memlock limit") \
    X(CLOCK_UNAVAILABLE, UNAVAILABLE, "clock_unavailable", "attested time is not available") \
    X(TIMEOUT, TIMEOUT, "timeout", "no answer came in time") \
    X(INTEGRITY, INTEGRITY, "integrity", "an integrity check failed: the data was altered") \
    X(ROLLBACK, INTEGRITY, "rollback", "the data is older than its anchor: a copy from the past was put in place") \
    X(BAD_SIGNATURE, INTEGRITY, "bad_signature", "the signature is not valid") \
    X(BAD_CIPHERTEXT, INTEGRITY, "bad_ciphertext", "the ciphertext cannot be opened with this key and these inputs") \
    X(BAD_KEY, UNUSABLE, "bad_key", "the key material is not acceptable") \
    X(SELFTEST, INTERNAL, "selftest", "a power-up self-test failed") \
    X(SYSTEM, INTERNAL, "system", "a system call failed") \
    X(PROTECTION, UNAVAILABLE, "protection", "a protection that strict mode demands cannot be had") \
    X(INTERNAL, INTERNAL, "internal", "an internal error") \
    X(FORKED, CONFLICT, "forked", "this memory belongs to the parent process; after a fork, make what is needed anew") \
    X(NO_ANCHOR, CONFLICT, "no_anchor", "the file was never protected here; 'holdfast file protect' does that")
/* clang-format on */

typedef enum hf_err {
#define HF_ERR_ENUM(name, klass, word, text) HF_ERR_##name,
    HF_ERRORS(HF_ERR_ENUM)
#undef HF_ERR_ENUM
        HF_ERR_COUNT
} hf_err;

#define HF_OK HF_ERR_OK

/* The stable word of an error in lower case, for example "wrong_state"; "internal" when unknown. Static. */
HF_API const char *hf_err_name(hf_err e);

/* One clear sentence in English; static. */
HF_API const char *hf_err_text(hf_err e);

HF_API hf_err_class hf_err_class_of(hf_err e);

#ifdef __cplusplus
}
#endif
#endif
