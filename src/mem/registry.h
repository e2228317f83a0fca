/* The regions that hf_wipe_all reaches: a table that a signal handler can read while threads change it. */
#ifndef HF_MEM_REGISTRY_H
#define HF_MEM_REGISTRY_H

#include "mem/region.h"

/* r must stay at its address until it is removed. HF_ERR_LOCKED_MEMORY when the table (4,096 regions) is full. A region of a parent is not wiped in its child. */
hf_err hf_registry_add(const hf_region *r);
void hf_registry_remove(const hf_region *r);

#endif
