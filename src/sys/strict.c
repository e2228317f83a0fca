#include "sys/strict.h"

#include <stdlib.h>
#include <string.h>

hf_err hf_strict_wanted(bool *ret)
{
    const char *strict = getenv("HOLDFAST_STRICT");

    HF_CHECK(strict == NULL || strcmp(strict, "1") == 0 || strcmp(strict, "0") == 0, HF_ERR_INVALID);
    *ret = strict != NULL && strict[0] == '1';
    return HF_OK;
}
