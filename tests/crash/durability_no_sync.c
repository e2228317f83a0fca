/* A mutation: commits are acknowledged without fsync. The power-cut test linked with it must see losses. */
#include "store/durability.h"

const hf_durability hf_store_durability = { .synchronous = "OFF", .checkpoint_at_open = true };
