/*
 * The header of the PROXY protocol, version 2, with which a proxy names the client before the first byte of TLS
 * (haproxy's doc/proxy-protocol.txt, section 2.2). The reader says how many bytes it wants next, so that nothing behind
 * the header is taken off the socket.
 *
 *   12 bytes signature | version 2, command | family, protocol | length u16 | addresses, ports | TLVs (skipped)
 *
 * Taken: PROXY with TCP over IPv4 or IPv6, and LOCAL (the proxy speaks for itself, a health check). Anything else ends
 * the connection.
 */
#ifndef HF_HTTP_PROXY_H
#define HF_HTTP_PROXY_H

#include "base/buf.h"

#define HF_PROXY_LENGTH_MAX 4096 /* of what follows the first 16 bytes; senders use at most 536 and their TLVs */
#define HF_PROXY_ADDRESSES_MAX 36

typedef struct hf_proxy {
    uint8_t bytes[16 + HF_PROXY_ADDRESSES_MAX];
    uint16_t have;  /* in bytes */
    uint16_t left;  /* still to come behind them */
    bool local;     /* LOCAL: no client is named */
    uint8_t address[16]; /* of the client; IPv4 as ::ffff:a.b.c.d */
} hf_proxy;

/* Bytes that may be read next, at most cap; 0: the header is complete. A new reader is all zero. */
size_t hf_proxy_wants(const hf_proxy *p);
/* Takes bytes that hf_proxy_wants allowed. HF_ERR_MALFORMED: this is no header that is taken here. */
hf_err hf_proxy_take(hf_proxy *p, hf_view bytes) HF_MUST_USE;

#endif
