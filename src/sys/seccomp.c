/* The seccomp filter: a list of BPF instructions made from the rules of the process. */
#include "sys/internal.h"
#include "sys/rules.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#if defined(__x86_64__)
#define HF_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define HF_ARCH AUDIT_ARCH_AARCH64
#else
#error "name the audit architecture of this machine"
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HF_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(HF_SANITIZED)
#define HF_SANITIZED_BUILD true
#else
#define HF_SANITIZED_BUILD false
#endif

#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif

#define X32_BIT 0x40000000u
#define FILTER_MAX 1024

/* Refused with an error instead of death: libraries ask for these to learn something and live well without. */
typedef struct refusal {
    const char *name;
    int nr;
    int err;
} refusal;
#define REFUSE(call, err) { #call, __NR_##call, err }

/* clang-format off */
static const refusal refused[] = {
#ifdef __NR_open
    REFUSE(open, EPERM), REFUSE(access, EPERM), REFUSE(stat, EPERM), REFUSE(lstat, EPERM), REFUSE(readlink, EPERM),
#endif
    REFUSE(openat, EPERM), REFUSE(openat2, EPERM), REFUSE(newfstatat, EPERM), REFUSE(statx, EPERM),
    REFUSE(fstat, EPERM), REFUSE(faccessat, EPERM), REFUSE(faccessat2, EPERM), REFUSE(readlinkat, EPERM),
    REFUSE(getcwd, EPERM), REFUSE(ioctl, EPERM), REFUSE(fcntl, EPERM), REFUSE(socket, EPERM), REFUSE(connect, EPERM),
    REFUSE(uname, EPERM), REFUSE(sysinfo, EPERM), REFUSE(prlimit64, EPERM), REFUSE(sched_getaffinity, EPERM),
    REFUSE(getrusage, EPERM), REFUSE(madvise, EPERM), REFUSE(membarrier, EPERM), REFUSE(sigaltstack, EPERM),
    REFUSE(geteuid, EPERM),
    REFUSE(getuid, EPERM), REFUSE(getgid, EPERM), REFUSE(getegid, EPERM), REFUSE(getppid, EPERM),
    REFUSE(clone3, ENOSYS), /* its flags lie in memory, where a filter cannot look */
};

/* What ASan, TSan and UBSan call on their own. */
static const hf_syscall_rule sanitizer_rules[] = {
    HF_SYS(mmap), HF_SYS(munmap), HF_SYS(mprotect), HF_SYS(madvise), HF_SYS(openat), HF_SYS(readlinkat), HF_SYS(close),
    HF_SYS(sigaltstack), HF_SYS(sched_yield), HF_SYS(getpid), HF_SYS(gettid), HF_SYS(futex), HF_SYS(clone),
    HF_SYS(wait4), HF_SYS(rt_sigprocmask), HF_SYS(rt_sigaction), HF_SYS(getdents64), HF_SYS(prctl), HF_SYS(ptrace),
    HF_SYS(lseek), HF_SYS(newfstatat), HF_SYS(fstat), HF_SYS(prlimit64), HF_SYS(getrusage), HF_SYS(nanosleep),
    HF_SYS(clock_nanosleep), HF_SYS(process_vm_readv), HF_SYS(tgkill), HF_SYS(mremap), HF_SYS(brk),
    HF_SYS(sched_getaffinity),
    HF_SYS(pipe2),
#ifdef __NR_readlink
    HF_SYS(readlink), HF_SYS(open), HF_SYS(stat), HF_SYS(access), HF_SYS(pipe),
#endif
};
/* clang-format on */

bool hf_sys_sanitized(void)
{
    return HF_SANITIZED_BUILD;
}

typedef struct program {
    struct sock_filter code[FILTER_MAX];
    unsigned short n;
    bool full;
} program;

static void emit(program *p, struct sock_filter instruction)
{
    if (p->n >= FILTER_MAX) {
        p->full = true;
        return;
    }
    p->code[p->n++] = instruction;
}

static void emit_load(program *p, size_t offset)
{
    emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* Goes on when the loaded word equals (or does not equal) `word`, else skips `skip` instructions. */
static void emit_unless_equal_skip(program *p, uint32_t word, uint8_t skip)
{
    emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word, 0, skip));
}

