/* The typed rows that the config process sends to the supervisor. */
#ifndef HF_CONFIG_EMIT_H
#define HF_CONFIG_EMIT_H

#include "config/options.h"
#include "ipc/channel.h"

/* CONFIG_SUPERVISOR, CONFIG_CORE, CONFIG_GATEWAY, CONFIG_STORE, CONFIG_VERIFIER. */
hf_err emit_options(hf_channel *to, const struct config_values *values) HF_MUST_USE;
/* KEYSET of a keyset.json; hs256: it may have shared secrets. HF_ERR_INVALID: *why says what is wrong. */
hf_err emit_keyset(hf_channel *to, hf_view json, bool hs256, struct config_why *why) HF_MUST_USE;
/* CONFIG_DONE. */
hf_err emit_done(hf_channel *to) HF_MUST_USE;
/* CONFIG_FAILED. */
hf_err emit_failed(hf_channel *to, const char *text) HF_MUST_USE;
/* KEYSET_TEXT in answer to a KEYSET_WRITE body. */
hf_err emit_keyset_text(hf_channel *to, uint64_t id, hf_view keyset_write) HF_MUST_USE;

#endif
