/* There are no forks: a number that never changes. */
#include "mem/region.h"

_Atomic uint64_t hf_fork_mark[1] = { 1 };

uint64_t hf_fork_generation_renew(void)
{
    return 1;
}

uint64_t hf_fork_id(void)
{
    return hf_fork_generation();
}
