/*
 * The private keys of the gateway's certificates. They are no HSM keys: they come from a file by way of the config
 * process, are here also while the HSM is sealed, and sign one thing only: the input of a TLS 1.3 server's
 * CertificateVerify (RFC 8446 section 4.4.3).
 */
#ifndef HF_CORE_TLS_KEYS_H
#define HF_CORE_TLS_KEYS_H

#include "core/core.h"

hf_err tls_keys_new(tls_keys **ret) HF_MUST_USE;
void tls_keys_forget(core *c); /* locked; wipes them: core ends */

/* A message of the config process, without the lock: one more key. The newest two are kept. Answers with ACK. */
void tls_keys_take(peer *p, hf_message *m);

/* TLS_SIGN of a gateway, without the lock. Waits for a key that is on its way. */
void op_tls_sign(peer *p, const hf_message *m);
void tls_keys_tick(core *c, hf_mono now); /* locked: who has waited too long */

#endif
