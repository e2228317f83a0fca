/*
 * Private to src/crypto: strict reading of DER (X.690 section 10), the little that keys need. Lengths have their
 * shortest form and integers their shortest and are never negative; what differs is refused, so a value has one
 * encoding. Views point into the input.
 */
#ifndef HF_CRYPTO_DER_H
#define HF_CRYPTO_DER_H

#include "base/buf.h"

#define HF_DER_INTEGER 0x02
#define HF_DER_BIT_STRING 0x03
#define HF_DER_OCTETS 0x04
#define HF_DER_OID 0x06
#define HF_DER_SEQUENCE 0x30

/* Takes one element with this tag from the front of *in; *ret gets its content. False: nothing is taken. */
bool hf_der_take(hf_view *in, uint8_t tag, hf_view *ret) HF_MUST_USE;
/* The same when it must be the last one: nothing may be left in *in afterwards. */
bool hf_der_take_last(hf_view *in, uint8_t tag, hf_view *ret) HF_MUST_USE;
/* Takes a non-negative INTEGER; *ret gets its magnitude, big endian without leading zeros (zero: one byte 0). */
bool hf_der_take_uint(hf_view *in, hf_view *ret) HF_MUST_USE;
/* Takes an INTEGER with exactly this value below 128. */
bool hf_der_take_small(hf_view *in, uint8_t value) HF_MUST_USE;
/* Takes a BIT STRING of whole bytes. */
bool hf_der_take_bits(hf_view *in, hf_view *ret) HF_MUST_USE;
/* True when the next element has this tag. */
bool hf_der_next_is(hf_view in, uint8_t tag);

#endif
