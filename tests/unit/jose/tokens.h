/* Makes keys, keysets and tokens of any content for the tests of src/jose. Signatures are real. */
#ifndef TEST_JOSE_TOKENS_H
#define TEST_JOSE_TOKENS_H

#include "jose/jws.h"

struct test_key {
    hf_alg alg;
    hf_key *key;                     /* private; NULL for HS256 */
    uint8_t spki[HF_SPKI_MAX_BYTES]; /* for HS256 the secret */
    size_t spki_len;
};

/* Starts OpenSSL and the arena once for the test program. */
int tokens_group_setup(void **state);

struct test_key test_key_make(hf_alg a);
struct test_key test_secret_make(size_t len); /* of HS256 */

struct test_row {
    const char *kid;
    const char *actor;
    uint32_t roles;
    const struct test_key *key;
};
struct hf_jose_keyset *test_keyset_make(const struct test_row *rows, size_t n);

/*
 * base64url(header) "." base64url(payload) "." base64url(signature over both), whatever the texts are. Static
 * buffer.
 */
hf_view test_token(const struct test_key *k, const char *header, const char *payload);
hf_view test_token_bytes(const struct test_key *k, hf_view header, hf_view payload);

#endif
