/* Sidecars: the tag in hexadecimal, beside the file. Bytes only; what reads and writes them is in place.h. */
#ifndef HF_FILE_SIDECAR_H
#define HF_FILE_SIDECAR_H

#include "file/tag.h"

#define HF_SIDECAR_BYTES (2 * HF_FILE_TAG_BYTES + 1)
#define HF_SIDECAR_SUFFIX ".hmac"
/* Where the next sidecar is made. In sidecar mode it also says which tag the file will have, while a change is under way. */
#define HF_SIDECAR_NEXT_SUFFIX ".hmac.next"

/*
 * 64 lower-case hexadecimal digits and a line feed, nothing else. HF_ERR_MALFORMED; *reterr_why is then a static sentence that says
 * what is wrong with them.
 */
hf_err hf_sidecar_parse(hf_view bytes, hf_tag *ret, const char **reterr_why) HF_MUST_USE;

void hf_sidecar_print(const hf_tag *tag, uint8_t dst[static HF_SIDECAR_BYTES]);

#endif
