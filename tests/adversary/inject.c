/*
 * Makes another process run one system call, as an attacker does who has taken it over: stops a thread, points it at a
 * `syscall` instruction of its own code with the call's arguments in the registers, and looks what comes out.
 *
 *   inject TID NUMBER [ARGUMENT...]
 *
 * ARGUMENT: a number, or bytes that are written below the thread's stack pointer and passed by address: s:TEXT (ends
 * with NUL), x:HEX, and p:I,J,... (an array of pointers to arguments I, J, ... ending in NULL).
 *
 * Prints `value N`, `errno N` or `killed SIGNAL`. The thread goes on where it was unless it was killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS 6
#define BYTES_MAX 4096
#define RED_ZONE 4096

static pid_t tid;

static void fail(const char *what)
{
    fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
    exit(2);
}

static int memory(void)
{
    static int fd = -1;
    char path[64];
    if (fd >= 0)
        return fd;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)tid);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        fail(path);
    return fd;
}

/* The first `syscall` in a map that can be executed: jumping into the middle of another instruction is fine too. */
static uint64_t find_instruction(void)
{
    static uint8_t code[1 << 16];
    char path[64], line[512];
    uint64_t found = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)tid);
    FILE *maps = fopen(path, "re");
    if (maps == NULL)
        fail(path);
    while (found == 0 && fgets(line, sizeof line, maps) != NULL) {
        uint64_t from, to;
        char rights[5];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, rights) != 3 || rights[2] != 'x' ||
            strstr(line, "vsyscall") != NULL)
            continue;
        for (uint64_t at = from; at < to && found == 0; at += sizeof code - 1) {
            size_t want = to - at < sizeof code ? (size_t)(to - at) : sizeof code;
            ssize_t n = pread(memory(), code, want, (off_t)at);
            const uint8_t *p = n < 2 ? NULL : memmem(code, (size_t)n, "\x0f\x05", 2);
            found = p == NULL ? 0 : at + (uint64_t)(p - code);
        }
    }
    fclose(maps);
    if (found == 0)
        fail("no syscall instruction");
    return found;
}

static uint64_t place(uint64_t *stack, const uint8_t *bytes, size_t n)
{
    *stack = (*stack - n) & ~UINT64_C(15);
    if (pwrite(memory(), bytes, n, (off_t)*stack) != (ssize_t)n)
        fail("the arguments cannot be written");
    return *stack;
}

static uint64_t argument(const char *text, uint64_t *stack, const uint64_t *before)
{
    uint8_t bytes[BYTES_MAX];
    size_t n = 0;
    if (strncmp(text, "s:", 2) == 0)
        return place(stack, (const uint8_t *)text + 2, strlen(text + 2) + 1);
    if (strncmp(text, "x:", 2) == 0) {
        for (unsigned value; n < sizeof bytes && sscanf(text + 2 + 2 * n, "%2x", &value) == 1; n++)
            bytes[n] = (uint8_t)value;
        return place(stack, bytes, n);
    }
    if (strncmp(text, "p:", 2) == 0) {
        uint64_t pointers[ARGUMENTS + 1] = { 0 };
        for (const char *p = text + 2; *p != '\0' && n < ARGUMENTS; p += p[1] == ',' ? 2 : 1)
            pointers[n++] = before[*p - '0'];
        return place(stack, (const uint8_t *)pointers, (n + 1) * sizeof pointers[0]);
    }
    return strtoull(text, NULL, 0);
}

/* The next stop of the thread, or its end. */
static int wait_thread(void)
{
    int status;
    if (waitpid(tid, &status, __WALL) != tid)
        fail("waitpid");
    return status;
}

static void stop_thread(struct user_regs_struct *ret_regs)
{
    if (ptrace(PTRACE_SEIZE, tid, 0, 0) != 0 || ptrace(PTRACE_INTERRUPT, tid, 0, 0) != 0)
        fail("the thread cannot be stopped");
    if (!WIFSTOPPED(wait_thread()))
        fail("the thread is gone");
    if (ptrace(PTRACE_GETREGS, tid, 0, ret_regs) != 0)
        fail("PTRACE_GETREGS");
}

static void prepare_call(struct user_regs_struct *regs, char **words, int n)
{
    uint64_t value[ARGUMENTS] = { 0 };
    uint64_t stack = regs->rsp - RED_ZONE;
    for (int i = 1; i < n; i++)
        value[i - 1] = argument(words[i], &stack, value);
    regs->rip = find_instruction();
    regs->rax = strtoull(words[0], NULL, 0);
    regs->orig_rax = UINT64_MAX; /* not a call to restart */
    regs->rdi = value[0];
    regs->rsi = value[1];
    regs->rdx = value[2];
    regs->r10 = value[3];
    regs->r8 = value[4];
    regs->r9 = value[5];
}

/* One step over the call. A stop for another reason (a signal) may come before the step is done. */
static int run_call(const struct user_regs_struct *regs)
{
    if (ptrace(PTRACE_SETREGS, tid, 0, regs) != 0 || ptrace(PTRACE_SINGLESTEP, tid, 0, 0) != 0)
        fail("the thread cannot be steered");
    int status = wait_thread();
    for (int i = 0; i < 8 && WIFSTOPPED(status) && WSTOPSIG(status) != SIGTRAP; i++) {
        if (ptrace(PTRACE_SINGLESTEP, tid, 0, WSTOPSIG(status) == SIGSYS ? SIGSYS : 0) != 0)
            break;
        status = wait_thread();
    }
    return status;
}

int main(int argc, char **argv)
{
    struct user_regs_struct before, regs;
    if (argc < 3 || argc > 3 + ARGUMENTS) {
        fputs("usage: inject TID NUMBER [ARGUMENT...]\n", stderr);
        return 2;
    }
    tid = (pid_t)atoi(argv[1]);
    stop_thread(&before);
    regs = before;
    prepare_call(&regs, argv + 2, argc - 2);
    int status = run_call(&regs);
    if (!WIFSTOPPED(status)) {
        printf("killed %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 256 + WEXITSTATUS(status));
        return 0;
    }
    if (ptrace(PTRACE_GETREGS, tid, 0, &regs) != 0)
        fail("PTRACE_GETREGS after the call");
    int64_t result = (int64_t)regs.rax;
    if (result < 0 && result > -4096)
        printf("errno %d\n", (int)-result);
    else
        printf("value %" PRId64 "\n", result);
    (void)ptrace(PTRACE_SETREGS, tid, 0, &before); /* a new program has no use for the old registers */
    (void)ptrace(PTRACE_DETACH, tid, 0, 0);
    return 0;
}
