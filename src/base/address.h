/*
 * Where a request comes from, in 16 bytes: an IPv6 address; IPv4 as ::ffff:a.b.c.d; zeros when it is not known; or a
 * user of this machine, whose connection came over a local socket.
 *
 * A user has a form in the discard-only prefix 100::/64 (RFC 6666), from which no packet comes: 100::7569:6400:HHHH:LLLL,
 * the letters "uid", a zero byte and the uid. Whoever takes addresses from somewhere else than the kernel must refuse
 * this prefix.
 */
#ifndef HF_BASE_ADDRESS_H
#define HF_BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define HF_ADDRESS_CAP 48 /* text and a NUL */

void hf_address_of_user(uint32_t uid, uint8_t ret[static 16]);
/* False, and *ret_uid untouched, for everything that is not a user. */
bool hf_address_is_user(const uint8_t address[static 16], uint32_t *ret_uid);
bool hf_address_is_ipv4(const uint8_t address[static 16]);
/* "192.0.2.7", "2001:db8::7", "uid:1000"; "-" when it is not known. */
void hf_address_format(const uint8_t address[static 16], char dst[static HF_ADDRESS_CAP]);

#endif
