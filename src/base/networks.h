/* A list of IP addresses and networks as people write it: "192.0.2.7, 198.51.100.0/24, 2001:db8::/32". */
#ifndef HF_BASE_NETWORKS_H
#define HF_BASE_NETWORKS_H

#include "base/buf.h"
#include <stdbool.h>

#define HF_NETWORKS_MAX 64

typedef struct hf_network {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d; zero behind the prefix */
    uint8_t prefix;      /* bits, 0 to 128 */
} hf_network;

typedef struct hf_networks {
    hf_network row[HF_NETWORKS_MAX];
    size_t n;
} hf_networks;

/*
 * Entries are separated by commas; blanks around them are fine; an empty text is an empty list. HF_ERR_INVALID for what
 * is neither address nor network, a prefix too long, or one with bits set behind it (that is a typing error);
 * HF_ERR_BOUNDS for more than HF_NETWORKS_MAX. *reterr_at is then the entry, within text.
 */
hf_err hf_networks_parse(hf_view text, hf_networks *ret, hf_view *reterr_at) HF_MUST_USE;

/* True when the address is in one of them. An IPv4 address is in IPv4 networks only. */
bool hf_networks_have(const hf_networks *list, const uint8_t address[static 16]);

#endif
