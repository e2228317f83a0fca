/* Inside policy only: the hash of the table of limits. */
#ifndef HF_POLICY_SIPHASH_H
#define HF_POLICY_SIPHASH_H

#include "base/buf.h"

/*
 * SipHash-2-4 (Aumasson, Bernstein, 2012) with 64-bit output. It chooses table slots and protects nothing else; a keyed
 * hash, because whoever sends requests chooses the keys.
 */
uint64_t hf_siphash24(const uint8_t key[static 16], hf_view in);

#endif
