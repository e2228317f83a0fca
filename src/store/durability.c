#include "store/durability.h"

const hf_durability hf_store_durability = { .synchronous = "FULL", .checkpoint_at_open = true };
