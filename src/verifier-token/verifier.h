/*
 * The state of verifier-token and what it does with each message. It holds public keys, and no secret but those of HS256
 * where that is on; what it answers are facts about a token, never a decision.
 */
#ifndef HF_VERIFIER_TOKEN_VERIFIER_H
#define HF_VERIFIER_TOKEN_VERIFIER_H

#include "ipc/channel.h"
#include "jose/jws.h"
#include "sys/sandbox.h"

#define VERIFIER_NAME_CAP 257

struct verifier {
    hf_loop *loop;
    hf_channel *supervisor;
    hf_channel *core;  /* NULL until core is there, and between two of them */
    bool core_is_deaf; /* its queue is full; said once */
    struct hf_jose_keyset *keyset; /* NULL until the first */
    char issuer[VERIFIER_NAME_CAP];
    char audience[VERIFIER_NAME_CAP];
    bool strict;
    bool hs256; /* keysets may have shared secrets */
    hf_protections protections;
    int exit_code;
};

/* The bodies that each side may send; any other message ends its channel before it is read. */
size_t verifier_supervisor_max_body(uint16_t type);
size_t verifier_core_max_body(uint16_t type);

/* Takes the names that tokens must carry. HF_ERR_MALFORMED or HF_ERR_BOUNDS: nothing was changed. */
hf_err verifier_configure(struct verifier *v, hf_view body) HF_MUST_USE;

/* Attaches the supervisor's channel to the loop; everything after comes from messages. */
hf_err verifier_attach(struct verifier *v) HF_MUST_USE;

#endif
