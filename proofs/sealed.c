/* The sizes of blobs of sealed memory: src/sealmem/size.c. */
#include "proof.h"
#include "sealmem/size.c"

/*
 * For any two numbers up to SIZE_MAX: sizes of plaintext and blob belong to each other one to one, nothing overflows, and what
 * cannot be a size gives 0. Unwind 2.
 */
void proof_sealed_sizes(void)
{
    size_t len = nondet_size(), blob = nondet_size();
    size_t sealed = hf_sealed_size(len), plain = hf_sealed_plain_size(blob);
    PROVE((sealed != 0) == (len >= 1 && len <= HF_SEALED_MAX_BYTES));
    PROVE(sealed == 0 || (sealed == len + HF_SEALED_OVERHEAD_BYTES && hf_sealed_plain_size(sealed) == len));
    PROVE(plain == 0 || (plain < blob && hf_sealed_size(plain) == blob));
    PROVE(plain <= HF_SEALED_MAX_BYTES);
    REACHED();
}
