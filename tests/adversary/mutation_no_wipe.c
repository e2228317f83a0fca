/* A mutation: freed memory keeps what was in it (and the arena is ordinary memory, where the scanner can see that). */
#include "mem/internal.h"

#define hf_mem_zero(p, n) ((void)(p), (void)(n))
#include "mem/perblock.c"
