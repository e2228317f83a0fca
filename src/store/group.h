/*
 * Group commit: all STORE_COMMIT messages that have arrived become one transaction with one fsync, and are answered
 * after it. A message is a unit: it is there whole or not at all, and a bad one does not hurt its neighbours.
 */
#ifndef HF_STORE_GROUP_H
#define HF_STORE_GROUP_H

#include "store/engine.h"

#define HF_GROUP_MAX 256
/* A group is committed once it holds as much, so that memory stays bounded. */
#define HF_GROUP_BYTES (4u << 20)

typedef struct hf_group_answer {
    uint64_t id; /* of the request */
    hf_err error;
    char why[HF_WHY_CAP];
} hf_group_answer;

typedef struct hf_group {
    hf_engine *engine;
    bool open; /* a transaction is under way */
    size_t bytes;
    size_t n;
    hf_group_answer answers[HF_GROUP_MAX];
} hf_group;

/*
 * Applies one message's list of store_op records. Its answer waits for hf_group_commit. HF_ERR_MALFORMED when the
 * list is not what core.def says: nothing of it is kept and it has no answer; the others in the group are untouched.
 * Call only when hf_group_full is false.
 */
hf_err hf_group_add(hf_group *g, uint64_t id, hf_view ops) HF_MUST_USE;
bool hf_group_full(const hf_group *g);

/*
 * Commits and calls answer for each message in order of arrival. No answer says HF_OK unless all of the group is
 * durable.
 * HF_ERR_STORE when the engine is broken: end the process, as hf_engine_commit says.
 */
hf_err hf_group_commit(hf_group *g, void (*answer)(void *arg, const hf_group_answer *a), void *arg) HF_MUST_USE;

#endif
