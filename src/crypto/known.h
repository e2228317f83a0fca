/*
 * Private to src/crypto: known answers, each after a label of 16 bytes that can be found in the finished program. A test
 * flips a byte behind each label in turn and wants the start to fail with that name.
 */
#ifndef HF_CRYPTO_KNOWN_H
#define HF_CRYPTO_KNOWN_H

#include "crypto/crypto.h"

struct hf_known_answer {
    char label[16]; /* "KAT:" and the test's name */
    uint8_t bytes[96];
};
#define HF_KNOWN_LABEL_PREFIX 4

typedef hf_err (*hf_known_run)(const uint8_t *answer);

/* Answers and, in the same order, the functions that compute them anew. */
struct hf_known_set {
    const struct hf_known_answer *answers;
    const hf_known_run *runs;
    size_t n;
};
extern const struct hf_known_set hf_known_rsa;

/* HF_OK when what came out is the answer. */
hf_err hf_known_compare(const uint8_t *got, const uint8_t *answer, size_t n) HF_MUST_USE;

/* RSAPrivateKey DER of keys that are in this source and protect nothing; warming up needs one too. */
extern const hf_view hf_known_rsa_2048, hf_known_rsa_3072;
#define HF_KNOWN_RSA_MAX_BYTES 384

#endif
