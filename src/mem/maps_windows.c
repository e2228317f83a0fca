/* Windows has no limit of maps. */
#include "mem/maps.h"

uint32_t hf_maps_limit(void)
{
    return UINT32_MAX;
}

void hf_maps_reserve(void)
{
}

bool hf_maps_spend(void)
{
    return false;
}
