#include "http/proxy.h"

#include <string.h>

#define FIXED_BYTES 16
#define FOUR_BYTES 12 /* two IPv4 addresses, two ports */
#define SIX_BYTES 36

static const uint8_t signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 }; /* version 2 in the upper half */
enum { TCP_OVER_IPV4 = 0x11, TCP_OVER_IPV6 = 0x21 };

static uint16_t length_of(const hf_proxy *p)
{
    return (uint16_t)(p->bytes[14] << 8 | p->bytes[15]);
}

/* Address bytes that are kept; what is behind them is skipped. */
static uint16_t kept(const hf_proxy *p)
{
    if (p->bytes[12] == COMMAND_LOCAL)
        return 0;
    return p->bytes[13] == TCP_OVER_IPV4 ? FOUR_BYTES : SIX_BYTES;
}

size_t hf_proxy_wants(const hf_proxy *p)
{
    if (p->have < FIXED_BYTES)
        return (size_t)(FIXED_BYTES - p->have);
    size_t addresses = (size_t)FIXED_BYTES + kept(p);
    return p->have < addresses ? addresses - p->have : p->left;
}

static hf_err check_fixed(hf_proxy *p)
{
    HF_CHECK(memcmp(p->bytes, signature, sizeof(signature)) == 0, HF_ERR_MALFORMED);
    HF_CHECK(length_of(p) <= HF_PROXY_LENGTH_MAX, HF_ERR_MALFORMED);
    p->local = p->bytes[12] == COMMAND_LOCAL;
    if (!p->local) {
        HF_CHECK(p->bytes[12] == COMMAND_PROXY, HF_ERR_MALFORMED);
        HF_CHECK(p->bytes[13] == TCP_OVER_IPV4 || p->bytes[13] == TCP_OVER_IPV6, HF_ERR_MALFORMED);
        HF_CHECK(length_of(p) >= kept(p), HF_ERR_MALFORMED);
    }
    p->left = (uint16_t)(length_of(p) - kept(p));
    return HF_OK;
}

static void take_address(hf_proxy *p)
{
    const uint8_t *source = p->bytes + FIXED_BYTES;

    if (p->bytes[13] == TCP_OVER_IPV6) {
        memcpy(p->address, source, 16);
        return;
    }
    p->address[10] = p->address[11] = 0xff;
    memcpy(p->address + 12, source, 4);
}

hf_err hf_proxy_take(hf_proxy *p, hf_view bytes)
{
    HF_CHECK(bytes.len <= hf_proxy_wants(p), HF_ERR_MALFORMED);
    if (bytes.len == 0)
        return HF_OK;
    if (p->have >= FIXED_BYTES && p->have == FIXED_BYTES + kept(p)) {
        p->left = (uint16_t)(p->left - bytes.len);
        return HF_OK;
    }
    memcpy(p->bytes + p->have, bytes.ptr, bytes.len);
    p->have = (uint16_t)(p->have + bytes.len);
    if (p->have == FIXED_BYTES)
        return check_fixed(p);
    if (p->have > FIXED_BYTES && p->have == FIXED_BYTES + kept(p))
        take_address(p);
    /* A signature that is already wrong is not waited for. */
    size_t seen = p->have < sizeof(signature) ? p->have : sizeof(signature);
    return memcmp(p->bytes, signature, seen) == 0 ? HF_OK : HF_ERR_MALFORMED;
}
