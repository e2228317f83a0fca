/* The regions that hf_wipe_all reaches: a table that a signal handler can read while threads change it. */
#ifndef HF_MEM_REGISTRY_H
#define HF_MEM_REGISTRY_H

#include "mem/region.h"

/*
 * r must stay at its address until it is removed, and grow and change as it likes. HF_ERR_LOCKED_MEMORY when the table
 * (4,096 regions) is full. A region of a parent is not wiped in its child, nor by a child that shares memory with its
 * parent (vfork).
 */
hf_err hf_registry_add(const hf_region *r) HF_MUST_USE;

/*
 * Waits while another thread is in hf_wipe_all: afterwards r may be released. Nothing happens when r is not in the
 * table.
 */
void hf_registry_remove(const hf_region *r);

/* True while a thread of the process with this generation is in hf_wipe_all. */
bool hf_registry_wiping(uint64_t generation);

/*
 * How often hf_wipe_all was begun, and how often it came to its end, by this process and its parents. What is made
 * notes the second number: where the first is another one later, its canary may be zero. That is no misuse, so that
 * destructors may free after hf_wipe_all.
 */
uint64_t hf_registry_wipes(void);
uint64_t hf_registry_wipes_ended(void);

#endif
