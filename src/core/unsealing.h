/*
 * Unsealing by a passphrase that comes over the network. While the HSM is sealed, and its seal asks for one, core has an HPKE
 * key: the operator's program seals the passphrase to it, the gateway relays what it cannot read, and core opens it and
 * hands it to the process holdfast-unseal, which alone does Argon2id. The key lives for one sealed time, so a passphrase
 * that was recorded on its way opens nothing after the next `seal`.
 *
 * Knowing the passphrase is the credential: while sealed no token can be judged. So attempts are one at a time, and after
 * failures they must wait: 1 s, doubling to 60 s; the network and the local socket each for itself, so that nobody on
 * the network can keep an operator on the machine away. All locked.
 */
#ifndef HF_CORE_UNSEALING_H
#define HF_CORE_UNSEALING_H

#include "core/core.h"
#include "crypto/crypto.h"

#define UNSEALING_FINGERPRINT_BYTES 32

struct unsealing {
    char kind[33]; /* of the seal, as the configuration names it now; empty: not told */
    bool opens_alone;
    bool by_hand; /* sealed by an administrator: nothing but an operator opens it again */

    hf_hpke_key *key; /* NULL: none is needed now */
    uint8_t public[HF_HPKE_PUBLIC_BYTES], fingerprint[UNSEALING_FINGERPRINT_BYTES];

    /* One attempt. */
    bool under_way;
    request_queue waiting;  /* its request, at most one; answered at the end or at its deadline */
    hf_secret *passphrase;  /* until holdfast-unseal has it */
    bool local;             /* by the local socket */
    uint8_t address[16];    /* whose, for the audit */
    char request_id[65];

    struct unsealing_door {
        uint32_t failures; /* in a row */
        hf_mono next;      /* not before */
    } doors[2];            /* network, local socket */

    char opened[33];  /* the kind that opened it last in this process */
};

hf_err unsealing_new(unsealing **ret) HF_MUST_USE;
/* What the configuration names changed, or is told for the first time. */
void unsealing_kind(core *c, hf_view kind, bool opens_alone);
/* The store is there and core is sealed: asks for the root key, or makes the key that a passphrase can be sent to. */
void unsealing_begin(core *c);
/* holdfast-unseal is there, or has gone. */
void unsealing_peer(core *c, peer *p);
void unsealing_peer_gone(core *c);
/* The attempt, if there is one, ended; why is for the operator. e HF_OK: the HSM is open. */
void unsealing_end(core *c, hf_err e, const char *why);
/* Gives up what waited too long. */
void unsealing_expire(core *c, hf_mono now);

/* ---- kept.c: our own events while there is no chain to write them to; the audit gets them when it opens ---- */

hf_err kept_new(kept_events **ret) HF_MUST_USE;
/* Copies; beyond 256 only their number is kept. */
void kept_add(core *c, const struct hf_audit_record *rec);
void kept_write(core *c);

#endif
