/* One option changed in the text of holdfast.conf; every other byte stays as its author wrote it. Pure. */
#ifndef HF_CONFIG_EDIT_H
#define HF_CONFIG_EDIT_H

#include "config/options.h"

/*
 * text must have been read by config_read. The option's line is replaced; it is added to its section, or with its section at
 * the end, where it is missing. HF_ERR_INVALID when what comes out does not read as wanted: an option in an unusual form.
 */
hf_err config_set_seal(hf_view text, const char *kind, hf_writer *w, struct config_why *why) HF_MUST_USE;

#endif
