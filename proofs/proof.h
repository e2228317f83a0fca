/*
 * What the proofs share. A proof is a function proof_NAME(void) with a comment before it that says what is proven and ends
 * with "Unwind N.": the most turns of any loop that it needs; CBMC fails a loop that could turn more often. Its last
 * statement is REACHED(), an assertion that must fail: it shows that what was assumed does not exclude everything.
 */
#ifndef PROOF_H
#define PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Any value at all: CBMC gives these names every result. */
size_t nondet_size(void);
uint64_t nondet_u64(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
unsigned nondet_unsigned(void);
uint8_t nondet_u8(void);
bool nondet_bool(void);

#define GIVEN(condition) __CPROVER_assume(condition)
#define PROVE(condition) __CPROVER_assert(condition, #condition)
#define REACHED() __CPROVER_assert(0, "reached")

#endif
