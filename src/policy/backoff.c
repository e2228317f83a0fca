#include "policy/backoff.h"

int64_t hf_backoff_ms(uint32_t failures, int64_t first_ms, int64_t last_ms)
{
    int64_t ms = first_ms;

    if (failures == 0)
        return 0;
    for (uint32_t i = 1; i < failures && ms < last_ms; i++)
        ms *= 2;
    return ms < last_ms ? ms : last_ms;
}
