/*
 * A SQLite file layer that knows what a disk may lose. It passes everything on to the system's one and keeps beside
 * it, for each file, the bytes that an fsync has made durable and the writes since. At a chosen operation the power
 * goes: all further operations fail, and crash_vfs_settle leaves on the disk one of the images that a real disk could
 * show.
 */
#ifndef HF_TEST_VFS_CRASH_H
#define HF_TEST_VFS_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRASH_VFS "crash"

typedef enum crash_fault {
    CRASH_NONE,
    CRASH_POWER_CUT,  /* at operation `at`, whatever it is */
    CRASH_FSYNC_EIO,  /* the first fsync at or after `at` fails; its writes never reach the disk, yet stay readable */
    CRASH_WRITE_EIO,  /* the first write at or after `at` fails */
    CRASH_WRITE_FULL, /* every write from `at` on that lies behind what the file has already fails: no space */
    CRASH_WRITE_QUOTA /* the same with EDQUOT */
} crash_fault;

/* What an image keeps of the writes since the last fsync. */
typedef enum crash_loss {
    CRASH_DROP_ALL,
    CRASH_KEEP_ALL,
    CRASH_DROP_SOME,
    CRASH_TEAR,
    CRASH_TEAR_REORDER,
    CRASH_LOSSES
} crash_loss;

/* Once a process. */
void crash_vfs_register(void);
/* Called once when the power has gone and the write under way is noted: a process would end there. */
void crash_vfs_on_cut(void (*fn)(void));
/* Forgets all files: what lies on the disk counts as durable. Sets the fault; operations count from 1. */
void crash_vfs_arm(crash_fault fault, uint64_t at);
/* Changes the fault and counts anew, but keeps what is known of the files: the machine did not stop. */
void crash_vfs_rearm(crash_fault fault, uint64_t at);
/* Writes, truncates, syncs, creations and deletions so far. */
uint64_t crash_vfs_operations(void);
/* Of these, syncs. */
uint64_t crash_vfs_syncs(void);
/* Did the fault happen? And at which operation? */
bool crash_vfs_happened(void);
uint64_t crash_vfs_happened_at(void);
/* A line for the report: what stood at the operation of the fault. Static. */
const char *crash_vfs_where(void);
/* Leaves an image on the disk, as `loss` says, chosen by seed. */
void crash_vfs_settle(crash_loss loss, uint64_t seed);

#endif
