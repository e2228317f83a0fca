/* Waiting for others until a time of the monotonic clock: conditions of mingw-w64 know the other one alone, or how long. */
#include "base/time.h"
#include "mem/internal.h"

void hf_wait_init(pthread_cond_t *c)
{
    pthread_cond_init(c, NULL);
}

bool hf_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ns)
{
    int64_t left = until_ns - hf_mono_now().ns;
    const struct timespec span = { left / HF_NS_PER_S, (long)(left % HF_NS_PER_S) };
    return left > 0 && pthread_cond_timedwait_relative_np(c, lock, &span) == 0;
}
