/*
 * The server's certificate chain and the private key that belongs to it.
 *
 * This is the seam behind which the key can move to another process: a server context takes a hf_server_key and
 * asks nothing about where signatures are made. Today the key lies in OpenSSL's secure heap of this process
 * (locked, excluded from dumps, between guard pages).
 */
#ifndef HF_TLSIO_SERVER_KEY_H
#define HF_TLSIO_SERVER_KEY_H

#include "base/buf.h"
#include <stdbool.h>

struct ssl_ctx_st;

typedef struct hf_server_key hf_server_key;

#define HF_SERVER_CHAIN_MAX 65536
#define HF_SERVER_KEY_MAX 16384

/*
 * Does: reads a PEM certificate chain, leaf first, and the leaf's unencrypted PEM private key from two regular files.
 * The PEM text of the key is read into locked memory and wiped. The descriptors stay the caller's.
 * Errors: HF_ERR_BAD_KEY when the chain or the key cannot be used or do not belong together, HF_ERR_TOO_LARGE,
 * HF_ERR_LOCKED_MEMORY when there is no secure heap, HF_ERR_SYSTEM.
 */
hf_err hf_server_key_load(int chain_fd, int key_fd, hf_server_key **ret) HF_MUST_USE;
void hf_server_key_free(hf_server_key *k);

/* True when the memory that holds the key could be locked. */
bool hf_server_key_locked(const hf_server_key *k);

/* Puts chain and key into a server context. Used by hf_tls_server_new. */
hf_err hf_server_key_install(const hf_server_key *k, struct ssl_ctx_st *ctx) HF_MUST_USE;

#endif
