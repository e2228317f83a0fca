/* The form of a root key that a passphrase opens; passphrase.c says where each field lies. */
#ifndef HF_SEAL_PASSPHRASE_H
#define HF_SEAL_PASSPHRASE_H

#include "base/buf.h"
#include <holdfast/secret.h>

#define HF_SEAL_SALT_BYTES 16
#define HF_SEAL_PASSPHRASE_BYTES 124

/* Costs of Argon2id (RFC 9106 section 4: 64 MiB and 3 passes are its second recommendation, here with one lane). */
struct hf_seal_cost {
    uint32_t memory_kib, passes, lanes;
};
#define HF_SEAL_COST_STANDARD { .memory_kib = HF_SEAL_MEMORY_STANDARD_KIB, .passes = 3, .lanes = 1 }
#define HF_SEAL_MEMORY_STANDARD_KIB (64u << 10)

/* What a file may ask for: whoever can write it must not be able to ask for a year or for all memory. */
#define HF_SEAL_MEMORY_MIN_KIB (8u << 10)
#define HF_SEAL_MEMORY_MAX_KIB (1u << 20)
#define HF_SEAL_PASSES_MAX 64
#define HF_SEAL_LANES_MAX 16

struct hf_seal_sealed {
    struct hf_seal_cost cost;
    hf_view head;  /* everything before the ciphertext: the associated data */
    hf_view salt, nonce, ciphertext; /* the last with its tag */
};

/* Seals root under passphrase at these costs into image. Pure but for the random salt and nonce. */
hf_err hf_seal_passphrase_make(const struct hf_seal_cost *cost, const hf_secret *root, const hf_secret *passphrase,
                               uint8_t image[static HF_SEAL_PASSPHRASE_BYTES]) HF_MUST_USE;

/*
 * Reads the form; the views borrow from bytes. HF_ERR_MALFORMED, HF_ERR_UNSUPPORTED for another release's, HF_ERR_BOUNDS
 * for costs that are not taken. Pure.
 */
hf_err hf_seal_passphrase_parse(hf_view bytes, struct hf_seal_sealed *ret) HF_MUST_USE;

#endif
