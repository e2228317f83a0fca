/* Random bytes of the operating system, for canaries and new secrets. */
#include "mem/internal.h"
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel writes them to their place and nowhere else: libc's getrandom may keep a state of its own. */
bool hf_random_fill(void *dst, size_t n)
{
    for (size_t got = 0; got < n;) {
        long r = syscall(SYS_getrandom, (uint8_t *)dst + got, n - got, 0);
        if (r < 0 && errno != EINTR)
            return false;
        got += r > 0 ? (size_t)r : 0;
    }
    return true;
}
