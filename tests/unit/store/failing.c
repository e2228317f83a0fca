#include "failing.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
static bool set_result(pid_t target, long value)
{
    struct user_regs_struct regs;
    struct iovec iov = { .iov_base = &regs, .iov_len = sizeof(regs) };

    if (ptrace(PTRACE_GETREGSET, target, (void *)NT_PRSTATUS, &iov) != 0)
        return false;
    regs.rax = (unsigned long long)value;
    return ptrace(PTRACE_SETREGSET, target, (void *)NT_PRSTATUS, &iov) == 0;
}
#else
static bool set_result(pid_t target, long value)
{
    (void)target;
    (void)value;
    return false;
}
#endif

typedef struct plan {
    long nr;
    unsigned first, times;
    int error;
    unsigned seen, failed;
    bool inside; /* between entry and exit of the wanted call */
} plan;

static void at_call(pid_t target, plan *p)
{
    struct __ptrace_syscall_info info;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, target, (void *)sizeof(info), &info) <= 0)
        return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        p->inside = (long)info.entry.nr == p->nr;
        return;
    }
    bool wanted = p->inside && info.op == PTRACE_SYSCALL_INFO_EXIT;
    p->inside = false;
    if (!wanted || ++p->seen < p->first || (p->times != 0 && p->failed >= p->times))
        return;
    p->failed++;
    if (!set_result(target, -p->error))
        kill(target, SIGKILL);
}

/* Ends with the target. */
static void trace(pid_t target, plan *p)
{
    int status;

    while (waitpid(target, &status, __WALL) == target && WIFSTOPPED(status)) {
        int signal_number = WSTOPSIG(status);
        if (signal_number == (SIGTRAP | 0x80)) {
            at_call(target, p);
            signal_number = 0;
        } else if (status >> 16 != 0) {
            signal_number = 0; /* a stop of ptrace's own */
        }
        ptrace(PTRACE_SYSCALL, target, NULL, (void *)(long)signal_number);
    }
}

static bool known_machine(void)
{
#if defined(__x86_64__)
    return true;
#else
    return false;
#endif
}

bool failing_calls(pid_t target, long nr, unsigned first, unsigned times, int error, pid_t *ret_tracer)
{
    plan p = { .nr = nr, .first = first, .times = times, .error = error };
    int ready[2];
    char yes = 0;

    if (!known_machine() || pipe(ready) != 0)
        return false;
    pid_t tracer = fork();
    if (tracer == 0) {
        if (ptrace(PTRACE_SEIZE, target, NULL, (void *)(long)PTRACE_O_TRACESYSGOOD) != 0 ||
            ptrace(PTRACE_INTERRUPT, target, NULL, NULL) != 0 || write(ready[1], "y", 1) != 1)
            _exit(1);
        close(ready[1]);
        trace(target, &p);
        _exit(p.failed > 0 ? 0 : 2);
    }
    close(ready[1]);
    bool ok = tracer > 0 && read(ready[0], &yes, 1) == 1 && yes == 'y';
    close(ready[0]);
    if (!ok && tracer > 0)
        waitpid(tracer, NULL, 0);
    if (ok)
        *ret_tracer = tracer;
    return ok;
}
