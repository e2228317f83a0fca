/*
 * The store at work: one channel to the supervisor, one to core at a time. It outlives core, waits for the next one,
 * and ends when the supervisor says STOP, closes its channel or dies, or at SIGTERM; each way it first finishes what
 * has arrived, saves the audit ring's last entries and closes the database.
 */
#ifndef HF_STORE_SERVER_H
#define HF_STORE_SERVER_H

#include "ipc/channel.h"
#include "store/engine.h"
#include "sys/sandbox.h"

typedef struct hf_server hf_server;

/*
 * Takes engine and supervisor when it succeeds; leaves them to the caller else. SIGTERM must be blocked. All
 * descriptors that the loop needs are made here, before the sandbox.
 */
hf_err hf_server_new(hf_engine *engine, hf_channel *supervisor, hf_server **ret) HF_MUST_USE;
/* Tells the supervisor what protects this process. */
hf_err hf_server_ready(hf_server *s, const hf_protections *report) HF_MUST_USE;
/* Until the end; gives the exit code: 0, or 1 when something could not be stored. */
int hf_server_run(hf_server *s);

#endif
