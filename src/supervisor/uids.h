/* Which uid and gid each process runs as. */
#ifndef HF_SUPERVISOR_UIDS_H
#define HF_SUPERVISOR_UIDS_H

#include "proto/codec.h"
#include "sys/uids.h"

#include <sys/types.h>

/*
 * Started as root, each process gets a uid of its own: that of the user holdfast-NAME where the installation made these
 * users (sysusers.d), else HF_TRANSIENT_UID_BASE + role. The transient range lies above every range that
 * distributions, containers and systemd hand out (UIDS-GIDS of systemd ends its own at 2 147 352 576 for
 * foreign use and gives container ranges up to 1 879 048 191), and below 2^31, so that it meets nobody else's files.
 * As an ordinary user all processes share its uid: the kernel allows no more, and `capabilities` says so.
 */

struct process_ids {
    uid_t uid;
    gid_t gid;
};

/* Reads /etc/passwd itself: name service modules would bring foreign code and sockets into this process. */
struct process_ids process_ids_of(hf_peer_role role);

/* "core" of HF_PEER_CORE and so on; static. */
const char *process_name(hf_peer_role role);

#endif
