/* Trying protections on a page that was made for it. Nothing here looks at a version number. */
#include "harden/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of the oldest system we build on. */
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static const char remedy_limit[] = "raise RLIMIT_MEMLOCK; hf_lock_plan_make says how, and by how much";

const char *hf_refusal_why(int error)
{
    switch (error) {
    case EPERM:
    case EACCES:
        return "a seccomp filter, a security module or missing privileges refuse the call";
    case ENOSYS:
    case EINVAL:
    case EOPNOTSUPP:
        return "this kernel does not have it";
    case EAGAIN:
    case ENOMEM:
        return "RLIMIT_MEMLOCK, or the memory of the machine, leaves no room for one page";
    default:
        return "the kernel refuses it";
    }
}

const char *hf_refusal_remedy(int error)
{
    switch (error) {
    case EPERM:
    case EACCES:
        return "allow the call in the container's or service's filter";
    case EAGAIN:
    case ENOMEM:
        return remedy_limit;
    default:
        return "a newer kernel, or one built with it";
    }
}

/* ---- scratch pages ---- */

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void *hf_scratch_new(void)
{
    void *p = mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

void hf_scratch_free(void *page)
{
    int kept = errno;

    if (page != NULL)
        (void)munmap(page, page_bytes());
    errno = kept;
}

bool hf_scratch_locked(void *page)
{
    return madvise(page, page_bytes(), MADV_DONTNEED) != 0 && errno == EINVAL;
}

/* ---- on a page ---- */

/* 0, or the errno of the refusal. */
static int advise(int advice)
{
    void *page = hf_scratch_new();
    int error = page != NULL && madvise(page, page_bytes(), advice) == 0 ? 0 : errno;

    hf_scratch_free(page);
    return error;
}

/* The kernel reads the page for us, so that a guard shows as EFAULT and kills nobody. */
static bool readable(const void *page)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) != 0)
        return true;
    bool read = write(fds[1], page, 1) == 1;
    close(fds[0]);
    close(fds[1]);
    return read;
}

hf_capability hf_probe_guard_pages(void)
{
    void *page = hf_scratch_new();
    bool marked = page != NULL && madvise(page, page_bytes(), MADV_GUARD_INSTALL) == 0 && !readable(page);
    bool closed = !marked && page != NULL && mprotect(page, page_bytes(), PROT_NONE) == 0 && !readable(page);
    int error = errno;

    hf_scratch_free(page);
    if (marked)
        return hf_capability_active();
    if (closed)
        return hf_capability_degraded(
            "guards are protected pages, two maps for each buffer",
            "Linux 6.13 has MADV_GUARD_INSTALL; a larger vm.max_map_count allows more buffers");
    return hf_capability_refused(error);
}

hf_capability hf_probe_wipe_on_fork(void)
{
    int error = advise(MADV_WIPEONFORK);

    if (error == 0)
        return hf_capability_active();
    if (advise(MADV_DONTFORK) == 0)
        return hf_capability_degraded("pages can only be kept from a child, which dies when it touches them",
                                      hf_refusal_remedy(error));
    return hf_capability_refused(error);
}

hf_capability hf_probe_no_dump(void)
{
    int error = advise(MADV_DONTDUMP);

    return error == 0 ? hf_capability_active() : hf_capability_refused(error);
}

hf_capability hf_probe_mlock(void)
{
    void *page = hf_scratch_new();
    int error = page != NULL && mlock2(page, page_bytes(), MLOCK_ONFAULT) == 0 ? 0 : errno;
    bool locked = error == 0 && hf_scratch_locked(page);

    hf_scratch_free(page);
    return locked ? hf_capability_active() : hf_capability_refused(error == EPERM ? ENOMEM : error);
}

/* Its page is written to by the kernel, which answers where a machine cannot give one; we would die of SIGBUS. */
static int secret_page_try(int fd)
{
    if (ftruncate(fd, (off_t)page_bytes()) != 0)
        return errno;
    void *page = mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return errno;
    int error = syscall(SYS_getrandom, page, 1, 0) == 1 ? 0 : errno;
    (void)munmap(page, page_bytes());
    return error;
}

hf_capability hf_probe_memfd_secret(void)
{
    int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);

    if (fd < 0 && errno == ENOSYS)
        return hf_capability_absent("this kernel does not have it, or it is not enabled",
                                    "boot with secretmem.enable=1");
    if (fd < 0)
        return hf_capability_refused(errno);
    int error = secret_page_try(fd);
    close(fd);
    return error == 0 ? hf_capability_active() : hf_capability_refused(error);
}

/* ---- without a page ---- */

static void *seal_page;

static void seal_page_make(void)
{
    void *p = mmap(NULL, page_bytes(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    seal_page = p == MAP_FAILED ? NULL : p;
}

/* A sealed page stays for good, so that there is one for all calls. */
hf_capability hf_probe_mseal(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, seal_page_make);
    if (seal_page == NULL)
        return hf_capability_refused(ENOMEM);
    if (syscall(SYS_mseal, seal_page, page_bytes(), 0UL) != 0)
        return hf_capability_refused(errno);
    if (mprotect(seal_page, page_bytes(), PROT_READ) != 0 && errno == EPERM)
        return hf_capability_active();
    return hf_capability_absent("a sealed mapping could be changed all the same", "");
}

hf_capability hf_probe_protection_keys(void)
{
    int key = pkey_alloc(0, PKEY_DISABLE_ACCESS);

    if (key >= 0) {
        (void)pkey_free(key);
        return hf_capability_active();
    }
    if (errno != ENOSPC && errno != EINVAL)
        return hf_capability_refused(errno);
    return hf_capability_absent("the processor or the kernel has no protection keys, or all are taken", "");
}

hf_capability hf_probe_secure_random(void)
{
    uint8_t byte;

    if (getrandom(&byte, 1, GRND_NONBLOCK) == 1)
        return hf_capability_active();
    if (errno == EAGAIN)
        return hf_capability_degraded("the generator of the kernel is not initialised yet",
                                      "wait for it, as getrandom does");
    return hf_capability_refused(errno);
}
