#include "crypto/crypto.h"
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel gives requests up to this size whole, whatever signals arrive (getrandom(2)). */
#define WHOLE_REQUEST 256

/*
 * The plain system call, because the C library's function may answer from a generator in ordinary,
 * swappable memory of this process (vDSO), outside the arena.
 */
static bool fill(uint8_t *dst, size_t len)
{
    for (;;) {
        long got = syscall(SYS_getrandom, dst, len, 0);
        if (got == (long)len)
            return true;
        if (got >= 0 || errno != EINTR)
            return false;
    }
}

hf_err hf_random(void *dst, size_t len)
{
    uint8_t *at = dst;
    size_t left = len;
    while (left > 0) {
        size_t n = left < WHOLE_REQUEST ? left : WHOLE_REQUEST;
        if (!fill(at, n)) {
            hf_wipe(dst, len);
            return HF_ERR_SYSTEM;
        }
        at += n;
        left -= n;
    }
    return HF_OK;
}
