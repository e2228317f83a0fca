#include "supervisor/supervisor.h"

/* The oldest of the last CRASHES_MAX crashes; only when there were as many. */
static bool too_many(const struct backoff *b, hf_mono now)
{
    return b->crashes >= CRASHES_MAX && now.ns - b->crash[b->crashes % CRASHES_MAX].ns < CRASH_WINDOW_NS;
}

bool backoff_next(struct backoff *b, hf_mono started, hf_mono now, int64_t *ret_delay_ms)
{
    b->crash[b->crashes % CRASHES_MAX] = now;
    b->crashes++;
    if (too_many(b, now))
        return false;
    if (b->delay_ms == 0 || now.ns - started.ns >= CRASH_WINDOW_NS)
        b->delay_ms = BACKOFF_FIRST_MS;
    else
        b->delay_ms = b->delay_ms * 2 < BACKOFF_LAST_MS ? b->delay_ms * 2 : BACKOFF_LAST_MS;
    *ret_delay_ms = b->delay_ms;
    return true;
}
