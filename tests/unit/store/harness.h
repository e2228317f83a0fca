/* Runs the real store program and speaks to it as supervisor and as core. Failures end the test. */
#ifndef HF_TEST_STORE_HARNESS_H
#define HF_TEST_STORE_HARNESS_H

#include "ipc/channel.h"
#include "proto/gen/messages.h"
#include "store/engine.h"
#include <sys/types.h>

typedef struct store_run {
    pid_t pid;
    hf_channel *supervisor;
    hf_channel *core; /* NULL until store_connect_core */
    uint64_t next_id;
    char log[128]; /* file that holds its standard error */
} store_run;

typedef struct store_start {
    const char *program;
    const char *folder;
    const char *log; /* its standard error goes to this name with ".log"; NULL: the folder's */
    uint8_t engine; /* 0: the default */
    bool strict;
    bool drop_uid; /* run as 65534 when root */
} store_start;

/* Starts it and sends the configuration. Does not wait. */
void store_spawn(store_run *r, const store_start *how);
/* Waits for READY; false when the process ended first. ret may be NULL. */
bool store_wait_ready(store_run *r, hf_message *ret);
/* A new channel in core's role; an older one is closed. */
void store_connect_core(store_run *r);
/* All three. */
void store_run_start(store_run *r, const store_start *how);

/* A list of operations under way. */
typedef struct store_ops {
    hf_writer w;
    uint8_t bytes[1 << 20];
} store_ops;
void store_ops_begin(store_ops *o);
void store_ops_add(store_ops *o, hf_change_op op, uint8_t kind, uint8_t id, uint64_t version, const void *blob,
                   size_t len);
/* Sends without waiting; gives the request's id. False when the channel is gone. */
bool store_send_commit(store_run *r, const store_ops *o, uint64_t *ret_id);
/* The next STORE_DONE; false when the channel ended. why may be NULL, else of 256 bytes. */
bool store_take_done(store_run *r, uint64_t *ret_id, hf_err *ret_error, char *why);
/* One row put and its answer awaited. */
hf_err store_put(store_run *r, uint8_t kind, uint8_t id, uint64_t version, const void *blob, size_t len);
/* Asks and waits; rows point into the channel until the next call. */
struct hf_store_rows store_scan(store_run *r, uint8_t kind, const hf_row_key *after, uint32_t max_bytes);
struct hf_store_rows store_get(store_run *r, uint8_t kind, uint8_t id, uint64_t version);
size_t store_count(store_run *r, uint8_t kind);

/* True when core's channel ends within some seconds (messages before that are passed over). */
bool store_core_ended(store_run *r);
void store_send_stop(store_run *r);
/* The exit code, 128 + signal; closes both channels afterwards. Kills and fails after ten seconds. */
int store_wait_exit(store_run *r);
/* STOP and 0 wanted. */
void store_stop(store_run *r);
/* Does the log hold the text? */
bool store_log_has(const store_run *r, const char *text);

/* A new folder below /tmp, and its end with all that is in it. */
void folder_make(char *dst, size_t cap);
void folder_remove(const char *path);
bool folder_has(const char *folder, const char *name);

#endif
