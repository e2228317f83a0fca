/* Wiping on the way out: at exit(), and before a signal kills the process. */
#include "mem/registry.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_ROOM ((size_t)16384) /* beyond what the kernel saves */

/* All that end a process unless it says otherwise, but for SIGKILL and the real-time signals. */
static const int fatal[] = { SIGHUP,    SIGINT,  SIGQUIT, SIGILL,  SIGTRAP, SIGABRT,  SIGBUS,  SIGFPE,
                             SIGUSR1,   SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM,  SIGXCPU, SIGXFSZ,
                             SIGVTALRM, SIGPROF, SIGIO,   SIGPWR,  SIGSYS,  SIGSTKFLT };

/* Process and thread that are being wiped. By id, because a child of vfork shares these but not what is wiped. */
static _Atomic pid_t dying;
static _Atomic pid_t dying_thread;

/*
 * What ends the first process of a PID namespace too: the kernel's own report of what this thread just did, and
 * abort().
 */
static bool is_fault(int number, const siginfo_t *info)
{
    if (number == SIGABRT)
        return info->si_code <= 0 && info->si_pid == getpid();
    return info->si_code > 0 && (number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
                                 number == SIGTRAP || number == SIGSYS);
}

/*
 * So that the signal is pending again with all that came with it, and takes its default action as soon as it is not
 * blocked.
 */
static void raise_again(int number, siginfo_t *info)
{
    struct sigaction by_default = { .sa_handler = SIG_DFL };
    (void)sigaction(number, &by_default, NULL);
    pid_t process = getpid(), thread = (pid_t)syscall(SYS_gettid);
    if (process == 1)
        _exit(128 + number); /* no default action kills the first process of a container: this is what shells call it */
    if (syscall(SYS_rt_tgsigqueueinfo, process, thread, number, info) != 0)
        (void)syscall(SYS_tgkill, process, thread, number);
}

/*
 * Every signal is blocked in here, so a fault while wiping ends the process at once. The signal that is raised again
 * strikes when this returns, before another instruction of the program: a core file shows the program where it was, and
 * wiped.
 */
static void wipe_and_die(int number, siginfo_t *info, void *context)
{
    (void)context;
    int saved = errno;
    pid_t process = getpid(), thread = (pid_t)syscall(SYS_gettid);
    if (process == 1 && !is_fault(number, info))
        return; /* as without this handler */
    bool first = atomic_exchange(&dying, process) != process;
    if (!first && atomic_load(&dying_thread) != thread)
        for (;;) /* another thread was faster, and ends the process when all is wiped */
            (void)pause();
    atomic_store(&dying_thread, thread);
    if (first)
        hf_wipe_all();
    raise_again(number, info); /* of two signals that came together, the kernel may give us the second now */
    errno = saved;
}

static hf_err serve(int number)
{
    struct sigaction now, ours = { .sa_sigaction = wipe_and_die, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    (void)sigfillset(&ours.sa_mask);
    HF_CHECK(sigaction(number, NULL, &now) == 0, HF_ERR_SYSTEM);
    if ((now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL)
        return HF_OK;
    HF_CHECK(sigaction(number, &ours, NULL) == 0, HF_ERR_SYSTEM);
    return HF_OK;
}

/* ---- a stack for the handler, one for each thread that asks ---- */

static pthread_key_t stack_key;
static pthread_once_t stack_once = PTHREAD_ONCE_INIT;
static bool have_key;

static size_t stack_bytes(void)
{
    long page = sysconf(_SC_PAGESIZE), needed = sysconf(_SC_MINSIGSTKSZ);
    size_t bytes = STACK_ROOM + (size_t)(needed > 0 ? needed : MINSIGSTKSZ);
    return (bytes + (size_t)page - 1) / (size_t)page * (size_t)page;
}

static void stack_end(void *low)
{
    stack_t now;
    if (sigaltstack(NULL, &now) == 0 && now.ss_sp == low) {
        now.ss_flags = SS_DISABLE;
        (void)sigaltstack(&now, NULL);
    }
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    (void)munmap((uint8_t *)low - guard, stack_bytes() + guard);
}

static void make_stack_key(void)
{
    have_key = pthread_key_create(&stack_key, stack_end) == 0;
}

/* Unless the thread has one already: then that is kept. */
static hf_err stack_have(void)
{
    stack_t now;
    HF_CHECK(sigaltstack(NULL, &now) == 0, HF_ERR_SYSTEM);
    if ((now.ss_flags & SS_DISABLE) == 0)
        return HF_OK;
    (void)pthread_once(&stack_once, make_stack_key);
    size_t guard = (size_t)sysconf(_SC_PAGESIZE), bytes = stack_bytes();
    uint8_t *p = mmap(NULL, guard + bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    HF_CHECK(p != MAP_FAILED, HF_ERR_SYSTEM);
    const stack_t ours = { .ss_sp = p + guard, .ss_size = bytes };
    bool ok = have_key && mprotect(p + guard, bytes, PROT_READ | PROT_WRITE) == 0 &&
              pthread_setspecific(stack_key, p + guard) == 0 && sigaltstack(&ours, NULL) == 0;
    if (!ok) {
        (void)pthread_setspecific(stack_key, NULL);
        (void)munmap(p, guard + bytes);
        return HF_ERR_SYSTEM;
    }
    return HF_OK;
}

static int exit_refused; /* what atexit said */

static void serve_exit(void)
{
    exit_refused = atexit(hf_wipe_all);
}

hf_err hf_wipe_on_exit(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, serve_exit);
    HF_CHECK(exit_refused == 0, HF_ERR_SYSTEM);
    HF_TRY(stack_have());
    hf_err e = HF_OK;
    /* Without a lock, which a child could inherit held: two threads at once set the same handler. */
    for (size_t i = 0; i < HF_COUNT(fatal) && e == HF_OK; i++)
        e = serve(fatal[i]);
    return e;
}
