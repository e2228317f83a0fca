/*
 * Key material that comes from outside, wrapped to an import key:
 *
 *   to RSA      RSAES-OAEP of a fresh 32-byte key, as long as the modulus | AES-KWP(that key, plaintext)
 *   to ML-KEM   the encapsulation's ciphertext                           | AES-KWP(the shared secret, plaintext)
 *
 * OAEP: RFC 8017 section 7.1 with SHA-256; KWP: RFC 5649; ML-KEM: FIPS 203. The plaintext is PKCS #8 (RFC 5958), or the
 * bytes of a symmetric key. This module only takes the parts from each other.
 */
#ifndef HF_RECORDS_ENVELOPE_H
#define HF_RECORDS_ENVELOPE_H

#include "base/names.h"

#define HF_ENVELOPE_KWP_MIN 16 /* bytes: one block and the integrity value */

struct hf_envelope {
    hf_view head; /* for the import key */
    hf_view body; /* AES-KWP */
};

/*
 * Borrows from bytes. HF_ERR_UNSUPPORTED when the algorithm imports nothing; HF_ERR_BAD_CIPHERTEXT for a length that no
 * envelope has.
 */
hf_err hf_envelope_parse(hf_alg import_key, hf_view bytes, struct hf_envelope *ret) HF_MUST_USE;

#endif
