/* Waiting for others until a time of the monotonic clock, which nobody can set. */
#include "base/time.h"
#include "mem/internal.h"
#include <time.h>

void hf_wait_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

bool hf_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ns)
{
    const struct timespec deadline = { until_ns / HF_NS_PER_S, until_ns % HF_NS_PER_S };
    return pthread_cond_timedwait(c, lock, &deadline) == 0;
}
