#include <holdfast/version.h>

const char *hf_version(void)
{
    return HF_VERSION_STRING;
}

long hf_version_number(void)
{
    return HF_VERSION;
}
