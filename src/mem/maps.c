/* Maps: their limit, and a reserve of some. */
#include "mem/maps.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define USUAL_LIMIT 65530
#define PAIRS 16

uint32_t hf_maps_limit(void)
{
    char text[32] = "";
    int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return USUAL_LIMIT;
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    unsigned long limit = n > 0 ? strtoul(text, NULL, 10) : 0;
    return limit > 0 && limit < UINT32_MAX ? (uint32_t)limit : USUAL_LIMIT;
}

/* Pages of which every second one has other rights: never touched, they cost nothing but their maps. */
static _Atomic(uint8_t *) reserve;

static size_t reserve_bytes(void)
{
    return 2 * PAIRS * (size_t)sysconf(_SC_PAGESIZE);
}

void hf_maps_reserve(void)
{
    if (atomic_load(&reserve) != NULL)
        return;
    size_t bytes = reserve_bytes(), page = bytes / (2 * PAIRS);
    uint8_t *p = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return;
    bool ok = true;
    for (size_t i = 0; i < PAIRS && ok; i++)
        ok = mprotect(p + 2 * i * page, page, PROT_READ) == 0;
    uint8_t *none = NULL;
    if (!ok || !atomic_compare_exchange_strong(&reserve, &none, p))
        (void)munmap(p, bytes);
}

bool hf_maps_spend(void)
{
    uint8_t *p = atomic_exchange(&reserve, NULL);
    if (p == NULL)
        return false;
    (void)munmap(p, reserve_bytes());
    return true;
}
