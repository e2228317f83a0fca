/* What the supervisor gives up itself. */
#ifndef HF_SUPERVISOR_HARDEN_H
#define HF_SUPERVISOR_HARDEN_H

#include "sys/sandbox.h"

/*
 * No core dumps, not dumpable, no new privileges, umask 077; as root only the capabilities that starting and stopping
 * children takes. It cannot drop its uid: the children's uids, network namespaces and locked memory come from it.
 *
 *   CHOWN, FOWNER           hand DIR/store to the store's uid
 *   DAC_OVERRIDE            reach a data folder that an ordinary user made
 *   SETUID, SETGID, SETPCAP children change to their own uid and drop everything
 *   KILL                    stop children of other uids
 *   SYS_ADMIN               children make their empty network namespace
 *   IPC_LOCK, SYS_RESOURCE  core locks its memory
 *   NET_BIND_SERVICE        ports below 1024
 */
hf_err supervisor_harden(hf_protections *report) HF_MUST_USE;

#endif
