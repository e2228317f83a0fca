/* Which release this is: of the headers when a program is compiled, of the library when it runs. */
#ifndef HOLDFAST_VERSION_H
#define HOLDFAST_VERSION_H

#include <holdfast/err.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HF_VERSION_MAJOR 0
#define HF_VERSION_MINOR 1
#define HF_VERSION_PATCH 0
#define HF_VERSION_STRING "0.1.0"

/* For comparisons: HF_VERSION >= HF_VERSION_NUMBER(0, 2, 0). */
#define HF_VERSION_NUMBER(major, minor, patch) ((major) * 1000000L + (minor) * 1000L + (patch))
#define HF_VERSION HF_VERSION_NUMBER(HF_VERSION_MAJOR, HF_VERSION_MINOR, HF_VERSION_PATCH)

/* The release of the library that the program runs with, as HF_VERSION_STRING; static. */
HF_API const char *hf_version(void);

/* The same as a number, as HF_VERSION. */
HF_API long hf_version_number(void);

#ifdef __cplusplus
}
#endif
#endif
