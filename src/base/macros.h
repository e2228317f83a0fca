/* The three flow macros and the attributes. No fourth without a note in docs/STYLE.md. */
#ifndef HF_BASE_MACROS_H
#define HF_BASE_MACROS_H

#include <holdfast/err.h>

#define HF_MUST_USE __attribute__((warn_unused_result))
#define HF_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define HF_NORETURN __attribute__((noreturn))

/* Leaves the function with the error of a call that failed. */
#define HF_TRY(call) \
    do { \
        hf_err hf_try_e_ = (call); \
        if (hf_try_e_ != HF_OK) \
            return hf_try_e_; \
    } while (0)

/* Leaves the function with `err` unless the condition holds. */
#define HF_CHECK(cond, err) \
    do { \
        if (!(cond)) \
            return (err); \
    } while (0)

/* Runs `fn(&var)` when the variable leaves scope: HF_AUTO(fn) type var = ...; */
#define HF_AUTO(fn) __attribute__((cleanup(fn)))

#define HF_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
