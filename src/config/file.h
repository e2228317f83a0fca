/* Reading holdfast.conf: INI by inih, every line answered for. */
#ifndef HF_CONFIG_FILE_H
#define HF_CONFIG_FILE_H

#include "config/options.h"

/* Bytes that holdfast.conf may have. */
#define CONFIG_FILE_MAX_BYTES 65536

/*
 * Reads text over the defaults in *ret. An unknown section or option, a value outside its bounds, an option given twice,
 * a line that is no INI or is longer than 180 bytes: HF_ERR_INVALID, and *why is a sentence that names the line.
 * *ret is not touched then.
 */
hf_err config_read(hf_view text, struct config_values *ret, struct config_why *why) HF_MUST_USE;

#endif
