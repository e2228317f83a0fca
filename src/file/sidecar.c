#include "file/sidecar.h"

#include "base/text.h"

static hf_err refuse(const char **reterr_why, const char *why)
{
    *reterr_why = why;
    return HF_ERR_MALFORMED;
}

/* hf_hex_decode takes upper case too. */
static bool is_digit(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

hf_err hf_sidecar_parse(hf_view bytes, hf_tag *ret, const char **reterr_why)
{
    hf_tag tag;
    size_t len = 0;

    if (bytes.len < HF_SIDECAR_BYTES)
        return refuse(reterr_why, "the sidecar is too short: it is not 64 hexadecimal digits and a line feed");
    if (bytes.len > HF_SIDECAR_BYTES)
        return refuse(reterr_why, "the sidecar is too long: it is not 64 hexadecimal digits and a line feed");
    for (size_t i = 0; i < HF_SIDECAR_BYTES - 1; i++)
        if (!is_digit(bytes.ptr[i]))
            return refuse(reterr_why, "the sidecar holds something else than lower-case hexadecimal digits");
    if (bytes.ptr[HF_SIDECAR_BYTES - 1] != '\n')
        return refuse(reterr_why, "the sidecar does not end with a line feed");
    HF_TRY(hf_hex_decode(hf_view_of(bytes.ptr, HF_SIDECAR_BYTES - 1), tag.bytes, sizeof(tag.bytes), &len));
    *ret = tag;
    return HF_OK;
}

void hf_sidecar_print(const hf_tag *tag, uint8_t dst[static HF_SIDECAR_BYTES])
{
    hf_hex_encode(hf_view_of(tag->bytes, sizeof(tag->bytes)), (char *)dst);
    dst[HF_SIDECAR_BYTES - 1] = '\n';
}
