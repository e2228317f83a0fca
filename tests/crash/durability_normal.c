/* A mutation: SQLite's NORMAL syncs at checkpoints only, so a commit may be lost though nothing gets damaged. */
#include "store/durability.h"

const hf_durability hf_store_durability = { .synchronous = "NORMAL", .checkpoint_at_open = true };
