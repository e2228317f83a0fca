/* Random bytes of the operating system, for canaries and new secrets. */
#include "mem/internal.h"
#include <windows.h>
/* after windows.h, whose types it needs */
#include <bcrypt.h>

bool hf_random_fill(void *dst, size_t n)
{
    const size_t most = (size_t)1 << 30;
    for (size_t got = 0; got < n;) {
        ULONG part = (ULONG)(n - got < most ? n - got : most);
        if (BCryptGenRandom(NULL, (PUCHAR)dst + got, part, BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0)
            return false;
        got += part;
    }
    return true;
}
