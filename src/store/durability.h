/* What makes an acknowledged commit durable, as data: tests link a weaker table and want the crash test to notice. */
#ifndef HF_STORE_DURABILITY_H
#define HF_STORE_DURABILITY_H

#include <stdbool.h>

typedef struct hf_durability {
    const char *synchronous; /* SQLite's pragma: FULL syncs the write-ahead log at every commit */
    /*
     * Empty the write-ahead log at every open. A log whose fsync failed can be read back whole from the page cache
     * although it is not on the disk; commits appended to it would be lost with it. Copying it into the database and
     * syncing that writes the bytes anew.
     */
    bool checkpoint_at_open;
} hf_durability;

extern const hf_durability hf_store_durability;

#endif
