/* Makes system calls of a running program fail, from outside: the program is the shipped one, its filter in force. */
#ifndef HF_TEST_STORE_FAILING_H
#define HF_TEST_STORE_FAILING_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Starts a process that traces `target` and lets every call number `nr`, counted from `first` (1: the next), end with
 * -error until `times` have failed (0: all). The call itself is made, its result is replaced: as seccomp ends a
 * program whose call was taken away. A target that was stopped runs on. *ret_tracer is to be waited for when the
 * target has ended.
 * False when tracing is refused or this machine's registers are not known here.
 */
bool failing_calls(pid_t target, long nr, unsigned first, unsigned times, int error, pid_t *ret_tracer);

#endif
