/* Result codes of records: stored for years, so the number of each error is fixed here and never reused. */
#include "audit/record.h"

#include <string.h>

static const struct {
    hf_err err;
    uint16_t code;
    const char *name;
} results[] = {
    { HF_ERR_OK, 0, "ok" },
    { HF_ERR_INVALID, 1, "invalid" },
    { HF_ERR_MALFORMED, 2, "malformed" },
    { HF_ERR_BOUNDS, 3, "bounds" },
    { HF_ERR_NO_TOKEN, 4, "no_token" },
    { HF_ERR_BAD_TOKEN, 5, "bad_token" },
    { HF_ERR_TOKEN_EXPIRED, 6, "token_expired" },
    { HF_ERR_TOKEN_REVOKED, 7, "token_revoked" },
    { HF_ERR_DENIED, 8, "denied" },
    { HF_ERR_NOT_FOUND, 9, "not_found" },
    { HF_ERR_EXISTS, 10, "exists" },
    { HF_ERR_WRONG_STATE, 11, "wrong_state" },
    { HF_ERR_WRONG_USAGE, 12, "wrong_usage" },
    { HF_ERR_CONFLICT, 13, "conflict" },
    { HF_ERR_TOO_LARGE, 14, "too_large" },
    { HF_ERR_UNSUPPORTED, 15, "unsupported" },
    { HF_ERR_RATE, 16, "rate" },
    { HF_ERR_QUOTA, 17, "quota" },
    { HF_ERR_SEALED, 18, "sealed" },
    { HF_ERR_OVERLOADED, 19, "overloaded" },
    { HF_ERR_PEER_GONE, 20, "peer_gone" },
    { HF_ERR_AUDIT_FULL, 21, "audit_full" },
    { HF_ERR_STORE, 22, "store" },
    { HF_ERR_LOCKED_MEMORY, 23, "locked_memory" },
    { HF_ERR_CLOCK_UNAVAILABLE, 24, "clock_unavailable" },
    { HF_ERR_TIMEOUT, 25, "timeout" },
    { HF_ERR_INTEGRITY, 26, "integrity" },
    { HF_ERR_ROLLBACK, 27, "rollback" },
    { HF_ERR_BAD_SIGNATURE, 28, "bad_signature" },
    { HF_ERR_BAD_CIPHERTEXT, 29, "bad_ciphertext" },
    { HF_ERR_BAD_KEY, 30, "bad_key" },
    { HF_ERR_SELFTEST, 31, "selftest" },
    { HF_ERR_SYSTEM, 32, "system" },
    { HF_ERR_PROTECTION, 33, "protection" },
    { HF_ERR_INTERNAL, 34, "internal" },
    { HF_ERR_FORKED, 35, "forked" },
    { HF_ERR_NO_ANCHOR, 36, "no_anchor" },
};

uint16_t hf_audit_result_of(hf_err e)
{
    for (size_t i = 0; i < HF_COUNT(results); i++) {
        if (results[i].err == e)
            return results[i].code;
    }
    return HF_AUDIT_RESULT_UNKNOWN;
}

const char *hf_audit_result_name(uint16_t code)
{
    for (size_t i = 0; i < HF_COUNT(results); i++) {
        if (results[i].code == code)
            return results[i].name;
    }
    return "unknown";
}
