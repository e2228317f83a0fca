/*
 * Holds locked memory for others to look at (see_locks.py): says where, waits for a line, and ends.
 *
 *   windows-holder pool | buffer      prints "ADDRESS BYTES" of each locked range, and where the secret may not be touched
 *   windows-holder refused BYTES      tries to lock that much, and prints what the library says
 */
#include "mem/region.h"
#include <holdfast/mem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int say(const char *what, const void *at, size_t bytes)
{
    printf("%s %llx %llu\n", what, (unsigned long long)(uintptr_t)at, (unsigned long long)bytes);
    return fflush(stdout);
}

static int wait_for_line(void)
{
    char line[16];
    return fgets(line, sizeof(line), stdin) != NULL ? 0 : 1;
}

static int hold_pool(void)
{
    const char *why = NULL;
    hf_pool *pool = NULL;
    void *block = NULL;
    const hf_pool_spec spec = { .max_bytes = 1 << 20, .first_bytes = 1 << 20, .weakest = HF_BACKING_MLOCK };
    if (hf_pool_new(&spec, &pool, &why) != HF_OK || hf_pool_alloc(pool, 64, &block) != HF_OK)
        return 1;
    memset(block, 's', 64);
    (void)say("locked", (const void *)((uintptr_t)block / 4096 * 4096), 4096);
    (void)wait_for_line();
    hf_pool_free(pool, block);
    if (hf_pool_destroy(pool) != HF_OK)
        return 1;
    (void)say("gone", block, 4096);
    return wait_for_line();
}

static int hold_region(void)
{
    const char *why = NULL;
    hf_region r;
    const hf_region_spec spec = {
        .reserve = 12 * 4096, .first = 6 * 4096, .stride_pages = 3, .weakest = HF_BACKING_MLOCK, .protects = true
    };
    if (hf_region_new(&spec, &r, &why) != HF_OK)
        return 1;
    memset(r.base, 's', 4096);
    if (hf_region_protect(&r, 0, 8192, HF_ACCESS_NONE) != HF_OK)
        return 1;
    (void)say("closed", r.base, 8192);
    (void)say("locked", r.twin, 8192);
    return wait_for_line();
}

static int refused(size_t bytes)
{
    const char *why = NULL;
    hf_pool *pool = NULL;
    const hf_pool_spec spec = { .max_bytes = bytes, .first_bytes = 4096, .weakest = HF_BACKING_MLOCK };
    hf_err e = hf_pool_new(&spec, &pool, &why);
    printf("new %s\n", hf_err_name(e));
    if (e != HF_OK)
        return 0;
    size_t n = 0;
    for (void *block = NULL; (e = hf_pool_alloc(pool, 65536 - 16, &block)) == HF_OK; n += 65536)
        memset(block, 's', 65536 - 16);
    hf_pool_status now;
    hf_pool_status_get(pool, &now);
    printf("alloc %s after %llu of %llu locked: %s\n", hf_err_name(e), (unsigned long long)n,
           (unsigned long long)now.locked_bytes, now.why);
    const hf_buffer_spec large = { .bytes = 8 << 20, .weakest = HF_BACKING_MLOCK };
    hf_buffer *buffer = NULL;
    e = hf_buffer_new(&large, &buffer, &why);
    printf("buffer %s: %s\n", hf_err_name(e), why);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "refused") == 0)
        return refused(strtoull(argv[2], NULL, 10));
    return argc > 1 && strcmp(argv[1], "pool") == 0 ? hold_pool() : hold_region();
}
