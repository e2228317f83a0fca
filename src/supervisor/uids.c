#include "supervisor/uids.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *process_name(hf_peer_role role)
{
    switch (role) {
    case HF_PEER_SUPERVISOR:
        return "supervisor";
    case HF_PEER_CORE:
        return "core";
    case HF_PEER_GATEWAY:
        return "gateway";
    case HF_PEER_STORE:
        return "store";
    case HF_PEER_VERIFIER:
        return "verifier";
    case HF_PEER_UNSEAL:
        return "unseal";
    case HF_PEER_CONFIG:
        return "config";
    }
    return "unknown";
}

/* False when no such user is installed. A user with uid 0 is no user of its own. */
static bool passwd_find(const char *user, struct process_ids *ret)
{
    FILE *f = fopen("/etc/passwd", "re");
    struct passwd *p;
    bool found = false;

    if (f == NULL)
        return false;
    while (!found && (p = fgetpwent(f)) != NULL) {
        found = strcmp(p->pw_name, user) == 0 && p->pw_uid != 0 && p->pw_gid != 0;
        if (found)
            *ret = (struct process_ids) { p->pw_uid, p->pw_gid };
    }
    fclose(f);
    return found;
}

struct process_ids process_ids_of(hf_peer_role role)
{
    struct process_ids ids = { getuid(), getgid() };
    char user[32];

    if (geteuid() != 0)
        return ids;
    snprintf(user, sizeof(user), "holdfast-%s", process_name(role));
    if (!passwd_find(user, &ids))
        ids = (struct process_ids) { HF_TRANSIENT_UID_BASE + (uid_t)role, HF_TRANSIENT_UID_BASE + (gid_t)role };
    return ids;
}
