/*
 * Prints the seccomp filters that a live process has, as the kernel keeps them: lines `code jt jf k`, a line `--`
 * between two filters. Needs root.
 *
 *   filter-dump PID
 */
#include <errno.h>
#include <linux/filter.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static struct sock_filter code[4096]; /* BPF_MAXINSNS */
    pid_t pid = argc == 2 ? (pid_t)atoi(argv[1]) : 0;
    int status;

    if (pid <= 0 || ptrace(PTRACE_SEIZE, pid, 0, 0) != 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) != 0 ||
        waitpid(pid, &status, __WALL) != pid) {
        perror("filter-dump");
        return 2;
    }
    for (uintptr_t i = 0;; i++) {
        long n = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, (void *)i, code);
        if (n < 0 && errno == ENOENT)
            return 0;
        if (n < 0) {
            perror("filter-dump: PTRACE_SECCOMP_GET_FILTER");
            return 3;
        }
        if (i > 0)
            puts("--");
        for (long j = 0; j < n; j++)
            printf("%u %u %u %u\n", code[j].code, code[j].jt, code[j].jf, code[j].k);
    }
}
