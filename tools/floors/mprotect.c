/*
 * Two mprotect calls on a locked page, and a read between them: the floor of memory that cannot be read while nobody needs it.
 * The page has a map of its own between pages without rights, so the kernel neither splits nor joins maps.
 *
 *   pair   memfd_secret=1 write=0      open for reading (or writing), touch, close; ns a pair
 */
#include "floor.h"

static void pair(void *state, uint64_t n)
{
    uint8_t *page = state;
    int rights = floor_setting("write", 0) != 0 ? PROT_READ | PROT_WRITE : PROT_READ;
    for (uint64_t i = 0; i < n; i++) {
        if (mprotect(page, FLOOR_PAGE, rights) != 0)
            floor_fail("mprotect");
        if (rights == PROT_READ)
            (void)*(volatile uint8_t *)page;
        else
            *(volatile uint8_t *)page = 1;
        if (mprotect(page, FLOOR_PAGE, PROT_NONE) != 0)
            floor_fail("mprotect");
    }
}

static uint8_t *locked_page(void)
{
    uint8_t *all = mmap(NULL, 3 * FLOOR_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        floor_fail("mmap");
    uint8_t *page = all + FLOOR_PAGE;
    void *got = MAP_FAILED;
    if (floor_setting("memfd_secret", 1) != 0) {
        int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
        if (fd < 0 || ftruncate(fd, (off_t)FLOOR_PAGE) != 0)
            floor_fail("memfd_secret");
        got = mmap(page, FLOOR_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
        close(fd);
    } else if (mprotect(page, FLOOR_PAGE, PROT_READ | PROT_WRITE) == 0 && mlock(page, FLOOR_PAGE) == 0) {
        got = page;
    }
    if (got != page)
        floor_fail("a locked page");
    *(volatile uint8_t *)page = 1;
    return page;
}

int main(int argc, char **argv)
{
    const char *mode = floor_start(argc, argv);
    if (strcmp(mode, "pair") != 0)
        return 2;
    floor_print_timing("two mprotect calls", mode, floor_measure(pair, locked_page()));
    return 0;
}
