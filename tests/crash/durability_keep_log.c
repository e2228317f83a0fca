/* A mutation: a log whose fsync failed is kept and written on. The failed-fsync test linked with it must see losses. */
#include "store/durability.h"

const hf_durability hf_store_durability = { .synchronous = "FULL", .checkpoint_at_open = false };
