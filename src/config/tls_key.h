/* The private key of the gateway's certificate: from its file to core. */
#ifndef HF_CONFIG_TLS_KEY_H
#define HF_CONFIG_TLS_KEY_H

#include "ipc/channel.h"

/*
 * Locked memory for the key; before the sandbox. strict: nothing weaker than memfd_secret. HF_ERR_LOCKED_MEMORY with a
 * static sentence.
 */
hf_err tls_key_memory(bool strict, const char **reterr_why) HF_MUST_USE;

/* Reads the PEM file and gives the key to core. Logs what is wrong. */
hf_err tls_key_hand_over(int file_fd, hf_channel *core) HF_MUST_USE;

#endif
