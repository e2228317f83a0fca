#include "crypto/crypto.h"
#include "sys/sandbox.h"

/* The deepest operations, key generation and decapsulation of ML-KEM, were measured to use 8.2 KB. */
#define JOB_STACK_BYTES (16 * 1024)

void hf_crypto_end_job(void)
{
    hf_stack_clear(JOB_STACK_BYTES);
    hf_registers_clear();
}