static void emit_return(program *p, uint32_t action)
{
    emit(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void emit_prologue(program *p)
{
    emit_load(p, offsetof(struct seccomp_data, arch));
    emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HF_ARCH, 1, 0));
    emit_return(p, SECCOMP_RET_KILL_PROCESS);
    emit_load(p, offsetof(struct seccomp_data, nr));
    emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1)); /* x32 shares the arch value */
    emit_return(p, SECCOMP_RET_KILL_PROCESS);
}

/* Low half of argument i; both supported machines are little endian. */
static size_t arg_offset(int i)
{
    return offsetof(struct seccomp_data, args) + (size_t)i * sizeof(uint64_t);
}

static void emit_rule(program *p, const hf_syscall_rule *rule)
{
    if (rule->arg < 0) {
        emit_unless_equal_skip(p, (uint32_t)rule->nr, 1);
        emit_return(p, SECCOMP_RET_ALLOW);
        return;
    }
    emit_unless_equal_skip(p, (uint32_t)rule->nr, 4);
    emit_load(p, arg_offset(rule->arg));
    emit_unless_equal_skip(p, rule->value, 1);
    emit_return(p, SECCOMP_RET_ALLOW);
    emit_load(p, offsetof(struct seccomp_data, nr));
}

static void emit_rules(program *p, const hf_syscall_rule *rule, size_t n)
{
    for (size_t i = 0; i < n; i++)
        emit_rule(p, &rule[i]);
}

static void emit_refusals(program *p)
{
    for (size_t i = 0; i < HF_COUNT(refused); i++) {
        emit_unless_equal_skip(p, (uint32_t)refused[i].nr, 1);
        emit_return(p, SECCOMP_RET_ERRNO | (uint32_t)refused[i].err);
    }
    emit_return(p, HF_SANITIZED_BUILD ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_KILL_PROCESS);
}

bool hf_seccomp_install(const hf_syscall_rule *allowed, size_t n)
{
    program p = { .n = 0 };
    emit_prologue(&p);
    emit_rules(&p, allowed, n);
    if (HF_SANITIZED_BUILD)
        emit_rules(&p, sanitizer_rules, HF_COUNT(sanitizer_rules));
    emit_refusals(&p);
    errno = E2BIG;
    if (p.full)
        return false;
    struct sock_fprog prog = { .len = p.n, .filter = p.code };
    long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);
    if (r > 0)
        errno = ESRCH; /* a thread has another filter and could not follow */
    return r == 0;
}

typedef struct text {
    char *dst;
    size_t cap;
    size_t len;
} text;

static HF_PRINTF(2, 3) void text_add(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->dst + t->len, t->cap - t->len, format, args);
    va_end(args);
    if (n > 0)
        t->len = t->len + (size_t)n < t->cap ? t->len + (size_t)n : t->cap - 1;
}

static void text_rules(text *t, const hf_syscall_rule *rule, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (rule[i].arg < 0)
            text_add(t, "%s\n", rule[i].name);
        else
            text_add(t, "%s(arg%d=%u)\n", rule[i].name, rule[i].arg, rule[i].value);
    }
}

/* A refusal counts only for calls that are not allowed whatever their arguments. */
static bool allowed_always(const hf_sandbox *s, int nr)
{
    for (size_t i = 0; i < s->n_allowed; i++)
        if (s->allowed[i].nr == nr && s->allowed[i].arg < 0)
            return true;
    return false;
}

hf_err hf_sandbox_rules_text(const hf_sandbox *s, char *dst, size_t cap)
{
    HF_CHECK(cap > 0, HF_ERR_BOUNDS);
    text t = { dst, cap, 0 };
    text_add(&t, "process %s\nallow:\n", s->process);
    text_rules(&t, s->allowed, s->n_allowed);
    if (HF_SANITIZED_BUILD) {
        text_add(&t, "allow, for the sanitizer of this build:\n");
        text_rules(&t, sanitizer_rules, HF_COUNT(sanitizer_rules));
    }
    text_add(&t, "refuse:\n");
    for (size_t i = 0; i < HF_COUNT(refused); i++)
        if (!allowed_always(s, refused[i].nr))
            text_add(&t, "%s %s\n", refused[i].name, refused[i].err == EPERM ? "EPERM" : "ENOSYS");
    text_add(&t, "else: %s\n", HF_SANITIZED_BUILD ? "EPERM (sanitizer build)" : "kill");
    return t.len < cap - 1 ? HF_OK : HF_ERR_BOUNDS;
}
