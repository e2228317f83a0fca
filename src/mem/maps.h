/*
 * The number of maps that the kernel gives a process (vm.max_map_count). Pages with other rights than their neighbours
 * are a map of their own; at the limit, mprotect fails with ENOMEM where it would have to split one.
 */
#ifndef HF_MEM_MAPS_H
#define HF_MEM_MAPS_H

#include "base/macros.h"
#include <stdbool.h>
#include <stdint.h>

/* 65530 where it cannot be read. */
uint32_t hf_maps_limit(void);

/*
 * Holds maps in reserve, so that a buffer can be wiped at the limit. May be called again: they are then held again if
 * they were spent.
 */
void hf_maps_reserve(void);
/* Gives the reserve up: true when there was one, so that trying again makes sense. */
bool hf_maps_spend(void);

#endif
