/* A mutation: what a job leaves in registers and on the stack stays there. The register scan must then find keys. */
#include "crypto/crypto.h"

void hf_crypto_end_job(void)
{
}
