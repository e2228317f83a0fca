/* The uids that Holdfast's processes get where the installation made no users for them; supervisor/uids.h says more. */
#ifndef HF_SYS_UIDS_H
#define HF_SYS_UIDS_H

#include <stdbool.h>
#include <sys/types.h>

#define HF_TRANSIENT_UID_BASE 2111000000u
#define HF_TRANSIENT_UIDS 256 /* of the whole range */

static inline bool hf_uid_transient(uid_t uid)
{
    return uid >= HF_TRANSIENT_UID_BASE && uid < HF_TRANSIENT_UID_BASE + HF_TRANSIENT_UIDS;
}

#endif
