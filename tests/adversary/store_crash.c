/*
 * The whole store process on the file layer that loses what was not synced: at the chosen operation the power goes. The image
 * that a disk could show is left in the folder and the process is gone, without a word to anybody.
 *
 * The folder's file `crash` says how: "<operation> <loss> <seed>"; what stood at the cut goes to the file `cut`. Without its filter, because
 * the image is written with calls that the store must not have.
 */
#include "../crash/vfs_crash.h"
#include "sys/sandbox.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FOLDER_FD 4
#define EXIT_CUT 99

static unsigned long long at, loss, seed;

hf_err __wrap_hf_sandbox_enter(const hf_sandbox *box, bool strict, hf_protections *report);

hf_err __wrap_hf_sandbox_enter(const hf_sandbox *box, bool strict, hf_protections *report)
{
    (void)box;
    (void)strict;
    (void)report;
    return HF_OK;
}

static void power_is_gone(void)
{
    crash_vfs_settle((crash_loss)loss, seed);
    FILE *f = fopen("cut", "w");
    if (f != NULL)
        fprintf(f, "%s", crash_vfs_where());
    if (f != NULL)
        fclose(f);
    _exit(EXIT_CUT);
}

__attribute__((constructor)) static void prepare(void)
{
    char text[64] = "";
    int fd = openat(FOLDER_FD, "crash", O_RDONLY | O_CLOEXEC);

    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || sscanf(text, "%llu %llu %llu", &at, &loss, &seed) != 3)
        abort();
    close(fd);
    crash_vfs_register();
    if (sqlite3_vfs_register(sqlite3_vfs_find(CRASH_VFS), 1) != SQLITE_OK)
        abort();
    crash_vfs_on_cut(power_is_gone);
    crash_vfs_arm(at > 0 ? CRASH_POWER_CUT : CRASH_NONE, at);
}
