#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of the oldest system we build on. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#define PR_MDWE_REFUSE_EXEC_GAIN 1UL
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif

#define LINE_CAP 128

/* The kernel wants the arguments that an option does not use to be zero, and some options check it. */
static int control(int option, unsigned long value)
{
    return prctl(option, value, 0UL, 0UL, 0UL);
}

/* ---- limits ---- */

static bool limit_get(int resource, struct rlimit *ret)
{
    return getrlimit((__rlimit_resource_t)resource, ret) == 0;
}

/* What counts is what holds in the end: an earlier call, or whoever started us, may have done it. */
static bool limit_set(int resource, rlim_t soft, rlim_t hard)
{
    const struct rlimit wanted = { soft, hard };
    struct rlimit now = { RLIM_INFINITY, RLIM_INFINITY };
    int refused = setrlimit((__rlimit_resource_t)resource, &wanted) == 0 ? EPERM : errno;

    if (limit_get(resource, &now) && now.rlim_cur == soft && now.rlim_max == hard)
        return true;
    errno = refused;
    return false;
}

bool hf_process_limit(int resource, rlim_t value)
{
    struct rlimit now;

    if (!limit_get(resource, &now))
        return false;
    rlim_t lower = value < now.rlim_max ? value : now.rlim_max;
    return limit_set(resource, lower, lower);
}

bool hf_process_limit_raise(int resource)
{
    struct rlimit now;

    return limit_get(resource, &now) && limit_set(resource, now.rlim_max, now.rlim_max);
}

/* ---- settings ---- */

/* Sets, then asks: what was in force before, or is by whoever started us, counts. */
static bool settle(int set, unsigned long value, int get, int wanted)
{
    int refused = control(set, value) == 0 ? EPERM : errno;

    if (control(get, 0) == wanted)
        return true;
    errno = refused;
    return false;
}

bool hf_process_no_core(void)
{
    return hf_process_limit(RLIMIT_CORE, 0);
}

bool hf_process_not_dumpable(void)
{
    return settle(PR_SET_DUMPABLE, 0, PR_GET_DUMPABLE, 0);
}

bool hf_process_no_new_privs(void)
{
    return settle(PR_SET_NO_NEW_PRIVS, 1, PR_GET_NO_NEW_PRIVS, 1);
}

bool hf_process_no_new_code(void)
{
    int refused = control(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN) == 0 ? EPERM : errno;
    hf_process_state now;

    hf_process_state_get(&now); /* bits beside ours may be set */
    errno = refused;
    return now.no_new_code;
}

bool hf_process_no_ptracer(void)
{
    return control(PR_SET_PTRACER, 0) == 0;
}

bool hf_process_no_merging(void)
{
    /* A kernel without the option merges only what the process itself marks with madvise. */
    return settle(PR_SET_MEMORY_MERGE, 0, PR_GET_MEMORY_MERGE, 0) || errno == EINVAL;
}

bool hf_process_no_huge_pages(void)
{
    return settle(PR_SET_THP_DISABLE, 1, PR_GET_THP_DISABLE, 1);
}

hf_err hf_process_close_up(void)
{
    bool closed = hf_process_no_core();

    closed = hf_process_not_dumpable() && closed;
    closed = hf_process_no_new_privs() && closed;
    (void)hf_process_no_ptracer();
    return closed ? HF_OK : HF_ERR_SYSTEM;
}

/* ---- what is in force ---- */

void hf_process_state_get(hf_process_state *ret)
{
    struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };

    (void)limit_get(RLIMIT_CORE, &core);
    int dumpable = control(PR_GET_DUMPABLE, 0);
    int code = control(PR_GET_MDWE, 0);
    *ret = (hf_process_state) {
        .core_soft_zero = core.rlim_cur == 0,
        .core_hard_zero = core.rlim_max == 0,
        .dumpable = dumpable < 0 ? 1 : dumpable,
        .no_new_privs = control(PR_GET_NO_NEW_PRIVS, 0) == 1,
        .no_new_code = code > 0 && ((unsigned long)code & PR_MDWE_REFUSE_EXEC_GAIN) != 0,
        .merging = control(PR_GET_MEMORY_MERGE, 0) == 1,
    };
}

/* ---- capabilities ---- */

static bool capabilities_get(struct __user_cap_data_struct data[static 2])
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };

    return syscall(SYS_capget, &head, data) == 0;
}

uint64_t hf_process_capabilities(void)
{
    struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };

    return capabilities_get(data) ? (uint64_t)data[1].effective << 32 | data[0].effective : 0;
}

bool hf_process_keep_capabilities(uint64_t kept)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };

    for (unsigned long cap = 0; cap < 64 && control(PR_CAPBSET_READ, cap) >= 0; cap++)
        if ((kept >> cap & 1) == 0 && control(PR_CAPBSET_DROP, cap) != 0)
            return false;
    if (!capabilities_get(data))
        return false;
    for (int i = 0; i < 2; i++) {
        uint32_t mask = (uint32_t)(kept >> (32 * i));
        data[i].permitted &= mask;
        data[i].effective &= mask;
        data[i].inheritable = 0;
    }
    return syscall(SYS_capset, &head, data) == 0;
}

/* ---- what the kernel tells as text ---- */

hf_err hf_process_text(const char *path, char *dst, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t len = 0;
    ssize_t n = 0;

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? HF_ERR_NOT_FOUND : HF_ERR_SYSTEM;
    do {
        n = read(fd, dst + len, cap - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    } while ((n > 0 && len < cap - 1) || (n < 0 && errno == EINTR));
    int failed = n < 0 ? errno : 0;
    close(fd);
    errno = failed;
    HF_CHECK(failed == 0, HF_ERR_SYSTEM);
    dst[len] = '\0';
    return HF_OK;
}

/* Digits after blanks. */
static hf_err number_read(const char *text, uint64_t *ret)
{
    uint64_t v = 0;

    text += strspn(text, " \t");
    HF_CHECK(*text >= '0' && *text <= '9', HF_ERR_SYSTEM);
    for (; *text >= '0' && *text <= '9'; text++)
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) || __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
            return HF_ERR_SYSTEM;
    *ret = v;
    return HF_OK;
}

/*
 * One line at a time, cut to cap - 1 bytes: that of the groups can be as long as a book. HF_ERR_NOT_FOUND at the end.
 */
static hf_err line_next(FILE *f, char *dst, size_t cap)
{
    size_t len = 0;
    int c;

    while ((c = getc_unlocked(f)) != EOF && c != '\n')
        if (len < cap - 1)
            dst[len++] = (char)c;
    dst[len] = '\0';
    return c == EOF && len == 0 ? HF_ERR_NOT_FOUND : HF_OK;
}

hf_err hf_process_status(const char *name, uint64_t *ret)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[LINE_CAP];
    size_t len = strlen(name);
    hf_err e;

    HF_CHECK(f != NULL, HF_ERR_SYSTEM);
    while ((e = line_next(f, line, sizeof(line))) == HF_OK)
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            e = number_read(line + len + 1, ret);
            break;
        }
    fclose(f);
    return e;
}
