/*
 * The ideal slab without its one division: the numbers on the stack count 16 bytes instead of objects. What a program could do by
 * hand for a size that it knows when it is compiled.
 */
#define UNIT 16
#define NAME "slab, fixed size"
#include "slab.c"
