/*
 * A fixed history of commits, shaped like what core sends for creating, rotating, importing and updating keys, and the
 * state that a store must show after each of them. The states come from the memory engine, which has no disk to lose
 * anything on.
 */
#ifndef HF_TEST_HISTORY_H
#define HF_TEST_HISTORY_H

#include "store/engine.h"

#define HISTORY_MAX 64

/* Works out the states after 0..HISTORY_MAX commits; once a process. */
void history_prepare(void);
/* Does commit number i (from 0): in turn creates, rotates, imports, updates a key. What the engine says. */
hf_err history_commit(hf_engine *e, unsigned i);
/* The number of commits after which the store looks as it does now; -1 when it looks like none of these states. */
int history_state(hf_engine *e);

#endif
