/* Landlock by raw system calls: no file outside the given folders, no TCP, no signals to other processes. */
#include "sys/internal.h"
#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Own names: the headers of the oldest supported system know only the first version. */
typedef struct ruleset_attr {
    uint64_t handled_fs;
    uint64_t handled_net; /* version 4 */
    uint64_t scoped;      /* version 6 */
} ruleset_attr;

typedef struct path_attr {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed)) path_attr;

#define CREATE_VERSION 1u
#define RULE_PATH_BENEATH 1
#define FS_EXECUTE (UINT64_C(1) << 0)
#define NET_ALL UINT64_C(3)   /* bind and connect of TCP */
#define SCOPE_ALL UINT64_C(3) /* abstract Unix sockets and signals */

/* File rights that a version knows: version 1 has 13, REFER came with 2, TRUNCATE with 3, IOCTL_DEV with 5. */
static uint64_t fs_rights(int version)
{
    unsigned bits = version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13;
    return (UINT64_C(1) << bits) - 1;
}

static int create_ruleset(int version, bool keep_network)
{
    ruleset_attr attr = { .handled_fs = fs_rights(version) };
    size_t size = sizeof attr.handled_fs;
    if (version >= 4) {
        attr.handled_net = keep_network ? 0 : NET_ALL;
        size += sizeof attr.handled_net;
    }
    if (version >= 6) {
        attr.scoped = SCOPE_ALL;
        size += sizeof attr.scoped;
    }
    return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0u);
}

static bool add_dirs(int ruleset, int version, const int *dirs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        path_attr attr = { .allowed = fs_rights(version) & ~FS_EXECUTE, .parent_fd = dirs[i] };
        if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &attr, 0u) != 0)
            return false;
    }
    return true;
}

int hf_landlock_enter(const int *dirs, size_t n, bool keep_network)
{
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_VERSION);
    if (version <= 0)
        return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -1;
    int ruleset = create_ruleset(version, keep_network);
    if (ruleset < 0)
        return -1;
    bool ok = add_dirs(ruleset, version, dirs, n) && syscall(SYS_landlock_restrict_self, ruleset, 0u) == 0;
    int saved = errno;
    (void)close(ruleset);
    errno = saved;
    return ok ? version : -1;
}
