/* HOLDFAST_STRICT: whether a protection that cannot be had is a refusal. */
#ifndef HF_SYS_STRICT_H
#define HF_SYS_STRICT_H

#include "base/macros.h"
#include <stdbool.h>

#define HF_STRICT_WHY "HOLDFAST_STRICT must be 1 or 0"

/* From the environment of a program that people start; not set means 0. HF_ERR_INVALID for any other value: say HF_STRICT_WHY. */
hf_err hf_strict_wanted(bool *ret) HF_MUST_USE;

#endif
