/* Which maps are locked: /proc/self/smaps, the flags of each. */
#include "harden/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS "VmFlags:"

/* Of these mlock leaves out every map: devices, pages without structure, maps that cannot grow, huge pages. */
static const char *const never[] = { "io", "pf", "mm", "de", "ht" };

static bool has_flag(const char *flags, const char *name)
{
    for (const char *p = strchr(flags, ' '); p != NULL; p = strchr(p + 1, ' '))
        if (strncmp(p + 1, name, 2) == 0)
            return true;
    return false;
}

static bool must_be_locked(const char *flags)
{
    for (size_t i = 0; i < HF_COUNT(never); i++)
        if (has_flag(flags, never[i]))
            return false;
    return has_flag(flags, "rd") || has_flag(flags, "wr");
}

static hf_err judge(FILE *f, bool *ret)
{
    char *line = NULL;
    size_t cap = 0, told = 0;
    bool whole = true;

    while (getline(&line, &cap, f) > 0) {
        if (strncmp(line, FLAGS, strlen(FLAGS)) != 0)
            continue;
        told++;
        whole = whole && (has_flag(line, "lo") || !must_be_locked(line));
    }
    free(line);
    HF_CHECK(!ferror(f) && told != 0, HF_ERR_SYSTEM);
    *ret = whole;
    return HF_OK;
}

hf_err hf_maps_locked(bool *ret)
{
    FILE *f = fopen("/proc/self/smaps", "re");

    HF_CHECK(f != NULL, HF_ERR_SYSTEM);
    hf_err e = judge(f, ret);
    (void)fclose(f);
    return e;
}
